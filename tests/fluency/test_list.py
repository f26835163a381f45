"""`python -m ccnet_pipeline.fluency list`: what a directory holds, and what cc_net published."""

import re
import shutil
from pathlib import Path

import pytest

from ccnet_pipeline.fluency import Cutoffs, write_cutoffs
from ccnet_pipeline.fluency.__main__ import main
from ccnet_pipeline.fluency.cards import Card, Ingredients, SourceFile, TrainingRecord, write_card
from ccnet_pipeline.fluency.preparation import TextCounts
from ccnet_pipeline.fluency.published import published_cutoffs
from ccnet_pipeline.fluency.training import Training
from ccnet_pipeline.sample import lm_directory


def cells(line: str) -> list[str]:
    return re.split(" {2,}", line)


def test_what_cc_net_published(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    heading, *models, total, how = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["model", "languages"]
    assert [line.split()[0] for line in models] == list(published_cutoffs())
    assert cells(models[-1]) == ["zh", "Chinese (Simplified), Chinese (Traditional)", "1460", "1950", "ccnet"]
    assert total.startswith("cc_net has a model for 49 of the 116 languages")
    assert how.startswith("python -m ccnet_pipeline.fluency fetch LANGUAGE")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Three models: one with a card, one of cc_net's, one of which nothing is known."""
    for name, source in {"sw": "sw", "en": "en", "zh": "zh-Hans"}.items():
        for suffix in (".sp.model", ".arpa.bin"):
            shutil.copy(lm_directory() / f"{source}{suffix}", tmp_path / f"{name}{suffix}")
    write_cutoffs(
        tmp_path, {"sw": Cutoffs(310.5, 620, "mended"), "en": published_cutoffs()["en"], "zh": Cutoffs(10, 20)}
    )
    sources = (SourceFile("sw.txt.zst", 1, ""), SourceFile("more.txt", 2, ""))
    record = TrainingRecord(
        ingredients=Ingredients(sources=sources, article_part=None, settings=Training(language="sw")),
        text=TextCounts(documents=900, paragraphs=12_345, characters=10**6, held_out=1_000, too_long=0),
        pieces=4_000,
        ngrams=(1, 2, 3),
        held_out_perplexity=412.6,
        versions={},
        file_bytes={},
        sketch="",
    )
    write_card(tmp_path, Card(language="sw", training=record))
    return tmp_path


def test_what_a_directory_holds(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", str(directory)]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert "held-out perplexity" in heading
    rows = {line.split()[0]: cells(line) for line in lines}
    assert list(rows) == ["en", "sw", "zh"]
    assert rows["sw"][1:6] == ["Swahili", "310.5", "620", "413", "12,345"]
    assert rows["sw"][7:] == ["mended", "sw.txt.zst, more.txt"]
    assert rows["en"][-2:] == ["ccnet", "cc_net"]
    assert rows["zh"][:4] == ["zh", "Chinese (Simplified), Chinese (Traditional)", "10", "20"]


def test_a_directory_without_models_is_the_users_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for directory in (tmp_path, tmp_path / "nowhere"):
        assert main(["list", str(directory)]) == 2
        assert capsys.readouterr() == (
            "",
            f"fluency: {directory} holds no models: the commands train and fetch put some there (--output)\n",
        )
