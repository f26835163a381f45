"""What the tests of the model's side share: shards as the pipeline writes them, and a vocabulary of many languages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import zstandard

from beam_jobs import job
from ccnet_pipeline import sample
from ccnet_pipeline.documents import Document, encode
from ccnet_pipeline.frames import write_lines
from model import pretrain
from model.text.shards import Corpus, find_corpus
from model.text.vocabulary import VocabConfig, build_vocabulary
from tests.conftest import data_folder
from tests.model.runs import SMALL

PIECES = 4000  # of the vocabulary


@pytest.fixture(scope="session")
def built_sample(lid_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT of build_cc100 for the bundled crawl, in the form of the release as well."""
    output = tmp_path_factory.mktemp("sample") / "out"
    flags = [f"--output={output}", f"--lid_model={lid_model}", "--workers=1", "--formats=jsonl.zst,txt.xz"]
    assert job.main(flags) == 0
    return output


def write_shard(path: Path, texts: Sequence[str]) -> Path:
    """A shard as the pipeline writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    documents = [
        Document(
            id=f"{number}", text=text, language=path.parent.name, language_score=0.9, perplexity=None, bucket="all",
            url="https://example.org/", domain="example.org", title="", date="2026-01-12T07:29:55Z", dump="",
            segment="a.wet.gz", offset=number, digest="", paragraph_ids=list(range(text.count("\n") + 1)),
            original_paragraphs=9, original_characters=999,
        )
        for number, text in enumerate(texts)
    ]  # fmt: skip
    with path.open("wb") as stream:
        write_lines(map(encode, documents), stream, 3)
    return path


def read_lines(path: Path) -> list[str]:
    """The lines of a shared text that are not blank."""
    with path.open("rb") as raw:
        text = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True).read().decode("utf-8")
    return [line for line in text.split("\n") if line.strip()]


@pytest.fixture(scope="session")
def real_lines(test_data: Path) -> dict[str, list[str]]:
    """Real lines of 42 languages, all scripts among them."""
    chosen = "am ar as be bg bn cs de el en es fa fi fr gu he hi hu hy id it ja ka km kn ko lo ml mr my pa pl ru "
    chosen += "sw ta te th tr ur vi zh-Hans zh-Hant"
    folder = test_data / "text" / "web"
    return {language: read_lines(folder / f"{language}.txt.zst") for language in chosen.split()}


@pytest.fixture(scope="session")
def many_languages(request: pytest.FixtureRequest) -> dict[str, list[str]]:
    """At most 60 real lines a language; without the test data those that the bundled sample is made of."""
    if data_folder().is_dir():
        found: dict[str, list[str]] = request.getfixturevalue("real_lines")
        return {language: lines[:60] for language, lines in found.items()}
    files = sorted(sample.text_directory().glob("*.txt"))
    return {file.stem: [line for line in file.read_text("utf-8").split("\n") if line.strip()] for file in files}


@pytest.fixture(scope="session")
def many_shards(many_languages: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Shards of those lines, three a document."""
    folder = tmp_path_factory.mktemp("shards")
    for language, lines in many_languages.items():
        texts = ["\n".join(lines[start : start + 3]) for start in range(0, len(lines), 3)]
        write_shard(folder / language / "all-00000.jsonl.zst", texts)
    return find_corpus(folder)


@pytest.fixture(scope="session")
def whole(built_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ten steps, and with it the vocabulary and encoded text that other runs take."""
    torch.set_num_threads(1)  # sums of floats depend on it
    run = tmp_path_factory.mktemp("whole") / "run"
    assert pretrain.main([f"--data={built_sample}", f"--output={run}", *SMALL]) == 0
    return run


@pytest.fixture(scope="session")
def vocabulary(many_shards: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vocabulary for those languages."""
    folder = tmp_path_factory.mktemp("vocab")
    build_vocabulary(many_shards, folder, VocabConfig(vocab_size=PIECES, coverage=0.9995), workers=1)
    return folder
