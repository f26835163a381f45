"""Whole archives: a generated crawl against its truth, and what the wild has."""

from __future__ import annotations

import gzip
import html
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zstandard

from ccnet_pipeline.archive import Record, read_archive
from ccnet_pipeline.language import FastTextModel
from ccnet_pipeline.web import WebResult
from ccnet_pipeline.web.http import join_chunks, parse_response
from tests.web.messages import reader

# The names that the model has for what the generator calls otherwise.
_LABELS = {"zh-Hans": "zh", "zh-Hant": "zh"}
_TAG = re.compile(r"<[^>]*>")
# Written alike: what one is called the model cannot always tell from some sentences.
_ALIKE = [{"bs", "hr", "sr", "sh"}, {"id", "ms"}, {"no", "nn", "da"}, {"gl", "pt", "es"}]


def responses(path: Path) -> Iterator[Record]:
    with path.open("rb") as stream:
        for item in read_archive(stream):
            if isinstance(item, Record) and item.type == "response" and not item.oversized:
                yield item


@dataclass(frozen=True)
class Case:
    record: Record
    result: WebResult
    truth: dict[str, Any]


@pytest.fixture(scope="module")
def cases(generated_crawl: Callable[..., Path]) -> list[Case]:
    folder = generated_crawl(kind="warc", files=1, records_per_file=1500)
    with (folder / "truth.jsonl.zst").open("rb") as packed:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed), encoding="utf-8")
        truth = {row["record_id"]: row for row in map(json.loads, lines)}
    (archive,) = folder.rglob("*.warc.gz")
    given_reader = reader(max_record_bytes=16 << 20)
    return [
        Case(record, given_reader.read(record, "s"), truth[record.headers["warc-record-id"]])
        for record in responses(archive)
    ]


def test_what_is_no_page_is_dropped_for_its_reason(cases: list[Case]) -> None:
    reasons = Counter((case.truth["kind"], case.result.reason) for case in cases)
    others = {"http_404": "http_status", "http_301": "http_status", "non_html": "not_html"}
    for kind, reason in others.items():
        assert reasons[kind, reason] > 10
    assert all(reason == others.get(kind) for kind, reason in reasons), reasons
    assert not any(case.result.defects for case in cases)


def test_empty_pages(cases: list[Case]) -> None:
    for case in cases:
        if case.result.page is not None:
            assert (case.result.page.reason == "empty") == (case.truth["kind"] == "empty")


def test_language_of_the_main_text(cases: list[Case], lid_model: Path) -> None:
    model = FastTextModel(lid_model)
    right: dict[bool, list[bool]] = {True: [], False: []}
    for case in cases:
        truth, page = case.truth, case.result.page
        label = _LABELS.get(truth["lang"], truth["lang"])
        if not truth["kind"].startswith("article") or label not in model.labels():
            continue
        found = model.top([page.text.replace("\n", " ")], 1)[0][0][0] if page else ""
        declared = truth["declared"] in ("header", "meta", "both")
        right[declared].append(found == label or any({found, label} <= alike for alike in _ALIKE))
    assert len(right[True]) > 500
    assert len(right[False]) > 30
    assert sum(right[True]) / len(right[True]) >= 0.99
    assert sum(right[False]) / len(right[False]) >= 0.95


def lines_of(case: Case) -> tuple[set[str], set[str]]:
    """The lines that the generator put into <main>, and all lines: its pages are simple enough to see them."""
    response = parse_response(case.record.body)
    assert response is not None
    body = join_chunks(response.body)[0] if case.truth["coding"].endswith("chunked") else response.body
    body = gzip.decompress(body) if case.truth["coding"].startswith("gzip") else body
    markup = body.decode(case.truth["charset"])
    main = markup.partition("<main>")[2].partition("</main>")[0]
    both = (
        {" ".join(html.unescape(_TAG.sub("", line)).split()) for line in part.split("\n")} for part in (main, markup)
    )
    found, everything = both
    return found - {""}, everything


def test_text_of_the_main_content(cases: list[Case]) -> None:
    found = wanted = foreign = given = 0
    for case in cases:
        page = case.result.page
        if page is None or not case.truth["kind"].startswith("article") or case.truth["declared"] == "wrong":
            continue
        main, everything = lines_of(case)
        assert page.title in everything
        text = {" ".join(line.split()) for line in page.text.split("\n")}
        found, wanted = found + len(text & main), wanted + len(main - {page.title})
        foreign, given = foreign + len(text - everything), given + len(text)
    assert wanted > 3000
    assert found / wanted > 0.99
    assert foreign / given < 0.001


def test_archives_from_the_wild(test_data: Path) -> None:
    reasons: Counter[str | None] = Counter()
    given_reader = reader(max_record_bytes=16 << 20)
    paths = [*test_data.glob("commoncrawl/**/*.warc.gz"), *test_data.glob("warc_defects/*.warc*")]
    for path in sorted(paths):
        for record in responses(path):
            result = given_reader.read(record, path.name)
            reasons[result.reason] += 1
            if "commoncrawl" in path.parts and result.page is not None:
                assert result.page.text, (path, result.page.url)
                assert result.page.text.count("\ufffd") < 0.001 * len(result.page.text)
    assert reasons[None] > 50
    assert set(reasons) <= {None, "http_status", "not_html", "not_http", "opt_out_robots_meta"}, reasons
