"""What people give as an archive and is none: a list of archives, a picture, a web page.

Named is what its first bytes show to be something else, and text in a file that is not called an archive. Anything else
may be one, damaged or not, and reading it tells.
"""

import bz2
import codecs
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import zstandard

from ccnet_pipeline.archive import Record, read_archive
from ccnet_pipeline.listings import lines_of

_HEAD_BYTES = 8 << 10
_CONFIRMED_BYTES = 1 << 20  # of what looks like something else: a part of an archive may begin with the end of a page

_WANTED = "give WARC or WET files, or a list of them named *.paths"
_ZIP = b"PK\x03\x04"
_PACKINGS: Mapping[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b\x08": lambda head: zlib.decompressobj(31).decompress(head, _HEAD_BYTES),
    b"\x28\xb5\x2f\xfd": lambda head: zstandard.ZstdDecompressor().stream_reader(io.BytesIO(head)).read(_HEAD_BYTES),
    b"\xfd7zXZ\0": lambda head: lzma.LZMADecompressor().decompress(head, _HEAD_BYTES),
    b"BZh": lambda head: bz2.BZ2Decompressor().decompress(head, _HEAD_BYTES),
}
_KINDS = (
    (rb"\x89PNG\r\n", "a picture (PNG)"),
    (rb"\xff\xd8\xff", "a picture (JPEG)"),
    (rb"GIF8[79]a", "a picture (GIF)"),
    (rb"RIFF.{4}WEBP", "a picture (WebP)"),
    (rb"II\*\0|MM\0\*", "a picture (TIFF)"),
    (rb"RIFF|ID3|OggS|fLaC|.{4}ftyp|\x1a\x45\xdf\xa3", "a picture, sound or film"),
    (rb"%PDF-", "a PDF"),
    (rb"PAR1|ARROW1", "a table (Parquet or Arrow)"),
    (rb"SQLite format 3\0", "a database (SQLite)"),
    (rb"7z\xbc\xaf|Rar!", "packed by another program"),
    (rb"\x7fELF|MZ.{58,256}PE\0\0", "a program"),
    (rb"\xd0\xcf\x11\xe0", "a document of an office program"),
    (rb"(?i:\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)[\s>])", "a web page"),
    (rb"\s*<(?:\?xml\s|Error>|ListBucketResult)", "XML, perhaps what an object store answered"),
    (rb'\s*(?:\{\s*["}]|\[\s*["{\[])', "JSON"),
)
_KIND_PATTERNS = tuple((re.compile(rb"(?:\xef\xbb\xbf)?(?:" + kind + rb")", re.DOTALL), name) for kind, name in _KINDS)
_ARCHIVE_NAME = re.compile(r"\.(?:w?arc|wet|wat|wacz)(?:\.|$)|\.(?:gz|zst|bz2|xz)$", re.IGNORECASE)


def mistaken_for_archive(path: Path) -> str | None:
    """Return what a file is instead of an archive, with what to do; None where it may be one.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        said, may_be_text = _what_it_is(head, path), not _ARCHIVE_NAME.search(path.name) and _is_text(head)
        if said is None and not may_be_text:
            return None
        begin, rest = head + file.read(_CONFIRMED_BYTES), file.read(1)
    if any(isinstance(part, Record) for part in read_archive(io.BytesIO(begin))):
        return None
    return said or (None if rest else f"is text without a record: {_WANTED}")


def _what_it_is(head: bytes, path: Path) -> str | None:
    if head.startswith(_ZIP):
        # What is stored in it as it is (WACZ) is found by reading.
        return None if _holds_archives(path) else "is a ZIP file: unpack it and give the WARC or WET files in it"
    text = _unpacked(head)
    if _is_list(text, whole=len(text) < _HEAD_BYTES):
        return "looks like a list of files: give one path a line, in a file named *.paths"
    kind = next((name for pattern, name in _KIND_PATTERNS if pattern.match(text)), None)
    return kind and f"is {kind}: {_WANTED}"


def _unpacked(head: bytes) -> bytes:
    for magic, unpack in _PACKINGS.items():
        if head.startswith(magic):
            try:
                return unpack(head)
            except (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError, EOFError):
                return b""
    return head


def _holds_archives(path: Path) -> bool:
    """Tell whether a ZIP file has an archive in it that is not packed again; True of one that cannot be looked into."""
    try:
        with zipfile.ZipFile(path) as packed:
            return any(
                each.compress_type == zipfile.ZIP_STORED and _ARCHIVE_NAME.search(each.filename)
                for each in packed.infolist()
            )
    except zipfile.BadZipFile:
        return True


def _is_text(head: bytes) -> bool:
    """Tell whether this begins as text does, in UTF-8."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text.strip()) and "".join(text.split()).isprintable()


def _is_list(text: bytes, *, whole: bool) -> bool:
    """Tell whether most lines are names of archives, or end with one, as those that `ls -l` prints do."""
    try:
        lines = lines_of(text, whole=whole)
    except UnicodeDecodeError:
        return False
    return 2 * sum(line.isprintable() and _ARCHIVE_NAME.search(line) is not None for line in lines) > len(lines)
