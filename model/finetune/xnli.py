"""XNLI, the training data of MultiNLI, and their machine translations, in the files of their authors.

    train   multinli.train.<language>.tsv (XNLI-MT-1.0), multinli_1.0_train.jsonl or .txt (MultiNLI 1.0: en)
    dev     xnli.dev.tsv or .jsonl (XNLI 1.0: all languages in one file), xnli.dev.<language>.tsv
    test    xnli.test.tsv or .jsonl, xnli.test.<language>.tsv

Of a language and split that several files hold, the first of these is read. KorNLI's files have these names, too.

Sources: Conneau et al. 2018 (XNLI), Williams et al. 2018 (MultiNLI), Ham et al. 2020 (KorNLI).
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model.errors import UserError
from model.finetune.classification import Classification, Example, accuracy
from model.finetune.files import fail, find, read_objects, read_table
from model.finetune.task import DEV, TEST, TRAIN, Data

LABELS = ("entailment", "neutral", "contradiction")
LANGUAGES = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
_ROWS = {TRAIN: 392_702, DEV: 2_490, TEST: 5_010}  # of each language
_NAMES = {
    TRAIN: (r"multinli\.train\.([a-z]+)\.tsv", r"multinli_1\.0_train\.jsonl", r"multinli_1\.0_train\.txt"),
    DEV: (r"xnli\.dev\.tsv", r"xnli\.dev\.jsonl", r"xnli\.dev\.([a-z]+)\.tsv"),
    TEST: (r"xnli\.test\.tsv", r"xnli\.test\.jsonl", r"xnli\.test\.([a-z]+)\.tsv"),
}
_COLUMNS = (("sentence1", "premise"), ("sentence2", "hypo"), ("gold_label", "label"))
_CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z]+)?")
_SAME = {"contradictory": "contradiction"}  # as XNLI-MT writes it
_UNDECIDED = "-"  # those who labelled it did not agree

_Line = tuple[int, str, str, str, str]  # number, language, both sentences, label


def read(data: Path) -> Data[Example]:
    """Read a folder; UserError for a line of another form, or when there is none of these files."""
    examples: dict[str, dict[str, list[Example]]] = defaultdict(dict)
    files, notes = [], []
    for split, patterns in _NAMES.items():
        for pattern in patterns:
            for match, path in find(data, pattern):
                found, undecided = _read_file(path, _language(match))
                taken = {language: lines for language, lines in found.items() if split not in examples[language]}
                for language, lines in taken.items():
                    examples[language][split] = lines
                files += [path] if taken else []
                notes += [f"{path}: not read, another file has its languages"] if not taken else []
                notes += [f"{path}: {undecided} pairs without a label are left out"] if taken and undecided else []
    if not files:
        raise UserError(f"no file of XNLI or MultiNLI below {data} (xnli.dev.tsv, multinli.train.en.tsv, ...)")
    return Data(
        examples=examples, labels=LABELS, files=tuple(sorted(files)), notes=tuple(notes), partial=_partial(examples)
    )


def _language(match: re.Match[str]) -> str | None:
    if match.re.groups:
        return match.group(1)
    return "en" if match.string.startswith("multinli") else None  # XNLI's tell it in each line


def _read_file(path: Path, language: str | None) -> tuple[dict[str, list[Example]], int]:
    """Return the pairs by language, and how many had no label."""
    found: dict[str, list[Example]] = defaultdict(list)
    undecided = 0
    for number, code, text, pair, written in _lines(path, language):
        label = _SAME.get(written, written)
        if label == _UNDECIDED:
            undecided += 1
            continue
        if not _CODE.fullmatch(code):
            fail(path, number, f"{code[:40]!r} is no code of a language")
        if label not in LABELS:
            fail(path, number, f"{label[:40]!r} is no label of XNLI ({', '.join(LABELS)})")
        if not text.strip() or not pair.strip():
            fail(path, number, "a sentence is empty")
        found[code].append(Example(text=text, pair=pair, answer=label))
    if not found:
        fail(path, 1, f"none of {undecided} pairs has a label")
    return found, undecided


def _lines(path: Path, language: str | None) -> Iterator[_Line]:
    if ".jsonl" in path.suffixes:
        yield from _json_lines(path, language)
        return
    names = _COLUMNS if language else (*_COLUMNS, ("language",))
    for number, cells in read_table(path, names):
        yield number, language or cells[3], cells[0], cells[1], cells[2]


def _json_lines(path: Path, language: str | None) -> Iterator[_Line]:
    for number, value in read_objects(path):
        text, pair, label = (_text(path, number, value, names[0]) for names in _COLUMNS)
        yield number, language or _text(path, number, value, "language"), text, pair, label


def _text(path: Path, number: int, value: Mapping[str, Any], name: str) -> str:
    if not isinstance(text := value.get(name), str):
        fail(path, number, f"{name} is {text!r}, a text is wanted")
    return text


def _partial(examples: dict[str, dict[str, list[Example]]]) -> tuple[str, ...]:
    lacking = []
    for split, rows in _ROWS.items():
        wanted = ("en",) if split == TRAIN else LANGUAGES
        less = [code for code in wanted if len(examples.get(code, {}).get(split, ())) != rows]
        lacking += [f"{split} of {', '.join(less)} has not the paper's {rows} pairs"] if less else []
    odd = sorted(set(examples) - set(LANGUAGES))
    return (*lacking, *([f"{', '.join(odd)}: not of XNLI"] if odd else []))


XNLI = Classification("xnli", read, accuracy)
