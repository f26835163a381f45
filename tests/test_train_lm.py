"""Fluency models, trained here if KenLM's programs are at hand, and the cut-offs that cc_net published."""

from __future__ import annotations

import json
import lzma
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency import (
    Cutoffs,
    FluencyModels,
    bucket_of,
    find_models,
    read_cutoffs,
    write_cutoffs,
)
from ccnet_pipeline.fluency.published import PUBLISHED_CUTOFFS
from ccnet_pipeline.fluency.train_command import main
from ccnet_pipeline.fluency.training import Programs, Training, find_programs, train
from ccnet_pipeline.sample import lm_directory, text_directory
from ccnet_pipeline.sample.pages import sample_pages
from ccnet_pipeline.text_files import read_documents
from tests.fetch.server import FaultServer

_NOUNS = [
    "river",
    "farmer",
    "teacher",
    "letter",
    "mountain",
    "window",
    "garden",
    "market",
    "boat",
    "village",
    "winter",
    "song",
    "bridge",
    "child",
]
_VERBS = ["crosses", "remembers", "carries", "follows", "finds", "paints", "hears", "leaves"]
_WHERE = [
    "in the morning",
    "near the old mill",
    "after the rain",
    "without a word",
    "every summer",
    "on the other side",
]
_SMALL = Training(language="en", vocab_size=200, order=3)


def _sentence(source: random.Random) -> str:
    nouns = source.sample(_NOUNS, 2)
    return f"The {nouns[0]} {source.choice(_VERBS)} the {nouns[1]} {source.choice(_WHERE)}."


def _text(lines: int, seed: int = 1) -> list[str]:
    source = random.Random(seed)
    return [" ".join(_sentence(source) for _ in range(3)) for _ in range(lines)]


@pytest.fixture(scope="module")
def programs() -> Programs:
    folder = os.environ.get("KENLM_BIN")
    try:
        return find_programs(Path(folder) if folder else None)
    except UserError as error:
        pytest.skip(f"{error} (tests: set KENLM_BIN to DIR/bin)")


