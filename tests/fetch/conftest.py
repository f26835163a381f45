"""Tests of fetching see no credentials, proxies or settings of whoever runs them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PREFIXES = ("AWS_", "GOOGLE_", "STORAGE_EMULATOR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in list(os.environ):
        if name.upper().startswith(PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """An empty folder to be served."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    return folder
