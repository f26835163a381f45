"""What report.html shows of a run, whatever there is of it."""

from pathlib import Path

import pytest

from ccnet_pipeline.report import write_report
from ccnet_pipeline.report.__main__ import main
from tests.report import runs


def page(folder: Path) -> str:
    return Path(write_report(str(folder))).read_text(encoding="utf-8")


def test_the_report_says_what_was_kept(tmp_path: Path) -> None:
    text = page(runs.a_run(tmp_path))
    for said in (
        "CC-MAIN-2026-04",
        "English",
        "Persian",
        "bucket_tail",
        "Accept all cookies",
        "example.org",
        "lid.176.ftz",
    ):
        assert said in text


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    assert page(runs.a_run(tmp_path / "a")) == page(runs.a_run(tmp_path / "b"))


def test_what_is_no_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none")]) == 2
    assert "is no run directory: it has no run.json" in capsys.readouterr().err
