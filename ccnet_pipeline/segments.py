"""Which archives to read, under which names, in which order.

A segment's name is its path from `crawl-data/` on, else what follows the deepest folder that all inputs share. Segments
are numbered in the sorted order of their names. So neither the order of the arguments nor the place that a crawl is
read from (disk, HTTP mirror, bucket) changes a byte of the result.
"""

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import FetchPolicy, is_remote, local_path, shown, size_of
from ccnet_pipeline.listings import (
    COMMONCRAWL,
    CRAWL_DATA,
    OF_DUMPS,
    SUFFIXES,
    Kind,
    Pick,
    base_of,
    join,
    listing_of,
    read_listing,
)
from ccnet_pipeline.mistaken import mistaken_for_archive

_DUMP = re.compile(r"CC-MAIN-\d{4}-\d{2}")
_PACKINGS = ("", ".gz", ".zst", ".bz2", ".xz")
_SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "wet": tuple(f".wet{packing}" for packing in _PACKINGS),
    "warc": (*(f".{form}{packing}" for form in ("warc", "arc") for packing in _PACKINGS), ".wacz"),
}
_OF_INPUT = "--input"
_LOOKED_AT = 100  # files of a glob that are looked into
_PROBED = 4  # remote files that are asked for their size, to know about how much there is


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to read, as the user names it."""

    inputs: tuple[str, ...] = ()  # paths, globs (`**` too), folders, URLs; listings (`*.paths.gz`) in all these ways
    dumps: tuple[str, ...] = ()  # CC-MAIN-...
    kind: Kind = "wet"  # of the dumps and of what is searched for in folders
    base: str | None = None  # where lines of listings start from; None: as `base_of` says, and CommonCrawl for dumps
    pick: Pick = field(default_factory=Pick)  # from every listing
    option: str = _OF_INPUT  # by which `inputs` are given, for messages


@dataclass(frozen=True, slots=True)
class Segment:
    """One archive to read."""

    number: int  # in the order of names, from 0
    name: str
    path: str
    dump: str  # CC-MAIN-..., "" where the name does not tell
    size: int | None  # bytes; None: remote, not known before it is read


def find_segments(selection: Selection, policy: FetchPolicy) -> list[Segment]:
    """Return the segments that are selected, in order.

    Raises:
        UserError: something is missing, unreadable, out of reach, or stands twice.
    """
    if selection.base and not is_remote(selection.base):
        selection = replace(selection, base=local_path(selection.base))
    base = selection.base or COMMONCRAWL
    listings = [listing_of(dump, selection.kind, base) for dump in selection.dumps]
    of_dumps = replace(selection, option=OF_DUMPS)
    paths = [path for listing in listings for path in _listed(listing, base, of_dumps, policy)]
    paths += [path for item in selection.inputs for path in _expand(item, selection, policy)]
    if not selection.pick.is_all and not listings and not any(map(_is_listing, selection.inputs)):
        raise UserError("--segments and --sample choose from a listing: give --dump, or a *.paths.gz as --input")
    if not paths:
        raise UserError("nothing to read: the listing is empty, or --segments begins behind its end")
    names = _names(paths)
    unreadable = next((name for name in names if any("\ud800" <= each <= "\udfff" for each in name)), None)
    if unreadable:
        raise UserError(f"{selection.option} {unreadable!a}: the name is not UTF-8; rename the file")
    first: dict[str, str] = {}
    for name, path in zip(names, paths, strict=True):
        if name in first:
            raise UserError(f"{name} stands twice: {shown(first[name])} and {shown(path)}; give each segment once")
        first[name] = path
    if all(not is_remote(path) and Path(path).is_file() and not Path(path).stat().st_size for path in paths):
        raise UserError(f"nothing to read: {shown(paths[0])}{', and every other input,' * (len(paths) > 1)} is empty")
    return [
        Segment(number, name, path, _dump_of(name), None if is_remote(path) else Path(path).stat().st_size)
        for number, (name, path) in enumerate(sorted(first.items()))
    ]


def estimate_bytes(segments: Sequence[Segment], policy: FetchPolicy) -> int:
    """Return about how many bytes the segments have together: a few of the remote ones are asked.

    Raises:
        UserError: all that were asked are out of reach.
    """
    known = [segment.size for segment in segments if segment.size is not None]
    remote = [segment.path for segment in segments if segment.size is None]
    step = max(1, len(remote) // _PROBED)
    sizes: list[int] = []
    errors: list[FetchError] = []
    for path in remote[::step][:_PROBED]:
        try:
            sizes.append(size_of(path, policy) or 0)
        except FetchError as error:
            errors.append(error)
    if errors and not sizes:
        raise UserError(f"{errors[0]}; check --base and the network") from errors[0]
    return sum(known) + (sum(sizes) * len(remote) // len(sizes) if sizes else 0)


def _dump_of(name: str) -> str:
    """Return the folder below `crawl-data/`, else what in the name looks like a dump of CommonCrawl's."""
    below, found, _ = name.removeprefix(CRAWL_DATA).partition("/") if name.startswith(CRAWL_DATA) else ("", "", "")
    match = _DUMP.search(name)
    return below if found else match[0] if match else ""


