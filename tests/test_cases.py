"""Small inputs after public bug reports: `cases/` of the test data, whose README.md says what is right of each."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ccnet_pipeline.documents import Document, Reject
from ccnet_pipeline.extract import Extraction
from ccnet_pipeline.fluency import FluencyModels
from ccnet_pipeline.language import FastTextModel, ModelIdentifier
from ccnet_pipeline.mine import Miner
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.recipe import CC100, CCNET, Recipe
from tests.chunks import chunks_of

Mine = Callable[..., list[Document]]


@pytest.fixture(scope="module")
def pages(test_data: Path) -> Callable[..., list[Page]]:
    """`pages("capitals.warc.wet.gz")`: all pages of a case, however short."""

    def read(name: str, recipe: Recipe = CC100) -> list[Page]:
        with (test_data / "cases" / name).open("rb") as stream:
            return list(Extraction("segment", dataclasses.replace(recipe, min_chars=0)).pages(stream))

    return read


@pytest.fixture(scope="module")
def mine(pages: Callable[..., list[Page]], lid_model: Path) -> Mine:
    """`mine("capitals.warc.wet.gz")`: the documents of a case, in whatever language; no paragraph is a duplicate."""
    model = FastTextModel(lid_model)

    def documents(name: str, recipe: Recipe = CC100) -> list[Document]:
        recipe = dataclasses.replace(recipe, languages="all")
        of_case = pages(name, recipe)
        paragraphs = sum(len(p.paragraphs(title_is_paragraph=recipe.title_is_paragraph)) for p in of_case)
        identifier = ModelIdentifier(model, None, recipe.judgement)
        miner = Miner(
            "segment", "dump", recipe, identifier, FluencyModels(None, recipe.normalization), keep_rejects=True
        )
        return list(miner.mine(chunks_of(recipe, of_case), np.zeros(paragraphs, np.uint8)))

    return documents


def languages(documents: list[Document]) -> dict[str, dict[str, list[int]]]:
    """The paragraphs of each page by language, where it is sure; the page is named by the end of its URL."""
    found: dict[str, dict[str, list[int]]] = {}
    for document in documents:
        page = found.setdefault(document.url.rpartition("/")[2], {})
        if not isinstance(document, Reject):
            page[document.language] = document.paragraph_ids
    return found


def test_the_literal_that_ends_fasttexts_reading(mine: Mine) -> None:
    documents = mine("eos-literal.warc.wet.gz")
    assert languages(documents) == {"a": {"pl": [0, 1, 2, 3, 4, 5]}}
    assert documents[0].text.count("</s>") == 2
    [of_ccnet] = mine("eos-literal.warc.wet.gz", CCNET)  # read up to the literal, which is enough here
    assert (of_ccnet.language, of_ccnet.language_score, of_ccnet.paragraph_ids) == ("pl", 1.0, [0, 1, 2, 3, 4])


def test_no_break_spaces(mine: Mine) -> None:
    documents = mine("no-break-spaces.warc.wet.gz")
    assert languages(documents) == {"a": {"en": [0, 1, 2, 3, 4]}, "b": {"en": [0, 1, 2, 3, 4]}}
    assert documents[0].text.count("The\u00a0allotment\u00a0behind\u00a0the\u00a0old\u00a0station") == 1
    assert languages(mine("no-break-spaces.warc.wet.gz", CCNET))["a"] == {}  # cc_net's answer


def test_capitals(mine: Mine) -> None:
    documents = mine("capitals.warc.wet.gz")
    assert languages(documents) == {
        "en": {"en": [0, 1, 2, 3, 4]},
        "uk": {"uk": [0, 1, 2, 3]},
        "vi": {"vi": [0, 1, 2, 3]},
    }
    assert all(document.text.isupper() for document in documents)


def test_close_languages(mine: Mine) -> None:
    name = "close-languages.warc.wet.gz"
    assert languages(mine(name)) == {
        "nn": {"no": [1], "nn": [3]},
        "nb": {"no": [3]},
        "sr-Cyrl": {"sr": [1, 2, 3]},
        "sr-Latn": {},
        "zh-Hans": {"zh-Hans": [1, 2, 3]},
        "zh-Hant": {"zh-Hant": [1, 2, 3]},
        "yue": {"zh-Hant": [2]},
        "fa": {"it": [0], "fa": [1, 2]},
        "ur": {"ur": [1, 2]},
        "hi-Latn": {},
        "my-Zawgyi": {"my_zaw": [1]},
        "th-spaceless": {"th": [1]},
    }
    of_ccnet = languages(mine(name, CCNET))
    assert {page: "".join(found) for page, found in of_ccnet.items()} == {
        **dict.fromkeys(["sr-Latn", "yue", "hi-Latn"], ""),
        **{code: code for code in ("nn", "zh-Hans", "zh-Hant", "fa", "ur")},
        **{"nb": "no", "sr-Cyrl": "sr", "my-Zawgyi": "my", "th-spaceless": "th"},
    }


def test_rows_of_nec_in_euc_jp(pages: Callable[..., list[Page]], mine: Mine) -> None:
    name = "eucjp-row13.warc.gz"
    text_a, text_b = (page.text for page in pages(name))
    assert "お申し込みは㈱緑地管理まで。区画の広さは①二十㎡ ②三十㎡の二種類です。" in text_a
    assert text_b.count("㈱緑地 ㈲水道 №１ №２ №３ №４ Ⅰ期 Ⅱ期 Ⅲ期 Ⅳ期") == 2
    assert "\ufffd" not in text_a + text_b
    assert {language for found in languages(mine(name)).values() for language in found} == {"ja"}


def test_characters_alone_between_tags(pages: Callable[..., list[Page]]) -> None:
    english, japanese, thai = (page.text for page in pages("lone-characters.warc.gz"))
    assert english.endswith("\n“The plots” run from spring—autumn, cost 20€ a year and are let on… trust.")
    assert japanese.endswith("\n春の畑は水をよく使う。会費は二千円、「申込」は郵便、電話。\n第十章")
    assert thai.endswith("\nตัวอักษรกเป็นตัวแรก")


def test_empty_elements_of_xhtml(pages: Callable[..., list[Page]]) -> None:
    titled, untitled = pages("xhtml-empty-elements.warc.gz")
    assert (titled.title, untitled.title) == ("Plots to let", "")
    for page in (titled, untitled):
        paragraphs = [line for line in page.text.split("\n") if line != "Plots to let"]
        assert len(paragraphs) == 4
        assert all(len(paragraph) > 100 for paragraph in paragraphs)
