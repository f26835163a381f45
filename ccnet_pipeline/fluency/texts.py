"""Text of one language, as people have it: plain text, shards of this project, Wikipedia's search index.

    sw.txt, sw.txt.zst, .xz, .gz                      one paragraph a line, a blank line between documents; the name may
                                                      be any label of the language (language/labels.py)
    sw/head-00000.jsonl.zst                           shards (docs/shard_format.md), also below a folder `shards`
    swwiki-20240101-cirrussearch-content.json.gz      a dump of Wikipedia's search index: one article a line

Of an article the opening is taken, the text before its first heading, as CCNet did. It is prose from its first sentence
to its last, and each article weighs about the same. The whole text of an article is one line in which lists, captions
and references stand between sentences without a mark. Where a Wikipedia is small, the whole is still more than nothing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language import CC100_CODES
from ccnet_pipeline.language.labels import code_of
from ccnet_pipeline.text_files import documents_of, read_lines

ArticlePart = Literal["opening", "whole"]
ARTICLE_PARTS: tuple[ArticlePart, ...] = get_args(ArticlePart)

MOST_PARAGRAPHS = 10_000  # of a document in plain text: a text without blank lines comes in parts, not all at once
SHARDS = "*.jsonl.zst"
_POOL = re.compile(r"(?P<code>[A-Za-z]+(?:[-_][A-Za-z]+)*)\.txt(?:\.zst|\.xz|\.gz)?")
_DUMP = re.compile(r"(?P<code>[a-z_]+)wiki-\d+-cirrussearch-content\.json(?:\.gz|\.zst|\.xz)?")
_CODE_OF_WIKIPEDIA = {"nso": "ns"}  # the others are called as in CC-100
_KNOWN = CC100_CODES | {"zh"}  # one model may serve both scripts


@dataclass(frozen=True, slots=True)
class Text:
    """One document."""

    paragraphs: list[str]
    language: str | None = None  # a shard says it
    bucket: str | None = None  # likewise


@dataclass(frozen=True, slots=True)
class Source:
    """The text that a folder has of one language."""

    language: str
    files: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        """How much there is of it, as stored."""
        return sum(file.stat().st_size for file in self.files)


class _Line(msgspec.Struct):
    """What we want of a line of a shard or of a dump."""

    text: str | None = None
    opening_text: str | None = None
    language: str | None = None
    bucket: str | None = None


_decode = msgspec.json.Decoder(_Line).decode


def find_sources(folder: Path) -> tuple[list[Source], list[str]]:
    """Return the texts of a folder by language, and the files whose names tell of a language that CC-100 lacks.

    Raises:
        UserError: no such folder, no text in it, two texts of one language.
    """
    if not folder.is_dir():
        raise UserError(f"--all {folder} is not a directory; it wants a folder with <code>.txt.zst, shards, or dumps")
    claims: dict[str, list[tuple[Path, ...]]] = {}
    strangers = []
    for code, files in _candidates(folder):
        if code in _KNOWN:
            claims.setdefault(code, []).append(files)
        else:
            strangers.append(f"{files[0].name}: {code} is not a code of CC-100; --language {code} --input trains it")
    for code, texts in sorted(claims.items()):
        if len(texts) > 1:
            names = " and ".join(str(files[0].relative_to(folder)) for files in texts)
            raise UserError(f"--all {folder}: {names} are both text of {code}; remove one, or put both into one file")
    if not claims:
        raise UserError(f"--all {folder} has no text: no <code>.txt(.zst|.xz|.gz), no shards/<code>, no dump")
    return [Source(code, texts[0]) for code, texts in sorted(claims.items())], strangers


def _candidates(folder: Path) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """Yield (language, files) of what looks like text of a language, by name."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and (pool := _POOL.fullmatch(path.name)):
            yield code_of(pool["code"]), (path,)
        elif path.is_file() and (dump := _DUMP.fullmatch(path.name)):
            yield _CODE_OF_WIKIPEDIA.get(dump["code"], dump["code"]), (path,)
    for path in sorted(chain(folder.iterdir(), folder.glob("shards/*"))):
        if path.is_dir() and (shards := tuple(sorted(path.glob(SHARDS)))):
            yield path.name, shards


def is_dump(file: Path) -> bool:
    """Tell whether a file is a dump of Wikipedia's search index, by its name."""
    return "cirrussearch" in file.name


def read_texts(
    files: Sequence[Path], part: ArticlePart = "opening", most: int | None = MOST_PARAGRAPHS
) -> Iterator[Text]:
    """Yield the documents of files, of each by its name.

    Args:
        files: plain text, shards, dumps.
        part: of each article of a dump.
        most: paragraphs of a document in plain text; one of more comes in parts.

    Raises:
        UserError: one is absent, not whole, no text, or not what its name says; with the place.
    """
    for file in files:
        lines = read_lines(file)
        if ".json" in file.suffixes or ".jsonl" in file.suffixes:
            yield from texts_of_json(lines, str(file), part)
        else:
            yield from map(Text, documents_of(lines, most))


def texts_of_json(lines: Iterable[str], name: str, part: ArticlePart = "opening") -> Iterator[Text]:
    """Yield the documents of lines of JSON: of shards, or of a dump, where every other line holds no text.

    Raises:
        UserError: a line is something else.
    """
    of_opening = part == "opening" and is_dump(Path(name))
    for number, line in enumerate(lines, 1):
        try:
            found = _decode(line)
        except (msgspec.MsgspecError, UnicodeEncodeError) as error:
            raise UserError(f"{name}, line {number}: not a line of a shard or of a dump: {error}") from error
        text = found.opening_text if of_opening else found.text
        if text:
            yield Text(text.split("\n"), found.language, found.bucket)
