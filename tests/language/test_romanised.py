"""Text in Latin letters of languages that have another script."""

import sys
from pathlib import Path
from random import Random

import pytest

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.pools import Pool
from ccnet_pipeline.language.romanised import loosen, romanise, with_romanised

HINDI = Pool("hi", Path("hi.txt"), (("सब लोग पढ़ते हैं",), ("वह घर जाता है",)))


def test_an_exact_transliteration_is_loosened_one_way_throughout_a_document() -> None:
    made = {tuple(loosen(["raavann siitaa", "raavann"], "hi_rom", Random(seed))) for seed in range(30)}
    assert ("ravan seeta", "ravan") in made
    assert ("ravan sita", "ravan") in made
    assert all(first.split()[0] == second for first, second in made)


def test_text_is_romanised_for_the_languages_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class Uroman:
        def romanize_string(self, text: str, lcode: str) -> str:
            return f"{lcode} {len(text)}"

    monkeypatch.setitem(sys.modules, "uroman", type("uroman", (), {"Uroman": Uroman}))
    made = romanise({"hi": HINDI, "sw": HINDI})
    assert sorted(made) == ["hi_rom"]
    assert sorted(text.lower() for text in made["hi_rom"].paragraphs()) == ["hin 13", "hin 16"]


def test_without_uroman_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uroman", None)
    with pytest.raises(UserError, match=r"pip install 'cc100-xlmr\[train\]'"):
        romanise({"hi": HINDI})
    assert romanise({"sw": HINDI}) == {}


def test_real_romanised_text_counts_more_than_what_was_made() -> None:
    real, made = Pool("te_rom", Path("te_rom.txt"), (("idi",),)), Pool("te_rom", Path("te.txt"), (("adi",),))
    joined = with_romanised({"te_rom": real, "sw": HINDI}, {"te_rom": made})
    assert [document for document in joined["te_rom"].documents if document == ("idi",)] == [("idi",)] * 8
    assert joined["te_rom"].documents[-1] == ("adi",)
