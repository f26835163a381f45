"""Benchmarks: work that differs ends them, whatever it took; a simulated dump is counted and comes out whole."""

import argparse
import gzip
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ccnet_pipeline.frames import compressor

# The benchmarks are programs and not typed as a package.
bars: Any = importlib.import_module("benchmarks.bars")
comparison: Any = importlib.import_module("benchmarks.peers.comparison")
measuring: Any = importlib.import_module("benchmarks.measuring")
scale: Any = importlib.import_module("benchmarks.scale")


def _write_ours(output: Path, **changed: Any) -> None:
    document = {
        "id": "1", "text": "a\nb", "language": "zh-Hans", "language_score": 0.5, "perplexity": 7.5, "bucket": "head",
        "url": "http://a/", "domain": "a", "title": "t", "date": "", "dump": "", "segment": "s", "offset": 0,
        "digest": "sha1:A", "paragraph_ids": [0, 1], "original_paragraphs": 2, "original_characters": 3,
    }  # fmt: skip
    path = output / "shards" / "zh-Hans" / "head-00000.jsonl.zst"
    path.parent.mkdir(parents=True)
    path.write_bytes(compressor(3).compress(json.dumps(document | changed).encode() + b"\n"))


def _write_theirs(output: Path) -> None:
    document = {
        "raw_content": "a\n\nb", "language": "zh", "language_score": 0.5, "perplexity": 7.5, "bucket": "head",
        "url": "http://a/", "digest": "sha1:A",
    }  # fmt: skip
    output.mkdir()
    (output / "zh_head.json.gz").write_bytes(gzip.compress(json.dumps(document).encode() + b"\n"))


def test_a_document_is_the_same_but_for_blank_lines_and_the_script_of_chinese(tmp_path: Path) -> None:
    _write_ours(tmp_path / "ours")
    _write_theirs(tmp_path / "theirs")
    assert comparison.require_same_documents(tmp_path / "ours", tmp_path / "theirs") == 1


@pytest.mark.parametrize("changed", [{"text": "a\nc"}, {"perplexity": 7.6}, {"bucket": "middle"}])
def test_a_document_that_differs_ends_the_benchmark(tmp_path: Path, changed: dict[str, Any]) -> None:
    _write_ours(tmp_path / "ours", **changed)
    _write_theirs(tmp_path / "theirs")
    with pytest.raises(SystemExit, match="1 of 1 only here"):
        comparison.require_same_documents(tmp_path / "ours", tmp_path / "theirs")


def test_other_shards_end_the_benchmark(tmp_path: Path) -> None:
    _write_ours(tmp_path / "one")
    expected = measuring.shards_of(tmp_path / "one")
    measuring.require_same(expected, tmp_path / "one")
    _write_ours(tmp_path / "two", text="b")
    with pytest.raises(SystemExit, match="shards differ between runs: shards/zh-Hans/head"):
        measuring.require_same(expected, tmp_path / "two")


def test_other_counts_end_the_benchmark_however_fast_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [(measuring.Run(cpu_s, cpu_s, 1, 1, 1), measuring.Held(1, kept, 1)) for cpu_s, kept in ((9.0, 5), (1.0, 4))]
    monkeypatch.setattr(bars.inputs, "joined", lambda *_: [])
    monkeypatch.setattr(bars.Bench, "run", lambda *_, **__: runs.pop(0))
    setup = measuring.Setup([], [], tmp_path, tmp_path)
    bench = bars.Bench(setup, argparse.Namespace(repeat=1), tmp_path, Console())
    with pytest.raises(SystemExit, match="8 segments give 1 documents, 5 paragraphs, 128 1 documents, 4 paragraphs"):
        list(bars.page_bars(bench))


def test_the_exponent_of_a_line_is_one_and_of_a_square_two() -> None:
    assert scale.exponent([1, 10, 100], [7, 70, 700]) == 1
    assert scale.exponent([1, 10, 100], [7, 700, 70_000]) == 2
    assert scale.exponent([1, 10], [0, 1]) is None


def test_a_simulated_dump_goes_through_the_whole_graph_and_is_counted(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(scale.__file__)), "--one", "6", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts["GroupByKey Compact/GroupByBlock"]["elements"] == 6
    assert counts["storage, extract"]["writes"] == 4 * 6
    assert counts["storage, mine"]["writes"] == 2 * 6


def test_the_search_for_duplicates_alone_gives_right_answers(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(bars.dedup.__file__)), "--hashes", "500000", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["segments"] == 2
    assert figures["dropped"] == 2 * (100_000 + 150_000 // 50)
