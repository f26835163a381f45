"""Tests of fetching see no files of settings of whoever runs them."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """An empty folder to be served."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    return folder
