"""How fluent a text is, what that makes of it, and models of one's own.

What happens to a text:

    normalize.py    the normal forms that models are shown
    model.py        perplexity under the model of one language
    buckets.py      head, middle, tail; cutoffs.csv
    directory.py    which models lie in a directory

Training, by ``python -m ccnet_pipeline.fluency``:

    texts.py        text, shards, dumps of Wikipedia -> documents
    preparation.py  documents -> what is trained on, what is held out
    programs.py     KenLM's programs
    training.py     pieces, n-grams, first cut-offs
    one_language.py, train_all.py, train_progress.py
                    many languages, a process each
    cards.py        what a model was made of
    sketch.py, vocabulary.py
                    whether two texts are the same, whether two halves of a model belong together
    calibration.py, histogram.py
                    cut-offs from text of a crawl
    published.py    the models of cc_net
"""

from ccnet_pipeline.fluency.buckets import (
    BUCKETS,
    CUTOFFS_FILE,
    NORMALIZATIONS,
    Bucket,
    Cutoffs,
    Normalization,
    bucket_of,
    read_cutoffs,
    write_cutoffs,
)
from ccnet_pipeline.fluency.directory import NGRAMS, PIECES, ModelFiles, find_models, languages_of_model
from ccnet_pipeline.fluency.model import NORMALIZERS, FluencyModel, FluencyModels, Score, perplexity

__all__ = [
    "BUCKETS",
    "CUTOFFS_FILE",
    "NGRAMS",
    "NORMALIZATIONS",
    "NORMALIZERS",
    "PIECES",
    "Bucket",
    "Cutoffs",
    "FluencyModel",
    "FluencyModels",
    "ModelFiles",
    "Normalization",
    "Score",
    "bucket_of",
    "find_models",
    "languages_of_model",
    "perplexity",
    "read_cutoffs",
    "write_cutoffs",
]
