"""What a model says of a text: the same as KenLM's own program, on the same pieces."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import sentencepiece

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency import Cutoffs, FluencyModel, FluencyModels, ModelFiles
from ccnet_pipeline.fluency.normalize import for_lm_running
from ccnet_pipeline.fluency.programs import find_program
from tests.fluency.conftest import sentences

LINES = [*sentences(5, seed=2), "", "Hotels, flights, cars, 1,000 beds", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚ 日本 <unk> </s>"]


@pytest.fixture(scope="session")
def query() -> str:
    try:
        return find_program("query")
    except UserError as error:
        pytest.skip(str(error))


def test_scores_are_those_of_kenlms_own_program(models: Path, query: str) -> None:
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(models / "en.sp.model"))
    text = "".join(" ".join(pieces.encode(for_lm_running(line), out_type=str)) + "\n" for line in LINES)
    command = [query, str(models / "en.arpa.bin")]
    said = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=True).stdout
    totals = [float(total) for total in re.findall(r"Total: (\S+)", said)]
    [tokens] = re.findall(r"^Tokens:\s(\d+)", said, re.MULTILINE)
    [perplexity] = re.findall(r"^Perplexity including OOVs:\s(\S+)", said, re.MULTILINE)
    model = FluencyModels(models, "mended").get("en")
    assert model is not None
    score = model.score(LINES)
    assert score is not None
    assert score.log10_prob == pytest.approx(sum(totals), rel=1e-6)
    assert (score.num_tokens, score.perplexity) == (int(tokens), round(float(perplexity), 1))


def test_a_list_of_words_costs_as_much_with_commas_as_without(models: Path) -> None:
    model = FluencyModels(models, "mended").get("en")
    assert model is not None
    words = "river teacher window boat morning rain summer mill".split()
    assert model.perplexity([", ".join(words)]) == model.perplexity([" ".join(words)])
    files = ModelFiles(models / "en.sp.model", models / "en.arpa.bin", Cutoffs(1, 2, "mended"))
    assert FluencyModel(files, "running").perplexity([", ".join(words)]) != model.perplexity([", ".join(words)])
