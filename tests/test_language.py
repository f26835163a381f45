"""The language of a paragraph: what fastText is shown of it, and what a model can give."""

import dataclasses
from pathlib import Path

import fasttext
import numpy as np
import pytest

from beam_jobs import job
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency import FluencyModels
from ccnet_pipeline.language import CC100_CODES, FastTextScorer, languages_without_label
from ccnet_pipeline.language.readable import for_identification
from ccnet_pipeline.mine import Miner
from ccnet_pipeline.pages import Page
from ccnet_pipeline.recipe import CC100, CCNET, Recipe
from ccnet_pipeline.sample import crawl_directory
from ccnet_pipeline.text.invisible import strip_invisible
from tests.lid_models import write_model

# --- what fastText is shown


@pytest.mark.parametrize(
    ("paragraph", "shown"),  # None: as it is
    [
        ("Nothing to change, <b>here</b> or \t there: 100 %, ½, 漢字, می‌شود", None),
        ("</s> one </s>", "  one  "),
        ("</S> NOW IT IS ONE", "  now it is one"),
        ("<\u00ad/s> and now", "  and now"),
        ("</s>\u00a0one", "  one"),
        ("__label__en one __label__ ____label____label__", " en one   __  "),
        ("__LABEL__ALLE RECHTE VORBEHALTEN", " alle rechte vorbehalten"),
        ("a\u00a0b\u202fc\u2003d\u3000e\u1680f\u205fg", "a b c d e f g"),
        ("a\u2028b\u2029c\x85d\x1ce\x01f\x7fg\x9fh\ni", "a b c d e f g h i"),
        ("a\u200bb\ufeffc\u2800d\u3164e\uffa0f", "a b c d e f"),
        ("Do\u00adku\u2060ment \u200eund\u200f \u202amehr\u202c \u2066Text\u2069", "Dokument und mehr Text"),
        ("Tie\u0302\u0301ng Vie\u0323\u0302t \u1112\u1161\u11ab\u1100\u116e\u11a8", "Tiếng Việt 한국"),
        ("\u0915\u093c \u0b95\u0bcb \u0b95\u0bc7\u0bbe", None),  # composed or not, Indic scripts are known
        ("\u0645\u06cc\u200c\u0634\u0648\u062f \u0d05\u0d35\u0d28\u0d4d\u200d", None),  # joiners are letters' business
    ],
)
def test_what_fasttext_is_shown(paragraph: str, shown: str | None) -> None:
    expected = paragraph if shown is None else shown
    assert for_identification([paragraph]) == [expected]
    assert for_identification(["Ein Satz.", paragraph, "", "日本"]) == ["Ein Satz.", expected, "", "日本"]


@pytest.mark.parametrize(
    ("paragraph", "shown"),  # None: as it is
    [
        ("ALL RIGHTS RESERVED", "all rights reserved"),
        ("ALLE RECHTE", "alle rechte"),
        ("ALLE RECHT", None),  # nine: an abbreviation, more often than not
        ("ALLE RECHTE 123456789012345678", "alle rechte 123456789012345678"),  # a third of the characters
        ("ALLE RECHTE 1234567890123456789", None),
        ("ALLE RECHTE die neu welt", None),  # half of the letters
        ("A B C D E F G H I J K L", None),
        ("GROßE STRAẞE AM DAMM", "große straße am damm"),
        ("McDONALD'S ERÖFFNET IN DER ALTSTADT: info@firma.at", "mcdonald's eröffnet in der altstadt: info@firma.at"),
        ("LONDON, NEW YORK (Reuters) - Ten capitals and more, but no more than a third", None),
        ("ΟΔΟΣ ΤΩΝ ΑΓΓΕΛΩΝ", "οδος των αγγελων"),
        ("İSTANBUL'DA HAYAT ILIK", "istanbul'da hayat ılık"),
        ("IN ISTANBUL, AS ELSEWHERE", "in istanbul, as elsewhere"),
        ("ᲡᲐᲥᲐᲠᲗᲕᲔᲚᲝ ᲓᲐ ᲗᲑᲘᲚᲘᲡᲘ", "საქართველო და თბილისი"),
        ("საქართველო და თბილისი", None),
        ("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᎠᎴ ᏗᎧᎿᏩᏛᏍᏗ", None),  # the usual letters of Cherokee
        ("A.......B.......C.......D.......E.......F.......G.......H.......I.......J", None),
        ("D \u0301A\u0302N BA\u0306NG TIE\u0302\u0301NG VIE\u0323\u0302T", "d \u0301ân băng tiếng việt"),
        ("ÐŸÐ¾ÑÐ»Ðµ ÙŠØ³ØªÙÙŠØ¯ РўСЂРµРєРїР°Рґ", None),  # UTF-8 taken for something else
        ("NBA CBA FIBA 总决赛今天晚上在北京开始，球迷们", None),
    ],
)
def test_a_paragraph_in_capitals_becomes_lower_case(paragraph: str, shown: str | None) -> None:
    assert for_identification([paragraph]) == [paragraph if shown is None else shown]


