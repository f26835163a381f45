"""Pages between the stages: what is written comes back, by the column and page by page."""

import io

import pytest
from msgspec.structs import replace

from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.pages.stored import Batch, read_chunks, read_pages, write_chunks

FIRST = Page(id="1", url="http://a", date="", digest="", offset=0, title="Title", lines=["ab", "", "汉字\U0001f600"])
LOST = replace(FIRST, id="2", lines=[], reason="too_short", main_share=0.0)


def batch(*pages: Page) -> Batch:
    result = Batch()
    for page in pages:
        result.add(page, page.paragraphs(title_is_paragraph=False))
    return result


BATCHES = [batch(FIRST, LOST, FIRST), batch(LOST)]


def written(batches: list[Batch]) -> bytes:
    file = io.BytesIO()
    write_chunks(batches, file)
    return file.getvalue()


def test_pages_come_back_as_they_were() -> None:
    assert list(read_pages(io.BytesIO(written(BATCHES)))) == [FIRST, LOST, FIRST, LOST]
    assert list(read_pages(io.BytesIO())) == []


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
            list(read_pages(io.BytesIO(data[:cut])))
