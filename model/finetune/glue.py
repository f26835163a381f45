"""Eight tasks of GLUE, in the files as the benchmark publishes them: a folder each, with train.tsv and dev.tsv.

The test sets are published without labels, so what counts is the dev set, as in the papers. MNLI has two: the score
of its matched part is "matched", that of the other "mismatched".

Sources: Wang et al. 2019 (GLUE); which metrics: its table 1.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from model.errors import UserError
from model.finetune.classification import Classification, Example, Numbers, accuracy
from model.finetune.files import fail, find, read_rows, read_table
from model.finetune.task import DEV, TRAIN, Data

MATCHED, MISMATCHED = "matched", "mismatched"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How the files of a task look."""

    folder: str
    columns: tuple[str, ...]  # that hold the text, its pair where there is one, and the answer
    labels: Mapping[str, str]  # as the file writes them, and our names; empty: numbers
    train: int  # rows as published
    dev: int
    dev_files: tuple[tuple[str, str], ...] = (("", "dev.tsv"),)  # parts and their files
    header: bool = True
    odd: bool = False  # the published file has lines whose cells do not match the header; they are left out


_NLI = {"entailment": "entailment", "not_entailment": "not_entailment"}
_BOTH_NLI = {"entailment": "entailment", "neutral": "neutral", "contradiction": "contradiction"}
_SAME = {"0": "different", "1": "same"}
_FORMS = {
    "cola": _Form(
        folder="CoLA", columns=("3", "1"), labels={"0": "unacceptable", "1": "acceptable"}, train=8_551, dev=1_043,
        header=False,
    ),
    "mnli": _Form(
        folder="MNLI", columns=("sentence1", "sentence2", "gold_label"), labels=_BOTH_NLI, train=392_702, dev=19_647,
        dev_files=((MATCHED, "dev_matched.tsv"), (MISMATCHED, "dev_mismatched.tsv")),
    ),
    "mrpc": _Form(
        folder="MRPC", columns=("#1 String", "#2 String", "Quality"), labels=_SAME, train=3_668, dev=408,
    ),
    "qnli": _Form(folder="QNLI", columns=("question", "sentence", "label"), labels=_NLI, train=104_743, dev=5_463),
    "qqp": _Form(
        folder="QQP", columns=("question1", "question2", "is_duplicate"), labels=_SAME, train=363_846, dev=40_430,
        odd=True,
    ),
    "rte": _Form(folder="RTE", columns=("sentence1", "sentence2", "label"), labels=_NLI, train=2_490, dev=277),
    "sst-2": _Form(
        folder="SST-2", columns=("sentence", "label"), labels={"0": "negative", "1": "positive"}, train=67_349, dev=872
    ),
    "sts-b": _Form(folder="STS-B", columns=("sentence1", "sentence2", "score"), labels={}, train=5_749, dev=1_500),
}  # fmt: skip
_COLA_COLUMNS = 4
_MOST_ODD = 0.001  # share of the lines
_MOST_SCORE = 5.0  # of STS-B


def read(name: str, data: Path) -> Data[Example]:
    """Read the folder of a task, or a folder that has it.

    Raises:
        UserError: a file is missing, or a line is of another form.
    """
    form = _FORMS[name]
    folder = data / form.folder if (data / form.folder).is_dir() else data
    examples: dict[str, list[Example]] = {TRAIN: [], DEV: []}
    files, notes = [], []
    wanted = [(TRAIN, "", "train.tsv"), *((DEV, part, file) for part, file in form.dev_files)]
    for split, part, file in wanted:
        path = _path(folder, file)
        found, odd = _read_file(path, form, part)
        examples[split] += found
        files.append(path)
        notes += [f"{path}: {odd} lines of another number of columns are left out"] if odd else []
    labels = tuple(form.labels.values())
    return Data(
        examples={"en": examples},
        labels=labels,
        files=tuple(files),
        notes=tuple(notes),
        partial=_partial(examples, form),
    )


def _path(folder: Path, name: str) -> Path:
    for _, path in find(folder, re.escape(name)):
        if path.parent == folder:
            return path
    raise UserError(f"no {folder / name}; --data wants the folder of GLUE, or of this task in it")


