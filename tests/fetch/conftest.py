"""Tests of fetching see no files of settings of whoever runs them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ccnet_pipeline.fetch import patient_body
from tests.fetch.reading import FAST


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """`hasty()`: the clock by which bodies are slow goes on by half a time-out whenever somebody looks at it.

    That is when a read begins, and after each piece that is too small.
    """

    def begin() -> None:
        ticks = itertools.count(step=FAST.read_timeout_s / 2)
        monkeypatch.setattr(patient_body, "time", SimpleNamespace(monotonic=lambda: next(ticks)))

    return begin


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """An empty folder to be served."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    return folder
