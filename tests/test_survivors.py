"""What deduplication leaves of pages, by the column: the same as looking at one paragraph after the other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.dedup.duplicates import DUPLICATE, KEPT, REPEATED
from ccnet_pipeline.ledger import Tally
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.recipe import CCNET
from ccnet_pipeline.survivors import num_judged, survivors_of
from tests.chunks import chunks_of

REASONS = ["blank", "repeated", "duplicate"]
paragraphs = st.lists(st.tuples(st.sampled_from(["", "a", "bcd"]), st.sampled_from([KEPT, DUPLICATE, REPEATED])))
pages = st.lists(st.tuples(st.sampled_from([None, "too_short", "empty"]), st.booleans(), paragraphs), min_size=1)
Pages = list[tuple[str | None, bool, list[tuple[str, int]]]]


def page(number: int, reason: str | None, has_share: bool, texts: list[str]) -> Page:
    return Page(
        id=str(number), url="", date="", digest="", offset=0, title="", lines=texts,
        reason=reason, main_share=0.5 if has_share else None,
    )  # fmt: skip


def one_by_one(paragraphs: list[tuple[str, int]]) -> tuple[list[int], list[str]]:
    """The positions that survive, and the reasons for which the others leave."""
    reasons = [
        {KEPT: "", DUPLICATE: "duplicate", REPEATED: "repeated"}[verdict] if text else "blank"
        for text, verdict in paragraphs
    ]
    return [position for position, reason in enumerate(reasons) if not reason], reasons


@given(pages)
def test_the_columns_say_what_a_loop_over_the_paragraphs_says(given_pages: Pages) -> None:
    [chunk] = chunks_of(CCNET, [page(n, r, s, [text for text, _ in p]) for n, (r, s, p) in enumerate(given_pages)])
    judged = [verdict for reason, _, of_page in given_pages if reason is None for _, verdict in of_page]
    assert num_judged(chunk) == len(judged)
    survivors = survivors_of(chunk, np.array(judged, np.uint8))
    tally, expected, to_read = Tally(), Tally(), []
    survivors.book(tally)
    for number, (reason, has_share, of_page) in enumerate(given_pages):
        characters = 0 if reason == "empty" else sum(len(text) for text, _ in of_page)
        assert survivors.characters[number] == characters
        if reason is not None:
            expected.drop(reason, 1, 0 if reason == "empty" else len(of_page), characters)
            to_read += [number] * has_share
            continue
        positions, reasons = one_by_one(of_page)
        assert survivors.of_page(number) == positions
        assert survivors.reasons[number] == max(filter(None, reasons), key=REASONS.index, default="empty")
        for lost, (text, _) in zip(reasons, of_page, strict=True):
            if lost:
                expected.drop(lost, 0, 1, len(text))
        if positions:
            to_read.append(number)
        else:
            expected.drop(survivors.reasons[number], 1, 0, 0)
    assert tally == expected
    assert survivors.pages_to_read() == to_read
