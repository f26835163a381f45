"""The same records, however they are packed and however the stream gives the bytes."""

from __future__ import annotations

import gzip
import io
import zipfile

from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from ccnet_pipeline.archive import Record
from tests.archive.archives import bodies, damages, member, read, wet

NAMES = st.sampled_from(["WARC-Type", "warc-target-uri", "WARC-Date", "X", "Content-Type", "x-y"])
VALUES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
LINES = st.sampled_from([b"WARC/1.0\r\n", b"\r\n\r\n", b"\n", b"WARC/1.1\nContent-Length: 4\n\n", b"abc"])
BODIES = st.one_of(
    st.binary(max_size=60),
    st.lists(LINES, max_size=6).map(b"".join),
    st.binary(min_size=1, max_size=4).map(lambda b: b * 9000),
)


@st.composite
def records(draw: st.DrawFn) -> tuple[bytes, dict[str, str], bytes]:
    fields = draw(st.dictionaries(NAMES, VALUES, max_size=4))
    body = draw(BODIES)
    end = draw(st.sampled_from(["\r\n", "\n"]))
    gap = draw(st.sampled_from([" ", "", "\t", "  "]))
    lines = [f"WARC/{draw(st.sampled_from(['0.18', '1.0', '1.1']))}"]
    fields = {name.lower(): value for name, value in fields.items()} | {"content-length": str(len(body))}
    lines += [f"{name}:{gap}{value}" for name, value in draw(st.permutations(list(fields.items())))]
    return (end.join(lines) + end * 2).encode() + body + b"\r\n\r\n", fields, body


def _cuts_at_a_record_line(text: bytes, cut: int) -> bool:
    # A member that begins with a version line ends the record before it: the one thing that a packing may
    # not do in a block.
    return text[cut : cut + 5].upper() == b"WARC/"


@settings(max_examples=150, deadline=None)
@given(st.lists(records(), max_size=6), st.data())
def test_any_packing(made: list[tuple[bytes, dict[str, str], bytes]], data: st.DataObject) -> None:
    texts = [text for text, _, _ in made]
    whole = b"".join(texts)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=8).map(sorted))
    cuts = [cut for cut in cuts if not _cuts_at_a_record_line(whole, cut)]
    split = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    most = data.draw(st.sampled_from([1, 2, 1000, 1 << 20]))
    level = data.draw(st.sampled_from([0, 6]))
    expected = [(fields.get("warc-type", "").lower(), fields, body) for _, fields, body in made]
    for packed in (
        whole,
        b"".join(member(t, level) for t in texts),
        member(whole, level),
        b"".join(member(t, level) for t in split),
    ):
        parts = read(packed, most)
        assert damages(parts) == []
        assert [(p.type, p.headers, p.body) for p in parts if isinstance(p, Record)] == expected


@settings(max_examples=50, deadline=None)
@given(st.lists(records(), min_size=1, max_size=6))
def test_warcio_reads_the_same(made: list[tuple[bytes, dict[str, str], bytes]]) -> None:
    packed = b"".join(member(text) for text, _, _ in made)
    theirs = [record.content_stream().read() for record in ArchiveIterator(io.BytesIO(packed), no_record_parse=True)]
    ours = [part.body for part in read(packed) if isinstance(part, Record)]
    assert ours == theirs


def test_wacz() -> None:
    """A zip in which members of gzip are stored as they are; what is none of them is counted."""
    records = [member(wet(k, b"text %d" % k)) for k in range(5)]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.warc.gz", b"".join(records))
        archive.writestr("indexes/index.cdx.gz", gzip.compress(b"com,example)/ 20200101000000 {}\n" * 50))
        archive.writestr("pages/pages.jsonl", b"{}\n", zipfile.ZIP_DEFLATED)
    data = packed.getvalue()
    begin = data.index(records[0])
    parts = read(data)
    assert bodies(parts) == [b"text %d" % k for k in range(5)]
    assert [part.offset for part in parts][1:6] == [begin + sum(map(len, records[:k])) for k in range(5)]
    assert [reason for reason, _, _ in damages(parts)] == ["not_gzip", "trailing_garbage"]
    assert sum(size for _, _, size in damages(parts)) == len(data) - sum(map(len, records))
