"""cutoffs.csv, and the cut-offs that cc_net published."""

from __future__ import annotations

import fcntl
import json
import threading
from pathlib import Path

import pytest

from ccnet_pipeline.fluency import Cutoffs, read_cutoffs, write_cutoffs
from ccnet_pipeline.fluency.__main__ import main
from ccnet_pipeline.fluency.published import PUBLISHED_CUTOFFS
from tests.moments import PATIENCE_S


def test_published_cutoffs_are_those_of_cc_net(test_data: Path, tmp_path: Path) -> None:
    cases = json.loads((test_data / "ccnet_golden.json").read_text(encoding="utf-8"))
    [golden] = [case["output"] for case in cases if case["function"].startswith("PerplexityBucket cutoffs")]
    assert len(golden) == 48
    assert main(["fetch", "--cutoffs", f"--output={tmp_path}"]) == 0
    assert read_cutoffs(tmp_path / "cutoffs.csv") == {
        language: Cutoffs(head, middle, "ccnet") for language, (head, middle) in golden.items()
    }
    assert (tmp_path / "cutoffs.csv").read_bytes() == PUBLISHED_CUTOFFS.read_bytes()


def test_cutoffs_as_a_spreadsheet_writes_them(tmp_path: Path) -> None:
    (tmp_path / "cutoffs.csv").write_bytes(b"\xef\xbb\xbflanguage,head,middle\r\nsw,1.5,2\r\n")
    assert read_cutoffs(tmp_path / "cutoffs.csv") == {"sw": Cutoffs(1.5, 2)}


def test_rows_of_other_languages_stay(tmp_path: Path) -> None:
    write_cutoffs(tmp_path, {"sw": Cutoffs(120.5, 1234567.8, "mended")})
    write_cutoffs(tmp_path, {"en": Cutoffs(340, 520), "sw": Cutoffs(1.5, 2)})
    write_cutoffs(tmp_path, {"ar": Cutoffs(1234567.8, 12345678.9, "ccnet")})
    assert (tmp_path / "cutoffs.csv").read_text(encoding="utf-8") == (
        "language,head,middle,normalization\nar,1234567.8,12345678.9,ccnet\nen,340,520,\nsw,1.5,2,\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["cutoffs.csv"]


def test_of_two_commands_that_write_at_a_time_neither_loses_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one begins when the first has read the file, and ends, or waits, before it is written."""
    at_lock_or_end = threading.Event()

    def flock(file: int, operation: int) -> None:
        if threading.current_thread() is second:
            at_lock_or_end.set()
        real_flock(file, operation)

    def write_second() -> None:
        write_cutoffs(tmp_path, {"sw": Cutoffs(1, 2)})
        at_lock_or_end.set()

    def read(path: Path) -> dict[str, Cutoffs]:
        rows = read_cutoffs(path)
        if threading.current_thread() is not second:
            second.start()
            assert at_lock_or_end.wait(PATIENCE_S)
        return rows

    second, real_flock = threading.Thread(target=write_second), fcntl.flock
    write_cutoffs(tmp_path, {"ar": Cutoffs(3, 4)})
    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr("ccnet_pipeline.fluency.buckets.read_cutoffs", read)
    write_cutoffs(tmp_path, {"en": Cutoffs(5, 6)})
    second.join()
    assert list(read_cutoffs(tmp_path / "cutoffs.csv")) == ["ar", "en", "sw"]
