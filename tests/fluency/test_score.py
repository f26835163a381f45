"""The command `score`: texts from files and standard input, one line each (test_build.py has the pipeline's scores)."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from ccnet_pipeline.archive import MAX_RECORD_BYTES
from ccnet_pipeline.fluency import FluencyModels
from ccnet_pipeline.fluency.__main__ import main
from ccnet_pipeline.sample import lm_directory
from tests.conftest import CHECKOUT
from tests.fluency.conftest import Mistake, sentences

_LM = f"--lm_dir={lm_directory()}"
_EN = (_LM, "--language=en")
Piped = Callable[[bytes], None]


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Piped:
    """`piped(content)`: what the command line reads from standard input."""

    def pipe(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))

    return pipe


def _perplexity(*lines: str) -> float | None:
    model = FluencyModels(lm_directory(), "mended").get("en")
    assert model is not None
    return model.perplexity(lines)


def test_a_text_has_a_line_with_perplexity_bucket_tokens_and_beginning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = sentences(2)
    (tmp_path / "a.txt").write_text(f"{first}\n{second}\n\n\0\n\na\tb\x1b[31m", encoding="utf-8")
    assert main(["score", *_EN, str(tmp_path / "a.txt")]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [len(line) for line in lines] == [4, 4, 4]
    assert lines[0][0] == str(_perplexity(first, second))
    assert lines[0][1] == "tail"
    assert lines[0][3] == f"{first} {second}"[:60]
    assert lines[1] == ["", "all", "0", " "]
    assert lines[2][3] == "a b [31m"  # nothing that a terminal would obey


@pytest.mark.parametrize("pack", [bytes, zstandard.compress])
def test_standard_input_may_be_packed(
    pack: Callable[[bytes], bytes], piped: Piped, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = sentences(2)
    piped(pack(f"{first}\n\n{second}\n".encode()))
    assert main(["score", *_EN, "--json", "-"]) == 0
    scored = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["perplexity"] for each in scored] == [_perplexity(first), _perplexity(second)]
    assert set(scored[0]) == {"perplexity", "bucket", "tokens", "text"}


def test_the_documents_of_a_shard_say_their_language(piped: Piped, capsys: pytest.CaptureFixture[str]) -> None:
    [text] = sentences(1)
    lines = [{"text": text, "language": language} for language in ("en", "fr", "de")]
    piped("".join(json.dumps(line) + "\n" for line in lines).encode())
    assert main(["score", _LM, "--json", "-"]) == 0
    scored = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert scored[0]["perplexity"] == _perplexity(text)
    assert scored[1]["perplexity"] != scored[0]["perplexity"]
    assert (scored[2]["perplexity"], scored[2]["bucket"]) == (None, "all")  # there is no model of German


def test_the_preset_says_what_a_line_is(piped: Piped, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = sentences(2)
    piped(f"{first}\n{second}\n".encode())
    assert main(["score", *_EN, "--preset=ccnet", "-"]) == 0
    assert capsys.readouterr().out.split("\t")[0] == str(_perplexity(f"{first}\n{second}"))


def test_what_is_longer_than_a_page_may_be_is_not_scored(piped: Piped, capsys: pytest.CaptureFixture[str]) -> None:
    piped(b"x" * (MAX_RECORD_BYTES + 1))
    assert main(["score", *_EN, "-"]) == 0
    assert capsys.readouterr().out == "\tall\t0\t" + "x" * 60 + "\n"


def test_mistakes_of_the_user(tmp_path: Path, piped: Piped, mistake: Mistake) -> None:
    piped(b"text\n")
    assert mistake("score", _LM, "-") == "--language is missing: plain text does not say in which language it is"
    said = f"--language yo: {lm_directory()} has no model of it; the commands train and fetch put some there (--output)"
    assert mistake("score", _LM, "--language=yo", "-") == said
    assert "cannot be read" in mistake("score", *_EN, str(tmp_path / "nowhere.txt"))
    piped(b"caf\xe9\n")
    assert "standard input, line 1: byte 0xe9 is not UTF-8" in mistake("score", *_EN, "-")
    piped(b'{"text": 1}\n')
    assert "standard input, line 1: not a line of a shard" in mistake("score", *_EN, "-")
    piped(zstandard.compress(b"text\n" * 99)[:-5])
    assert "standard input is not whole" in mistake("score", *_EN, "-")


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\n\n" * 9000, encoding="utf-8")
    out, into = os.pipe()
    command = [sys.executable, "-m", "ccnet_pipeline.fluency", "score", *_EN, str(tmp_path / "a.txt")]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=into, stderr=subprocess.PIPE) as process:
        os.close(into)
        os.read(out, 10)
        os.close(out)
        assert process.communicate()[1] == b""
    assert process.returncode == 0


@pytest.mark.parametrize("name", ["en.arpa.bin", "en.sp.model"])
def test_half_a_model_is_refused(tmp_path: Path, mistake: Mistake, name: str) -> None:
    lm = Path(shutil.copytree(lm_directory(), tmp_path / "lm"))
    whole = (lm / name).read_bytes()
    for size in (0, 10, len(whole) // 2):  # the end of a KenLM file holds the words themselves, which nothing reads
        (lm / name).write_bytes(whole[:size])
        said = mistake("score", f"--lm_dir={lm}", "--language=en", "-")
        assert said.startswith(f"{lm / name} is not a ")
        assert said.endswith(", or not whole; fetch or train it anew")


def test_pieces_of_another_model_are_refused(tmp_path: Path, mistake: Mistake) -> None:
    lm = Path(shutil.copytree(lm_directory(), tmp_path / "lm"))
    shutil.copy(lm / "fr.sp.model", lm / "en.sp.model")
    said = mistake("score", f"--lm_dir={lm}", "--language=en", "-")
    assert re.fullmatch(rf"{lm}/en.arpa.bin knows \d+% of the pieces of {lm}/en.sp.model: they are not of one .*", said)