@pytest.fixture(scope="module")
def models(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lm")
    train(_SMALL, _text(400), folder, programs)
    return folder


def test_a_model_tells_sentences_from_shuffled_words(models: Path) -> None:
    model = FluencyModels(models, "ccnet").get("en")
    assert model is not None
    source = random.Random(3)
    for line in _text(20, seed=2):
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
    held_out = _text(400)[9::10]
    values = sorted(model.perplexity([line]) or 0.0 for line in held_out)
    assert model.cutoffs.normalization == "mended"
    # The 30th and 60th percentile of 40 values lie between the 12th and 13th, the 24th and 25th of them.
    assert values[11] <= model.cutoffs.head <= values[12]
    assert values[23] <= model.cutoffs.middle <= values[24]


def test_only_the_models_are_left(models: Path) -> None:
    assert sorted(path.name for path in models.iterdir()) == ["cutoffs.csv", "en.arpa.bin", "en.sp.model"]


@pytest.mark.parametrize("compact", [False, True])
def test_the_same_text_gives_the_same_bytes(programs: Programs, tmp_path: Path, compact: bool) -> None:
    training = Training(language="sw", vocab_size=200, order=3, compact=compact)
    for name in ("first", "second"):
        train(training, _text(200), tmp_path / name, programs)
    for name in ("sw.sp.model", "sw.arpa.bin", "cutoffs.csv"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name


def test_the_last_line_counts(programs: Programs, tmp_path: Path) -> None:
    import kenlm

    documents = [[line] for line in _text(10, seed=2)]
    train(_SMALL, [*_text(100), "<s> qqqq </s> <unk>"], tmp_path, programs, documents)
    assert kenlm.Model(str(tmp_path / "en.arpa.bin")).order == 3
    pieces = FluencyModels(tmp_path, "mended").get("en")
    assert pieces is not None
    assert (pieces.perplexity(["qqqq"]) or 0) < (pieces.perplexity(["zzzz"]) or 0)


def test_cutoffs_of_given_documents(programs: Programs, tmp_path: Path) -> None:
    crawl = tmp_path / "crawl.txt"
    crawl.write_text("\n\n".join("\n".join(_text(3, seed=seed)) for seed in range(10, 20)), encoding="utf-8")
    text = tmp_path / "text.txt"
    text.write_text("\n".join(_text(200)), encoding="utf-8")
    arguments = [f"--input={text}", f"--output={tmp_path / 'lm'}", "--vocab_size=200", "--order=3"]
    arguments += ["--language=en", f"--cutoffs_from={crawl}", f"--kenlm_bin={Path(programs.lmplz).parent}"]
    assert main(arguments) == 0
    model = FluencyModels(tmp_path / "lm", "mended").get("en")
    assert model is not None
    values = sorted(model.perplexity(document) or 0.0 for document in read_documents(crawl))
    assert len(values) == 10
    assert values[2] <= model.cutoffs.head <= values[3]
    assert values[5] <= model.cutoffs.middle <= values[6]


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


def test_published_cutoffs_are_those_of_cc_net(test_data: Path, tmp_path: Path) -> None:
    cases = json.loads((test_data / "ccnet_golden.json").read_text(encoding="utf-8"))
    [golden] = [case["output"] for case in cases if case["function"].startswith("PerplexityBucket cutoffs")]
    assert len(golden) == 48
    assert main(["--published", f"--output={tmp_path}"]) == 0
    assert read_cutoffs(tmp_path / "cutoffs.csv") == {
        language: Cutoffs(head, middle, "ccnet") for language, (head, middle) in golden.items()
    }
    assert (tmp_path / "cutoffs.csv").read_bytes() == PUBLISHED_CUTOFFS.read_bytes()


def test_cutoffs_as_a_spreadsheet_writes_them(tmp_path: Path) -> None:
    (tmp_path / "cutoffs.csv").write_bytes(b"\xef\xbb\xbflanguage,head,middle\r\nsw,1.5,2\r\n")
    assert read_cutoffs(tmp_path / "cutoffs.csv") == {"sw": Cutoffs(1.5, 2)}


def test_rows_of_other_languages_stay(tmp_path: Path) -> None:
    write_cutoffs(tmp_path, {"sw": Cutoffs(120.5, 1234567.8, "mended")})
    write_cutoffs(tmp_path, {"en": Cutoffs(340, 520), "sw": Cutoffs(1.5, 2)})
    write_cutoffs(tmp_path, {"ar": Cutoffs(1234567.8, 12345678.9, "ccnet")})
    assert (tmp_path / "cutoffs.csv").read_text(encoding="utf-8") == (
        "language,head,middle,normalization\nar,1234567.8,12345678.9,ccnet\nen,340,520,\nsw,1.5,2,\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["cutoffs.csv"]


Mistake = Callable[..., str]


@pytest.fixture
def mistake(capsys: pytest.CaptureFixture[str]) -> Mistake:
    """`mistake("--language=en", ...)`: the line that the command line says, without its name."""

    def said(*arguments: str) -> str:
        capsys.readouterr()
        assert main(arguments) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith("train_lm: ")
        return line.removeprefix("train_lm: ")

    return said


def test_mistakes_of_the_user(tmp_path: Path, mistake: Mistake) -> None:
    (tmp_path / "text.txt").write_text("\n".join(_text(60)), encoding="utf-8")
    (tmp_path / "short.txt").write_text("one line", encoding="utf-8")
    for program in ("lmplz", "build_binary"):  # stand-ins: what is refused here is refused before they run
        shutil.copy("/bin/false", tmp_path / program)
    output = ["--language=en", f"--output={tmp_path / 'lm'}", f"--kenlm_bin={tmp_path}"]

    def said(*arguments: str) -> str:
        return mistake(*output, *arguments)

    text, small = f"--input={tmp_path / 'text.txt'}", "--vocab_size=200"
    assert "docker/build_kenlm.sh" in said(text, f"--kenlm_bin={tmp_path / 'nowhere'}")
    assert "--input are needed" in said()
    assert "is no file" in said(f"--input={tmp_path / 'nothing.txt'}")
    assert "no language code" in said(text, "--language=../en")
    assert "--held_out" in said(text, "--held_out=0.7")
    assert "--order" in said(text, "--order=7")
    assert "too little text" in said(f"--input={tmp_path / 'short.txt'}")
    assert "--vocab_size 10" in said(text, "--vocab_size=10")
    assert "lmplz ended with status 1" in said(text, small)
    assert not list((tmp_path / "lm").iterdir())
    assert mistake("--language=en", text) == "--output is missing: the directory of the models"
    assert mistake("--vocab=3") == "unrecognized arguments: --vocab=3 (see --help)"


def test_cutoffs_from_text_without_blank_lines_are_refused_before_any_work(
    tmp_path: Path, mistake: Mistake, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("\n".join(_text(60)), encoding="utf-8")
    (tmp_path / "crawl.txt.xz").write_bytes(lzma.compress("\n".join(_text(60)).encode()))
    for program in ("lmplz", "build_binary"):
        shutil.copy("/bin/false", tmp_path / program)
    arguments = ["--language=en", f"--output={tmp_path / 'lm'}", f"--kenlm_bin={tmp_path}"]
    crawl = tmp_path / "crawl.txt.xz"
    line = mistake(*arguments, f"--input={tmp_path / 'text.txt'}", f"--cutoffs_from={crawl}")
    assert line == ("--cutoffs_from gives 1 documents, and cut-offs need 5; put a blank line behind each document")
    assert not (tmp_path / "lm").exists()
    # Five such files are five documents; that, too, is said.
    line = mistake(*arguments, f"--input={tmp_path / 'text.txt'}", "--cutoffs_from", *[str(crawl)] * 5)
    assert "SentencePiece" in line or "lmplz" in line
    said = f"train_lm: {crawl} has no blank line: its 60 lines count as one document\n"
    main([*arguments, f"--input={tmp_path / 'text.txt'}", "--cutoffs_from", *[str(crawl)] * 5])
    assert capsys.readouterr().err.count(said) == 5


# --- the models of cc_net


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder to serve, with models of two languages under the names that cc_net gave its own."""
    (tmp_path / "lm").mkdir()
    for language in ("en", "fr"):
        for suffix in (".sp.model", ".arpa.bin"):
            shutil.copy(lm_directory() / f"{language}{suffix}", tmp_path / "lm")
    return tmp_path


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_published_models_are_fetched_once_and_can_be_used(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "models"
    with FaultServer(place) as server:
        command = ["--published", "en", "fr", f"--output={output}", f"--from={server.url}lm"]
        assert main(command) == 0
        assert len(server.log) == 4
        (output / "fr.sp.model").unlink()
        assert main(command) == 0
        assert [request.path for request in server.log[4:]] == ["lm/fr.sp.model"]
    assert _names(output) == ["cutoffs.csv", "en.arpa.bin", "en.sp.model", "fr.arpa.bin", "fr.sp.model"]
    for name in ("en.sp.model", "en.arpa.bin"):
        assert (output / name).read_bytes() == (lm_directory() / name).read_bytes()
    models = find_models(output)
    published = read_cutoffs(PUBLISHED_CUTOFFS)
    assert {name: files.cutoffs for name, files in models.items()} == {name: published[name] for name in ("en", "fr")}
    out = capsys.readouterr().out
    size = (output / "en.arpa.bin").stat().st_size
    assert f"en.arpa.bin {size:,} bytes (were there already)\n" in out
    assert f"now give build_cc100 --lm_dir {output}\n" in out


def test_a_fetch_that_broke_off_goes_on_and_leaves_no_half_model(place: Path, tmp_path: Path) -> None:
    output = tmp_path / "models"
    (place / "lm" / "en.arpa.bin").rename(place / "en.arpa.bin")
    with FaultServer(place) as server:
        command = ["--published", "en", f"--output={output}", f"--from={server.url}lm/"]
        assert main(command) == 1
        assert _names(output) == [".fetched"]
        (place / "en.arpa.bin").rename(place / "lm" / "en.arpa.bin")
        assert main(command) == 0
        assert [request.path for request in server.log] == ["lm/en.sp.model", *["lm/en.arpa.bin"] * 2]
    assert _names(output) == ["cutoffs.csv", "en.arpa.bin", "en.sp.model"]


def test_a_published_file_that_is_no_model_gets_no_name(place: Path, tmp_path: Path, mistake: Mistake) -> None:
    (place / "lm" / "en.arpa.bin").write_bytes(b"not a model" * 99)
    with FaultServer(place) as server:
        line = mistake("--published", "en", f"--output={tmp_path / 'models'}", f"--from={server.url}lm/")
        assert re.search(r"en\.arpa\.bin is not a KenLM model, .* what http://\S+/lm/ gave was thrown away", line)
        assert not [path for path in (tmp_path / "models").rglob("en*") if path.is_file()]


def test_a_model_of_ones_own_keeps_its_name_and_its_cutoffs(
    tmp_path: Path, mistake: Mistake, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "models"
    shutil.copytree(lm_directory(), output)
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    line = mistake("--published", "en", f"--output={output}")
    assert line == f"{output} holds another model of en: cutoffs.csv has other cut-offs; give another --output"
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before
    assert main(["--published", f"--output={output}"]) == 0
    assert "left as they are, for they are not cc_net's: ar, en, fr, hi, ru\n" in capsys.readouterr().out
    assert read_cutoffs(output / "cutoffs.csv")["en"] == read_cutoffs(lm_directory() / "cutoffs.csv")["en"]


def test_what_was_never_published(tmp_path: Path, mistake: Mistake, capsys: pytest.CaptureFixture[str]) -> None:
    line = mistake("--published", "sw", f"--output={tmp_path}")
    assert line.startswith("--published sw: cc_net published no such model; there are af, ar, az, ")
    assert mistake("--published", "en", f"--output={tmp_path}", "--from=/here") == (
        "--from /here: want the URL of a folder (http, https, s3, gs)"
    )
    assert main(["--published"]) == 0
    assert capsys.readouterr().out.startswith("cc_net published models of af, ar, az, be, ")
    assert _names(tmp_path) == []
