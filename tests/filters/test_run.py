"""Filters in a run: the same bytes however it is executed, and one line where one fails."""

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from beam_jobs import job, verify
from beam_jobs.mine_segment import FilterPlaces
from beam_jobs.runners import execution
from beam_jobs.runners.worker_check import Checked, Installed
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.filters import Choice
from ccnet_pipeline.observations.reading import read_observations
from ccnet_pipeline.segments import Segment
from tests.test_build import build, result

MINE = "tests.filters.of_tests"
FLAGS = ("--keep_rejects", f"--filters={MINE}.with_g,{MINE}.odd")


def test_workers_and_repeated_bundles_change_no_byte(lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path / "one", lid, *FLAGS)
    expected = result(tmp_path / "one")
    assert any(path.endswith(f"{MINE}.with_g.g-00000.jsonl.zst") for path in expected)
    assert any(f"{MINE}.odd.paragraphs_" in path for path in expected)
    monkeypatch.setattr(execution, "_SMALL_INPUT_BYTES", 0)  # the sample would stay in one process
    for name, flag in (("three", "--workers=3"), ("twice", "--direct_runner_bundle_repeat=1")):
        build(tmp_path / name, lid, *FLAGS, flag)
        assert result(tmp_path / name) == expected
    assert verify.main([str(tmp_path / "one")]) == 0


def test_a_filter_that_fails_is_one_line_and_the_run_goes_on_without_what_it_fails_on(
    lid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [f"--output={tmp_path / 'out'}", f"--lid_model={lid}", "--workers=1", f"--filters={MINE}.raises"]
    assert job.main(command) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"build_cc100: --filters {MINE}.raises raised ValueError: no z, please (of_tests.py, line ")
    assert "; drop such documents with --on_filter_error drop, and the same command goes on; or mend it" in line
    # What is done is not done again: a run that does not fail has the same bytes either way.
    assert job.main([*command, "--on_filter_error=drop"]) == 0
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_bytes())
    assert ledger["records"]["dropped"][f"filter_error.{MINE}.raises"] > 3


def test_a_worker_with_another_version_of_a_filter_does_nothing() -> None:
    asked = FilterPlaces(choices=(Choice(f"{MINE}.with_g", "g 2"),), thresholds=None, on_error="drop")
    line = rf"^a worker has another --filters {MINE}\.with_g \(g 1, not g 2\); the workers' image"
    with pytest.raises(UserError, match=line):
        asked.judge()
    extracted: list[Segment] = []
    checked = Checked(extracted.append, Installed.here(), asked)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=line):  # on a cluster before its first segment
        checked(Segment(0, "s", "s", "", None))
    assert extracted == []


def test_what_is_noted_for_the_report_is_masked_too(lid: str, tmp_path: Path) -> None:
    address = "ann@example.org"
    for number in range(2):
        lines = [f"Title {number}", f"Write to {address} whenever you like.", "x " * 200]
        body = "\n".join(lines).encode()
        head = f"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with gzip.open(tmp_path / "a.warc.wet.gz", "ab") as file:
            file.write(head + body + b"\r\n\r\n")
    flags = ["--keep_rejects", "--mask=email", "--input", str(tmp_path / "a.warc.wet.gz")]
    build(tmp_path / "out", lid, *flags)
    observations = read_observations(str(tmp_path / "out"))
    assert observations is not None
    assert "Write to [mail] whenever you like." in [each.text for each in observations.repeated]
    for path in [each for each in (tmp_path / "out").rglob("*") if each.is_file()]:
        content = path.read_bytes()
        if path.suffix == ".zst":
            content = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True).read()
        assert address.encode() not in content
