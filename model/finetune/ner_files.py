"""The files of a folder that hold named entities, by the names under which their authors publish them.

    eng.train eng.testa eng.testb, deu.*        CoNLL-2003: IOB1; German in ISO 8859-1
    esp.train esp.testa esp.testb, ned.*        CoNLL-2002: IOB2, in ISO 8859-1
    train-sw.tsv dev-sw.tsv test-sw.tsv         PAN-X of XTREME; the test files have no tags
    sw/train sw/dev sw/test                     WikiANN
    swa/train.txt swa/dev.txt swa/test.txt      MasakhaNER

The folder may have folders of its own, and files may be compressed (.gz, .zst).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model.errors import UserError
from model.finetune.columns import TYPES, Sentence, read_columns
from model.finetune.files import find
from model.finetune.iob import OUTSIDE
from model.finetune.task import DEV, TEST, TRAIN, Data

_LANGUAGES = {"eng": "en", "deu": "de", "esp": "es", "ned": "nl"}  # CoNLL's names
_SPLITS = {"train": TRAIN, "dev": DEV, "valid": DEV, "testa": DEV, "test": TEST, "testb": TEST}
_CONLL = r"(?P<language>eng|deu|esp|ned)\.(?P<split>train|testa|testb)"
_PAN_X = r"(?P<split>train|dev|test)-(?P<language>[a-z]{2,3}(-[a-z]+)*)\.tsv"
_BY_FOLDER = r"(?P<split>train|dev|valid|test)(\.(txt|tsv|conll))?"
_CODE = re.compile(r"[a-z]{2,3}(-[a-z]+)*")

# Sentences of CoNLL's files; what separates documents is none.
_SENTENCES = {
    "en": {TRAIN: 14_041, DEV: 3_250, TEST: 3_453},
    "de": {TRAIN: 12_152, DEV: 2_867, TEST: 3_005},
    "es": {TRAIN: 8_323, DEV: 1_915, TEST: 1_517},
    "nl": {TRAIN: 15_806, DEV: 2_895, TEST: 5_195},
}


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    language: str
    split: str
    conll: bool


def read_sentences(folder: Path) -> Data[Sentence]:
    """Read all files of a folder that are named as above; test files without tags are left out and noted.

    Raises:
        UserError: no such file, two for one language and split, a file that is not of its form (columns.py).
    """
    found = list(_find(folder))
    if not found:
        raise UserError(f"no file of named entities in {folder}: eng.train, train-en.tsv or en/train are such names")
    examples: dict[str, dict[str, list[Sentence]]] = {}
    notes: list[str] = []
    for one in found:
        file = read_columns(one.path, one.language, latin_1=one.conll)
        notes += file.notes
        if file.tagged:
            examples.setdefault(one.language, {})[one.split] = list(file.sentences)
        elif one.split == TEST:
            notes.append(f"{one.path} has no tags: it is left out")
        else:
            raise UserError(f"{one.path}, line {file.sentences[0].line}: one column; a word and its tag are wanted")
    types = {tag[2:] for splits in examples.values() for part in splits.values() for one in part for tag in one.tags}
    labels = [OUTSIDE, *(f"{prefix}-{name}" for name in TYPES if name in types for prefix in "BI")]
    return Data(
        examples=examples,
        labels=tuple(labels),
        files=tuple(sorted(one.path for one in found)),
        notes=tuple(notes),
        partial=tuple(_missing(examples, all(one.conll for one in found))),
    )


def _find(folder: Path) -> Iterator[_Found]:
    paths: dict[tuple[str, str], Path] = {}
    for pattern in (_CONLL, _PAN_X, _BY_FOLDER):
        for match, path in find(folder, pattern):
            name = match.groupdict().get("language") or path.parent.name
            if not _CODE.fullmatch(name):
                continue
            one = _Found(path, _LANGUAGES.get(name, name), _SPLITS[match["split"]], pattern == _CONLL)
            if (other := paths.setdefault((one.language, one.split), path)) != path:
                raise UserError(f"{other} and {path} are both {one.split} of {one.language}; leave one of them")
            yield one


def _missing(examples: dict[str, dict[str, list[Sentence]]], conll: bool) -> Iterator[str]:
    if not conll:
        yield "the paper's files are CoNLL-2002 and CoNLL-2003"
        return
    for language, sizes in _SENTENCES.items():
        for split, size in sizes.items():
            count = len(examples.get(language, {}).get(split, ()))
            if count != size:
                yield f"{split} of {language} has {count} sentences of {size}" if count else f"no {split} of {language}"
