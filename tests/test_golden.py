"""What cc_net was seen to do (ccnet_golden.json), done by ours; where we differ, a `test_divergence_...`.

Every case is put to the oracle as well: that is what the oracle's word is worth.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece

from ccnet_pipeline.archive import Record, read_archive
from ccnet_pipeline.characters.folding import PUNCTUATION
from ccnet_pipeline.dedup.duplicates import KEPT, Keep, collect, resolve, verdicts
from ccnet_pipeline.dedup.hashing import paragraph_hashes
from ccnet_pipeline.dedup.normal_form import for_dedup
from ccnet_pipeline.documents import Document
from ccnet_pipeline.fluency import (
    Cutoffs,
    FluencyModel,
    FluencyModels,
    ModelFiles,
    bucket_of,
    perplexity,
    read_cutoffs,
)
from ccnet_pipeline.fluency.normalize import for_lm_ccnet, for_lm_mended
from ccnet_pipeline.fluency.published import PUBLISHED_CUTOFFS
from ccnet_pipeline.mine import Miner
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.pages.wet import read_page
from ccnet_pipeline.recipe import CCNET
from tests import oracle
from tests.chunks import chunks_of
from tests.conftest import data_folder
from tests.lid_models import StandIn, identifier_of

GOLDEN = data_folder() / "ccnet_golden.json"
if not GOLDEN.is_file():
    pytest.skip(f"no {GOLDEN}: set CC100_TEST_DATA to the folder that holds it", allow_module_level=True)
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text("utf-8"))


def cases(name: str, *, without: str = "") -> list[Any]:
    """(input, output) of the function named so, else of those whose names start so; not those `without`."""
    exact = [case for case in CASES if case["function"] == name]
    found = exact or [case for case in CASES if case["function"].startswith(name)]
    kept = [case for case in found if not (without and without in case.get("note", ""))]
    assert kept, f"no case of {name}"
    return [pytest.param(case["input"], case["output"], id=str(number)) for number, case in enumerate(kept)]


def the_case(prefix: str, note: str) -> tuple[Any, Any]:
    """The one case of a function with such a note."""
    [case] = [c for c in CASES if c["function"].startswith(prefix) and note in c.get("note", "")]
    return case["input"], case["output"]


# --- text


@pytest.mark.parametrize(("text", "normal"), cases("text_normalizer.normalize_for_dedup"))
def test_normalize_for_dedup(text: str, normal: str) -> None:
    assert oracle.normalize_for_dedup(text) == normal
    assert for_dedup(text).replace("\n", "") == normal  # ours keeps line breaks, to take whole pages


@pytest.mark.parametrize(("text", "hashed"), cases("paragraph_hash"))
def test_paragraph_hash(text: str, hashed: dict[str, str]) -> None:
    assert oracle.normalize_for_dedup(text) == hashed["normalized"]
    assert oracle.paragraph_hash(text) == int(hashed["uint64_little_endian"])
    [ours] = paragraph_hashes([text])
    assert ours.tobytes().hex() == hashed["sha1_8_bytes_hex"]
    assert int(ours) == int(hashed["uint64_little_endian"])


@pytest.mark.parametrize(("text", "hashes"), cases("dedup.compute_hashes"))
def test_compute_hashes(text: str, hashes: list[str]) -> None:
    expected = [int(value) for value in hashes]
    assert [oracle.paragraph_hash(paragraph) for paragraph in text.split("\n")] == expected
    assert paragraph_hashes(text.split("\n")).tolist() == expected


@pytest.mark.parametrize(("text", "normal"), cases("text_normalizer.normalize"))
def test_lm_normalize(text: str, normal: str) -> None:
    assert oracle.normalize_for_lm_ccnet(text) == normal
    assert for_lm_ccnet(text) == normal


@pytest.mark.parametrize(("text", "normal"), cases("text_normalizer.normalize(accent=False"))
def test_lm_normalize_marks_and_controls_only(text: str, normal: str) -> None:
    assert oracle.normalize_for_lm_ccnet(text, accent=False, case=False, numbers=False) == normal
    # Ours has no such variant; its table of marks is the part that is in question.
    assert "".join(PUNCTUATION.get(char, char) for char in text) == normal


@pytest.mark.parametrize(("text", "stripped"), cases("text_normalizer.strip_accents"))
def test_strip_accents(text: str, stripped: str) -> None:
    assert oracle.strip_accents(text) == stripped
    assert for_lm_ccnet(text) == for_lm_ccnet(stripped)


@pytest.mark.parametrize(("text", "replaced"), cases("text_normalizer.replace_unicode_punct"))
def test_replace_punctuation(text: str, replaced: str) -> None:
    assert oracle.replace_punctuation(text) == replaced
    assert "".join(PUNCTUATION.get(char, char) for char in text) == replaced


@pytest.mark.parametrize(("text", "removed"), cases("text_normalizer.remove_unicode_punct"))
def test_remove_punctuation(text: str, removed: str) -> None:
    assert oracle.remove_punctuation(text) == removed
    assert for_dedup(text) == for_dedup(removed)


def test_punctuation_table() -> None:
    [case] = [case for case in CASES if case["function"] == "text_normalizer.UNICODE_PUNCT"]
    assert dict(PUNCTUATION) == case["output"] == oracle.PUNCTUATION
    assert len(PUNCTUATION) == 34


# --- duplicates


def keep_paragraphs(shards: Sequence[Sequence[str]], keep: Keep) -> list[list[list[int]]]:
    """Numbers of the paragraphs that stay, by shard and document; one scope."""
    texts = [[text.split("\n") for text in shard] for shard in shards]
    tables = [
        collect(paragraph_hashes([p for text in shard for p in text]), [len(text) for text in shard]) for shard in texts
    ]
    answers = resolve([(table.unique, table.in_several) for table in tables], keep)
    kept = []
    for shard, table, answer in zip(texts, tables, answers, strict=True):
        flags = verdicts(table.paragraphs, answer) == KEPT
        ends = np.cumsum([len(text) for text in shard])[:-1]
        kept.append([np.flatnonzero(part).tolist() for part in np.split(flags, ends)])
    return kept


def oracle_keep_paragraphs(shards: Sequence[Sequence[str]], keep: Keep) -> list[list[list[int]]]:
    pages = [[oracle_page(text) for text in shard] for shard in shards]
    oracle.drop_duplicates([page for shard in pages for page in shard], keep)
    return [[page.kept() for page in shard] for shard in pages]


def oracle_page(text: str) -> oracle.Page:
    page = oracle.Page(0, oracle.Record(0, "conversion", {}, b""))
    page.paragraphs = text.split("\n")
    page.fate = [None] * len(page.paragraphs)
    return page


def golden_ids(documents: list[dict[str, Any] | None]) -> list[list[int]]:
    return [document["line_ids"] if document else [] for document in documents]


BLANKS_IN_ONE = "empty lines: several in a single doc only"


@pytest.mark.parametrize(("documents", "left"), cases("dedup two-pass", without=BLANKS_IN_ONE))
def test_two_pass_dedup(documents: list[dict[str, Any]], left: list[dict[str, Any] | None]) -> None:
    texts = [document["raw_content"] for document in documents]
    assert oracle_keep_paragraphs([texts], "none") == [golden_ids(left)]
    assert keep_paragraphs([texts], "none") == [golden_ids(left)]


def test_divergence_blank_paragraphs_never_stay() -> None:
    """cc_net keeps the first blank line of a document where no other has one; a shard has none."""
    documents, left = the_case("dedup two-pass", BLANKS_IN_ONE)
    texts = [document["raw_content"] for document in documents]
    assert golden_ids(left) == [[0, 1, 2, 4], [0]]
    assert keep_paragraphs([texts], "none") == [golden_ids(left)]  # the comparison itself is cc_net's
    assert oracle_keep_paragraphs([texts], "none") == [[[0, 2, 4], [0]]]
    [document] = mine(StandIn(lambda _: [("en", 1.0)]), texts[0])
    assert document.paragraph_ids == [0, 2, 4]


@pytest.mark.parametrize(("documents", "left"), cases("dedup.deduplicate"))
def test_one_pass_dedup_keeps_the_first(documents: list[dict[str, Any]], left: list[dict[str, Any] | None]) -> None:
    texts = [document["raw_content"] for document in documents]
    assert oracle_keep_paragraphs([texts], "first") == [golden_ids(left)]
    assert keep_paragraphs([texts], "first") == [golden_ids(left)]


@pytest.mark.parametrize(("given", "left"), cases("dedup with a group"))
def test_group_dedup(given: dict[str, Any], left: dict[str, list[dict[str, Any] | None]]) -> None:
    shards = [[document["raw_content"] for document in given["shards"][number]] for number in given["group"]]
    expected = [golden_ids(left[str(number)]) for number in given["group"]]
    assert oracle_keep_paragraphs(shards, "none") == expected
    assert keep_paragraphs(shards, "none") == expected


@pytest.mark.parametrize(("given", "groups"), cases("hash groups"))
def test_groups_of_segments(given: dict[str, int], groups: list[list[int]]) -> None:
    size, count = given["hash_in_mem"], given["n_shards"]
    assert [list(scope) for scope in oracle.scopes(count, size)] == groups
    recipe = dataclasses.replace(CCNET, dedup_scope=f"group:{size}")
    ours = [recipe.scope_of(number) for number in range(count)]
    assert ours == [number for number, group in enumerate(groups) for _ in group]


# --- reading


def pages_of(text: str, min_chars: int) -> list[Page]:
    items = read_archive(io.BytesIO(text.encode()), max_record_bytes=1 << 20)
    records = [item for item in items if isinstance(item, Record) and item.type == "conversion"]
    return [read_page(record, "segment", min_chars=min_chars) for record in records]


def assert_documents(text: str, min_chars: int, expected: list[dict[str, Any]]) -> None:
    """The pages of a WET text are the documents of cc_net, title and inner blank lines included."""
    settings = oracle.Settings(min_chars=min_chars)
    told = [oracle.read_page(0, record, settings) for record in oracle.records_of(text.encode())]
    assert [(p.record.headers["warc-target-uri"], p.title, "\n".join(p.paragraphs)) for p in told if not p.reason] == [
        (document["url"], document["title"], document["raw_content"]) for document in expected
    ]
    pages = [page for page in pages_of(text, min_chars) if page.reason is None]
    assert [(p.url, p.date, p.digest, p.title, p.text) for p in pages] == [
        (d["url"], d["date_download"], d["digest"], d["title"], d["raw_content"]) for d in expected
    ]
    for page, document in zip(pages, expected, strict=True):
        assert len(page.paragraphs(title_is_paragraph=False)) == document["nlines"]


FRAMED = [
    case for case in cases("process_wet_file.parse_warc_file", without="WARC/1.0") if "file" not in case.values[0]
]


@pytest.mark.parametrize(("given", "documents"), FRAMED)
def test_parse_wet(given: dict[str, Any], documents: list[dict[str, Any]]) -> None:
    assert_documents(given["text"], given["min_len"], documents)


def with_true_lengths(text: str) -> str:
    """A WET text with each Content-Length set to what lies between its header and the next record."""
    records = []
    for record in text.split("WARC/1.0\n")[1:]:
        header, _, body = record.partition("\n\n")
        body = body.removesuffix("\n\n")
        fields = [line for line in header.split("\n") if not line.startswith("Content-Length:")]
        fields.append(f"Content-Length: {len(body.encode())}")
        records.append("WARC/1.0\n" + "\n".join(fields) + "\n\n" + body + "\n\n")
    return "".join(records)


def test_parse_wet_sample_of_cc_net() -> None:
    """cc_net's own sample states wrong lengths, which cc_net never looks at; put right, it reads the same."""
    [(given, documents)] = [
        (case["input"], case["output"])
        for case in CASES
        if "parse_warc" in case["function"] and "file" in case["input"]
    ]
    assert_documents(with_true_lengths(given["text"]), given.get("min_len", 1), documents)


