"""Filters by their names: ours, or any function that can be imported, as `module.function`.

A module of ours has

    VERSION = "1"                                                                # another one where a verdict changes
    def verdicts(documents: Sequence[Document]) -> list[str | None]: ...         # a reason each, or None

or, where it needs the thresholds of --filter_thresholds, instead of `verdicts`

    def from_thresholds(path: Path) -> Verdicts: ...

The version of one's own function is its attribute `version`; without one it is the sha256 of its module's source.
"""

import difflib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import UNSET

from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import UserError

Verdicts = Callable[[Sequence[Document]], Sequence[str | None]]
"""A reason to drop each document, without the name of the filter; None: it stays."""

_OPTION = "--filters"
_THRESHOLDS = "--filter_thresholds"
_OURS: Mapping[str, str] = {
    "gopher_quality": "ccnet_pipeline.filters.gopher_quality",
    "gopher_repetition": "ccnet_pipeline.filters.gopher_repetition",
    "c4": "ccnet_pipeline.filters.c4",
    "fineweb_quality": "ccnet_pipeline.filters.fineweb_quality",
    "fineweb2": "ccnet_pipeline.filters.fineweb2",
}
OURS = tuple(_OURS)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_LONGEST_NAME = 120  # it becomes part of the name of a file
_LONGEST_MESSAGE = 200
_NO_FUNCTIONS = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
_LISTS = ("paragraph_ids", "languages")  # of a document: all of it that can be changed by mistake


class NoAnswerError(Exception):
    """A filter gave neither a reason nor None. The message says what it did."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter and its version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Filtering:
    """What --filters asks for, as it stands in the fingerprint."""

    names: tuple[str, ...]  # in the order in which they are asked
    versions: dict[str, str]
    thresholds_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was found."""

    choice: Choice
    verdicts: Verdicts = field(compare=False)
    uses_thresholds: bool = False


def find_filters(names: Sequence[str], thresholds: Path | None) -> tuple[Filter, ...]:
    """Return filters by their names, in their order.

    Args:
        names: of ours, or `module.function`; the module is looked for as Python does, and in the current folder.
        thresholds: the file that --filter_thresholds names.

    Raises:
        UserError: there is none of that name, it is no function, or its thresholds are missing or not wanted.
    """
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if twice is not None:
        raise UserError(f"{_OPTION}: {twice} stands there twice")
    found = tuple(_ours(name, thresholds) if name in _OURS else _of_user(name) for name in names)
    if thresholds is not None and not any(each.uses_thresholds for each in found):
        raise UserError(f"{_THRESHOLDS}: no filter of {_OPTION} {','.join(names)} has thresholds; name fineweb2, too")
    return found


def _ours(name: str, thresholds: Path | None) -> Filter:
    module = importlib.import_module(_OURS[name])
    choice = Choice(name, module.VERSION)
    from_thresholds = getattr(module, "from_thresholds", None)
    if from_thresholds is None:
        return Filter(choice, module.verdicts)
    if thresholds is None:
        raise UserError(f"{_OPTION} {name} needs {_THRESHOLDS} FILE (python -m ccnet_pipeline.filters thresholds)")
    return Filter(choice, from_thresholds(thresholds), uses_thresholds=True)


def _of_user(name: str) -> Filter:
    function = _imported(name)
    if inspect.isclass(function) or not callable(function):
        what = "a class" if inspect.isclass(function) else f"of type {type(function).__name__}"
        raise UserError(f"{_OPTION} {name} is {what}; want a function of a document that returns a reason or None")
    _check_call(name, function)

    def verdicts(documents: Sequence[Document]) -> list[str | None]:
        return [_answer(function, document) for document in documents]

    return Filter(Choice(name, _version(name, function)), verdicts)


def _check_call(name: str, function: Any) -> None:
    """Check that a call with one document returns an answer, as far as can be told without one."""
    if any(is_other(each) for each in (function, type(function).__call__) for is_other in _NO_FUNCTIONS):
        raise UserError(f"{_OPTION} {name} is a coroutine or a generator; want a function that returns its answer")
    try:
        signature = inspect.signature(function, follow_wrapped=False)  # what is called is what wraps
    except (TypeError, ValueError):
        return  # some functions in C have none
    try:
        signature.bind(object())
    except TypeError as error:
        raise UserError(
            f"{_OPTION} {name} cannot be called with one document: {error}; functools.partial makes a filter of a "
            "function with more arguments"
        ) from error


def _answer(function: Any, document: Document) -> Any:
    """Ask a function about a copy of a document, which shows whether it changes what it is asked about."""
    lists: dict[str, Any] = {
        each: list(getattr(document, each)) for each in _LISTS if getattr(document, each) is not UNSET
    }
    lent = replace(document, **lists)
    answer = function(lent)
    if lent != document:
        raise NoAnswerError("changed the document")
    return answer


def _imported(name: str) -> Any:
    module_name, _, attribute = name.rpartition(".")
    if not _NAME.fullmatch(name) or not module_name:
        near = difflib.get_close_matches(name, OURS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"want some of {', '.join(OURS)}, or module.function"
        raise UserError(f"{_OPTION}: there is no filter {name!r}; {hint}")
    if len(name) > _LONGEST_NAME:
        raise UserError(f"{_OPTION} {name[:40]}...: the name is longer than {_LONGEST_NAME} characters")
    _look_in_current_folder()
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise UserError(f"{_OPTION} {name}: cannot import {module_name}: {described(error)}") from error
    if not hasattr(module, attribute):
        near = difflib.get_close_matches(attribute, dir(module), n=1)
        hint = f"; did you mean {module_name}.{near[0]}?" if near else ""
        raise UserError(f"{_OPTION} {name}: {module_name} has no {attribute}{hint}")
    return getattr(module, attribute)


def _look_in_current_folder() -> None:
    """Let modules of the current folder be found, behind all others, unless Python was told to be safe from that."""
    here = str(Path.cwd())
    if not getattr(sys.flags, "safe_path", False) and here not in sys.path:
        sys.path.append(here)


def _version(name: str, function: Any) -> str:
    version = getattr(function, "version", None)
    if version is not None:
        if not isinstance(version, str) or not version:
            raise UserError(f"{_OPTION} {name}: its version is {version!r}; want text, such as '1'")
        return version
    module = importlib.import_module(name.rpartition(".")[0])
    try:
        return sha256(inspect.getsource(module).encode()).hexdigest()
    except (OSError, TypeError) as error:
        raise UserError(f"{_OPTION} {name}: its module has no source; give it an attribute version") from error


def described(error: BaseException) -> str:
    r"""Return an exception in one line.

    >>> described(ValueError("no\nline"))
    'ValueError: no line'
    """
    message = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' if message else ''}{message}"[:_LONGEST_MESSAGE]
