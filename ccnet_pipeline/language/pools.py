"""Pools of text to train and measure language identification on: a folder with one file a language.

    sw.txt.zst                 a language by the code of its file, one paragraph a line, a blank line between documents
    other/nbl.txt.zst          a language that CC-100 lacks, which is told apart from the others, too

The ending is .txt, or that and .zst, .gz or .xz. A document is a tuple of paragraphs. The name may be any label of the
language (labels.py): `other/nno.txt` is `nn`, `swh_Latn.txt` is `sw`.
"""

import bisect
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.labels import code_of
from ccnet_pipeline.text_files import read_documents

Document = tuple[str, ...]
OTHER = "other"  # the folder of languages that CC-100 lacks
FEWEST_CHARACTERS = 500  # of a pool; 5000 are of some use
MOST_CHARACTERS = 20_000_000  # that are read of a pool: more would not make the model better
LONGEST_PARAGRAPH = 10_000  # characters; what is longer is cut there
_NAME = re.compile(r"(?P<code>[A-Za-z]{2,3}([-_][A-Za-z]+)*)\.txt(\.zst|\.gz|\.xz)?")
_REACH = 30  # characters in which a blank is looked for, to cut there


@dataclass(frozen=True, slots=True)
class Pool:
    """The text of one language."""

    code: str
    path: Path
    documents: tuple[Document, ...]
    is_whole: bool = True  # False: the file has more than was read

    @property
    def characters(self) -> int:
        return sum(map(len, self.paragraphs()))

    def paragraphs(self) -> Iterator[str]:
        for document in self.documents:
            yield from document


def find_pools(folder: Path) -> dict[str, Path]:
    """Return the file of each language, sorted by code.

    Raises:
        UserError: there is none, two are of one language, or a file's name tells no language.
    """
    if not folder.is_dir():
        raise UserError(f"--text {folder} is no folder; want one with files such as sw.txt.zst, named by language")
    found: dict[str, Path] = {}
    for path in sorted([*folder.iterdir(), *(folder / OTHER).glob("*")]):
        if ".txt" not in path.suffixes or path.name.startswith("."):
            continue
        if not (match := _NAME.fullmatch(path.name)):
            raise UserError(f"{path}: the name is no language code with .txt, .txt.zst, .txt.gz or .txt.xz")
        code = code_of(match["code"])
        if other := found.get(code):
            raise UserError(f"{other} and {path} are both of {code}; keep one of them")
        found[code] = path
    if not found:
        raise UserError(f"--text {folder} has no file such as sw.txt.zst, named by its language")
    return dict(sorted(found.items()))


def read_pool(
    code: str, path: Path, *, most_characters: int = MOST_CHARACTERS, fewest_characters: int = FEWEST_CHARACTERS
) -> Pool:
    """Return the text of one language.

    Raises:
        UserError: the file is damaged, no text, or has too little of it.
    """
    documents: list[Document] = []
    characters = 0
    for lines in read_documents(path):
        document: list[str] = []
        for piece in (piece for line in lines for piece in _pieces(line.strip())):
            if characters >= most_characters:
                documents += [tuple(document)] if document else []
                return Pool(code, path, tuple(documents), is_whole=False)
            document.append(piece)
            characters += len(piece)
        documents.append(tuple(document))
    if characters < fewest_characters:
        raise UserError(
            f"{path}: {characters} characters of text, and a language needs {fewest_characters}; "
            "add some, or take the file out"
        )
    return Pool(code, path, tuple(documents))


def _pieces(line: str) -> Iterator[str]:
    for start in range(0, len(line), LONGEST_PARAGRAPH):
        yield line[start : start + LONGEST_PARAGRAPH]


def hold_out(pool: Pool, every: int) -> tuple[Pool, Pool]:
    """Return a pool without each k-th document, and these. A single document gives of its paragraphs."""
    documents = pool.documents
    if len(documents) == 1:
        paragraphs = documents[0]
        middle = max(1, len(paragraphs) * (every - 1) // every)
        documents = (paragraphs[:middle], paragraphs[middle:]) if middle < len(paragraphs) else documents * 2
    every = min(every, len(documents))
    held = documents[every - 1 :: every]
    kept = tuple(document for number, document in enumerate(documents, 1) if number % every)
    return Pool(pool.code, pool.path, kept, pool.is_whole), Pool(pool.code, pool.path, held, pool.is_whole)


class Windows:
    """Parts of documents, from word to word, of lengths between two bounds, short ones more often."""

    def __init__(self, documents: Sequence[Document], shortest: int, longest: int) -> None:
        self._texts = [" ".join(document) for document in documents]
        self._ends = list(accumulate(map(len, self._texts)))
        self._logs = math.log(shortest), math.log(longest)

    def draw(self, chance: random.Random) -> str:
        text = self._texts[bisect.bisect(self._ends, chance.random() * self._ends[-1])]
        length = int(math.exp(chance.uniform(*self._logs)))
        if len(text) <= length:
            return text
        start = int(chance.random() * (len(text) - length + 1))
        if start:
            start = text.find(" ", start, start + _REACH) + 1 or start
        end = start + length
        if end < len(text):
            blank = text.rfind(" ", max(start + length // 2, end - _REACH), end)
            end = blank if blank > 0 else end
        return text[start:end]


def evaluation_texts(pools: Mapping[str, Pool], kind: str) -> list[tuple[str, str]]:
    """Return (language, text) of all pools: paragraphs of 40 to 400 characters, or documents in one line each."""
    if kind == "paragraphs":
        return [(code, text) for code, pool in pools.items() for text in pool.paragraphs() if 40 <= len(text) <= 400]
    return [(code, " ".join(document)) for code, pool in pools.items() for document in pool.documents]
