"""ARC, versions 1 and 2: the same records as warcio finds, and the same patience with damage as for WARC."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from ccnet_pipeline.archive import Damage, Record
from ccnet_pipeline.extract import Extraction
from ccnet_pipeline.recipe import CC100
from tests.archive.accounts import ALL_CODECS, GZIP, assert_accounted
from tests.archive.archives import arc, arc_head, bodies, damages, member, read, wet

HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nServer: x\r\n\r\n"
PAGE = b"<html><title>Title</title><p>" + b"A page long enough to be one, and a little longer than that. " * 8
DNS = b"20080430204825\nexample.org.\t60\tIN\tA\t192.0.2.7\n"
BLOCKS = [DNS, HTTP + PAGE, HTTP + b"<p>one\r\ntwo\nWARC/1.0\r\nContent-Length: 3\r\n\r\nabc", b"", HTTP + PAGE * 3]
URLS = [
    b"dns:example.org",
    b"http://example.org/",
    b"http://example.org/a b?c=1 d",
    b"https://x/",
    b"HTTP://y/\xc3\xa9",
]
HEAD = arc_head()
RECORDS = [
    arc(url, block, kind=b"text/dns" if url.startswith(b"dns:") else b"text/html")
    for url, block in zip(URLS, BLOCKS, strict=True)
]
ARCHIVE = HEAD + b"".join(RECORDS)
FIRST = b"1 0 Somebody\nURL IP-address Archive-date Content-type Archive-length\n"

Packer = Callable[[bytes], bytes]
packed = pytest.mark.parametrize("pack", [bytes, member], ids=["plain", "in one member"])


@packed
@pytest.mark.parametrize("version", [1, 2])
def test_records_by_the_names_of_warc(version: int, pack: Packer) -> None:
    records = [arc(url, b, version=version, kind=b"text/html; charset=x") for url, b in zip(URLS, BLOCKS, strict=True)]
    parts = read(pack(arc_head(version) + b"".join(records)))
    assert damages(parts) == []
    first, *rest = (part for part in parts if isinstance(part, Record))
    assert (first.type, first.headers["warc-filename"]) == ("warcinfo", "x.arc")
    assert [record.body for record in rest] == BLOCKS
    assert [record.headers["warc-target-uri"] for record in rest] == [url.decode() for url in URLS]
    for record in rest:
        http = record.headers["warc-target-uri"].lower().startswith("http")
        assert record.type == "response"
        assert record.headers["warc-date"] == "2008-04-30T20:48:26Z"
        assert record.headers["warc-ip-address"] == "192.0.2.7"
        assert record.headers["content-type"] == (
            "application/http; msgtype=response" if http else "text/html; charset=x"
        )
        assert record.headers["content-length"] == str(len(record.body))


def test_warcio_finds_the_same() -> None:
    names = ("WARC-Target-URI", "WARC-Date", "WARC-IP-Address", "Content-Length", "WARC-Type")
    for data in (ARCHIVE, b"".join(map(member, [HEAD, *RECORDS]))):
        theirs = [
            ([record.rec_headers.get_header(name) for name in names], record.content_stream().read())
            for record in ArchiveIterator(io.BytesIO(data), arc2warc=True, no_record_parse=True)
        ][1:]  # of the first record it takes the lines away
        ours = [
            ([record.headers[name.lower()] for name in names], record.body)
            for record in read(data)[1:]
            if isinstance(record, Record)
        ]
        for _, (fields, _) in zip(theirs, ours, strict=True):
            fields[0] = fields[0].replace(" ", "%20")
        assert ours == theirs


@pytest.mark.parametrize("codec", ALL_CODECS, ids=lambda codec: codec.name)
def test_every_packing(codec: object) -> None:
    pack = codec.pack  # type: ignore[attr-defined]
    for data in (pack(ARCHIVE), b"".join(map(pack, [HEAD, *RECORDS]))):
        parts = read(data)
        assert bodies(parts)[1:] == BLOCKS
        assert damages(parts) == []
        assert read(data, 1000) == parts
        assert_accounted(data, parts)
    assert [p.number for p in read(pack(ARCHIVE)) if isinstance(p, Record)] == [1, 2, 3, 4, 5, 6]


def test_an_archive_without_its_first_record() -> None:
    for data in (b"".join(RECORDS), member(b"".join(RECORDS)), b"".join(map(member, RECORDS))):
        assert bodies(read(data)) == BLOCKS
        assert damages(read(data)) == []


def test_pages_of_an_archive() -> None:
    """Reasons and identifiers are as of WARC; in a member of many records each has an identifier of its own."""
    extraction = Extraction("segment", CC100)
    pages = list(extraction.pages(io.BytesIO(member(ARCHIVE))))
    assert [page.title for page in pages] == ["Title", "", "Title"]
    assert [page.url for page in pages] == [URLS[k].decode() for k in (1, 2, 4)]
    assert len({page.id for page in pages}) == 3
    dropped = extraction.account.tally.records.dropped
    assert dropped == {"record_type": 1, "not_http": 1, "bad_http": 1}
    assert not extraction.account.damage.reasons


@pytest.mark.parametrize(
    ("digits", "date"),
    [
        (b"20080430204826", "2008-04-30T20:48:26Z"),
        (b"200804302048", "2008-04-30T20:48:00Z"),
        (b"200804302048261234", "2008-04-30T20:48:26Z"),
        (b"20081330204826", ""),
        (b"00000000000000", ""),
    ],
)
def test_dates(digits: bytes, date: str) -> None:
    (record,) = read(arc(b"http://x/", HTTP, date=digits))
    assert isinstance(record, Record)
    assert record.headers["warc-date"] == date


@packed
@pytest.mark.parametrize("k", [1, 2, 4])
def test_wrong_lengths(k: int, pack: Packer) -> None:
    size = len(BLOCKS[k])
    sums = {sum(map(len, RECORDS[k + 1 : m])) - less for m in range(k + 2, 6) for less in (0, 1, 2)}
    for wrong in [*range(size - 60, size), *range(size + 1, size + 120), size + 3000, 10**7]:
        broken = RECORDS[k].replace(b" %d\n" % size, b" %d\n" % wrong, 1)
        data = pack(b"".join([HEAD, *RECORDS[:k], broken, *RECORDS[k + 1 :]]))
        found = bodies(read(data))[1:]
        assert_accounted(data, read(data))
        if wrong - size - 1 in sums:
            continue  # it ends with a record: nothing tells that it is wrong
        if wrong <= size + 1 or (k == 4 and pack is bytes):
            expected = BLOCKS[k][:wrong] + b"\n" * (wrong == size + 1)
            assert found == [*BLOCKS[:k], *([expected] if wrong <= size + 1 else []), *BLOCKS[k + 1 :]]
        else:
            assert found == BLOCKS, wrong


@pytest.mark.parametrize("length", [b"-1", b"abc", b"1.5", b"99999999999999"])
def test_lengths_that_are_none(length: bytes) -> None:
    broken = RECORDS[1].replace(b" %d\n" % len(BLOCKS[1]), b" " + length + b"\n", 1)
    parts = read(HEAD + RECORDS[0] + broken + b"".join(RECORDS[2:]))
    assert bodies(parts)[1:] == BLOCKS[:1] + BLOCKS[2:]
    assert damages(parts) == [("bad_content_length", len(HEAD + RECORDS[0]), len(broken))]


def test_every_byte_flipped() -> None:
    """It costs its own record at most; the line end before a URL is part of the next one."""
    starts = [len(HEAD) + sum(map(len, RECORDS[:k])) for k in range(6)]
    for at in range(len(HEAD), len(ARCHIVE) - len(PAGE) * 3, 3):
        k = next(k for k in range(5) if at < starts[k + 1] - 1)
        broken = bytearray(ARCHIVE)
        broken[at] ^= 1 << at % 8
        parts = read(bytes(broken))
        assert_accounted(bytes(broken), parts)
        found, rest = bodies(parts)[1:], BLOCKS[k + 1 :]
        assert found[:k] == BLOCKS[:k]
        assert found[len(found) - len(rest) :] == rest, at


@packed
def test_an_archive_cut_short(pack: Packer) -> None:
    starts = [len(HEAD) + sum(map(len, RECORDS[:k])) for k in range(6)]
    for cut in range(len(HEAD), len(ARCHIVE) - len(PAGE) * 3, 5):
        whole = sum(end - 1 <= cut for end in starts[1:])
        data = pack(ARCHIVE)[: -9 - (len(ARCHIVE) - cut) // 50] if pack is member else ARCHIVE[:cut]
        parts = read(data)
        assert_accounted(data, parts)
        if pack is bytes:
            assert bodies(parts)[1:] == BLOCKS[:whole], cut
        else:
            assert bodies(parts)[1:] == BLOCKS[: len(bodies(parts)) - 1]


def test_garbage_between_and_behind() -> None:
    junk = b"no record\nhttp://x/ nor this\n"
    parts = read(HEAD + junk + RECORDS[1] + junk)
    assert bodies(parts) == [FIRST, BLOCKS[1]]
    begin = len(HEAD + junk + RECORDS[1])
    assert damages(parts) == [("no_warc_header", len(HEAD), len(junk)), ("trailing_garbage", begin, len(junk))]


@pytest.mark.parametrize("k", range(5))
def test_a_broken_member_costs_itself(k: int) -> None:
    members = [GZIP.pack(record) for record in [HEAD, *RECORDS]]
    broken = bytearray(members[k + 1])
    broken[-6] ^= 1
    for bad in (bytes(broken), members[k + 1][: len(broken) // 2], b"\0" + members[k + 1][1:]):
        data = b"".join([*members[: k + 1], bad, *members[k + 2 :]])
        parts = read(data)
        assert bodies(parts)[1:] == BLOCKS[:k] + BLOCKS[k + 1 :]
        assert sum(part.size for part in parts if isinstance(part, Damage)) == len(bad)
        assert_accounted(data, parts)


def test_cr_lf_made_lf() -> None:
    made = ARCHIVE.replace(b"\r\n", b"\n")
    for data in (made, member(made)):
        assert bodies(read(data))[1:] == [block.replace(b"\r\n", b"\n") for block in BLOCKS]


def test_what_an_archive_holds_of_the_other_format_is_text() -> None:
    inside = HTTP + ARCHIVE
    assert bodies(read(wet(1, inside) + b"junk\n" + HEAD + RECORDS[1] + wet(2, b"next"))) == [inside, b"next"]
    inside = HTTP + wet(1, b"x") * 3
    assert bodies(read(HEAD + arc(b"http://x/", inside) + b"junk\n" + wet(1, b"x") + RECORDS[1])) == [
        FIRST,
        inside,
        BLOCKS[1],
    ]


def test_the_file_with_bad_lines(test_data: Path) -> None:
    """Of its three records the lengths of two are none, and nothing else tells where they end."""
    (record,) = [
        p for p in read((test_data / "warc_defects/arc-with-bad-header.arc").read_bytes()) if isinstance(p, Record)
    ]
    assert (record.body, record.headers["warc-date"]) == (b"\n", "2014-01-02T00:00:00Z")