def _expand(item: str, selection: Selection, policy: FetchPolicy, *, look: bool = True) -> list[str]:
    if is_remote(item):
        return _expand_remote(item, selection, policy)
    item = local_path(item)
    if Path(item).is_dir():
        return _in_folder(item, selection)
    if not Path(item).exists():
        # Not Path.glob: that takes no absolute pattern.
        found = sorted(path for path in glob.glob(item, recursive=True) if Path(path).is_file())  # noqa: PTH207
        if not found:
            raise UserError(f"{selection.option} {item} matches no file; check the path, and quote a glob")
        return [
            path
            for number, match in enumerate(found)
            for path in _expand(match, selection, policy, look=number < _LOOKED_AT)
        ]
    _check_readable(item, selection.option)
    if _is_listing(item):
        return _listed(item, selection.base or base_of(item), selection, policy)
    if look:
        _check_is_archive(item, selection.option)
    return [item]


def _in_folder(folder: str, selection: Selection) -> list[str]:
    """Return the archives of the selected kind, of which there must be some."""
    found = _archives_in(folder, selection.kind)
    if not found:
        wanted = f"{selection.kind.upper()} files ({', '.join(f'*{suffix}' for suffix in _SUFFIXES[selection.kind])})"
        raise UserError(
            f"{selection.option} {folder} is a directory without {wanted}{_of_other_kind(folder, selection)}"
        )
    for path in found:
        _check_readable(path, selection.option)
    return found


def _archives_in(folder: str, kind: Kind) -> list[str]:
    paths = Path(folder).rglob("*")
    return sorted(str(path) for path in paths if path.name.endswith(_SUFFIXES[kind]) and path.is_file())


def _of_other_kind(folder: str, selection: Selection) -> str:
    """Return how to read what else the folder has, for a message; "" where no option says the kind."""
    if selection.option != _OF_INPUT:
        return ""
    hints = []
    for kind in _SUFFIXES:
        if kind != selection.kind and (count := len(_archives_in(folder, kind))):
            files, them = ("file", "it") if count == 1 else ("files", "them")
            hints.append(f"; it has {count:,} {kind.upper()} {files}: --kind {kind} reads {them}")
    return "".join(hints)


def _expand_remote(url: str, selection: Selection, policy: FetchPolicy) -> list[str]:
    bare = url.partition("?")[0]
    if bare.endswith("/") or any(each in bare for each in "*["):
        raise UserError(
            f"{selection.option} {shown(url)}: a remote folder cannot be searched; "
            "give URLs of files, or of a *.paths.gz"
        )
    if _is_listing(url):
        return _listed(url, selection.base or base_of(url), selection, policy)
    return [url]


def _is_listing(path: str) -> bool:
    return path.partition("?")[0].endswith(SUFFIXES)


def _check_readable(path: str, option: str) -> None:
    if not os.access(path, os.R_OK):
        raise UserError(f"{option} {path} cannot be read; check its permissions")


def _check_is_archive(path: str, option: str) -> None:
    """Look at the first bytes of a file: what is surely no archive must show before any work."""
    if Path(path).is_file():  # what is read from a pipe is gone
        try:
            mistaken = mistaken_for_archive(Path(path))
        except OSError as error:
            raise UserError(f"{option} {path} cannot be read: {error.strerror}") from error
        if mistaken:
            raise UserError(f"{option} {path} {mistaken}")


def _listed(listing: str, base: str, selection: Selection, policy: FetchPolicy) -> list[str]:
    """Return the places of the chosen lines; local ones must be there."""
    found = [join(base, line) for line in selection.pick.of(read_listing(listing, policy, selection.option))]
    local = [path for path in found if not is_remote(path)]
    missing = [path for path in local if not os.path.isfile(path)]  # noqa: PTH113 - Path raises for a name too long
    if missing:
        raise UserError(
            f"{selection.option} {shown(listing)}: {len(missing)} of {len(found)} files are missing, "
            f"such as {shown(missing[0])}; say with --base which folder holds crawl-data/"
        )
    for path in local:
        _check_readable(path, selection.option)
    return found


def _names(paths: Sequence[str]) -> list[str]:
    # Of a URL a user name and what follows "?" may be secrets, and say how, not what.
    full = [
        shown(path.partition("?")[0]) if is_remote(path) else os.path.abspath(path)  # noqa: PTH100 - takes ".." out, and no symbolic link
        for path in paths
    ]
    folders = [path.split("/")[:-1] for path in full]
    shared = "/".join(os.path.commonprefix(folders))  # noqa: RUF071 - of lists: folder by folder
    return [
        CRAWL_DATA + path.rpartition("/" + CRAWL_DATA)[2]
        if "/" + CRAWL_DATA in path
        else path[len(shared) :].removeprefix("/")
        for path in full
    ]
