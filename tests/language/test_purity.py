"""Is a text in the language that it is said to be in?"""

from __future__ import annotations

from pathlib import Path

import pytest

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.purity import EvenSample, doubt_of, models_at_hand

_ENGLISH = "The farmer carries the letter over the bridge without a word."
_SWAHILI = "Mkulima anabeba barua kuvuka daraja bila kusema neno lolote leo."


def test_an_even_sample_is_small_and_hands_everything_on() -> None:
    sample = EvenSample()
    documents = [[f"{number:05d} " + "x" * 2000, "short"] for number in range(20_000)]
    assert list(sample.watch(documents)) == documents
    numbers = [int(paragraph[:5]) for paragraph in sample.paragraphs]
    assert numbers == list(range(0, 20_000, 8))
    assert {len(paragraph) for paragraph in sample.paragraphs} == {1000}


def test_much_of_another_language_is_told_and_a_little_is_not(lid_model: Path) -> None:
    mixed = [_ENGLISH] * 30 + [_SWAHILI] * 70
    said = "29% of it is identified as en by lid.176.ftz; is it sw?"
    assert doubt_of("sw", mixed, [lid_model]) == said
    assert doubt_of("sw", [_ENGLISH] * 5 + [_SWAHILI] * 95, [lid_model]) is None
    assert doubt_of("sw", [_ENGLISH] * 10, [lid_model]) is None, "too few to tell"


def test_nothing_is_said_of_neighbours_and_of_languages_that_no_model_knows(lid_model: Path) -> None:
    croatian = ["Vlada je danas donijela odluku o novim mjerama za gospodarstvo i zaposljavanje mladih."] * 30
    assert doubt_of("bs", croatian, [lid_model]) is None
    assert doubt_of("ha", [_ENGLISH] * 100, [lid_model]) is None
    assert doubt_of("ha", [_ENGLISH] * 100, []) is None


def test_a_model_that_was_fetched_before_is_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC100_CACHE", str(tmp_path))
    before = models_at_hand(None)
    (tmp_path / "lid.176.bin").write_bytes(b"")
    assert models_at_hand(None) == [tmp_path / "lid.176.bin", *before]
    with pytest.raises(UserError, match="no such file"):
        models_at_hand(str(tmp_path / "nowhere.bin"))
