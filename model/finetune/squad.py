"""Questions whose answer stands in a text, in SQuAD 1.1's JSON: SQuAD, MLQA, XQuAD, TyDiQA-GoldP.

    {"data": [{"paragraphs": [{"context": ..., "qas": [
        {"id": ..., "question": ..., "answers": [{"text": ..., "answer_start": ...}]}]}]}]}

`answer_start` counts code points, as Python's strings do and the offsets of transformers' fast tokenizers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from model.errors import UserError
from model.finetune.files import fail, read_bytes

_WANTED = "SQuAD 1.1's form is wanted"
_SHOWN = 60  # characters of an answer in an error


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person marked: characters [start, start + len(text)) of the context."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the text to answer it from. Questions of one paragraph share the string."""

    id: str
    language: str  # of the context, which the answer is cut from
    text: str
    context: str
    answers: tuple[Answer, ...]


class _Answer(msgspec.Struct):
    text: str
    answer_start: int


class _Question(msgspec.Struct):
    id: str
    question: str
    answers: list[_Answer]


class _Paragraph(msgspec.Struct):
    context: str
    qas: list[_Question]


class _Article(msgspec.Struct):
    paragraphs: list[_Paragraph]


class _File(msgspec.Struct):
    data: list[_Article]


def read_questions(path: Path, language: str) -> list[Question]:
    """Read a file; .gz and .zst are decompressed. Where no question has an answer, all `answers` are empty.

    Raises:
        UserError: with file, line and id: another form, an id that stands twice, an answer that does not stand in its
            context where the file says, questions with an answer beside ones without, no question at all.
    """
    data = read_bytes(path)
    questions = list(_questions(_parse(path, data), language))
    if not questions:
        raise UserError(f"{path} has no question; is it whole?")
    answered = any(question.answers for question in questions)
    seen: set[str] = set()
    for question in questions:
        if (fault := _fault(question, answered, seen)) is not None:
            fail(path, _line_of(data, question), f"question {question.id}: {fault}")
        seen.add(question.id)
    return questions


def _parse(path: Path, data: bytes) -> _File:
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_File)
    except msgspec.ValidationError as error:
        raise UserError(f"{path}, line 1 and on: {error}; {_WANTED}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fail(path, _line_of_error(data, str(error)), f"{error}; {_WANTED}")


def _line_of_error(data: bytes, message: str) -> int:
    """Return the line of msgspec's "... (byte 17)"; the last where it tells none: the file is cut off."""
    _, _, place = message.rpartition("(byte ")
    end = int(place[:-1]) if place[:-1].isdecimal() else len(data.rstrip())
    return data.count(b"\n", 0, end) + 1


def _questions(file: _File, language: str) -> Iterator[Question]:
    for article in file.data:
        for paragraph in article.paragraphs:
            for asked in paragraph.qas:
                answers = tuple(Answer(answer.text, answer.answer_start) for answer in asked.answers)
                yield Question(asked.id, language, asked.question, paragraph.context, answers)


def _fault(question: Question, answered: bool, seen: set[str]) -> str | None:
    if question.id in seen:
        return "the id stands twice"
    if answered and not question.answers:
        return f"it has no answer, and others do (SQuAD 2.0 has such); {_WANTED}"
    for answer in question.answers:
        if not answer.text.strip():
            return "an answer is empty"
        if answer.start < 0 or not question.context.startswith(answer.text, answer.start):
            return f"{_shown(answer.text)} does not stand at {answer.start} of its context{_where(question, answer)}"
    return None


def _where(question: Question, answer: Answer) -> str:
    """Tell where it does stand. Programs in other languages count UTF-8 bytes or UTF-16 units."""
    place = question.context.find(answer.text)
    if place < 0:
        return " nor elsewhere"
    before = question.context[:place]
    for unit, length in (("bytes", len(before.encode())), ("UTF-16 units", len(before.encode("utf-16-le")) // 2)):
        if length == answer.start:
            return f", but at {place}: count characters, not {unit}"
    return f", but at {place}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _line_of(data: bytes, question: Question) -> int:
    """Return the line of a question's id; of its first mention, if the file writes it as msgspec does not."""
    for form in (msgspec.json.encode(question.id), question.id.encode()):
        if (place := data.find(form)) >= 0:
            return data.count(b"\n", 0, place) + 1
    return 1
