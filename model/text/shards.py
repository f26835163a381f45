"""The text to train on: shard format v1 (docs/shard_format.md), or files in the form of the CC-100 release.

Documents stream: memory is bounded by a block of the file and the largest document, not by the file. Nothing is
repaired or left out in silence: a file that is cut off or is no shard stops the reader with the file's name.
"""

import logging
import lzma
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
import zstandard

from model.errors import UserError
from model.files import read_object
from model.languages import select

SHARD_FORMAT = 1
SHARD_SUFFIX = ".jsonl.zst"  # <language>/<bucket>-00000.jsonl.zst
RELEASE_SUFFIX = ".txt.xz"  # <language>.txt.xz: a paragraph a line, a blank line after each document
_BATCH = 1 << 20  # code points
_READ_BYTES = 1 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Files by language: the shards of all buckets, or one file in the form of the release. Both are sorted."""

    files: Mapping[str, tuple[Path, ...]]

    def only(self, languages: Collection[str] | None) -> "Corpus":
        """Return the files of some languages; None: of all."""
        return Corpus({name: files for name, files in self.files.items() if languages is None or name in languages})


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Line(msgspec.Struct):
    # The other fields are skipped, not decoded.
    text: str


_decode_lines = msgspec.json.Decoder(_Line).decode_lines


def find_corpus(path: Path) -> Corpus:
    """Return the files of a folder: `OUT` of build_cc100, `OUT/shards`, or a folder of `<language>.txt.xz`.

    Where there is a run.json, in the folder or beside `shards`, its version is checked first. A language that is
    there in both forms is read from its shards.

    Raises:
        UserError: no such folder, nothing to read in it, an unknown version, a run that is not complete.
    """
    if not path.is_dir():
        raise UserError(f"{path} is no folder; --data wants the output of build_cc100, or <language>.txt.xz files")
    run = path if (path / "run.json").is_file() else path.parent if path.name == "shards" else None
    if run is not None and (run / "run.json").is_file():
        _check_run(run)
    folder = path / "shards" if (path / "shards").is_dir() else path
    files: dict[str, tuple[Path, ...]] = {}
    for file in sorted(folder.glob(f"*{RELEASE_SUFFIX}")):
        files[file.name.removesuffix(RELEASE_SUFFIX)] = (file,)
    shards: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(folder.glob(f"*/*{SHARD_SUFFIX}")):
        shards[file.parent.name].append(file)
    files.update((language, tuple(found)) for language, found in shards.items())
    if not files:
        raise UserError(f"no shards in {folder}: neither <language>/*{SHARD_SUFFIX} nor <language>{RELEASE_SUFFIX}")
    return Corpus(dict(sorted(files.items())))


def find_languages(path: Path, names: Sequence[str]) -> Corpus:
    """Return the files of a folder, as `find_corpus` does, of some languages; what a set lacks there is said.

    Raises:
        UserError: as `find_corpus`, and as `model.languages.select` for the names.
    """
    corpus = find_corpus(path)
    selection = select(corpus.files, names, where=str(path))
    if selection.missing:
        _log.info("not in %s: %s", path, ", ".join(selection.missing))
    return corpus.only(selection.languages)


def _check_run(run: Path) -> None:
    version = read_object(run / "run.json").get("shard_format")
    if version != SHARD_FORMAT:
        raise UserError(f"{run / 'run.json'}: shard_format {version!r} is not {SHARD_FORMAT}: update this package")
    manifest = run / "manifest.json"
    if not manifest.is_file():
        raise UserError(f"no {manifest}: the run is not complete; give build_cc100 the same command again")
    try:
        sizes = {run / entry["path"]: entry["bytes"] for entry in read_object(manifest)["files"]}
    except (KeyError, TypeError) as error:
        raise UserError(f"{manifest} is damaged ({error!r}); copy the run again") from error
    for file, size in sizes.items():
        if file.name.endswith((SHARD_SUFFIX, RELEASE_SUFFIX)) and file.is_relative_to(run / "shards"):
            found = file.stat().st_size if file.is_file() else None
            if found != size:
                what = "missing" if found is None else f"{found} bytes, not {size}"
                raise UserError(f"{file} is {what}: copy the run again, or move the languages wanted elsewhere")


def documents(files: Iterable[Path], *, on_read: Callable[[int], None] | None = None) -> Iterator[str]:
    r"""Yield the text of each document: its paragraphs joined by "\n".

    Args:
        files: shards, or files in the form of the release, told apart by their names.
        on_read: called with the number of bytes, as stored, that were read since the last call: for progress.

    Raises:
        UserError: a file is cut off, damaged, or no shard; it is named.
    """
    for file in files:
        read = _shard_documents if file.name.endswith(SHARD_SUFFIX) else _release_documents
        try:
            with file.open("rb") as stream:
                yield from read(_Counted(stream, on_read) if on_read else stream)
        except (OSError, EOFError, ValueError, lzma.LZMAError, zstandard.ZstdError) as error:
            raise UserError(f"{file} is cut off, damaged or no shard ({error}); fetch or build it again") from error


def batches(files: Iterable[Path], *, on_read: Callable[[int], None] | None = None) -> Iterator[list[str]]:
    """Yield the documents of files by the million of code points: as many as travel to a worker at once."""
    texts: list[str] = []
    size = 0
    for text in documents(files, on_read=on_read):
        texts.append(text)
        size += len(text)
        if size >= _BATCH:
            yield texts
            texts, size = [], 0
    if texts:
        yield texts


class _Counted:
    """A stream that tells how much of it is read."""

    def __init__(self, stream: BinaryIO, on_read: Callable[[int], None]) -> None:
        self._stream, self._on_read = stream, on_read

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._on_read(len(data))
        return data


def _shard_documents(stream: _Readable) -> Iterator[str]:
    for lines in _whole_lines(_decompressed(stream, _zstd)):
        for line in _decode_lines(lines):
            yield line.text


def _release_documents(stream: _Readable) -> Iterator[str]:
    paragraphs: list[str] = []
    for lines in _whole_lines(_decompressed(stream, lzma.LZMADecompressor), last_is_whole=True):
        for line in lines.decode("utf-8").replace("\r\n", "\n").removesuffix("\n").split("\n"):
            if line:
                paragraphs.append(line)
            elif paragraphs:
                yield "\n".join(paragraphs)
                paragraphs = []
    if paragraphs:
        yield "\n".join(paragraphs)


def _whole_lines(blocks: Iterable[bytes], *, last_is_whole: bool = False) -> Iterator[bytes]:
    """Cut blocks at line feeds only: U+2028 and others, at which str.splitlines would cut, may stand in a paragraph."""
    rest = b""
    for block in blocks:
        lines, feed, rest_of_block = block.rpartition(b"\n")
        if feed:
            yield rest + lines + feed
            rest = rest_of_block
        else:
            rest += block
    if rest and not last_is_whole:
        raise ValueError("the last line has no line feed")
    if rest:
        yield rest


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _zstd() -> _Decompressor:
    return zstandard.ZstdDecompressor().decompressobj()


def _decompressed(stream: _Readable, start: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """Decompress frames (zstd, RFC 8878, 3.1.1) or streams (xz) that follow each other, and nothing else.

    The readers that the libraries have take the end of the file for the end of a frame, and drop what follows a stream
    and is none.
    """
    part: _Decompressor | None = None
    empty = True
    while data := stream.read(_READ_BYTES):
        empty = False
        while data:
            part = part or start()
            yield part.decompress(data)
            data = b""
            if part.eof:
                data, part = part.unused_data, None
    if part is not None or empty:
        raise ValueError("it ends in mid-frame")