def test_divergence_wrong_content_length_is_damage() -> None:
    """Where Content-Length lies we report damage, and read no text that is not there."""
    [given] = [c["input"] for c in CASES if "parse_warc" in c["function"] and "file" in c["input"]]
    items = list(read_archive(io.BytesIO(given["text"].encode()), max_record_bytes=1 << 20))
    assert any(not isinstance(item, Record) for item in items)
    for page in pages_of(given["text"], 0):
        assert page.text.rstrip("\n") in given["text"]


def test_divergence_warc_line_in_a_body_stays_text() -> None:
    """cc_net splits a record at a line `WARC/1.0`; Content-Length says that it belongs to the page."""
    given, documents = the_case("process_wet_file.parse_warc_file", "body containing the line WARC/1.0")
    assert [document["raw_content"] for document in documents] == ["a"]
    assert [page.text for page in pages_of(given["text"], 1)] == ["a\nWARC/1.0\nb\n"]


def wet(body: str, uri: str = "http://example.com/", more: str = "") -> str:
    return (
        f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: {uri}\r\nWARC-Date: 2021-08-01T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:1>\r\nWARC-Refers-To: <urn:uuid:2>\r\nWARC-Block-Digest: sha1:X\r\n{more}"
        f"Content-Type: text/plain\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}\r\n\r\n"
    )