class Recorder:
    """Says `en` to everything, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def best(self, text: str) -> tuple[str, float]:
        self.shown.append(text)
        return "en", 1.0


@pytest.mark.parametrize(
    ("recipe", "shown"),
    [
        (CC100, ["  a b", "all rights reserved"]),
        (dataclasses.replace(CC100, unit="document"), ["  a b all rights reserved"]),
        (CCNET, ["</s>\u00a0a\u00adbALL RIGHTS RESERVED"]),
        (dataclasses.replace(CCNET, unit="paragraph"), ["</s>\u00a0a\u00adb", "ALL RIGHTS RESERVED"]),
    ],
)
def test_the_text_itself_stays_and_cc_nets_form_is_shown_as_it_is(recipe: Recipe, shown: list[str]) -> None:
    text, scorer = "</s>\u00a0a\u00adb\nALL RIGHTS RESERVED", Recorder()
    miner = Miner("segment", "dump", recipe, scorer, FluencyModels(None, recipe.normalization))
    page = Page(id="1", url="", date="", digest="", offset=0, title="", text=text)
    verdicts = np.zeros(len(page.paragraphs(title_is_paragraph=recipe.title_is_paragraph)), np.uint8)
    [document] = miner.mine([page], verdicts)
    assert document.text == text
    assert [each.replace("a b", "ab") for each in scorer.shown] == [each.replace("a b", "ab") for each in shown]


@pytest.mark.parametrize(
    ("line", "stripped"),  # None: as it is
    [
        ("\ufeffTitle\u200b", "Title"),
        (" \u00ad\u2060 a \u200b b\u00a0\u200e", "a \u200b b"),
        ("\u200b\ufeff\u2060\u00ad\u200c\u200d\u2800", ""),
        ("\u0d05\u0d35\u0d28\u0d4d\u200d", None),  # a joiner at the end is part of the last letter
        ("\u200d\u0647", None),
        ("\x00", None),
        (" \t\x1c\x85", ""),
        ("", ""),
    ],
)
def test_what_shows_nothing_goes_from_the_ends_of_a_line(line: str, stripped: str | None) -> None:
    assert strip_invisible(line) == (line if stripped is None else stripped)


# --- what a model can give


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to write a model: in an empty folder, which we are in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "tiny.bin"


def test_labels_of_a_model(path: Path) -> None:
    scorer = FastTextScorer(write_model(path, ["sw", "hau_Latn"]))
    assert scorer.labels() == {"sw", "hau_Latn"}
    label, score = scorer.best("word")
    assert (label, round(score, 2)) == ("sw", 1.0)


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        (None, []),
        ({"en", "ha", "zh-Hans"}, ["ha"]),
        ({"zh-Hans"}, []),
        ({"zh-Hant", "xh", "bn_rom"}, ["bn_rom", "xh"]),
    ],
)
def test_languages_that_a_model_cannot_give(wanted: set[str] | None, missing: list[str]) -> None:
    assert languages_without_label(frozenset(wanted) if wanted else None, ["zh", "en"], "lid.bin") == missing


def test_lid_176_has_no_label_for_20_of_the_116(lid_model: Path) -> None:
    labels = FastTextScorer(lid_model).labels()
    assert len(labels) == 176
    assert len(CC100_CODES - labels) == 20
    missing = languages_without_label(CC100_CODES, labels, "lid.176.ftz")
    assert set(missing) == CC100_CODES - labels - {"zh-Hans", "zh-Hant"}


GIVEN = ["--input", str(sorted(crawl_directory().rglob("*.wet.gz"))[0]), "--output", "out"]


@pytest.mark.parametrize(
    ("labels", "flags", "languages"),
    [
        (["en", "sw", "zh"], ["--languages", "ha,xh"], "ha, xh"),
        (["en", "sw", "zho_Hans"], ["--languages", "zh"], "zh-Hans, zh-Hant"),
        (["en", "sw", "zho_Hans"], ["--languages", "zh-Hans"], "zh-Hans"),
        (["eng_Latn", "hau_Latn", "swh_Latn"], [], "cc100"),
    ],
)
def test_a_corpus_that_must_stay_empty_is_a_mistake(
    labels: list[str], flags: list[str], languages: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert job.main([*GIVEN, "--lid_model", str(write_model(path, labels)), *flags]) == 2
    assert capsys.readouterr().err == (
        f"build_cc100: --languages {languages}: tiny.bin has no label for that, so nothing would come out; "
        f'give another --lid_model, or what this one knows: {", ".join(labels)}, ..., or "all"\n'
    )
    assert not Path("out").exists()


def test_a_language_that_cannot_come_out_is_named_once_work_begins(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(job, "_execute", lambda *_, **__: pytest.fail("work begins"))
    model = str(write_model(path, ["sw", "hau_Latn"]))
    with pytest.raises(pytest.fail.Exception, match="work begins"):
        job.main([*GIVEN, "--lid_model", model, "--languages", "xh,hau_Latn,ha,sw"])
    line = "build_cc100: tiny.bin has no label for ha, xh: nothing will be filed there\n"
    assert capsys.readouterr().err == line


def test_a_model_that_fasttext_refuses(path: Path) -> None:
    write_model(path, ["sw"], version=99)
    with pytest.raises(UserError, match=rf"^--lid_model {path} is not a fastText model: .*wrong file format"):
        FastTextScorer(path)


def test_a_model_that_was_cut_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def takes_anything_for_a_size(_: str) -> None:
        raise MemoryError

    monkeypatch.setattr(fasttext, "load_model", takes_anything_for_a_size)
    with pytest.raises(UserError, match=rf"^--lid_model {path} is not a whole fastText model; fetch it anew"):
        FastTextScorer(write_model(path, ["sw"]))


def test_a_model_of_word_vectors(path: Path) -> None:
    with pytest.raises(UserError, match=rf"^--lid_model {path} has no labels"):
        FastTextScorer(write_model(path, []))
