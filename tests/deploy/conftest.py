"""Programs that only the tests of deploy/ want: an Airflow 2, an Airflow 3, and what knows Kubernetes and Terraform."""

import os
import shutil
import sys
from pathlib import Path

import pytest

# They are run by other Pythons.
collect_ignore = ["airflow_probe.py", "google_provider.py", "kubernetes_probe.py"]


def tool(name: str, *, for_module: bool = False) -> Path:
    """The Python of one of the environments of `make deploy-test`; skips without it."""
    python = Path(os.environ.get("CC100_DEPLOY_TOOLS", sys.prefix)) / name / "bin" / "python"
    if not python.is_file():
        pytest.skip(f"no {python}: make deploy-test installs it", allow_module_level=for_module)
    return python


def program(name: str) -> str:
    """A program of this machine; skips without it."""
    if shutil.which(name) is None:
        pytest.skip(f"no {name} on this machine")
    return name
