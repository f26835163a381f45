"""What a program was measured with. Standard library alone: the programs compared run in environments of their own."""

import hashlib
import importlib
import importlib.metadata
from pathlib import Path


def sha256_of_module(name: str) -> str:
    """Return the sha256 of the file of a compiled module: two programs with the same one run the same build."""
    file = importlib.import_module(name).__file__
    return hashlib.sha256(Path(str(file)).read_bytes()).hexdigest()


def versions(*packages: str) -> dict[str, str]:
    """Return the version of each package that is installed."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
