"""Every real and every broken archive of the test data, against what warcio finds in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from ccnet_pipeline.archive import Record
from tests.archive.archives import assert_in_order, damages, read

DATA = Path(os.environ.get("CC100_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
FILES = sorted(
    f
    for folder in ("commoncrawl", "warc_defects")
    for f in (DATA / folder).rglob("*")
    if f.suffix in (".gz", ".warc", ".wet", ".wat", ".arc")
)

pytestmark = pytest.mark.skipif(
    not FILES, reason="no test data: set CC100_TEST_DATA to the folder that holds commoncrawl/"
)

# file -> records, and damage as (reason, offset, size); files that are not here have no damage.
EXPECTED: dict[str, tuple[int, list[tuple[str, int, int]]]] = {
    "CC-MAIN-2024-22.warc.paths.gz": (0, [("no_warc_header", 0, 817)]),
    "clipped.warc.gz": (0, [("truncated_gzip", 0, 18184)]),
    "appended_zip_fragment_unexpected_eof.wet.gz": (16, [("truncated_gzip", 49258, 1942)]),
    "example.wet.gz": (3, []),
    "filter_test_1.wet.gz": (26, []),
    # Their line ends were rewritten, or a line was taken out, so the lengths are too large: the block of the first, or
    # second, record would take in the next one's beginning.
    "file_and_wet_headers_only.wet.gz": (1, [("wrong_content_length", 356, 0), ("truncated_record", 357, 254)]),
    "file_headers_only.wet.gz": (1, [("wrong_content_length", 395, 0)]),
    "fragment1_asthma_incomplete_last.wet.gz": (
        2,
        [("wrong_content_length", 1073, 0), ("truncated_record", 1075, 3260)],
    ),
    "fragment1_incomplete_last.wet.gz": (2, [("truncated_record", 1090, 3259)]),
    "fragment2_no_header.wet.gz": (1, [("no_warc_header", 0, 2834), ("truncated_record", 6486, 1327)]),
    "all-header-values-empty.warc": (0, [("bad_content_length", 0, 374)]),
    # Its lengths are -1, -1, 1 and "abc": the third tells where the record ends.
    "arc-with-bad-header.arc": (
        1,
        [("bad_content_length", 0, 134), ("bad_content_length", 134, 68), ("bad_content_length", 262, 69)],
    ),
    "content-length-wrong.warc": (6, [("no_warc_header", 2561, 5)]),
    "duplicate-header-fields.warc": (1, []),
    "empty-header-values-with-body.warc": (0, [("bad_content_length", 0, 414)]),
    "gzip-bad-magic.gz": (0, [("no_warc_header", 0, 975)]),
    "gzip-corrupted-mid-record.warc.gz": (12, [("trailing_garbage", 1219, 34)]),
    "gzip-double-inflate.gz": (0, [("bad_gzip", 0, 849)]),
    "gzip-empty-file.warc.gz": (0, []),
    "gzip-member-splits-record.warc.gz": (2, []),
    "gzip-not-per-record.warc.gz": (6, []),
    "header-case-mixed.warc": (5, []),
    "header-continuation-lines.warc": (1, []),
    "record-then-garbage.warc": (1, [("trailing_garbage", 1135, 55)]),
    "revisit-no-length.warc": (0, [("bad_content_length", 0, 36)]),
    "truncated-mid-record.warc": (4, [("no_warc_header", 2560, 6)]),
    "unknown-type-no-length.warc": (0, [("bad_content_length", 0, 31)]),
}

# Where warcio counts what is no whole record: cut short, or without a length.
WARCIO_COUNTS_MORE = {
    "all-header-values-empty.warc": 1,
    "appended_zip_fragment_unexpected_eof.wet.gz": 1,
    "arc-with-bad-header.arc": 3,
    "clipped.warc.gz": 1,
    "empty-header-values-with-body.warc": 1,
    "revisit-no-length.warc": 1,
    "unknown-type-no-length.warc": 1,
}
# A record over two members has no body for warcio; it does not read values on continuation lines.
WARCIO_MISREADS = ("gzip-member-splits-record.warc.gz", "header-continuation-lines.warc")


def _warcio(path: Path) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as stream:
        try:
            for record in ArchiveIterator(stream, no_record_parse=True):
                yield (record.rec_headers.get_header("WARC-Record-ID") or "", record.content_stream().read())
        except Exception:  # it raises anything at all on these files, and then reads no further
            return


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file(path: Path) -> None:
    data = path.read_bytes()
    parts = read(data)
    assert read(data, 1000) == parts
    assert_in_order(parts, len(data))
    records = [part for part in parts if isinstance(part, Record)]
    theirs = list(_warcio(path))
    if path.name in EXPECTED:
        assert (len(records), damages(parts)) == EXPECTED[path.name]
    else:
        assert damages(parts) == []
    more = WARCIO_COUNTS_MORE.get(path.name, 0)
    assert len(records) + more >= len(theirs)
    if not damages(parts) and path.name not in WARCIO_MISREADS:
        ours = [(record.headers.get("warc-record-id", ""), record.body) for record in records]
        assert ours[: len(theirs)] == theirs
