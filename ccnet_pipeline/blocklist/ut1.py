"""Lists of hosts and URLs by categories, in the form of those of the university of Toulouse (UT1) and of squidGuard.

A category is a folder of files: `domains`, a host a line, which covers its subdomains; `urls`, beginnings of URLs
without scheme, of a host with and without www. They may be packed (`domains.gz`). All categories lie in a folder, or in
an archive (`adult.tar.gz`, `all.tar.gz`) as it is published. `expressions`, which find parts of words in URLs of any
language, are not read; nor are `usage` and other files.

Source: https://dsi.ut-capitole.fr/blacklists/
"""

import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from ccnet_pipeline.errors import UserError

_FILES = ("domains", "urls")


@dataclass(frozen=True, slots=True)
class Categories:
    """The categories of a folder or an archive."""

    path: Path
    is_archive: bool
    files: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)  # category -> kind and name of each file

    def lines(self, category: str) -> Iterator[tuple[str, bytes]]:
        """Yield the lines of a category, each with `domains` or `urls`.

        Raises:
            UserError: a file cannot be read.
        """
        try:
            for kind, name in self.files[category]:
                with self._opened(name) as stream:
                    yield from ((kind, line) for line in stream)
        except (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
            raise UserError(f"--blocklist {self.path}, {category}: cannot be read: {error}") from error

    @contextmanager
    def _opened(self, name: str) -> Iterator[Iterable[bytes]]:
        with ExitStack() as stack:
            stream: IO[bytes] | None
            if self.is_archive:
                stream = stack.enter_context(tarfile.open(self.path)).extractfile(name)
            else:
                stream = stack.enter_context(Path(name).open("rb"))
            if stream is None:  # a folder or a link, which were left out
                raise tarfile.TarError(f"{name} is no file")
            yield stack.enter_context(gzip.GzipFile(fileobj=stream)) if name.endswith(".gz") else stream


def categories_of(path: Path) -> Categories | None:
    """Return the categories of a folder or an archive; None for a file that is neither.

    Raises:
        UserError: there are none.
    """
    if path.is_dir():
        found = Categories(path, False, _of_folder(path))
    elif path.is_file() and _is_archive(path):
        found = Categories(path, True, _of_archive(path))
    else:
        return None
    if not found.files:
        raise UserError(f"--blocklist {path}: there are no categories in it, folders of files domains and urls")
    return found


def _is_archive(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return False


def _of_folder(path: Path) -> dict[str, list[tuple[str, str]]]:
    folders = [path, *sorted(each for each in path.iterdir() if each.is_dir())]
    found = {folder.resolve().name if folder == path else folder.name: _files_of(folder) for folder in folders}
    return {name: files for name, files in found.items() if files}


def _files_of(folder: Path) -> list[tuple[str, str]]:
    candidates = [(kind, folder / f"{kind}{ending}") for kind in _FILES for ending in ("", ".gz")]
    return [(kind, str(file)) for kind, file in candidates if file.is_file()]


def _of_archive(path: Path) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                place = PurePosixPath(member.name)
                kind = place.name.removesuffix(".gz")
                if member.isfile() and kind in _FILES:
                    found.setdefault(place.parent.name or path.name.partition(".")[0], []).append((kind, member.name))
    except (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
        raise UserError(f"--blocklist {path} cannot be read: {error}") from error
    return found
