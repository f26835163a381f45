"""Which filter a name means, and what of it is in the fingerprint."""

import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.filters import OURS, Choice, find_filters
from tests.filters import of_tests

MINE = "tests.filters.of_tests"
SOURCE_SHA256 = sha256(Path(of_tests.__file__).read_bytes()).hexdigest()


def test_a_function_of_ones_own_has_its_version_or_that_of_its_source() -> None:
    found = find_filters([f"{MINE}.with_g", f"{MINE}.odd"], None)
    assert [each.choice for each in found] == [Choice(f"{MINE}.with_g", "g 1"), Choice(f"{MINE}.odd", SOURCE_SHA256)]


def test_a_module_of_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "filters_of_this_folder.py").write_text("def none(document):\n    return None\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    [found] = find_filters(["filters_of_this_folder.none"], None)
    assert found.verdicts([]) == []
    assert sys.path[-1] == str(tmp_path)  # behind all others: nothing there stands for a module of another place


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gopher_qualty", "--filters: there is no filter 'gopher_qualty'; did you mean gopher_quality?"),
        ("zzz", f"--filters: there is no filter 'zzz'; want some of {', '.join(OURS)}, or module.function"),
        ("a..b", "--filters: there is no filter 'a..b'; want some of"),
        ("a/b.c", "--filters: there is no filter 'a/b.c'; want some of"),
        ("módulo.f", "--filters: there is no filter 'módulo.f'; want some of"),
        (f"a.{'b' * 200}", "--filters a.bbbbbbbbbbbbbbbb.*: the name is longer than 120 characters"),
        (
            "no_such_module.f",
            "--filters no_such_module.f: cannot import no_such_module: ModuleNotFoundError: ",
        ),
        (f"{MINE}.ood", f"--filters {MINE}.ood: {MINE} has no ood; did you mean {MINE}.odd?"),
        (f"{MINE}.number", f"--filters {MINE}.number is of type int; want a function of a document"),
        (f"{MINE}.Judge", f"--filters {MINE}.Judge is a class; want a function of a document"),
        (f"{MINE}.versioned", f"--filters {MINE}.versioned: its version is 2; want text, such as '1'"),
        (
            f"{MINE}.with_letter",
            f"--filters {MINE}.with_letter cannot be called with one document: missing a required argument: 'letter'; "
            "functools.partial makes a filter of a function with more arguments",
        ),
        (f"{MINE}.nothing", f"--filters {MINE}.nothing cannot be called with one document: too many positional "),
        (f"{MINE}.later", f"--filters {MINE}.later is a coroutine or a generator; want a function that returns its"),
        (f"{MINE}.one_by_one", f"--filters {MINE}.one_by_one is a coroutine or a generator; want a function"),
        ("math.sqrt", "--filters math.sqrt: its module has no source; give it an attribute version"),
    ],
)
def test_a_name_that_means_no_filter(name: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        find_filters([name], None)


@pytest.mark.parametrize(
    ("source", "message"), [("1 +", "SyntaxError: "), ("import sys; sys.exit(1)", "SystemExit: 1"), ("1 / 0", "Zero")]
)
def test_a_module_that_cannot_be_imported(
    source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad_filters.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=f"^--filters bad_filters.f: cannot import bad_filters: {message}"):
        find_filters(["bad_filters.f"], None)


def test_a_filter_that_stands_twice() -> None:
    with pytest.raises(UserError, match=r"^--filters: a\.b stands there twice$"):
        find_filters(["a.b", "c.d", "a.b"], None)


def module_of(monkeypatch: pytest.MonkeyPatch, name: str, **attributes: object) -> None:
    made = ModuleType(name)
    vars(made).update(attributes)
    monkeypatch.setitem(sys.modules, f"ccnet_pipeline.filters.{name}", made)


def none(documents: Sequence[Document]) -> list[str | None]:
    return [None] * len(documents)


def test_thresholds_go_to_the_filter_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def from_thresholds(path: Path) -> object:
        read.append(path)
        return none

    module_of(monkeypatch, "c4", VERSION="7", verdicts=none)
    module_of(monkeypatch, "fineweb2", VERSION="8", from_thresholds=from_thresholds)
    found = find_filters(["c4", "fineweb2"], Path("thresholds"))
    assert [each.choice for each in found] == [Choice("c4", "7"), Choice("fineweb2", "8")]
    assert read == [Path("thresholds")]
    with pytest.raises(UserError, match=r"^--filters fineweb2 needs --filter_thresholds FILE "):
        find_filters(["fineweb2"], None)
    with pytest.raises(UserError, match=r"^--filter_thresholds: no filter of --filters c4 has thresholds"):
        find_filters(["c4"], Path("thresholds"))
