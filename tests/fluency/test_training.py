"""One model: what its training gives, and what it refuses."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

import pytest

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency import FluencyModels, bucket_of
from ccnet_pipeline.fluency import programs as programs_module
from ccnet_pipeline.fluency.programs import Programs, find_programs
from ccnet_pipeline.fluency.training import Training, train
from ccnet_pipeline.sample import lm_directory, text_directory
from ccnet_pipeline.sample.pages import sample_pages
from tests.conftest import CHECKOUT
from tests.fluency.conftest import SMALL, Mistake, documents, sentences


def test_a_model_tells_sentences_from_shuffled_words(models: Path) -> None:
    model = FluencyModels(models, "ccnet").get("en")
    assert model is not None
    source = random.Random(3)
    for line in sentences(20, seed=2):
        words = line.split()
        fluent, shuffled = (
            model.perplexity([line]),
            model.perplexity([" ".join(source.sample(words, len(words)))]),
        )
        assert fluent is not None
        assert shuffled is not None
        assert 1 < fluent < shuffled / 2


def test_cutoffs_are_percentiles_of_the_held_out_lines(models: Path) -> None:
    model = FluencyModels(models, "ccnet").get("en")
    assert model is not None
    held_out = sentences(400)[9::10]
    values = sorted(model.perplexity([line]) or 0.0 for line in held_out)
    assert model.cutoffs.normalization == "running"
    # The 50th and 80th percentile of 40 values lie between the 20th and 21st, the 32nd and 33rd of them.
    assert values[19] <= model.cutoffs.head <= values[20]
    assert values[31] <= model.cutoffs.middle <= values[32]


def test_only_the_models_are_left(models: Path) -> None:
    assert sorted(path.name for path in models.iterdir()) == ["cutoffs.csv", "en.arpa.bin", "en.sp.model"]


@pytest.mark.parametrize("compact", [False, True])
def test_the_same_text_gives_the_same_bytes(programs: Programs, tmp_path: Path, compact: bool) -> None:
    training = Training(language="sw", vocab_size=500, order=3, compact=compact)
    for name in ("first", "second"):
        train(training, documents(200), tmp_path / name, programs)
    for name in ("sw.sp.model", "sw.arpa.bin", "cutoffs.csv"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name


def test_the_last_line_counts(programs: Programs, tmp_path: Path) -> None:
    import kenlm

    train(SMALL, [*documents(100), ["<s> qqqq </s> <unk>"]], tmp_path, programs, documents(10, seed=2))
    assert kenlm.Model(str(tmp_path / "en.arpa.bin")).order == 3
    pieces = FluencyModels(tmp_path, "mended").get("en")
    assert pieces is not None
    assert (pieces.perplexity(["qqqq"]) or 0) < (pieces.perplexity(["zzzz"]) or 0)


def test_the_sample_models_part_articles_from_shuffled_words() -> None:
    models = FluencyModels(lm_directory(), "ccnet")
    buckets: dict[tuple[str, str], set[str]] = {}
    for page in sample_pages(text_directory()):
        model = models.get(page.languages[0]) if len(page.languages) == 1 else None
        if model is not None:
            perplexity = model.perplexity((page.title, *page.paragraphs))
            buckets.setdefault((page.languages[0], page.kind), set()).add(bucket_of(perplexity, model.cutoffs))
    for language in ("ar", "en", "fr", "hi", "ru", "sw", "zh-Hans"):
        assert buckets[language, "article"] == {"head", "middle"}, language
        assert buckets[language, "disfluent"] == {"tail"}, language
    size = sum(path.stat().st_size for path in (lm_directory()).iterdir())
    assert size < 1_200_000, "what travels with the package stays small"


def test_mistakes_of_the_user(tmp_path: Path, mistake: Mistake) -> None:
    (tmp_path / "text.txt").write_text("\n".join(sentences(60)), encoding="utf-8")
    (tmp_path / "short.txt").write_text("one line", encoding="utf-8")
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "latin.txt").write_bytes("été\n".encode("latin-1") * 60)
    for program in ("lmplz", "build_binary"):  # stand-ins: what is refused here is refused before they run
        shutil.copy("/bin/false", tmp_path / program)
    output = ["train", "--language=en", f"--output={tmp_path / 'lm'}", f"--kenlm_bin={tmp_path}"]

    def said(*arguments: str) -> str:
        return mistake(*output, *arguments)

    text, small = f"--input={tmp_path / 'text.txt'}", "--vocab_size=500"
    assert said(text, f"--kenlm_bin={tmp_path / 'nowhere'}") == (
        f"no lmplz in {tmp_path / 'nowhere'}; `make kenlm` builds it, or say with --kenlm_bin DIR where it is"
    )
    assert "--input are needed" in said()
    assert "is no file" in said(f"--input={tmp_path / 'nothing.txt'}")
    assert "no language code" in said(text, "--language=../en")
    assert "--held_out" in said(text, "--held_out=0.7")
    assert "--order" in said(text, "--order=7")
    assert "--prune 0 1 0: want at most 5 numbers" in said(text, "--prune", "0", "1", "0")
    assert "--memory much" in said(text, "--memory=much")
    assert "--workers" in said(text, "--workers=0")
    assert said(f"--input={tmp_path / 'short.txt'}") == "en: too little text: 1 of the 50 paragraphs that a model needs"
    assert "too little text: 0 of the 50" in said(f"--input={tmp_path / 'empty.txt'}")
    assert "latin.txt, line 1: byte 0xe9 is not UTF-8" in said(f"--input={tmp_path / 'latin.txt'}")
    assert re.search(
        r"--vocab_size 10: too few pieces for this text, whose characters alone take \d+; give some thousands$",
        said(text, "--vocab_size=10"),
    )
    assert "lmplz ended with status 1" in said(text, small)
    assert not list((tmp_path / "lm").iterdir())
    assert "--output" in mistake("train", "--language=en", text)
    assert mistake("train", "--output=x", "--vocab=3") == "unrecognized arguments: --vocab=3 (see --help)"


def test_programs_are_found_where_they_are_said_to_be_then_in_path_then_where_make_puts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    makefile = (CHECKOUT / "Makefile").read_text("utf-8")
    assert "docker/build_kenlm.sh $(VENV)/kenlm\n" in makefile
    assert CHECKOUT / ".venv" / "kenlm" / "bin" == programs_module.BUILT
    folders = [tmp_path / name for name in ("said", "variable", "path", "built")]
    for folder in folders:
        folder.mkdir()
        for name in ("lmplz", "build_binary"):
            shutil.copy("/bin/true", folder / name)
    said, variable, path, built = folders
    monkeypatch.setattr(programs_module, "BUILT", built)
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("KENLM_BIN", str(variable))
    assert find_programs(said) == Programs(f"{said}/lmplz", f"{said}/build_binary")
    assert find_programs() == Programs(f"{variable}/lmplz", f"{variable}/build_binary")
    monkeypatch.delenv("KENLM_BIN")
    assert find_programs() == Programs(f"{path}/lmplz", f"{path}/build_binary")
    (path / "lmplz").unlink()
    assert find_programs() == Programs(f"{built}/lmplz", f"{path}/build_binary")
    (built / "lmplz").unlink()
    with pytest.raises(UserError, match="no lmplz in PATH; `make kenlm` builds it"):
        find_programs()
