"""The files of encoded text: written in a stream, described by a manifest (model/encode.py says what is in them)."""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from model.errors import UserError
from model.files import read_versioned, sha256_of, write_whole

VERSION = 1
MANIFEST = "manifest.json"
TOKEN, OFFSET = np.dtype("<u4"), np.dtype("<u8")
HELD_OUT = ".held-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedLanguage:
    """What there is of one language. Tokens count the `</s>` that ends each document."""

    tokens: int
    documents: int
    held_out_tokens: int
    held_out_documents: int
    sha256: str  # of <language>.tokens
    held_out_sha256: str  # of <language>.held-out.tokens
    source_sha256: str  # of the files of the text, one after another
    source_bytes: int | None = None  # of the same, as stored; manifests of before do not tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Describes a folder of encoded text; languages are sorted."""

    version: int = VERSION
    tokenizer_sha256: str  # of sentencepiece.bpe.model
    vocab_size: int
    languages: dict[str, EncodedLanguage]
    sha256: str = ""  # of manifest.json itself; not in the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """`<language>.json`: a language that is whole, and by which tokenizer."""

    tokenizer_sha256: str
    language: EncodedLanguage


def load_manifest(folder: Path) -> Manifest:
    """Return the manifest of a folder of encoded text.

    Raises:
        UserError: there is none, it is of another version, or a file that it describes has another size.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f"no {path}: python -m model.encode --data DIR --vocab DIR --output {folder} makes it")
    try:
        manifest = msgspec.convert(read_versioned(path, VERSION), Manifest)
    except (ValueError, msgspec.MsgspecError) as error:
        raise UserError(f"{path} is no manifest ({error}); delete {folder} and encode again") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    for language, counts in manifest.languages.items():
        _check_sizes(folder, language, counts)
    return replace(manifest, sha256=sha256_of([path]))


def load_finished(folder: Path, language: str) -> Finished | None:
    """Return what is known of a finished language; None if it is not whole."""
    try:
        finished = msgspec.json.decode((folder / f"{language}.json").read_bytes(), type=Finished)
        _check_sizes(folder, language, finished.language)
    except (OSError, msgspec.MsgspecError, UserError):
        return None
    return finished


def _check_sizes(folder: Path, language: str, counts: EncodedLanguage) -> None:
    sizes = {
        f"{language}.tokens": counts.tokens * TOKEN.itemsize,
        f"{language}.offsets": (counts.documents + 1) * OFFSET.itemsize,
        f"{language}{HELD_OUT}.tokens": counts.held_out_tokens * TOKEN.itemsize,
        f"{language}{HELD_OUT}.offsets": (counts.held_out_documents + 1) * OFFSET.itemsize,
    }
    for name, size in sizes.items():
        path = folder / name
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            what = "missing" if found is None else f"{found} bytes, not {size}"
            raise UserError(f"{path} is {what}: copy it again, or delete {folder} and encode again")


def write_json(path: Path, value: Manifest | Finished) -> None:
    """Write a manifest, or that a language is whole."""
    fields: dict[str, Any] = asdict(value)
    fields.pop("sha256", None)
    with write_whole(path) as file:
        file.write(msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n")


class TokenWriter:
    """Writes `<stem>.tokens` and `<stem>.offsets`; use it through `token_writer`."""

    def __init__(self, stem: Path, files: contextlib.ExitStack) -> None:
        self._tokens, self._offsets = (
            files.enter_context(write_whole(stem.with_name(stem.name + suffix))) for suffix in (".tokens", ".offsets")
        )
        self._digest = hashlib.sha256()
        self.tokens = self.documents = 0
        self._offsets.write(np.zeros(1, OFFSET).tobytes())

    def write(self, tokens: npt.NDArray[np.uint32], lengths: npt.NDArray[np.int64]) -> None:
        """Append documents: their tokens in a row, and how many each has."""
        data = np.ascontiguousarray(tokens, TOKEN).data
        self._tokens.write(data)
        self._digest.update(data)
        self._offsets.write((self.tokens + np.cumsum(lengths)).astype(OFFSET).tobytes())
        self.tokens += len(tokens)
        self.documents += len(lengths)

    @property
    def sha256(self) -> str:
        """Of the tokens written so far."""
        return self._digest.hexdigest()


@contextlib.contextmanager
def token_writer(stem: Path) -> Iterator[TokenWriter]:
    """Write a pair of files; they appear when the block ends without an error."""
    with contextlib.ExitStack() as files:
        yield TokenWriter(stem, files)
