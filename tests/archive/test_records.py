"""One record or a few, byte by byte: what is a record and what is damage."""

from __future__ import annotations

import gzip

import pytest

from ccnet_pipeline.archive import Record
from tests.archive.archives import Trickle, bodies, damages, member, read, wet

A, B = wet(1, b"first"), wet(2, b"second")

HEADERS = [
    pytest.param(
        b"WARC/1.0\r\nWARC-Type: Conversion\r\nContent-Length: 2\r\n\r\n",
        {"warc-type": "Conversion"},
        id="plain",
    ),
    pytest.param(b"WARC/0.18\r\nContent-Length:2\r\n\r\n", {}, id="0.18"),
    pytest.param(b"WARC/1.1\nwarc-TYPE :\tx \nCONTENT-LENGTH: 2 \n\n", {"warc-type": "x"}, id="lf"),
    pytest.param(b"warc/1.0\r\nContent-Length: 2\n\r\n", {}, id="mixed-line-ends"),
    pytest.param(b"WARC/1.0\r\nA: x\r\n y\r\n\tz\r\nContent-Length:\r\n 2\r\n\r\n", {"a": "x y z"}, id="continuation"),
    pytest.param(
        b"WARC/1.0\r\nA: 1\r\nContent-Length: 2\r\na: 2\r\nContent-Length: 9\r\n\r\n",
        {"a": "1"},
        id="first-counts",
    ),
    pytest.param(
        b"WARC/1.0\r\nU: <http://x/ y?a:b>\r\nContent-Length: 2\r\n\r\n", {"u": "<http://x/ y?a:b>"}, id="uri"
    ),
    pytest.param(b"WARC/1.0\r\nU: \xc3\xa9\xe9\r\nContent-Length: 2\r\n\r\n", {"u": "\u00e9\ufffd"}, id="utf-8"),
    pytest.param(b"WARC/1.0\r\nWARC-Date\r\nX-No\r\nContent-Length: 2\r\n\r\n", {}, id="names-without-colon"),
    pytest.param(
        b"WARC/1.1\r\nWARC-Type: a\nContent-Type: b\r\nContent-Length: 2\r\n\r\n",
        {"warc-type": "a", "content-type": "b"},
        id="one-lf-among-crlf",
    ),
    pytest.param(
        b"WARC/1.1\r\nX:y: c\r\nWARC-Date:\r\nContent-Length: 2\r\n\r\n",
        {"x": "y: c", "warc-date": ""},
        id="colons-without-blank",
    ),
    pytest.param(
        b"WARC/1.1\r\nWARC-Type:  a \r\nX-Of_Our.own: \xe2\x80\x83b\r\nContent-Length: 2\r\n\r\n",
        {"warc-type": "a", "x-of_our.own": "b"},
        id="blanks-around-values",
    ),
    pytest.param(b"WARC/1.0\r\nno colon\r\nContent-Length: 2\r\n\r\n", {}, id="no-colon"),
]


@pytest.mark.parametrize(("head", "fields"), HEADERS)
@pytest.mark.parametrize("packed", [False, True])
def test_header_block(head: bytes, fields: dict[str, str], packed: bool) -> None:
    text = head + b"ab\r\n\r\n"
    parts = read(member(text) if packed else text)
    assert parts == [Record(fields.get("warc-type", "").lower(), {**fields, "content-length": "2"}, b"ab", 0)]


@pytest.mark.parametrize("extra", ["", "WARC-Identified-Content-Language: spa\r\n"])
@pytest.mark.parametrize("tail", ["", "WARC-Payload-Digest: sha1:B\r\n"])
def test_commoncrawl_header_is_read_the_same_packed_and_plain(extra: str, tail: str) -> None:
    text = A.replace(b"Content-Type", extra.encode() + b"Content-Type").replace(b": 5\r\n", b": 5\r\n" + tail.encode())
    assert read(text) == read(member(text))
    assert len(read(text)) == 1


