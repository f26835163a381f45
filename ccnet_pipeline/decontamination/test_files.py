"""Which test files there are, under which names, and what is in them.

A file is called by what follows the deepest folder that all share, so that where they lie changes no byte of a run.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ccnet_pipeline import storage
from ccnet_pipeline.decontamination.forms import ENDINGS, form_of
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.local_copies import local_copy, local_folder
from ccnet_pipeline.models import memory
from ccnet_pipeline.storage import shown


@dataclass(frozen=True, slots=True)
class TestFiles:
    """Files of test sets, on this machine."""

    paths: Mapping[str, Path]  # by name, in the order of these
    sha256: Mapping[str, str]  # by name; of the files as stored
    num_passed_over: int  # files in folders that are in no known form

    __test__ = False  # no test of pytest's


def find_test_files(places: Sequence[str], option: str) -> TestFiles:
    """Return the files that are named, and those of folders that are named; remote ones are copied to this machine.

    Raises:
        UserError: something is missing, unreadable, or given twice.
    """
    found: dict[str, Path] = {}  # by where it lies
    passed_over = 0
    for place in places:
        for where, path in _files(place, option):
            if where in found:
                raise UserError(f"{option} {shown(where)} is given twice")
            if path is not None:
                found[where] = path
            else:
                passed_over += 1
    folders = [where.split("/")[:-1] for where in found]
    shared = "/".join(os.path.commonprefix(folders))  # noqa: RUF071 - of lists: folder by folder
    paths = dict(sorted((where[len(shared) :].removeprefix("/"), path) for where, path in found.items()))
    try:
        digests = {name: memory().sha256_of(path) for name, path in paths.items()}
    except OSError as error:
        raise UserError(f"{option} {error.filename} cannot be read: {error.strerror}") from error
    return TestFiles(paths, digests, passed_over)


def _files(place: str, option: str) -> list[tuple[str, Path | None]]:
    """Return where the files of a place lie, and each on this machine; None: it is in no known form."""
    if not storage.is_remote(place):
        place = os.path.abspath(storage.local_path(place))  # noqa: PTH100 - takes ".." out, and no symbolic link
        if not Path(place).exists():
            raise UserError(f"{option} {place}: there is no such file or folder")
        if not Path(place).is_dir():
            return [(place, Path(place))]
        return _in_folder(place, Path(place), option)
    bare = place.partition("?")[0]
    if form_of(bare) in ENDINGS:
        return [(shown(bare), local_copy(place, option))]
    return _in_folder(shown(bare).rstrip("/"), local_folder(place, option), option)


def _in_folder(place: str, folder: Path, option: str) -> list[tuple[str, Path | None]]:
    names = sorted(path.relative_to(folder).as_posix() for path in _below(folder, set()) if path.is_file())
    seen = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    files = [(f"{place}/{name}", folder / name if form_of(name) in ENDINGS else None) for name in seen]
    if not any(path for _, path in files):
        wanted = ", ".join(f"*{ending}" for ending in ENDINGS)
        raise UserError(f"{option} {shown(place)} is a folder without test files ({wanted}; also .gz, .xz, .zst)")
    return files


def _below(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Yield what is in a folder and in those in it, links among them; each folder once."""
    if (place := folder.resolve()) in seen:
        return
    seen.add(place)
    for path in sorted(folder.iterdir()):
        yield from _below(path, seen) if path.is_dir() else [path]
