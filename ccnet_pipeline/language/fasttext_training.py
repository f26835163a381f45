"""fastText trains and makes its model small: a program of its own, for `ccnet_pipeline.language.training`."""

import json
import logging
import sys
from typing import Any

import fasttext

from ccnet_pipeline.language.training import NUMBERS_IN_A_BYTE

_log = logging.getLogger(__name__)


def train(text: str, target: str, settings: dict[str, Any]) -> None:
    """Train on a file of labelled lines and write the quantised model; `settings` are those of `training.Settings`."""
    common = {"lr": settings["learning_rate"], "thread": 1, "verbose": settings["verbose"]}
    model = fasttext.train_supervised(
        text,
        dim=settings["dimensions"],
        epoch=settings["epochs"],
        minn=settings["shortest_ngram"],
        maxn=settings["longest_ngram"],
        bucket=settings["buckets"],
        minCount=settings["fewest_of_a_word"],
        loss="softmax",
        seed=settings["seed"],
        **common,
    )
    _log.info("trained; making it small, which takes about as long")
    model.quantize(
        text,
        cutoff=settings["features"],
        dsub=NUMBERS_IN_A_BYTE,
        retrain=True,
        qnorm=True,
        epoch=settings["epochs_when_small"],
        **common,
    )
    model.save_model(target)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="train: %(message)s")
    train(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
