"""benchmarks/gpu.sh: a step that fails is said and is the exit status; and all of it runs without a GPU."""

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT

collect: Any = importlib.import_module("benchmarks.gpu.collect")
SCRIPT = CHECKOUT / "benchmarks" / "gpu.sh"
# Stands for Python: no CUDA, two steps that fail, the others do nothing; what it all comes to is found out in earnest.
STUB = f"""#!/bin/sh
case "$*" in
  *is_available*) exit 1 ;;
  *collect.py*) exec {sys.executable} "$@" ;;
  *no_memory.py*) echo "no line that says it"; exit 3 ;;
  *two_ranks.py*) kill -9 $$ ;;
  *) echo fine ;;
esac
"""


def script(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(SCRIPT), *map(str, arguments)]
    variables = {**os.environ, "CUDA_VISIBLE_DEVICES": "", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)


def stub(folder: Path) -> str:
    path = folder / "python"
    path.write_text(STUB)
    path.chmod(0o755)
    return str(path)


def test_a_step_that_fails_is_said_and_the_others_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = script(tmp_path, out, PYTHON=stub(tmp_path))
    assert done.returncode == 1
    said = {line.split()[1]: line for line in done.stdout.splitlines() if line.startswith(("PASS", "FAIL"))}
    assert [name for name, line in said.items() if line.startswith("FAIL")] == ["two-ranks", "no-memory"]
    assert said["no-memory"].endswith("status 3): no line that says it")
    assert said["fill_mask"].endswith("status 0): fine")
    results = json.loads((out / "results.json").read_text())
    assert not results["passed"]
    ended = {step["name"]: step["status"] for step in results["steps"]}
    assert ended.keys() == said.keys()
    assert (ended["tiny"], ended["two-ranks"], ended["no-memory"]) == (0, 137, 3)


def test_chosen_steps_run_alone(tmp_path: Path) -> None:
    python = stub(tmp_path)
    done = script(tmp_path, tmp_path / "one", "attention", "loss", PYTHON=python)
    assert done.returncode == 0
    assert sorted(line.split()[1] for line in done.stdout.splitlines()[:-1]) == ["attention", "loss"]


def test_mistakes_are_said_before_any_step(tmp_path: Path) -> None:
    out, python = tmp_path / "out", stub(tmp_path)
    for arguments, named in (
        ((), "benchmarks/gpu.sh cc100-sample/shards OUT"),
        ((tmp_path / "nowhere", out), "nowhere: No such file or directory"),
        ((tmp_path, out, "loss", "los"), "no step los; there are versions attention tests"),
    ):
        done = script(*arguments, PYTHON=python)
        assert (done.returncode, done.stdout) == (2, "")
        assert named in done.stderr
    assert "false has no torch; PYTHON names one that has" in script(tmp_path, out, PYTHON="false").stderr
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    importlib.util.find_spec("accelerate") is None, reason="no accelerate here: pip install -e '.[bench]'"
)
def test_all_of_it_runs_on_a_cpu(built_sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = script(built_sample / "shards", out, PYTHON=sys.executable)
    assert done.returncode == 0, done.stdout
    results = json.loads((out / "results.json").read_text())
    figures = {step["name"]: step["figures"] for step in results["steps"]}
    assert set(figures["attention"]) == {"0.0", "0.1", "0.125"}
    assert "linear" in figures["base"]["rows"][0]["results"][0]["profile"]
    assert [row["job"]["program"] for row in figures["trainer"]["rows"]] == ["ours", "Trainer", "Trainer-masked"]
    assert results["goals"] == []  # of a GPU


def test_goals_are_judged_on_the_recipe_as_published() -> None:
    def row(
        program: str, speed: float, mfu: float | None, dropout: float = 0.1, device: str = "cuda"
    ) -> dict[str, Any]:
        job = {"program": program, "attention_dropout": dropout, "precision": "bf16", "device": device}
        return {"job": job, "tokens_per_second": speed, "mfu": mfu, "results": [{"loader_wait": 0.002}]}

    rows = [row("ours", 400.0, 0.44), row("ours", 450.0, 0.5, dropout=0.0), row("ours", 300.0, 0.3)]
    rows += [row("Trainer", 100.0, 0.1), row("Trainer-masked", 320.0, 0.3), row("ours", 9.0, None, device="cpu")]
    found = [(figure, met) for _, figure, met in collect.goals(rows)]
    assert found == [(0.44, False), (0.002, True), (4.0, True), (1.25, False)]
