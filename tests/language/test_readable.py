"""What fastText is shown of a paragraph."""

import dataclasses

import numpy as np
import pytest

from ccnet_pipeline.characters.invisible import strip_invisible
from ccnet_pipeline.fluency import FluencyModels
from ccnet_pipeline.language import for_identification
from ccnet_pipeline.mine import Miner
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.recipe import CC100, CCNET, Recipe
from tests.chunks import chunks_of
from tests.lid_models import StandIn, identifier_of


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
    text, model = "</s>\u00a0a\u00adb\nALL RIGHTS RESERVED", StandIn(lambda _: [("en", 1.0)])
    miner = Miner("segment", "dump", recipe, identifier_of(model, recipe), FluencyModels(None, recipe.normalization))
    page = Page(id="1", url="", date="", digest="", offset=0, title="", lines=text.split("\n"))
    verdicts = np.zeros(len(page.paragraphs(title_is_paragraph=recipe.title_is_paragraph)), np.uint8)
    [document] = miner.mine(chunks_of(recipe, [page]), verdicts)
    assert document.text == text
    assert [each.replace("a b", "ab") for each in model.shown] == [each.replace("a b", "ab") for each in shown]


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