def test_divergence_language_header_loses_nothing() -> None:
    """cc_net reads headers by position and so loses every page of the dumps after 2020."""
    [page] = pages_of(wet("title\nline\n", more="WARC-Identified-Content-Language: eng\r\n"), 1)
    assert (page.title, page.text, page.reason) == ("title", "line", None)


def test_divergence_url_with_a_blank_is_whole() -> None:
    [page] = pages_of(wet("title\nline\n", uri="http://example.com/a b c"), 1)
    assert page.url == "http://example.com/a b c"


@pytest.mark.parametrize("body", ["", "\n", "\n\n\n", " \r\n\u00a0\n"])
def test_divergence_blank_body_is_counted(body: str) -> None:
    """A body of exactly one blank line makes cc_net raise IndexError."""
    [page] = pages_of(wet(body), 1)
    assert page.reason == "empty"
    assert page.paragraphs(title_is_paragraph=True) == []


# --- language


def mine(model: StandIn, text: str) -> list[Document]:
    """Documents of one page in preset ccnet, none of its paragraphs a duplicate."""
    miner = Miner("segment", "CC-MAIN-2018-51", CCNET, identifier_of(model, CCNET), FluencyModels(None, "ccnet"))
    page = Page(id="1", url="", date="", digest="", offset=0, title="", lines=text.split("\n"))
    table = collect(paragraph_hashes(text.split("\n")), [text.count("\n") + 1])
    return list(miner.mine(chunks_of(CCNET, [page]), verdicts(table.paragraphs, np.ones(len(table.unique), np.bool_))))


