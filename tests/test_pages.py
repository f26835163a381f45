"""Pages between the stages: what is written comes back, by the column and page by page."""

import io

import pytest
from msgspec.structs import replace

from ccnet_pipeline.pages import stored
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.pages.stored import Batch, read_chunks, write_chunks

FIRST = Page(id="1", url="http://a", date="", digest="", offset=0, title="Title", lines=["ab", "", "汉字\U0001f600"])
LOST = replace(FIRST, id="2", lines=[], reason="too_short", main_share=0.0)


def batch(*pages: Page) -> Batch:
    result = Batch(title_is_paragraph=False)
    for page in pages:
        result.add(page)
    return result


BATCHES = [batch(FIRST, LOST, FIRST), batch(LOST)]


def written(batches: list[Batch]) -> bytes:
    file = io.BytesIO()
    write_chunks(batches, file)
    return file.getvalue()


def read(data: bytes) -> list[Page]:
    return [chunk.page(number) for chunk in read_chunks(io.BytesIO(data)) for number in range(len(chunk))]


def test_pages_come_back_as_they_were() -> None:
    assert read(written(BATCHES)) == [FIRST, LOST, FIRST, LOST]
    assert read(b"") == []


def test_a_chunk_tells_of_its_pages_by_the_column() -> None:
    chunk, last = read_chunks(io.BytesIO(written(BATCHES)))
    assert (len(chunk), len(last)) == (3, 1)
    assert chunk.reasons == [None, "too_short", None]
    assert chunk.has_share.tolist() == [False, True, False]
    assert chunk.num_paragraphs.tolist() == [3, 0, 3]
    assert chunk.lengths.tolist() == [2, 0, 3, 2, 0, 3]
    assert chunk.bounds.tolist() == [0, 3, 3, 6]
    assert last.lengths.tolist() == []
    assert chunk.page(1) == LOST


def test_a_file_that_is_cut_off_is_not_taken_for_a_shorter_one() -> None:
    data = written(BATCHES[:1])
    for cut in range(1, len(data)):
        with pytest.raises(ValueError, match="cut off"):
            read(data[:cut])


def test_a_line_is_kept_once_and_a_paragraph_read_alone() -> None:
    menu = replace(FIRST, lines=["a menu", "x"] * 50)
    twice = batch(menu, menu)
    assert twice.lines == ["a menu", "x"]
    [chunk] = read_chunks(io.BytesIO(written([twice])))
    assert chunk.paragraphs(1, [1, 98]) == ["x", "a menu"]
    assert chunk.head(1) == replace(menu, lines=[])


@pytest.mark.parametrize("title_is_paragraph", [False, True])
def test_a_title_is_a_paragraph_where_it_is_told_so(title_is_paragraph: bool) -> None:
    whole = Batch(title_is_paragraph)
    whole.add(FIRST)
    [chunk] = read_chunks(io.BytesIO(written([whole])))
    assert chunk.page(0) == FIRST
    assert chunk.lengths.tolist() == [5] * title_is_paragraph + [2, 0, 3]


def test_a_chunk_ends_by_its_pages_and_by_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "CHUNK_PAGES", 3)
    monkeypatch.setattr(stored, "CHUNK_CHARACTERS", 20)
    assert [batch(*[LOST] * pages).is_full for pages in (2, 3)] == [False, True]
    # Blank lines cost memory, too: five code points and three paragraphs a page.
    assert [batch(*[replace(FIRST, lines=["12345", "", ""])] * pages).is_full for pages in (1, 2)] == [False, False]
    assert batch(replace(FIRST, lines=[""] * 20)).is_full


def test_a_line_feed_inside_a_line_is_refused() -> None:
    with pytest.raises(ValueError, match="line feed"):
        written([batch(replace(FIRST, lines=["a\nb"]))])
