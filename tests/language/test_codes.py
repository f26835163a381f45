"""The table of languages: complete, well-formed, and in agreement with what it speaks of."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
import zstandard

from ccnet_pipeline.fluency import languages_of_model
from ccnet_pipeline.fluency.published import published_cutoffs
from ccnet_pipeline.language import FastTextModel
from ccnet_pipeline.language.codes import CC100_CODES, LANGUAGES, Language
from ccnet_pipeline.language.labels import CHINESE, add_up, code_of

# The names of the files at https://data.statmt.org/cc-100.
RELEASE = """
    af am ar as az be bg bn bn_rom br bs ca cs cy da de el en eo es et eu fa ff fi fr fy ga gd gl gn gu ha he hi
    hi_rom hr ht hu hy id ig is it ja jv ka kk km kn ko ku ky la lg li ln lo lt lv mg mk ml mn mr ms my my_zaw ne nl
    no ns om or pa pl ps pt qu rm ro ru sa sc sd si sk sl so sq sr ss su sv sw ta ta_rom te te_rom th tl tn tr ug uk
    ur ur_rom uz vi wo xh yi yo zh-Hans zh-Hant zu
""".split()
FORMS = {
    "name": r"[A-Z][A-Za-z ()]+",
    "script": r"[A-Z][a-z]{3}",
    "iso639_3": r"[a-z]{3}",
    "lid176": r"[a-z]{2,3}",
    "glotlid_v3": r"[a-z]{3}_[A-Z][a-z]{3}",
    "openlid_v2": r"[a-z]{3}_[A-Z][a-z]{3}",
    "openlid_v3": r"[a-z]{3}_[A-Z][a-z]{3}",
    "cc100_size": r"\d+(\.\d)?[KMG]",
    "neighbours": r"[a-z]{3}|" + "|".join(RELEASE),
}
WITHOUT_LABEL = "bn_rom ff ha hi_rom ig lg ln my_zaw ns om ss ta_rom te_rom tn ur_rom wo xh zu".split()  # in lid.176
# What Unicode calls the letters of scripts that ISO 15924 calls otherwise.
LETTERS = {
    "Arab": "ARABIC", "Armn": "ARMENIAN", "Beng": "BENGALI", "Cyrl": "CYRILLIC", "Deva": "DEVANAGARI",
    "Ethi": "ETHIOPIC", "Geor": "GEORGIAN", "Grek": "GREEK", "Gujr": "GUJARATI", "Guru": "GURMUKHI", "Hans": "CJK",
    "Hant": "CJK", "Hebr": "HEBREW", "Jpan": "HIRAGANA", "Khmr": "KHMER", "Knda": "KANNADA", "Kore": "HANGUL",
    "Laoo": "LAO", "Latn": "LATIN", "Mlym": "MALAYALAM", "Mymr": "MYANMAR", "Orya": "ORIYA", "Sinh": "SINHALA",
    "Taml": "TAMIL", "Telu": "TELUGU", "Thai": "THAI",
}  # fmt: skip
SCRIPTS_OF_LABELS = {"Hang": "Kore", "Hani": "Hans"}


def test_the_codes_are_those_of_the_release() -> None:
    assert list(LANGUAGES) == sorted(RELEASE)
    assert frozenset(RELEASE) == CC100_CODES


@pytest.mark.parametrize("column", FORMS)
def test_every_value_is_of_its_form(column: str) -> None:
    for language in LANGUAGES.values():
        value = getattr(language, column)
        for each in value if isinstance(value, tuple) else (value,):
            assert re.fullmatch(FORMS[column], each), (language.code, each)


def test_nothing_is_missing_but_what_nobody_has() -> None:
    missing = {
        column: [code for code, language in LANGUAGES.items() if not getattr(language, column)]
        for column in ("native_name", "script", "lid176", "glotlid_v3", "openlid_v2", "openlid_v3", "cc100_size")
    }
    romanised = [code for code in RELEASE if code.endswith("_rom")]
    assert missing == {
        "native_name": [],
        "script": [],
        "lid176": WITHOUT_LABEL,
        "glotlid_v3": ["my_zaw"],
        "openlid_v2": sorted(["br", "fy", "la", "my_zaw", "rm", *romanised]),
        "openlid_v3": sorted(["br", "fy", "my_zaw", "rm", *romanised]),
        "cc100_size": [],
    }
    # The paper has 100 languages; of its two lines for Burmese it does not say which is in Zawgyi.
    assert sum(language.xlmr_gib is not None for language in LANGUAGES.values()) == 98


def test_lid176_has_the_labels_and_they_mean_themselves(lid_model: Path) -> None:
    known = FastTextModel(lid_model).labels()
    in_table = {label for language in LANGUAGES.values() for label in language.lid176}
    assert in_table <= known
    assert known & CC100_CODES <= in_table
    assert {label for label in known if code_of(label) != label} == set()


def test_neighbours_are_mutual() -> None:
    own = {language.iso639_3 for language in LANGUAGES.values()}
    for code, language in LANGUAGES.items():
        assert list(language.neighbours) == sorted(set(language.neighbours) - {code})
        for neighbour in language.neighbours:
            if neighbour in LANGUAGES:
                assert code in LANGUAGES[neighbour].neighbours, (code, neighbour)
            else:
                assert neighbour not in own, (code, neighbour)  # CC-100 has a code of its own for it


def test_cc_net_has_the_models_that_the_table_names() -> None:
    served = {code: name for name in published_cutoffs() for code in languages_of_model(name) & CC100_CODES}
    assert {code: language.ccnet_lm for code, language in LANGUAGES.items() if language.ccnet_lm} == served


def test_a_label_means_one_language() -> None:
    meanings: dict[str, set[str]] = {}
    for language in LANGUAGES.values():
        for label in labels_of(language):
            meanings.setdefault(label, set()).add(language.code)
    chinese = {label for label, codes in meanings.items() if codes == {"zh-Hans", "zh-Hant"}}
    assert chinese == {"zh", "cmn_Hani"}
    assert all(len(codes) == 1 for label, codes in meanings.items() if label not in chinese)


def test_the_script_of_a_label_is_one_of_its_language() -> None:
    for language in LANGUAGES.values():
        for label in labels_of(language):
            _, underscore, script = label.partition("_")
            if underscore:
                assert {script, SCRIPTS_OF_LABELS.get(script)} & {*language.script, "Hans"}, label


def labels_of(language: Language) -> tuple[str, ...]:
    return (*language.lid176, *language.glotlid_v3, *language.openlid_v2, *language.openlid_v3)


def test_texts_are_in_the_script_of_their_language(test_data: Path) -> None:
    pools = {path.name.partition(".")[0]: path for path in (test_data / "text" / "train").glob("*.txt.zst")}
    for code, path in pools.items():
        with path.open("rb") as file:
            text = zstandard.ZstdDecompressor().stream_reader(file).read(20_000).decode("utf-8", "ignore")
        letters = Counter(unicodedata.name(char, "?").split()[0] for char in text if char.isalpha())
        scripts = LANGUAGES[code].script
        if "Latn" not in scripts:
            del letters["LATIN"]  # names of programs
        assert letters.most_common(1)[0][0] in [LETTERS[script] for script in scripts], code


# --- labels


@pytest.mark.parametrize(
    ("label", "meaning"),
    [
        ("sw", "sw"),
        ("swh_Latn", "sw"),
        ("mya_Mymr", "my"),
        ("hin_Deva", "hi"),
        ("hin_Latn", "hi_rom"),
        ("zh", CHINESE),
        ("cmn_Hani", CHINESE),
        ("cmn_Hant", CHINESE),
        ("zho_Hans", CHINESE),  # NLLB
        ("tgl_Latn", "tl"),  # NLLB
        ("fil_Latn", "tl"),
        ("arz_Arab", "ar"),
        ("qub_Latn", "qu"),
        ("nno", "nn"),
        ("hbs", "sh"),
        ("zxx_Latn", "zxx"),
        ("und_Grek", "und"),
    ],
)
def test_labels_of_all_models_have_one_meaning(label: str, meaning: str) -> None:
    assert code_of(label) == meaning


@pytest.mark.parametrize(
    "label", ["als", "arz", "nno_Latn", "ckb_Arab", "ltg_Latn", "yue_Hant", "kmr_Cyrl", "zh-Hans", "my_zaw", "", "zxxx"]
)
def test_other_labels_stay_as_they_are(label: str) -> None:
    assert code_of(label) == label


def test_scores_of_one_meaning_are_added() -> None:
    scored = [("als_Latn", 0.3), ("arb_Arab", 0.25), ("arz_Arab", 0.25), ("ceb_Latn", 0.1), ("ars_Arab", 0.0)]
    assert add_up(scored) == [("ar", 0.5), ("sq", 0.3), ("ceb_Latn", 0.1)]
