"""The folder of an index: index.json, and below it one folder a generation, of which the last two stay.

index.json is put in place last, so what is half-written has no name yet, and a program that is killed leaves the index
as it was. The folder of a generation has an index.json of its own: what to go back to.
"""

import contextlib
import re
from collections.abc import Callable, Iterator

from ccnet_pipeline import storage
from ccnet_pipeline.dedup.blocks import CELLS
from ccnet_pipeline.dedup.sorting import Table
from ccnet_pipeline.dedup.tables import Reader
from ccnet_pipeline.errors import InUseError, UserError
from ccnet_pipeline.hash_index.cells import read_cell
from ccnet_pipeline.hash_index.index import Hashing, Index, decode
from ccnet_pipeline.storage import shown
from ccnet_pipeline.storage.paths import WEB_SCHEMES, scheme_of

INDEX_FILE = "index.json"
_FOLDER = re.compile(r"(\d{6,})-\w+")  # of a generation
PART_SUFFIX = ".hashes"


def folder_of(generation: int, run: str) -> str:
    """Return the name of the folder of the generation that a run makes."""
    return f"{generation:06d}-{run}"


def part_file(folder: str, first: int, stop: int) -> str:
    """Return where some cells of a generation lie: `000003-5f0c2a11/00-1f.hashes`; `stop` is behind the last."""
    return f"{folder}/{first:02x}-{stop - 1:02x}{PART_SUFFIX}"


def is_unneeded(name: str, index: Index | None) -> bool:
    """Tell whether a folder is that of a generation that cannot be needed any more.

    That of the index and the one before are kept, and what runs have begun that would make the next one.

    Args:
        name: of the folder.
        index: the one that is there; None: none.
    """
    found = _FOLDER.fullmatch(name)
    if not found or index is None:
        return bool(found)
    kept = {folder_of(entry.generation, entry.run) for entry in index.history[-2:]}
    return int(found[1]) <= index.generation and name not in kept


def read_index(folder: str) -> Index:
    """Return the index in a folder; its parts are there, and as long as they should be.

    Raises:
        UserError: there is none, it is of a newer version, or damaged.
    """
    path = storage.join(folder, INDEX_FILE)
    try:
        index = decode(storage.read(path), shown(path))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise UserError(
            f"{shown(folder)} is no hash index: it has no {INDEX_FILE}; name the folder that build_cc100 --hash_index "
            "made"
        ) from error
    check_sizes(index, folder, storage.size if scheme_of(folder) in WEB_SCHEMES else _listed(folder))
    return index


def _listed(folder: str) -> Callable[[str], int | None]:
    """Return what gives the size of a file below a folder, of all of which one listing tells."""
    sizes = {storage.join(folder, *name.split("/")): size for name, size in storage.sizes(folder).items()}
    return sizes.get


@contextlib.contextmanager
def reading(folder: str) -> Iterator[Index]:
    """Give the index in a folder that is read while the block runs, and that no run writes to.

    Where there are no locks for readers, a run may begin meanwhile. It leaves this generation and the one before as
    they are; only a second run would remove this one.

    Raises:
        InUseError: a run writes to it, or has extended it so far that this generation is gone.
        UserError: see `read_index`.
    """
    with storage.locked_for_reading(folder):
        index = read_index(folder)
        try:
            yield index
        except (FileNotFoundError, UserError):
            if read_index(folder).digest == index.digest:
                raise
            raise InUseError(f"{shown(folder)} was extended while it was read; run the same command again") from None


def check_sizes(index: Index, folder: str, size_of: Callable[[str], int | None]) -> None:
    """See that the files of an index are there, and as long as they should be.

    Raises:
        UserError: they are not.
    """
    for part in index.parts:
        path = storage.join(folder, *part.file.split("/"))
        if part.size and (size := size_of(path)) != part.size:
            found = "is missing" if size is None else f"is damaged: it has {size:,} bytes, not {part.size:,}"
            raise UserError(f"{shown(path)} {found}; restore the index from a copy, or make it anew")


class IndexReader(Reader):
    """Gives the hashes of some cells of an index in ascending order; what is damaged ends in a UserError."""

    def __init__(self, index: Index, folder: str, first: int = 0, stop: int = CELLS) -> None:
        """Read nothing yet.

        Args:
            index: what there is.
            folder: of the index, local or not.
            first: cell.
            stop: the cell behind the last.
        """
        count = sum(cell.hashes for cell in list(index.cells())[first:stop])
        super().__init__(_blocks(index, folder, range(first, stop)), count)


def _blocks(index: Index, folder: str, cells: range) -> Iterator[Table]:
    for part in index.parts:
        wanted = range(max(cells.start, part.first), min(cells.stop, part.first + len(part.cells)))
        if not part.size or not wanted:
            continue
        path, offsets = storage.join(folder, *part.file.split("/")), part.offsets()
        with storage.open_for_reading(path) as file:
            for number in wanted:
                cell = part.cells[number - part.first]
                yield from read_cell(file, offsets[number - part.first], number, cell, shown(path))


def check_hashing(index: Index, hashing: Hashing, name: str) -> None:
    """See that what is to be added was hashed as what is there.

    Raises:
        UserError: it was not.
    """
    if index.hashing not in (None, hashing):
        raise UserError(
            f"{name} was made of other paragraphs ({_shown(index.hashing)}; here {_shown(hashing)}), so that nothing "
            "would compare; take the same --normalization and --title, or another index"
        )


def _shown(hashing: Hashing | None) -> str:
    title = "paragraph" if hashing and hashing.title_is_paragraph else "field"
    return f"--normalization {hashing.normalization if hashing else ''} --title {title}"


def check_is_new(index: Index, inputs_sha256: str, run: str, name: str) -> None:
    """See that an index does not have inputs by another run: all of them would be duplicates.

    Raises:
        UserError: it has.
    """
    for entry in index.history:
        if entry.inputs_sha256 == inputs_sha256 and entry.run != run:
            raise UserError(
                f"{name} has these inputs already (generation {entry.generation}, run {entry.run}): every paragraph "
                "would be a duplicate; take an index without them, or --overwrite the --output of that run"
            )
