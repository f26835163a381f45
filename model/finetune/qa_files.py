"""The files of a folder that hold questions and their answers, by the names under which their authors publish them.

    train-v1.1.json dev-v1.1.json               SQuAD 1.1, English
    dev-context-de-question-de.json test-...    MLQA
    de_squad-translate-train-train-v1.1.json    SQuAD, translated by MLQA's authors
    xquad.de.json                               XQuAD: a test set
    tydiqa-goldp-v1.1-train.json                TyDiQA-GoldP: all languages in one file
    tydiqa-goldp-v1.1-dev.json                  its dev set, which is all to test on that is public
    tydiqa-goldp-dev-arabic.json                the same by language
    tydiqa.ar.train.json tydiqa.ar.dev.json     the same as XTREME names them

MLQA's dev set of English is for choosing a checkpoint, as its authors have it; where it is, SQuAD's is left out. Files
with a context and a question of different languages are left out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from model.errors import UserError
from model.finetune.files import find
from model.finetune.squad import Question, read_questions
from model.finetune.task import DEV, TEST, TRAIN, Data

_CODE = r"(?P<language>[a-z]{2,3}(-[A-Za-z]+)?)"
_TYDI = {
    "arabic": "ar", "bengali": "bn", "english": "en", "finnish": "fi", "indonesian": "id", "korean": "ko",
    "russian": "ru", "swahili": "sw", "telugu": "te",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Form:
    """One kind of name. `split` is what the name's own word for it means."""

    set: str
    pattern: str
    splits: Mapping[str, str]


_MLQA, _SQUAD, _TYDIQA = "MLQA", "SQuAD", "TyDiQA-GoldP"
_FORMS = (
    _Form(_MLQA, rf"(?P<split>dev|test)-context-{_CODE}-question-(?P<asked>[a-z]+)\.json", {"dev": DEV, "test": TEST}),
    _Form(_SQUAD, r"(?P<split>train|dev)-v1\.1\.json", {"train": TRAIN, "dev": DEV}),
    _Form("SQuAD translated", rf"{_CODE}_squad-translate-train-(?P<split>train)-v1\.1\.json", {"train": TRAIN}),
    _Form("XQuAD", rf"(?P<split>xquad)\.{_CODE}\.json", {"xquad": TEST}),
    _Form(_TYDIQA, r"tydiqa-goldp-v1\.1-(?P<split>train|dev)\.json", {"train": TRAIN, "dev": TEST}),
    _Form(_TYDIQA, rf"tydiqa-goldp-(?P<split>dev)-(?P<language>{'|'.join(_TYDI)})\.json", {"dev": TEST}),
    _Form(_TYDIQA, rf"tydiqa\.(goldp\.)?{_CODE}\.(?P<split>train|dev)\.json", {"train": TRAIN, "dev": TEST}),
)
_MIXED = re.compile(r"\w+-context-(?P<context>[a-z]+)-question-(?!(?P=context)\.)[a-z]+\.json")

# Questions of the paper's files. MLQA's README has one more of es than the file.
_TRAINED_ON = 87_599
_TESTED_ON = {"en": 11_590, "de": 4_517, "es": 5_253, "ar": 5_335, "zh": 5_137, "vi": 5_495, "hi": 4_918}


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    set: str
    split: str
    language: str | None  # None: each question's id begins with it


def read_folder(folder: Path) -> Data[Question]:
    """Read all files of a folder that are named as above; files without answers are left out and noted.

    Raises:
        UserError: no such file, two for one language and split, a file that is not of its form (squad.py).
    """
    found, notes = _choose(list(_find(folder)))
    if not found:
        raise UserError(f"no questions in {folder}: train-v1.1.json, test-context-de-question-de.json are such names")
    if mixed := find(folder, _MIXED.pattern):
        notes.append(f"{len(mixed)} files of MLQA have a question of another language than the context: left out")
    examples: dict[str, dict[str, list[Question]]] = {}
    sources: dict[tuple[str, str], Path] = {}
    for one in found:
        for question in _read(one):
            if not question.answers:
                notes.append(f"{one.path} has no answers: it is left out")
                break
            other = sources.setdefault((question.language, one.split), one.path)
            if other != one.path:
                raise UserError(
                    f"{other} and {one.path} both have {one.split} of {question.language}; leave one of them"
                )
            examples.setdefault(question.language, {}).setdefault(one.split, []).append(question)
    return Data(
        examples=examples,
        labels=(),
        files=tuple(sorted(one.path for one in found)),
        notes=tuple(notes),
        partial=tuple(_missing(examples, {one.set for one in found})),
    )


def _find(folder: Path) -> Iterator[_Found]:
    for form in _FORMS:
        for match, path in find(folder, form.pattern):
            groups = match.groupdict()
            language = groups.get("language") or ("en" if form.set == _SQUAD else None)
            if groups.get("asked", language) == language:
                yield _Found(path, form.set, form.splits[match["split"]], _TYDI.get(language or "", language))


def _choose(found: list[_Found]) -> tuple[list[_Found], list[str]]:
    """Leave SQuAD's dev set out where MLQA's of English is, TyDiQA's of all languages where those of some are."""
    left_out: dict[Path, str] = {}
    if any((one.set, one.split, one.language) == (_MLQA, DEV, "en") for one in found):
        squad = [one.path for one in found if (one.set, one.split) == (_SQUAD, DEV)]
        left_out |= dict.fromkeys(squad, "MLQA's dev set of English is there")
    tydiqa = [one for one in found if (one.set, one.split) == (_TYDIQA, TEST)]
    if any(one.language for one in tydiqa):
        whole = [one.path for one in tydiqa if one.language is None]
        left_out |= dict.fromkeys(whole, "files of its languages are there")
    notes = [f"{path} is left out: {why}" for path, why in left_out.items()]
    return [one for one in found if one.path not in left_out], notes


def _read(one: _Found) -> list[Question]:
    questions = read_questions(one.path, one.language or "")
    return questions if one.language else [_with_language(one.path, question) for question in questions]


def _with_language(path: Path, question: Question) -> Question:
    name, _, _ = question.id.partition("-")
    if name not in _TYDI:
        raise UserError(f"{path}, question {question.id}: the id does not begin with a language of TyDiQA-GoldP")
    return replace(question, language=_TYDI[name])


def _missing(examples: Mapping[str, Mapping[str, list[Question]]], sets: Iterable[str]) -> Iterator[str]:
    if _MLQA not in sets:
        yield "the paper's test sets are MLQA's"
        return
    wanted = {("en", TRAIN): _TRAINED_ON, **{(language, TEST): size for language, size in _TESTED_ON.items()}}
    for (language, split), size in wanted.items():
        count = len(examples.get(language, {}).get(split, ()))
        if count < size:
            yield f"{split} of {language} has {count} questions of {size}" if count else f"no {split} of {language}"
