"""The form of a model file of fastText's, as far as it tells whether the file is whole.

fastText itself loads a file that ends inside its matrices without a word, and takes what is not there for sizes.

Source: fastText 0.9.3, `FastText::saveModel`, `Dictionary::save`, `DenseMatrix::save`, `QuantMatrix::save`,
`ProductQuantizer::save`.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

MAGIC = (793712314).to_bytes(4, "little")  # the first bytes
VERSION = 12  # the newest
_SETTINGS = struct.Struct("<12id")
_LOSS, _HIERARCHICAL_SOFTMAX = 6, 1  # its place among the settings; one of its values
_BEHIND_WORD = 1 + 8 + 1  # the 0 that ends it, its count, whether it is a label
_CENTROIDS = 256  # of a quantiser, in each part of a vector


class NotWholeError(ValueError):
    """The file is shorter or longer than what it says of itself."""


@dataclass(slots=True)
class _Reader:
    """A place in a file."""

    data: mmap.mmap
    at: int = 0

    def take(self, form: str) -> tuple[int, ...]:
        """Return the numbers that stand here, and pass over them."""
        values = struct.unpack_from(f"<{form}", self.data, self.at)
        self.skip(struct.calcsize(f"<{form}"))
        return values

    def skip(self, size: int) -> None:
        if size < 0 or self.at + size > len(self.data):
            raise NotWholeError(f"it ends at byte {len(self.data):,} of {self.at + size:,} or more")
        self.at += size

    def skip_entries(self, count: int) -> None:
        """Pass over the words and labels of the vocabulary."""
        data, at = self.data, self.at
        for _ in range(count):
            end = data.find(b"\0", at)
            if end < 0:
                raise NotWholeError("it ends inside its vocabulary")
            at = end + _BEHIND_WORD
        self.at = at
        self.skip(0)


def check_whole(path: Path) -> None:
    """Check that a file has the size that its header, vocabulary and matrices speak of.

    Raises:
        NotWholeError: it has another.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        reader = _Reader(data)
        try:
            reader.skip(len(MAGIC) + 4 + _SETTINGS.size)
            entries, _, _, _, pruned = reader.take("3i2q")  # words and labels, words, labels, tokens; -1: not pruned
            reader.skip_entries(entries)
            reader.skip(8 * max(pruned, 0))
            is_quantised = reader.take("?")[0]
            _skip_matrix(reader, quantised=bool(is_quantised))
            is_output_quantised = reader.take("?")[0]
            _skip_matrix(reader, quantised=bool(is_quantised and is_output_quantised))
        except struct.error as error:
            raise NotWholeError(f"it ends at byte {len(data):,}, inside a number") from error
        if reader.at != len(data):
            raise NotWholeError(f"it has {len(data) - reader.at:,} bytes behind its end")


def has_hierarchical_softmax(path: Path) -> bool:
    """Return whether that is the loss of a model."""
    with path.open("rb") as file:
        file.seek(len(MAGIC) + 4)
        settings = file.read(_SETTINGS.size)
    return len(settings) == _SETTINGS.size and _SETTINGS.unpack(settings)[_LOSS] == _HIERARCHICAL_SOFTMAX


def _skip_matrix(reader: _Reader, *, quantised: bool) -> None:
    if not quantised:
        rows, columns = reader.take("2q")
        reader.skip(4 * rows * columns)
        return
    has_norms, rows, _, size = reader.take("?2qi")
    reader.skip(size)
    _skip_quantiser(reader)
    if has_norms:
        reader.skip(rows)
        _skip_quantiser(reader)


def _skip_quantiser(reader: _Reader) -> None:
    columns, *_ = reader.take("4i")  # columns, parts, columns a part, of the last one
    reader.skip(4 * columns * _CENTROIDS)
