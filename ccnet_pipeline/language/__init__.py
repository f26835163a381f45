"""Which language a text is in.

codes.py           the 116 languages of CC-100
readable.py        what fastText is shown of a paragraph
fasttext_model.py  one model from a file
chinese.py         zh -> zh-Hans or zh-Hant
identifier.py      the language of a group of paragraphs
wanted.py          --languages
"""

from ccnet_pipeline.language.chinese import cc100_code
from ccnet_pipeline.language.codes import CC100_CODES, UNDETERMINED
from ccnet_pipeline.language.fasttext_model import FastTextScorer, LanguageScorer
from ccnet_pipeline.language.identifier import weighted_score
from ccnet_pipeline.language.readable import for_identification
from ccnet_pipeline.language.wanted import languages_without_label, parse_languages, wanted_languages

__all__ = [
    "CC100_CODES",
    "UNDETERMINED",
    "FastTextScorer",
    "LanguageScorer",
    "cc100_code",
    "for_identification",
    "languages_without_label",
    "parse_languages",
    "wanted_languages",
    "weighted_score",
]
