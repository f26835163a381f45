"""How stage 3 goes about it: which pages it reads at all, and in which order the models of languages are asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import pytest

from ccnet_pipeline.documents import Document
from ccnet_pipeline.fluency import Cutoffs, FluencyModel, FluencyModels
from ccnet_pipeline.mine import Miner
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.pages.stored import Chunk
from ccnet_pipeline.recipe import CC100, Recipe
from tests.chunks import chunks_of
from tests.lid_models import StandIn, identifier_of

EVERY = replace(CC100, languages="all", title_is_paragraph=False, keep_buckets=("head", "middle", "tail", "all"))
# The first word of a text is its language.
BY_WORD = StandIn(lambda text: [(text.split()[0], 0.9)])


class Recorded(FluencyModels):
    """A model of every language, and in which order they are asked for what; the longer, the less fluent."""

    def __init__(self) -> None:
        super().__init__(None, "mended")
        self.asked: list[tuple[str, list[list[str]]]] = []

    def get(self, language: str) -> FluencyModel:
        return cast(FluencyModel, _Model(language, self.asked))


@dataclass
class _Model:
    language: str
    asked: list[tuple[str, list[list[str]]]]
    cutoffs: Cutoffs = field(default_factory=lambda: Cutoffs(10, 20))

    def perplexities(self, texts: Sequence[Sequence[str]]) -> list[float | None]:
        self.asked.append((self.language, [list(text) for text in texts]))
        return [float(sum(map(len, text))) for text in texts]


def page(number: int, text: str, reason: str | None = None, main_share: float | None = None) -> Page:
    return Page(str(number), "", "", "", number, "", text.split("\n"), reason, main_share)


def miner(recipe: Recipe = EVERY, *, keep_rejects: bool = False, models: FluencyModels | None = None) -> Miner:
    models = models or FluencyModels(None, "mended")
    return Miner("s", "d", recipe, identifier_of(BY_WORD, recipe), models, keep_rejects=keep_rejects)


def mined(by: Miner, *parts: Sequence[Page], verdicts: Sequence[int] | None = None) -> list[Document]:
    chunks = chunks_of(by.recipe, *parts)
    judged = sum(len(each.paragraphs(title_is_paragraph=False)) for part in parts for each in part if not each.reason)
    return list(by.mine(chunks, np.array([0] * judged if verdicts is None else verdicts, np.uint8)))


@pytest.mark.parametrize(("keep_rejects", "read"), [(False, [1, 3]), (True, [0, 1, 2, 3])])
def test_a_page_of_which_nothing_is_left_is_not_decoded(
    keep_rejects: bool, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    decode = Chunk.head

    def counted(chunk: Chunk, number: int) -> Page:
        decoded.append(number)
        return decode(chunk, number)

    monkeypatch.setattr(Chunk, "head", counted)
    pages = [
        page(0, "en a\n"),
        page(1, "en b\nen c"),
        page(2, "en d", "too_short"),
        page(3, "en e", "too_short", main_share=0.5),  # its language counts
    ]
    by = miner(keep_rejects=keep_rejects)
    mined(by, pages, verdicts=[1, 0, 0, 2])
    assert decoded == read
    assert by.account.tally.records.dropped == {"duplicate": 1, "too_short": 2}
    assert by.account.main_text.shares == {"en": [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]}


def test_texts_of_all_pages_are_scored_language_by_language_and_come_out_in_their_order() -> None:
    models = Recorded()
    pages = [page(0, "en a\nsw bb"), page(1, "sw c"), page(2, "en d\nen eeee")]
    documents = mined(miner(models=models), pages)
    assert models.asked == [("en", [["en a"], ["en d", "en eeee"]]), ("sw", [["sw bb"], ["sw c"]])]
    assert [(each.id, each.perplexity, each.bucket) for each in documents] == [
        ("0/en", 4.0, "head"), ("0/sw", 5.0, "head"), ("1", 4.0, "head"), ("2", 11.0, "middle"),
    ]  # fmt: skip


def test_where_the_document_is_the_unit_its_text_is_one_line_of_the_model() -> None:
    models = Recorded()
    mined(miner(replace(EVERY, unit="document"), models=models), [page(0, "en a\nen b")])
    assert models.asked == [("en", [["en a\nen b"]])]


def test_the_pages_of_several_chunks_share_one_list_of_verdicts() -> None:
    documents = mined(
        miner(), [page(0, "en a\nen b")], [page(1, "x", "empty")], [page(2, "en c\nen d")], verdicts=[0, 1, 1, 0]
    )
    assert [(each.id, each.paragraph_ids) for each in documents] == [("0", [0]), ("2", [1])]


@pytest.mark.parametrize("keep_rejects", [False, True])
def test_where_chunks_are_cut_changes_nothing(keep_rejects: bool) -> None:
    pages = [
        page(0, "en a\nund b\nen c"), page(1, "sw d\n"), page(2, "en e", "too_short"), page(3, "und f\nsw gggggggg"),
        page(4, "zxx h"), page(5, "en\nsw i"), page(6, ""), page(7, "sw j\nen k", main_share=0.25),
    ]  # fmt: skip
    recipe = replace(EVERY, keep_buckets=("head", "all"))
    verdicts = [0, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    found = []
    for parts in ([pages], [[each] for each in pages], [pages[:3], pages[3:]]):
        by = miner(recipe, keep_rejects=keep_rejects, models=Recorded())
        found.append((mined(by, *parts, verdicts=verdicts), by.account))
    assert found[0] == found[1] == found[2]
    assert len(found[0][0]) == (8 if keep_rejects else 4)


@pytest.mark.parametrize("verdicts", [[], [0, 0], [0, 0, 0, 0]])
def test_there_is_one_verdict_a_paragraph(verdicts: list[int]) -> None:
    with pytest.raises(ValueError, match=f"^s: {len(verdicts)} verdicts for 3 paragraphs$"):
        mined(miner(), [page(0, "en a\nen b")], [page(1, "en c")], verdicts=verdicts)
