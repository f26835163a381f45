"""How fluent a text is, and what that makes of it.

buckets.py    head, middle, tail; cutoffs.csv
directory.py  which models lie in a directory
model.py      perplexity under the model of one language
training.py   a model of one's own
published.py  the models of cc_net
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
