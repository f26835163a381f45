"""What the tests of fluency share: KenLM's programs, sentences, and a small model of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.__main__ import main
from ccnet_pipeline.fluency.programs import Programs, find_programs
from ccnet_pipeline.fluency.training import Training, train

Mistake = Callable[..., str]
SMALL = Training(language="en", vocab_size=500, order=3)

_NOUNS = "river farmer teacher letter mountain window garden market boat village winter song bridge child".split()
_VERBS = "crosses remembers carries follows finds paints hears leaves".split()
_WHERE = (
    "in the morning", "near the old mill", "after the rain", "without a word", "every summer", "on the other side",
)  # fmt: skip


def _sentence(source: random.Random) -> str:
    nouns = source.sample(_NOUNS, 2)
    return f"The {nouns[0]} {source.choice(_VERBS)} the {nouns[1]} {source.choice(_WHERE)}."


def sentences(lines: int, seed: int = 1) -> list[str]:
    """So many paragraphs of three sentences each."""
    source = random.Random(seed)
    return [" ".join(_sentence(source) for _ in range(3)) for _ in range(lines)]


def documents(lines: int, seed: int = 1) -> list[list[str]]:
    """The same, each a document."""
    return [[line] for line in sentences(lines, seed)]


@pytest.fixture(autouse=True)
def _nothing_was_fetched_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC100_CACHE", str(tmp_path / "no-cache"))


@pytest.fixture(scope="session")
def programs() -> Programs:
    try:
        return find_programs()
    except UserError as error:
        pytest.skip(f"{error} (tests: or set KENLM_BIN)")


@pytest.fixture(scope="session")
def models(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a model of English; not to be changed."""
    folder = tmp_path_factory.mktemp("lm")
    train(SMALL, documents(400), folder, programs)
    return folder


@pytest.fixture
def mistake(capsys: pytest.CaptureFixture[str]) -> Mistake:
    """`mistake("train", ...)`: the line that the command line says, without its name."""

    def said(*arguments: str) -> str:
        capsys.readouterr()
        assert main(arguments) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith("fluency: ")
        return line.removeprefix("fluency: ")

    return said
