"""Digests of made-up records, and of every archive of the test data."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from ccnet_pipeline.archive import Record, read_archive
from ccnet_pipeline.archive.digests import verify
from ccnet_pipeline.extract import Extraction
from ccnet_pipeline.recipe import CC100, VerifyDigests

DATA = Path(os.environ.get("CC100_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

BODY = b"some text\n"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nServer: x\r\ntransfer-encoding: gzip, Chunked\r\n\r\n"
    b"5\r\nsome \r\n5;name=value\r\ntext\n\r\n0\r\nTrailer: y\r\n\r\n"
)
PLAIN = b"HTTP/1.1 200 OK\r\n\r\n" + BODY


def base32(algorithm: str, data: bytes) -> str:
    return f"{algorithm}:{base64.b32encode(hashlib.new(algorithm, data).digest()).decode()}"


def hexadecimal(algorithm: str, data: bytes) -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def record(body: bytes, kind: str = "response", **headers: str) -> Record:
    return Record(kind, {name.replace("_", "-"): value for name, value in headers.items()}, body, 0)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512", "md5"])
@pytest.mark.parametrize("form", [base32, hexadecimal])
@pytest.mark.parametrize("change", [str, str.lower, str.upper, lambda value: value.rstrip("="), lambda v: f" {v} "])
def test_block(algorithm: str, form: Callable[[str, bytes], str], change: Callable[[str], str]) -> None:
    right, wrong = change(form(algorithm, BODY)), change(form(algorithm, BODY + b"x"))
    assert verify(record(BODY, warc_block_digest=right)) is True
    assert verify(record(BODY, warc_block_digest=wrong)) is False
    assert verify(record(BODY, "conversion", warc_block_digest=right)) is True


@pytest.mark.parametrize(
    "stated",
    ["", "sha1", "sha1:", "sha1:AAAA", "crc32:00000000", "sha1:" + "!" * 32, "sha1:" + "g" * 40, "\u0661" * 40],
)
def test_digests_in_no_known_form(stated: str) -> None:
    assert verify(record(BODY, warc_block_digest=stated)) is None
    assert verify(record(PLAIN, warc_block_digest=stated, warc_payload_digest=base32("sha1", BODY))) is True


def test_the_block_decides() -> None:
    right, wrong = base32("sha1", PLAIN), base32("sha1", b"")
    payload = base32("sha1", BODY)
    assert verify(record(PLAIN, warc_block_digest=right, warc_payload_digest=wrong)) is True
    assert verify(record(PLAIN, warc_block_digest=wrong, warc_payload_digest=payload)) is False


@pytest.mark.parametrize("payload", [BODY, CHUNKED.partition(b"\r\n\r\n")[2]])
def test_payload_of_a_chunked_response(payload: bytes) -> None:
    assert verify(record(CHUNKED, warc_payload_digest=base32("sha1", payload))) is True
    assert verify(record(CHUNKED, warc_payload_digest=base32("sha1", payload[1:]))) is False


def test_chunks_count_only_where_they_are_declared() -> None:
    body = CHUNKED.replace(b"transfer-encoding", b"x-encoding")
    assert verify(record(body, warc_payload_digest=base32("sha1", BODY))) is False


def test_nothing_to_verify_with() -> None:
    payload = base32("sha1", BODY)
    assert verify(record(PLAIN)) is None
    assert verify(record(BODY, warc_payload_digest=payload)) is None  # no HTTP
    for kind in ("revisit", "request", "metadata", "resource"):
        assert verify(record(PLAIN, kind, warc_payload_digest=payload)) is None
    for name in ("warc_truncated", "warc_segment_number"):
        assert verify(record(PLAIN, warc_payload_digest=payload, **{name: "1"})) is None
    oversized = Record("response", {"warc-block-digest": base32("sha1", b"")}, b"", 0, oversized=True)
    assert verify(oversized) is None


def test_chunks_that_lie() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for body in (
        b"ffffffff\r\nabc",
        b"-1\r\nabc",
        b"5\r\nab",
        b"",
        b"1\r\n" * 10,
        b"999999999999\r\nabc",
        b"2;" * 5000,
    ):
        assert verify(record(head + body, warc_payload_digest=base32("sha1", b"other"))) is False
    tracemalloc.start()
    try:
        many = record(head + b"1\r\na\r\n" * 50_000, warc_payload_digest=base32("sha1", b"a" * 50_000))
        assert verify(many) is True
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


# file -> records whose digest is right, wrong, and that cannot be verified. Of those with a wrong one, two have a wrong
# length or are cut; two are revisits with the digest of something else, and one record lies in two members, its
# digest from when it was whole: fastwarc finds the same ones wrong where it reads that far.
EXPECTED = {
    "appended_zip_fragment_unexpected_eof.wet.gz": (15, 0, 1),
    "corrupt_starts_with_conversion.wet.gz": (5, 0, 1),
    "corrupt_two_warcinfo.wet.gz": (5, 0, 2),
    "corrupt_warcconversion_1.wet.gz": (5, 0, 1),
    "corrupt_warcconversion_2.wet.gz": (1, 0, 1),
    "corrupt_warcinfo_1.wet.gz": (5, 0, 1),
    "file_and_wet_headers_only.wet.gz": (0, 0, 1),
    "file_headers_only.wet.gz": (0, 0, 1),
    "filter_test_1.wet.gz": (25, 0, 1),
    "fragment1_asthma_incomplete_last.wet.gz": (0, 1, 1),
    "fragment1_incomplete_last.wet.gz": (1, 0, 1),
    "fragment2_no_header.wet.gz": (1, 0, 0),
    "fragment3.wet.gz": (5, 0, 1),
    "block-sized-records.warc.gz": (0, 0, 3),
    "clipped.warc.gz": (0, 0, 0),
    "warcfile.warc.gz": (16, 0, 34),
    "example.wet.gz": (2, 0, 1),
    "sample-0000.warc.gz": (48, 0, 0),
    "sample-0001.warc.gz": (34, 0, 0),
    "cc.warc.gz": (1, 0, 0),
    "gzip_extra_sl.warc.gz": (1, 0, 0),
    "CC-MAIN-2024-22.warc.paths.gz": (0, 0, 0),
    "whirlwind.warc": (1, 0, 3),
    "whirlwind.warc.gz": (4, 0, 0),
    "whirlwind.warc.wat": (0, 0, 2),
    "whirlwind.warc.wat.gz": (2, 0, 0),
    "whirlwind.warc.wet": (1, 0, 1),
    "whirlwind.warc.wet.gz": (2, 0, 0),
    "all-header-values-empty.warc": (0, 0, 0),
    "arc-with-bad-header.arc": (0, 0, 1),
    "bad-target-uri-angle-brackets.warc.gz": (6, 0, 0),
    "content-length-wrong.warc": (0, 2, 4),
    "duplicate-header-fields.warc": (0, 0, 1),
    "empty-header-values-with-body.warc": (0, 0, 0),
    "gzip-bad-magic.gz": (0, 0, 0),
    "gzip-corrupted-mid-record.warc.gz": (12, 0, 0),
    "gzip-double-inflate.gz": (0, 0, 0),
    "gzip-empty-file.warc.gz": (0, 0, 0),
    "gzip-member-splits-record.warc.gz": (1, 1, 0),
    "gzip-not-per-record.warc.gz": (1, 1, 4),
    "header-case-mixed.warc": (0, 0, 5),
    "header-continuation-lines.warc": (1, 0, 0),
    "multiple-http-headers.warc": (1, 0, 0),
    "non-ascii-target-uri.warc.gz": (3, 0, 1),
    "real-capture-issue-493.warc": (30, 0, 2),
    "record-then-garbage.warc": (1, 0, 0),
    "resource-record-only.warc.gz": (1, 0, 2),
    "revisit-no-length.warc": (0, 0, 0),
    "revisit-only.warc.gz": (0, 0, 2),
    "space-in-target-uri.warc.gz": (1, 0, 1),
    "truncated-mid-record.warc": (0, 1, 3),
    "unknown-type-no-length.warc": (0, 0, 0),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_file(name: str) -> None:
    found = [path for folder in ("commoncrawl", "warc_defects") for path in (DATA / folder).rglob(name)]
    if not found:
        pytest.skip("no test data: set CC100_TEST_DATA to the folder that holds commoncrawl/")
    with found[0].open("rb") as stream:
        results = Counter(verify(part) for part in read_archive(stream) if isinstance(part, Record))
    assert (results[True], results[False], results[None]) == EXPECTED[name]


# --- what becomes of records with a wrong digest (--verify_digests)

_HTML = b"<title>T</title><p>" + b"A page that is long enough to be one, and then some more of it. " * 8
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + _HTML


def _warc_record(kind: str, body: bytes, **fields: str) -> bytes:
    http = {"request": "application/http; msgtype=request", "response": "application/http; msgtype=response"}
    named = {"WARC-Type": kind, "Content-Type": http.get(kind, "text/plain"), "WARC-Target-URI": "http://example.org/"}
    named |= {"WARC-Record-ID": f"<urn:uuid:{len(fields)}>", "WARC-Date": "2024-05-18T01:58:10Z"}
    named |= {name.replace("_", "-"): value for name, value in fields.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**named, "Content-Length": str(len(body))}.items())
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + body + b"\r\n\r\n"


def _archives() -> dict[str, bytes]:
    """Some records with right, wrong, and no digests; of those that are no text the digests do not count."""
    text, wrong = b"Title\n" + b"The text of a page. " * 30, base32("sha1", b"other")
    texts = [
        _warc_record("conversion", text, WARC_Block_Digest=base32("sha1", text)),
        _warc_record("conversion", text, WARC_Block_Digest=wrong),
        _warc_record("conversion", text, WARC_Block_Digest=hexadecimal("sha1", text)),
        _warc_record("conversion", text, WARC_Block_Digest=hexadecimal("sha1", b"other")),
        _warc_record("conversion", text),
    ]
    block, payload = base32("sha1", _RESPONSE), base32("sha1", _HTML)
    pages = [
        _warc_record("response", _RESPONSE, WARC_Block_Digest=block, WARC_Payload_Digest=payload),
        _warc_record("response", _RESPONSE, WARC_Block_Digest=wrong, WARC_Payload_Digest=payload),
        _warc_record("response", _RESPONSE, WARC_Payload_Digest=payload),
        _warc_record("response", _RESPONSE, WARC_Payload_Digest=wrong),
        _warc_record("response", _RESPONSE),
    ]
    request = _warc_record("request", b"GET / HTTP/1.1\r\n\r\n", WARC_Block_Digest=wrong)
    info = _warc_record("warcinfo", b"format: x\r\n", WARC_Block_Digest=wrong)
    return {"WET": b"".join([info, *texts]), "WARC": b"".join([info, *(request + page for page in pages)])}


def _wrong_by_warcio(data: bytes) -> int:
    count = 0
    for each in ArchiveIterator(io.BytesIO(data), check_digests=True):
        each.content_stream().read()
        count += each.rec_type in ("conversion", "response") and each.digest_checker.passed is False
    return count


@pytest.mark.parametrize("name", ["WET", "WARC"])
@pytest.mark.parametrize("what", ["off", "count", "strict"])
def test_wrong_digests_are_counted_and_their_records_dropped(name: str, what: VerifyDigests) -> None:
    data = _archives()[name]
    wrong = _wrong_by_warcio(data)
    assert wrong == 2
    extraction = Extraction("segment", replace(CC100, verify_digests=what))
    pages = list(extraction.pages(io.BytesIO(data)))
    records = extraction.account.tally.records
    dropped = {"off": 0, "count": 0, "strict": wrong}[what]
    assert len(pages) == 5 - dropped
    assert extraction.account.damage.reasons == ({} if what == "off" else {"wrong_digest": wrong})
    assert (extraction.account.damage.bytes, extraction.account.damage.members) == (0, 0)
    assert records.dropped == {"record_type": 1 if name == "WET" else 6, **({"wrong_digest": wrong} if dropped else {})}
    assert records.read == len(pages) + sum(records.dropped.values())
