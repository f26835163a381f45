"""What the tests share: test data, models, generated crawls. Nothing here reaches the network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """$CC100_TEST_DATA, by default ../shared/data beside the checkout; the folder may be missing."""
    given = os.environ.get("CC100_TEST_DATA")
    return Path(given).resolve() if given else CHECKOUT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of the shared test data; skips without it."""
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}: set CC100_TEST_DATA to the folder with ccnet_golden.json")
    return folder


@pytest.fixture(scope="session")
def lid_model(test_data: Path) -> Path:
    """lid.176.ftz, fastText's language identification."""
    path = test_data.parent / "models" / "lid.176.ftz"
    if not path.is_file():
        pytest.skip(f"no language model at {path}: put lid.176.ftz beside the test data")
    return path


@pytest.fixture(scope="session")
def generated_crawl(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`generated_crawl(files=2, records_per_file=250)`: a made-up crawl; one a session and set of options."""
    tool = test_data.parent / "tools" / "make_crawl.py"
    made: dict[tuple[str, ...], Path] = {}

    def make(**options: object) -> Path:
        flags = tuple(f"--{name.replace('_', '-')}={value}" for name, value in sorted(options.items()))
        if flags not in made:
            if not tool.is_file():
                pytest.skip(f"no crawl generator at {tool}")
            folder = tmp_path_factory.mktemp("crawl")
            command = [sys.executable, str(tool), "--out", str(folder), *flags]
            subprocess.run(command, check=True, capture_output=True, timeout=600)
            made[flags] = folder
        return made[flags]

    return make
