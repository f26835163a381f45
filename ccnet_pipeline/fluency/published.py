"""The fluency models that cc_net published: which there are, and how they come here.

A language has two files, `<language>.sp.model` and `<language>.arpa.bin`, in one place on the web; its cut-offs come
with this package. A file is fetched whole beside its final name, goes on where an earlier command was broken off, and
gets its name when the model has been loaded.
"""

import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fetch import FetchPolicy, is_remote, open_archive, shown
from ccnet_pipeline.fetch.cache import entry_path
from ccnet_pipeline.fluency import (
    CUTOFFS_FILE,
    NGRAMS,
    PIECES,
    Cutoffs,
    FluencyModel,
    ModelFiles,
    languages_of_model,
    read_cutoffs,
    write_cutoffs,
)

PUBLISHED_CUTOFFS = Path(__file__).with_name("published_cutoffs.csv")
PLACE = "https://dl.fbaipublicfiles.com/cc_net/lm/"
_SUFFIXES = (PIECES, NGRAMS[0])
_FETCHED = ".fetched"  # folder for what has come so far
_log = logging.getLogger(__name__)


def published_cutoffs() -> dict[str, Cutoffs]:
    """Return the cut-offs of all published models, by their names."""
    return read_cutoffs(PUBLISHED_CUTOFFS)


def write_published_cutoffs(directory: Path) -> list[str]:
    """Write the cut-offs of all published models beside them; return the names of models that are somebody's own.

    What is in the directory under the name of a published model, with other cut-offs, is another model and keeps them.
    """
    rows = published_cutoffs()
    own = [name for name in rows if _is_another(name, directory)]
    write_cutoffs(directory, {name: row for name, row in rows.items() if name not in own})
    return own


def fetch_models(languages: Sequence[str], directory: Path, place: str, policy: FetchPolicy) -> Iterator[str]:
    """Fetch the models of some languages, as far as they are not there; yield what was done, a line a model.

    Args:
        languages: CC-100 codes.
        directory: of the models; their cut-offs are written there, too.
        place: URL of the folder that has the files.
        policy: how they are fetched.

    Raises:
        UserError: no such model, another model in its place, no room.
        FetchError: a file cannot be had.
    """
    if not is_remote(place):
        raise UserError(f"--from {place}: want the URL of a folder (http, https, s3, gs)")
    names = [_name_of(language) for language in languages]
    for name in names:
        if _is_another(name, directory):
            raise UserError(
                f"{directory} holds another model of {name}: {CUTOFFS_FILE} has other cut-offs; give another --output"
            )
    for name in dict.fromkeys(names):
        yield _fetch_model(name, directory, f"{place.rstrip('/')}/", policy)
    shutil.rmtree(directory / _FETCHED, ignore_errors=True)


def _name_of(language: str) -> str:
    rows = published_cutoffs()
    for name in (language, *rows):
        if name in rows and language in languages_of_model(name):
            return name
    raise UserError(f"--published {language}: cc_net published no such model; there are {', '.join(rows)}")


def _is_another(name: str, directory: Path) -> bool:
    """Tell whether a directory has a model of this name with other cut-offs than the published one."""
    if not (directory / f"{name}{PIECES}").exists() or not (directory / CUTOFFS_FILE).exists():
        return False
    row = read_cutoffs(directory / CUTOFFS_FILE).get(name)
    return row is not None and row != published_cutoffs()[name]


def _fetch_model(name: str, directory: Path, place: str, policy: FetchPolicy) -> str:
    targets = {f"{name}{suffix}": directory / f"{name}{suffix}" for suffix in _SUFFIXES}
    missing = [file for file, target in targets.items() if not target.exists()]
    fetched = {file: _fetch(place + file, directory, policy) for file in missing}
    pieces, ngrams = (fetched.get(file, target) for file, target in targets.items())
    cutoffs = published_cutoffs()[name]
    try:
        FluencyModel(ModelFiles(pieces, ngrams, cutoffs), "ccnet")
    except UserError as error:
        for path in fetched.values():
            path.unlink()
        remedy = (
            f"what {shown(place)} gave was thrown away" if fetched else "delete it, and the same command fetches it"
        )
        raise UserError(f"{error}; {remedy}") from error
    # The pieces, by which the scorer finds a language, come last.
    write_cutoffs(directory, {name: cutoffs})
    for file in reversed(missing):
        fetched[file].replace(targets[file])
    sizes = ", ".join(f"{target.name} {target.stat().st_size:,} bytes" for target in targets.values())
    return f"{sizes}" + ("" if missing else " (were there already)")


def _fetch(url: str, directory: Path, policy: FetchPolicy) -> Path:
    """Fetch a file whole into the folder for such; return where it is."""
    folder = str(directory / _FETCHED)
    _log.info("fetching %s", shown(url))
    try:
        with open_archive(url, replace(policy, cache=folder)):
            return entry_path(folder, url)
    except UserError as error:
        if isinstance(error.__cause__, OSError):  # of the folder
            raise UserError(f"--output {directory}: {error.__cause__.strerror}; make room and run it again") from error
        raise
