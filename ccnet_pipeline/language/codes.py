"""The languages of the CC-100 release: 116 codes, and what is known of each.

The facts are in `table.csv`, a line a language. Several values in a field have a blank between; an empty field means
that there is none, or that it could not be verified. The columns and their sources:

    code         the name of the language's file at https://data.statmt.org/cc-100
    name         its English name there
    native_name  what its speakers call it: Unicode CLDR (for li: MediaWiki)
    script       ISO 15924, the most usual first
    iso639_3     ISO 639-3, also a macrolanguage such as ara
    lid176, glotlid_v3, openlid_v2, openlid_v3
                 the labels that mean this language in these models (labels.py says by which rule): the models' own
                 lists, of lid.176.ftz; cisnlp/GlotLID languages-v3.md; hplt-project/openlid-v3-evaluation
                 openlid-flores.txt, and for v3 with the changes that hplt-project/openlid README.md tells
    cc100_size   bytes of the language's packed file in the release, as its page has it: K, M and G
    xlmr_gib     GiB of text that XLM-R was trained on (Conneau et al. 2020, table 6; two of its cells corrected by the
                 authors). It has two lines for Burmese and does not say which is which.
    ccnet_lm     the language model that cc_net published for it (fluency/published_cutoffs.csv)
    neighbours   languages that are taken for it, or it for them, in a text of some length, by kinship and script or as
                 lid.176.ftz takes them; those outside CC-100 by ISO 639-3
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("table.csv")
_OF_SEVERAL = ("script", "lid176", "glotlid_v3", "openlid_v2", "openlid_v3", "neighbours")
UNDETERMINED = "und"  # ISO 639-3, for text whose language is not known
NOT_LANGUAGE = "zxx"  # ISO 639-3, for what is in no language: numbers, code, damaged text


@dataclass(frozen=True, slots=True)
class Language:
    """One language of CC-100."""

    code: str
    name: str
    native_name: str
    script: tuple[str, ...]
    iso639_3: str
    lid176: tuple[str, ...]
    glotlid_v3: tuple[str, ...]
    openlid_v2: tuple[str, ...]
    openlid_v3: tuple[str, ...]
    cc100_size: str
    xlmr_gib: float | None
    ccnet_lm: str | None
    neighbours: tuple[str, ...]


def _language(row: dict[str, Any]) -> Language:
    several = {column: tuple(row[column].split()) for column in _OF_SEVERAL}
    optional = {"xlmr_gib": float(row["xlmr_gib"]) if row["xlmr_gib"] else None, "ccnet_lm": row["ccnet_lm"] or None}
    return Language(**row | several | optional)


def _read_table() -> dict[str, Language]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["code"]: _language(row) for row in csv.DictReader(file)}


LANGUAGES: Mapping[str, Language] = _read_table()  # by code
CC100_CODES = frozenset(LANGUAGES)