@pytest.mark.parametrize(("given", "result"), cases("split_by_lang.Classifier"))
def test_language_step(given: dict[str, Any], result: dict[str, Any]) -> None:
    model = StandIn(lambda _: [tuple(given["model_returns"])])
    documents = mine(model, given["raw_content"])
    assert "".join(model.shown) == result["text_seen_by_model"]
    expected = result["doc"] and (
        # The blank last line is ours to drop: see test_divergence_blank_paragraphs_never_stay.
        result["doc"]["raw_content"].rstrip("\n"),
        result["doc"]["language"],
        result["doc"]["language_score"],
    )
    assert [(d.text, d.language, d.language_score) for d in documents] == ([expected] if expected else [])


@pytest.mark.parametrize(("score", "kept"), [(0.494, False), (0.4949, False), (0.495, True), (0.4951, True)])
def test_language_score_is_rounded_before_the_threshold(score: float, kept: bool) -> None:
    assert bool(mine(StandIn(lambda _: [("fr", score)]), "Bonjour")) is kept
    assert (oracle.rounded(score) >= 0.5) is kept


# --- fluency


@pytest.mark.parametrize(("given", "value"), cases("perplexity.pp"))
def test_perplexity(given: dict[str, Any], value: float) -> None:
    assert oracle.perplexity(given["log10_score"], given["length"]) == value
    assert perplexity(given["log10_score"], given["length"]) == value


class SplitAtBlanks:
    """Stands in for SentencePiece where the text is pieces already."""

    def __init__(self, **_: object) -> None: ...

    def vocab_size(self) -> int:
        return 0

    def encode(self, line: str, **_: object) -> list[bytes]:
        return line.encode().split()


@pytest.mark.parametrize(("given", "result"), cases("perplexity.DocLM"))
def test_document_perplexity(
    given: dict[str, str], result: dict[str, Any], test_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given["language"] != "en":  # no model
        assert "perplexity" not in result
        assert FluencyModels(None, "ccnet").get(given["language"]) is None
        return
    monkeypatch.setattr(sentencepiece, "SentencePieceProcessor", SplitAtBlanks)
    files = ModelFiles(Path("no.sp.model"), test_data / "tiny.en.arpa", Cutoffs(340, 520, "mended"))
    model = FluencyModel(files, "mended")
    assert model.perplexity(given["tokenized"].split("\n")) == result.get("perplexity")


def test_published_cutoffs() -> None:
    [case] = [case for case in CASES if case["function"].startswith("PerplexityBucket cutoffs")]
    ours = read_cutoffs(PUBLISHED_CUTOFFS)
    assert {language: [c.head, c.middle] for language, c in ours.items()} == case["output"]
    assert len(ours) == 48


@pytest.mark.parametrize(("given", "bucket"), cases("PerplexityBucket.get_bucket"))
def test_bucket(given: dict[str, Any], bucket: str) -> None:
    cutoffs = read_cutoffs(PUBLISHED_CUTOFFS).get(given["language"])
    value = given.get("perplexity")
    assert oracle.bucket_of(value, (cutoffs.head, cutoffs.middle) if cutoffs else None) == bucket
    assert bucket_of(value, cutoffs) == bucket


# --- the mended form


def test_divergence_mended_form_keeps_lines_and_marks_on_letters() -> None:
    """cc_net's form glues words at line breaks and destroys vowel signs and tones; not the mended one."""
    text = "हिन्दी में\nTiếng Việt １"
    assert for_lm_ccnet(text) == oracle.normalize_for_lm_ccnet(text)
    assert "म\u0947" not in for_lm_ccnet(text)
    assert for_lm_mended(text) == "हिन्दी में tiếng việt 0"
