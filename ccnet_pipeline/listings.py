"""Lists of archives, and the choice of some of them.

CommonCrawl publishes for each dump the lists `crawl-data/<dump>/wet.paths.gz` and `warc.paths.gz`: one path a line,
from `crawl-data/` on, below whatever place the crawl is read from.
"""

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import FetchPolicy, is_remote, local_path, read_small, shown
from ccnet_pipeline.text_files import BYTE_ORDER_MARK, encoding_of

COMMONCRAWL = "https://data.commoncrawl.org/"
CRAWL_DATA = "crawl-data/"
SUFFIXES = (".paths", ".paths.gz")
OF_DUMPS = "--dump"  # the option by which the listing of a dump is named
_BACKSLASH = "\\"
_MAX_LISTING_BYTES = 256 << 20  # that of a dump has about 0.2 MB, 100 000 lines, 14 MB unpacked

Kind = Literal["wet", "warc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """Which lines of each listing are read: all, a range of them, or a random few."""

    start: int = 0
    stop: int | None = None  # behind the last; None: to the end
    sample: int | None = None  # so many lines, chosen by the seed and by nothing else
    seed: int = 0

    def of(self, lines: Sequence[str]) -> list[str]:
        """Return the lines that are meant, in the order of the listing.

        A sample takes the lines whose hashes with the seed are smallest: a bigger sample contains every smaller one
        of the same seed, and the order of the listing does not matter.
        """
        chosen = list(lines[self.start : self.stop])
        if self.sample is None:
            return chosen
        kept = set(sorted(set(chosen), key=self._rank)[: self.sample])
        return [line for line in chosen if line in kept]

    @property
    def is_all(self) -> bool:
        """Whether every line is meant."""
        return self.start == 0 and self.stop is None and self.sample is None

    def _rank(self, line: str) -> bytes:
        return hashlib.sha256(f"{self.seed}:{line}".encode("utf-8", "surrogateescape")).digest()


def listing_of(dump: str, kind: Kind, base: str) -> str:
    """Return where the list of a dump lies: `<base>/crawl-data/<dump>/<kind>.paths.gz`, or local without `.gz`."""
    path = join(base, f"{CRAWL_DATA}{dump}/{kind}.paths.gz")
    unpacked = path.removesuffix(".gz")
    return unpacked if not is_remote(base) and not Path(path).exists() and Path(unpacked).exists() else path


def join(base: str, line: str) -> str:
    """Return the place that a line of a listing stands for; one that is a URL itself stands for itself.

    Backslashes are those of Windows, unless a file of this very name is there.
    """
    if is_remote(line):
        return line
    line = local_path(line)
    if is_remote(base):
        return f"{base.rstrip('/')}/{line.replace(_BACKSLASH, '/').lstrip('/')}"
    path = Path(base) / line
    return str(path if _BACKSLASH not in line or path.exists() else Path(base) / line.replace(_BACKSLASH, "/"))


def base_of(listing: str) -> str:
    """Return the place that holds the last `crawl-data/` above a listing, else the listing's own folder."""
    folder = listing.partition("?")[0] if is_remote(listing) else str(Path(listing).absolute())
    root, found, _ = folder.rpartition("/" + CRAWL_DATA)
    return (root or "/") if found else folder.rpartition("/")[0]


def read_listing(path: str, policy: FetchPolicy, option: str = "--input") -> list[str]:
    """Return the lines of a listing, as `lines_of` does; `option` says in messages who named it.

    Raises:
        UserError: it cannot be read, or is none.
    """
    named_by = "the name of the dump, --base" if option == OF_DUMPS else option
    try:
        data = read_small(path, policy, max_bytes=_MAX_LISTING_BYTES)
        if data[:2] == b"\x1f\x8b":
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(_MAX_LISTING_BYTES + 1)
        if len(data) > _MAX_LISTING_BYTES:
            raise UserError(f"{option} {shown(path)} is no listing: more than {_MAX_LISTING_BYTES} bytes")
        lines = lines_of(data)
    except FetchError as error:
        raise UserError(f"{error}; check {named_by} and the network") from error
    except FileNotFoundError as error:
        raise UserError(f"there is no {shown(path)}; check the name of the dump and --base") from error
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"{option} {shown(path)} is not a listing that can be read: {error}") from error
    if lines and lines[0].startswith("WARC/"):
        raise UserError(f"{option} {shown(path)} is an archive, and is called a listing; rename it to *.warc or *.wet")
    return lines


def lines_of(data: bytes, *, whole: bool = True) -> list[str]:
    """Return the lines of a listing as people and their tools write it, without what is not a path.

    UTF-8, with or without a byte order mark, or UTF-16; any line ends; blank lines and those that begin with "#" are
    left out; quotation marks around a whole line are taken off. Of data that is not whole the last line is left out.

    Raises:
        UnicodeDecodeError: it is not such text.
    """
    text = codecs.getincrementaldecoder(encoding_of(data))().decode(data, final=whole)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not whole:
        del lines[-1]
    # Lists are also joined, marks and all.
    bare = [line.strip().lstrip(BYTE_ORDER_MARK).lstrip() for line in lines]
    return [_unquoted(line) for line in bare if line and not line.startswith("#")]


def _unquoted(line: str) -> str:
    return line[1:-1] if len(line) > 2 and line[0] == line[-1] and line[0] in "\"'" else line
