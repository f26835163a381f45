"""Which archives to read, under which names, in which order.

A segment's name is its path from `crawl-data/` on, else what follows the deepest folder that all inputs share. Segments
are numbered in the sorted order of their names. So neither the order of the arguments nor the place that a crawl is
read from changes a byte of the result.
"""

import glob
import gzip
import os
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ccnet_pipeline.errors import UserError

_CRAWL_DATA = "crawl-data/"
_DUMP = re.compile(r"CC-MAIN-\d{4}-\d{2}")
_LISTING_SUFFIXES = (".paths", ".paths.gz")
_WET_SUFFIXES = (".wet", ".wet.gz")
_REMOTE = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Segment:
    """One archive to read."""

    number: int  # in the order of names, from 0
    name: str
    path: str
    dump: str  # CC-MAIN-..., "" where the name does not tell
    size: int  # bytes


def find_segments(inputs: Sequence[str], base: str | None = None) -> list[Segment]:
    """Return the segments that the inputs name, in order.

    Args:
        inputs: paths, globs (`**` too), directories with WET files somewhere below, and listings (`*.paths.gz`).
        base: the folder that the lines of a listing start from; default: the one that holds the listing's
            `crawl-data/`, else the listing's own.

    Raises:
        UserError: something is missing, unreadable, remote, or stands twice.
    """
    paths = [path for item in inputs for path in _expand(item, base)]
    if not paths:
        raise UserError("--input names no file")
    names = _names(paths)
    unreadable = next((name for name in names if any("\ud800" <= each <= "\udfff" for each in name)), None)
    if unreadable:
        raise UserError(f"--input {unreadable!a}: the name is not UTF-8; rename the file")
    first: dict[str, str] = {}
    for name, path in zip(names, paths, strict=True):
        if name in first:
            raise UserError(f"--input: {name} stands twice: {first[name]} and {path}; give each segment once")
        first[name] = path
    return [
        Segment(number, name, path, _dump_of(name), Path(path).stat().st_size)
        for number, (name, path) in enumerate(sorted(first.items()))
    ]


def _dump_of(name: str) -> str:
    found = _DUMP.search(name)
    return found[0] if found else ""


def _expand(item: str, base: str | None) -> list[str]:
    if _REMOTE.match(item):
        raise UserError(f"--input {item}: only local files can be read as yet; download it and give its path")
    if Path(item).is_dir():
        found = sorted(
            str(path) for path in Path(item).rglob("*") if path.is_file() and path.name.endswith(_WET_SUFFIXES)
        )
        if not found:
            raise UserError(f"--input {item} is a directory without WET files (*.wet, *.wet.gz)")
        for path in found:
            _check_readable(path)
        return found
    if not Path(item).exists():
        # Not Path.glob: that takes no absolute pattern.
        found = sorted(path for path in glob.glob(item, recursive=True) if Path(path).is_file())  # noqa: PTH207
        if not found:
            raise UserError(f"--input {item} matches no file; check the path, and quote a glob")
        return [path for match in found for path in _expand(match, base)]
    _check_readable(item)
    return _read_listing(item, base) if _is_listing(item) else [item]


def _is_listing(path: str) -> bool:
    return path.endswith(_LISTING_SUFFIXES)


def _check_readable(path: str) -> None:
    if not os.access(path, os.R_OK):
        raise UserError(f"--input {path} cannot be read; check its permissions")


def _read_listing(path: str, base: str | None) -> list[str]:
    try:
        data = Path(path).read_bytes()
        text = (gzip.decompress(data) if path.endswith(".gz") else data).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"--input {path} is not a listing that can be read: {error}") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    root = Path(base) if base else _root_of(Path(path).absolute())
    found = [str(root / line) for line in lines]
    missing = [line for line in found if not Path(line).is_file()]
    if missing:
        raise UserError(
            f"--input {path}: {len(missing)} of {len(found)} files are missing, such as {missing[0]}; "
            "say with --base which folder holds crawl-data/"
        )
    for line in found:
        _check_readable(line)
    return found


def _root_of(listing: Path) -> Path:
    """Return the folder that holds the last `crawl-data` above a listing, else the listing's own."""
    for parent in listing.parents:
        if parent.name == _CRAWL_DATA.rstrip("/"):
            return parent.parent
    return listing.parent


def _names(paths: Sequence[str]) -> list[str]:
    absolute = [os.path.abspath(path) for path in paths]  # noqa: PTH100 - takes ".." out, and no symbolic link
    shared = os.path.commonpath([path.rpartition("/")[0] for path in absolute]).rstrip("/") + "/"
    return [
        _CRAWL_DATA + path.rpartition("/" + _CRAWL_DATA)[2] if "/" + _CRAWL_DATA in path else path.removeprefix(shared)
        for path in absolute
    ]
