"""Text as people have it: pools, shards, dumps; and a folder of all that."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
import zstandard

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.preparation import LONGEST_BYTES, prepare
from ccnet_pipeline.fluency.sketch import Sketch, share_in
from ccnet_pipeline.fluency.texts import Text, find_sources, read_texts

_ARTICLES = [
    {"index": {"_type": "_doc", "_id": "1"}},
    {"title": "A", "opening_text": "Opening of A.", "text": "Opening of A. All the rest."},
    {"index": {"_type": "_doc", "_id": "2"}},
    {"title": "B", "opening_text": None, "text": "A list."},
]


def _dump(path: Path) -> Path:
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in _ARTICLES).encode()))
    return path


def _shard(path: Path, *texts: str, language: str = "ha") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = [json.dumps({"id": "x", "text": text, "language": language, "bucket": "all"}) + "\n" for text in texts]
    path.write_bytes(b"".join(zstandard.compress(frame.encode()) for frame in frames))
    return path


def test_a_folder_of_pools_shards_and_dumps(tmp_path: Path) -> None:
    (tmp_path / "swh_Latn.txt.zst").write_bytes(zstandard.compress(b"moja\nmbili\n\ntatu\n"))
    (tmp_path / "nno.txt").write_text("noko", encoding="utf-8")
    (tmp_path / "README.md").write_text("not a text", encoding="utf-8")
    dump = _dump(tmp_path / "nsowiki-20240101-cirrussearch-content.json.gz")
    shards = [_shard(tmp_path / f"shards/ha/head-0000{n}.jsonl.zst", "daya\nbiyu", f"uku {n}") for n in (0, 1)]
    sources, strangers = find_sources(tmp_path)
    assert [(source.language, source.files) for source in sources] == [
        ("ha", tuple(shards)),
        ("ns", (dump,)),
        ("sw", (tmp_path / "swh_Latn.txt.zst",)),
    ]
    assert strangers == ["nno.txt: nn is not a code of CC-100; --language nn --input trains it"]
    ha = list(read_texts(sources[0].files))
    assert [text.paragraphs for text in ha] == [["daya", "biyu"], ["uku 0"], ["daya", "biyu"], ["uku 1"]]
    assert (ha[0].language, ha[0].bucket) == ("ha", "all")
    assert list(read_texts(sources[2].files)) == [Text(["moja", "mbili"]), Text(["tatu"])]


def test_of_an_article_the_opening_or_the_whole_is_taken(tmp_path: Path) -> None:
    dump = _dump(tmp_path / "swwiki-20240101-cirrussearch-content.json.gz")
    assert [text.paragraphs for text in read_texts([dump])] == [["Opening of A."]]
    assert [text.paragraphs for text in read_texts([dump], "whole")] == [["Opening of A. All the rest."], ["A list."]]


def test_two_texts_of_one_language_are_refused_and_so_is_a_folder_without_any(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no text"):
        find_sources(tmp_path)
    with pytest.raises(UserError, match="is not a directory"):
        find_sources(tmp_path / "nowhere")
    (tmp_path / "sw.txt").write_text("moja", encoding="utf-8")
    _shard(tmp_path / "sw" / "head-00000.jsonl.zst", "mbili")
    with pytest.raises(
        UserError, match=re.escape("sw.txt and sw/head-00000.jsonl.zst are both text of sw; remove one")
    ):
        find_sources(tmp_path)


def test_a_text_without_blank_lines_comes_in_parts(tmp_path: Path) -> None:
    (tmp_path / "sw.txt").write_text("a\nb\nc\n\nd\n", encoding="utf-8")
    assert [text.paragraphs for text in read_texts([tmp_path / "sw.txt"], most=2)] == [["a", "b"], ["c"], ["d"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"text": "a"}\nnot JSON\n', "head.jsonl.zst, line 2: not a line of a shard"),
        (b'{"text": 7}\n', "head.jsonl.zst, line 1: not a line of a shard"),
        (b"\xff\n", "head.jsonl.zst, line 1: byte 0xff is not UTF-8"),
    ],
)
def test_what_is_no_shard_is_named_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "head.jsonl.zst").write_bytes(zstandard.compress(content))
    with pytest.raises(UserError, match=re.escape(said)):
        list(read_texts([tmp_path / "head.jsonl.zst"]))


def test_a_paragraph_of_megabytes_is_counted_and_left_out(tmp_path: Path) -> None:
    documents = [["a b", "x" * (LONGEST_BYTES + 1)]] + [["c", "\0"]] * 50
    text = prepare(documents, str.lower, 0.0, tmp_path)
    assert (text.counts.documents, text.counts.paragraphs, text.counts.too_long) == (51, 101, 1)
    assert max(map(len, text.to_train.read_text(encoding="utf-8").split("\n"))) == 3


def test_held_out_is_every_tenth_document_or_paragraph(tmp_path: Path) -> None:
    many = [[f"{number} a", f"{number} b"] for number in range(200)]
    text = prepare(many, str.upper, 0.1, tmp_path)
    assert text.held_out.read_text(encoding="utf-8").startswith("9 a\n9 b\n\n19 a\n")
    assert text.counts.held_out == 40
    assert "9 A\n" not in text.to_train.read_text(encoding="utf-8").splitlines(keepends=True)
    few = prepare(many[:100], str.upper, 0.1, tmp_path)
    assert few.held_out.read_text(encoding="utf-8").startswith("4 b\n\n9 b\n\n")


def _named(number: int) -> str:
    return "paragraph " + str(number).translate(str.maketrans("0123456789", "abcdefghij"))  # digits are all alike


def test_a_sketch_tells_which_share_of_a_text_stands_in_another() -> None:
    sketch = Sketch()
    for number in range(0, 40_000, 2):
        sketch.add([_named(number)])
    encoded = sketch.encode()
    assert len(encoded) < 6000
    half = share_in(encoded, [[_named(number).upper()] for number in range(4000, 12_000)])
    none = share_in(encoded, [[_named(number)] for number in range(1, 8000, 2)])
    assert half is not None
    assert abs(half - 0.5) < 0.1
    assert none == 0
    assert share_in(encoded, [[_named(2)]]) is None