# text -> bodies, and damage as (reason, offset, size) in a plain file
TEXTS = [
    pytest.param(b"", [], [], id="empty"),
    pytest.param(A + B, [b"first", b"second"], [], id="two"),
    pytest.param(A.rstrip() + B, [b"first", b"second"], [], id="no-line-ends-between"),
    pytest.param(A + b"\r\n\n\r\n" + B, [b"first", b"second"], [], id="many-line-ends-between"),
    pytest.param(A.rstrip(), [b"first"], [], id="no-line-ends-at-the-end"),
    pytest.param(
        wet(1, b"x\r\nWARC/1.0\r\nWARC-Type: a\r\n\r\n") + B,
        [b"x\r\nWARC/1.0\r\nWARC-Type: a\r\n\r\n", b"second"],
        [],
        id="version-line-in-body",
    ),
    pytest.param(A + b"junk\n" + B, [b"first", b"second"], [("no_warc_header", len(A), 5)], id="junk-between"),
    pytest.param(b"junk\n" + A, [b"first"], [("no_warc_header", 0, 5)], id="junk-before"),
    pytest.param(A + b"junk", [b"first"], [("trailing_garbage", len(A), 4)], id="junk-behind"),
    pytest.param(A + b"WARC/", [b"first"], [("trailing_garbage", len(A), 5)], id="half-a-version-line"),
    pytest.param(A + b"\0" * 99, [b"first"], [("trailing_garbage", len(A), 99)], id="zeros"),
    pytest.param(A[:-6], [], [("truncated_record", 0, len(A) - 6)], id="cut-in-body"),
    pytest.param(A + B[:40], [b"first"], [("truncated_record", len(A), 40)], id="cut-in-header"),
    pytest.param(B[:40] + b"\r\n" + A, [b"first"], [("truncated_record", 0, 42)], id="header-runs-into-record"),
    pytest.param(b"WARC/1.0\r\n\r\n" + A, [b"first"], [("bad_content_length", 0, 12)], id="empty-header"),
    *(
        pytest.param(
            A.replace(b"Content-Length: 5", b"Content-Length: " + length) + B,
            [b"second"],
            [("bad_content_length", 0, len(A) + len(length) - 1)],
            id=f"length-{length.decode()}",
        )
        for length in (b"", b"-5", b"+5", b"5.0", b"five", b"9" * 14, b"1" * 5000, b"0x5")
    ),
    pytest.param(
        A.replace(b": 5\r", b": 4\r") + B,
        [b"firs", b"second"],
        [("no_warc_header", len(A) - 5, 5)],
        id="length-too-small",
    ),
    pytest.param(A.replace(b": 5\r", b": 7\r") + B, [b"first\r\n", b"second"], [], id="length-takes-a-line-end"),
    pytest.param(wet(1, b"") + B, [b"", b"second"], [], id="empty-body"),
]


@pytest.mark.parametrize(("text", "expected", "damage"), TEXTS)
@pytest.mark.parametrize("most", [1, 7, 1 << 20])
def test_plain(text: bytes, expected: list[bytes], damage: list[tuple[str, int, int]], most: int) -> None:
    parts = read(text, most)
    assert bodies(parts) == expected
    assert damages(parts) == damage
    assert [part.offset for part in parts] == sorted(part.offset for part in parts)


@pytest.mark.parametrize(("text", "expected", "damage"), TEXTS)
def test_the_same_text_in_one_member(text: bytes, expected: list[bytes], damage: list[tuple[str, int, int]]) -> None:
    parts = read(member(text))
    assert bodies(parts) == expected
    # The whole text of the member maps to the whole member, so damage to all of it is all of its bytes.
    names = [reason for reason, _, _ in damages(parts)]
    assert names == [reason for reason, _, _ in damage]
    if not expected and damage:
        assert sum(size for _, _, size in damages(parts)) == len(member(text))


def test_offsets_are_of_members() -> None:
    one, two = member(A + B), member(B)
    assert [part.offset for part in read(one + two)] == [0, 0, len(one)]
    assert [part.offset for part in read(A + B)] == [0, len(A)]


def test_a_record_that_goes_on_in_the_next_member_is_of_the_first() -> None:
    for cut in range(1, len(A)):
        one, two, three = member(A[:cut]), member(A[cut:]), member(B)
        parts = read(one + two + three)
        assert bodies(parts) == [b"first", b"second"], cut
        assert [part.offset for part in parts] == [0, len(one + two)], cut
        assert damages(parts) == [], cut


def test_gzip_header_of_every_kind() -> None:
    plain = member(A)
    body = plain[10:]
    name, comment, extra = b"n" * 9000 + b"\0", b"c\0", (20000).to_bytes(2, "little") + b"e" * 20000
    for flags, more in [(8, name), (16, comment), (4, extra), (28, extra + name + comment)]:
        packed = plain[:3] + bytes([flags]) + plain[4:10] + more + body
        assert gzip.decompress(packed) == A
        for most in (1, 1 << 20):
            assert read(packed + plain, most) == [
                Record("conversion", *_rest(0)),
                Record("conversion", *_rest(len(packed))),
            ]


def _rest(offset: int) -> tuple[dict[str, str], bytes, int]:
    (record,) = read(A)
    assert isinstance(record, Record)
    return record.headers, record.body, offset


def test_endless_header_block() -> None:
    endless = b"WARC/1.0\r\n" + b"Field: value\r\n" * 50_000
    for text in (endless, endless + b"\r\n\r\n" + A):
        for data in (text, member(text)):
            parts = read(data)
            assert bodies(parts) == ([b"first"] if text.endswith(A) else [])
            assert [reason for reason, _, _ in damages(parts)] == ["header_too_long"]


def test_nothing_but_read_is_asked_of_the_stream() -> None:
    assert not hasattr(Trickle(b"", 1), "seek")
    assert len(read(A, 3)) == 1
