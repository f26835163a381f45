"""Two programs for one model: when the fast one is taken, and that nobody can tell from the answers."""

import importlib.metadata
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import zstandard

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language import FastTextModel
from ccnet_pipeline.language.fasttext_file import has_hierarchical_softmax
from ccnet_pipeline.language.fasttext_kernels import Kernel, kernel_name, kernel_of
from ccnet_pipeline.language.loading import ADDED_FILE
from tests.lid_models import write_model

ODD = [
    "", " ", "\0", "a\0b", "\t\v\f\r", "</s>", "before </s> after", "__label__en", "hello __label__fr monde",
    "\u2028\u0085\u00a0", "\ufeffabc", "İstanbul ı", "e\u0301 Tie\u0302\u0301ng", "\U0010ffff", "👍🏽", "12 345", "!?",
    "x" * 100_000, "слово " * 3000,
]  # fmt: skip


def the_usual(package: str, version: str = "0.1.0") -> str:
    """The version of a package where the fast one has `version`."""
    return version if package == "fasttext-new" else "0.9.3"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """fasttext-new as far as we use it, of one label and a score that can be set."""
    model = SimpleNamespace(score=0.75)
    model.get_labels = lambda _: (["__label__sw"], [1])
    model.predict_batch = lambda lines, k, least, threads, errors: (
        [["__label__sw"]] * len(lines),
        np.full(len(lines), model.score, np.float32).tobytes(),
        [1] * len(lines),
    )
    monkeypatch.setitem(sys.modules, "fasttext_new", SimpleNamespace(load_model=lambda _: SimpleNamespace(f=model)))
    monkeypatch.setattr(importlib.metadata, "version", the_usual)
    return model


def test_the_fast_program_is_taken_for_hierarchical_softmax_where_it_is_there(
    stand_in: SimpleNamespace, lid_model: Path, tmp_path: Path
) -> None:
    assert kernel_name() == "fasttext-new 0.1.0"
    assert FastTextModel(lid_model).top(["one", "two"], 1) == [[("sw", 0.75)]] * 2
    assert FastTextModel(write_model(tmp_path / "tiny.bin", ["ha"])).labels() == {"ha"}


def test_another_version_of_it_is_not_taken(monkeypatch: pytest.MonkeyPatch, lid_model: Path) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda package: the_usual(package, "0.1.1"))
    assert kernel_name() == "fasttext 0.9.3"
    assert len(FastTextModel(lid_model).labels()) == 176


def test_scores_that_are_no_numbers_are_told_of_it_too(stand_in: SimpleNamespace, lid_model: Path) -> None:
    stand_in.score = math.nan
    with pytest.raises(UserError, match=r"is damaged: Encountered NaN\.; fetch it anew$"):
        FastTextModel(lid_model).top(["word"], 1)


def test_which_models_have_hierarchical_softmax(lid_model: Path, tmp_path: Path) -> None:
    tiny = write_model(tmp_path / "tiny.bin", ["sw"])
    assert [has_hierarchical_softmax(path) for path in (lid_model, ADDED_FILE, tiny)] == [True, False, False]
    tiny.write_bytes(tiny.read_bytes()[:40])
    assert not has_hierarchical_softmax(tiny)


@pytest.fixture(scope="module")
def both(lid_model: Path) -> tuple[Kernel, Kernel]:
    """lid.176 in the usual program and in the fast one."""
    if not kernel_name().startswith("fasttext-new"):
        pytest.skip("fasttext-new is not installed")
    return kernel_of(lid_model, hierarchical=False), kernel_of(lid_model, hierarchical=True)


@pytest.mark.parametrize(("k", "least"), [(1, 0.0), (3, 0.0), (5, 0.005), (-1, 0.005), (-1, 0.0), (1, 0.9)])
def test_both_programs_give_the_same_labels_and_bits(
    both: tuple[Kernel, Kernel], texts: list[str], k: int, least: float
) -> None:
    usual, fast = both
    assert type(usual) is not type(fast)
    assert usual.labels() == fast.labels()
    assert usual.predict(texts, k, least) == fast.predict(texts, k, least)


@pytest.fixture(scope="module")
def texts(test_data: Path) -> list[str]:
    """Some paragraphs of every language at hand, cut in all lengths, and what is odd."""
    found = list(ODD)
    for path in sorted((test_data / "text").rglob("*.txt.zst")):
        with path.open("rb") as file:
            beginning = zstandard.ZstdDecompressor().stream_reader(file).read(20_000).decode(errors="replace")
        lines = beginning.split("\n")
        found += [line[: 1 << number % 11] for number, line in enumerate(lines[:40])]
    return found
