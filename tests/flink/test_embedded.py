"""Flink in one process of Java that Beam starts: the translation of the graph, without a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.flink.conftest import Driver, shards_of


def test_the_sample_is_the_same_on_flink(
    drive: Callable[..., Driver], built_here: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    status, printed = drive(output, by="here").ended()
    assert status == 0, printed
    assert shards_of(output) == built_here()
    run: dict[str, Any] = json.loads((output / "run.json").read_text())
    assert run["engine"]["runner"] == "FlinkRunner"
    assert not (output / "job.json").exists()
