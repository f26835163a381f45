"""benchmarks/pretrain.py: a missing library is one line before any work, a failed measurement no success."""

import importlib
import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest

pretrain: Any = importlib.import_module("benchmarks.pretrain")


def test_a_library_that_is_missing_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert pretrain.main(["--size=tiny"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert line == (
        "pretrain: no transformers and no accelerate here: pip install -e '.[bench]', or give --programs ours"
    )


def test_a_failure_leaves_the_table_whole_and_no_status_of_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(job: Any) -> Any:
        failure = "a line of an error that is far too long for a cell of a table, " * 3 if job.batch == 2 else None
        speed = math.nan if failure else 1000.0
        return pretrain.Result(
            tokens_per_second=speed, loader_wait=0.0, peak_bytes=1 << 20, first_loss=math.log(8_002), parameters=9,
            failure=failure,
        )  # fmt: skip

    monkeypatch.setattr(pretrain, "_measure_apart", measure)
    monkeypatch.setattr(pretrain, "_cpu_peak", lambda _: 1e12)
    assert pretrain.main(["--size=tiny", "--device=cpu", "--programs=ours", "--batch_sizes", "1", "2"]) == 1
    said = capsys.readouterr()
    for heading in ("text", "program", "mode", "batch", "tokens/s", "MFU", "ours / Trainer"):
        assert heading in said.out
    rows = [line.split() for line in said.out.splitlines() if line.strip().startswith("synthetic")]
    assert rows[0][:5] == ["synthetic", "ours", "eager", "1", "1,000"]
    assert rows[1] == ["synthetic", "ours", "eager", "2", "failed"]
    assert "ours, batch 2: a line of an error" in said.err


def test_no_benchmark_hides_a_library_from_what_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Imported first by the process that measures; it tells what the name of benchmarks/kernels.py stands for there.
    library = "import importlib.util, sys\nsys.exit(f'kernels: {importlib.util.find_spec(\"kernels\")}')\n"
    (tmp_path / "numpy.py").write_text(library)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    [job] = pretrain._jobs(pretrain._parser().parse_args(["--programs=Trainer", "--device=cpu"]))
    said = pretrain._measure_apart(job).failure
    assert said.startswith("kernels: ")
    assert "benchmarks" not in said
