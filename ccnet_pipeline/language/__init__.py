"""Which language a text is in, and models of one's own that tell.

What happens to a text:

    codes.py           the 116 languages of CC-100 (table.csv)
    labels.py          what a label of a model means
    readable.py        what fastText is shown of a paragraph
    fasttext_file.py   whether a model file is whole
    fasttext_kernels.py
                       the programs that compute its answers
    fasttext_model.py  one model from a file
    combination.py     two models: when the second is asked, and who decides
    chinese.py         zh -> zh-Hans or zh-Hant
    zawgyi.py          my -> my or my_zaw
    identifier.py      the language of texts: all of these together
    loading.py         the models of a run, and what they can give
    wanted.py          --languages

The added model (added.ftz, and its card added.json), made by ``python -m ccnet_pipeline.language train``:

    pools.py           a folder of text, one file a language
    foreign.py, purity.py
                       what in a pool is in another language
    romanised.py       Indic text in Latin letters
    noise.py           what is no language
    samples.py         pools -> texts to train on, as many of each language
    training.py, fasttext_training.py
                       texts -> a classifier of fastText's
    thresholds.py      which answers can be believed, which scores are enough
    making.py          all of these together
    evaluation.py      precision, recall, F1, confusions
"""

from ccnet_pipeline.language.codes import CC100_CODES, NOT_LANGUAGE, UNDETERMINED
from ccnet_pipeline.language.fasttext_kernels import kernel_name
from ccnet_pipeline.language.fasttext_model import FastTextModel
from ccnet_pipeline.language.identifier import (
    LEAST_SCORE,
    Identification,
    Identifier,
    Judgement,
    ModelIdentifier,
    weighted_score,
)
from ccnet_pipeline.language.loading import ADDED, CARD_SUFFIX, NONE, LidModels, Offer, load, with_second
from ccnet_pipeline.language.readable import for_identification
from ccnet_pipeline.language.wanted import languages_not_offered, parse_languages, wanted_languages

__all__ = [
    "ADDED",
    "CARD_SUFFIX",
    "CC100_CODES",
    "LEAST_SCORE",
    "NONE",
    "NOT_LANGUAGE",
    "UNDETERMINED",
    "FastTextModel",
    "Identification",
    "Identifier",
    "Judgement",
    "LidModels",
    "ModelIdentifier",
    "Offer",
    "for_identification",
    "kernel_name",
    "languages_not_offered",
    "load",
    "parse_languages",
    "wanted_languages",
    "weighted_score",
    "with_second",
]