def _read_file(path: Path, form: _Form, part: str) -> tuple[list[Example], int]:
    """Return the examples, and how many lines were left out."""
    odd: list[int] = []
    found = []
    number = 0
    rows = read_table(path, [[name] for name in form.columns], odd=odd) if form.header else _bare(path, form)
    for number, (*texts, answer) in rows:
        if not all(text.strip() for text in texts) and not form.odd:
            fail(path, number, "a sentence is empty")
        pair = texts[1] if len(texts) > 1 else None
        found.append(Example(text=texts[0], pair=pair, answer=_answer(path, number, answer, form), part=part))
    if odd and not (form.odd and len(odd) <= max(1, _MOST_ODD * len(found))):
        fail(path, odd[0], "another number of columns than the first line; copy the file again")
    if not found:
        fail(path, max(1, number), "no example; copy the file again")
    return found, len(odd)


def _bare(path: Path, form: _Form) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of the columns that a file without a header has in these places."""
    for number, cells in read_rows(path):
        if len(cells) != _COLA_COLUMNS:
            fail(path, number, f"{len(cells)} columns, {_COLA_COLUMNS} are wanted; the file is of another form")
        yield number, [cells[int(place)] for place in form.columns]


def _answer(path: Path, number: int, text: str, form: _Form) -> str | float:
    if form.labels:
        if text not in form.labels:
            fail(path, number, f"{text[:40]!r} is no label of this task ({', '.join(form.labels)})")
        return form.labels[text]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _MOST_SCORE:
        fail(path, number, f"{text[:40]!r} is no score from 0 to {_MOST_SCORE:g}")
    return value


def _partial(examples: Mapping[str, Sequence[Example]], form: _Form) -> tuple[str, ...]:
    found = {split: len(rows) for split, rows in examples.items()}
    wanted = {TRAIN: form.train, DEV: form.dev}
    # How many of the odd lines are left out hangs on who reads the file.
    close = {split: abs(found[split] - rows) <= (_MOST_ODD * rows if form.odd else 0) for split, rows in wanted.items()}
    return tuple(f"{split} has {found[split]} rows of {wanted[split]}" for split in wanted if not close[split])


def _f1(_: Sequence[Example], gold: Numbers, predicted: Numbers) -> dict[str, float]:
    """Accuracy, and F1 of the second label."""
    from sklearn.metrics import f1_score

    return {**accuracy(_, gold, predicted), "f1": float(f1_score(gold, predicted, zero_division=0.0))}


def _mcc(_: Sequence[Example], gold: Numbers, predicted: Numbers) -> dict[str, float]:
    from sklearn.metrics import matthews_corrcoef

    return {"mcc": float(matthews_corrcoef(gold, predicted))}


def _correlations(_: Sequence[Example], gold: Numbers, predicted: Numbers) -> dict[str, float]:
    """Pearson's and Spearman's; 0 where one side is constant, for which they are not defined."""
    from scipy.stats import pearsonr, spearmanr

    if np.ptp(gold) == 0 or np.ptp(predicted) == 0:
        return {"pearson": 0.0, "spearman": 0.0}
    return {"pearson": float(pearsonr(gold, predicted)[0]), "spearman": float(spearmanr(gold, predicted)[0])}


def _by_part(examples: Sequence[Example], gold: Numbers, predicted: Numbers) -> dict[str, float]:
    parts = np.array([example.part for example in examples])
    names = [part for part in (MATCHED, MISMATCHED) if (parts == part).any()]
    return {part: accuracy((), gold[parts == part], predicted[parts == part])["accuracy"] for part in names}


_METRICS: Mapping[str, Callable[[Sequence[Example], Numbers, Numbers], Mapping[str, float]]] = {
    "cola": _mcc,
    "mnli": _by_part,
    "mrpc": _f1,
    "qqp": _f1,
    "sts-b": _correlations,
}
GLUE = {name: Classification(name, partial(read, name), _METRICS.get(name, accuracy)) for name in _FORMS}


def tasks_of(data: Path) -> list[str]:
    """Return the tasks whose folders a folder has, by name; UserError if it has none."""
    found = [name for name, form in _FORMS.items() if (data / form.folder).is_dir()]
    if not found:
        folders = ", ".join(form.folder for form in _FORMS.values())
        raise UserError(f"none of {folders} in {data}; --data wants the folder of GLUE")
    return found
