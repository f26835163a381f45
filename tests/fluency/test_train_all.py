"""A folder of languages: each gets its model, what is done is left out, and what one meets does not stop the others."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard

from ccnet_pipeline.fluency import find_models
from ccnet_pipeline.fluency.__main__ import main
from ccnet_pipeline.fluency.cards import read_card
from ccnet_pipeline.fluency.programs import Programs
from tests.conftest import CHECKOUT
from tests.fluency.conftest import Mistake, sentences

_SMALL = ("--vocab_size=500", "--order=3", "--memory=20M")


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder with text of two languages, and too little of a third."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for seed, code in enumerate(("ha", "sw")):
        content = "\n\n".join(sentences(200, seed)).encode()
        (folder / f"{code}.txt.zst").write_bytes(zstandard.compress(content))
    (folder / "yo.txt").write_text("Ọ̀rọ̀ kan\n", encoding="utf-8")
    return folder


def _train(texts: Path, output: Path, *more: str) -> int:
    return main(["train", f"--all={texts}", f"--output={output}", *_SMALL, *more])


@pytest.mark.usefixtures("programs")
def test_every_language_is_trained_once(texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "models"
    assert _train(texts, output, "--workers=2") == 0
    models = [f"{code}{end}" for code in ("ha", "sw") for end in (".arpa.bin", ".card.json", ".sp.model")]
    assert _names(output) == ["cutoffs.csv", *models]
    assert set(find_models(output)) == {"ha", "sw"}
    printed = capsys.readouterr()
    rows = re.findall(
        r"^(\w+) +[\d,]+ +[\d,]+ +[\d,]+ +[\d.]+ +[\d.]+ kB +[\d.]+ +[\d.]+ MB$", printed.out, re.MULTILINE
    )
    assert rows == ["ha", "sw"]
    assert "\nleft out: yo: too little text: 1 of the 50 paragraphs that a model needs\n" in printed.out
    assert "fluency: sw: trained; " in printed.err
    before = {path: path.stat().st_mtime_ns for path in output.iterdir()}
    assert _train(texts, output) == 0
    assert {path: path.stat().st_mtime_ns for path in output.iterdir()} == before
    assert len(re.findall(r" kB +there\n", capsys.readouterr().out)) == 2


@pytest.mark.usefixtures("programs")
def test_the_number_of_workers_changes_no_byte(texts: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        _train(texts, tmp_path / str(workers), f"--workers={workers}", "--compact")
    assert _names(tmp_path / "1") == _names(tmp_path / "2")
    for name in _names(tmp_path / "1"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


@pytest.mark.usefixtures("programs")
def test_a_model_of_other_text_or_settings_is_replaced_only_on_demand(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "models"
    _train(texts, output)
    for end in (".sp.model", ".arpa.bin"):  # one that was made elsewhere
        (output / f"yo{end}").write_bytes(b"of somebody else")
    with (texts / "sw.txt.zst").open("ab") as file:
        file.write(zstandard.compress(b"\n\nNeno moja.\n"))
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    capsys.readouterr()
    assert _train(texts, output, "--held_out=0.2") == 2
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before
    out = capsys.readouterr().out
    assert f"failed: ha: {output} has a model of ha already, but --held_out was 0.1; --overwrite replaces it\n" in out
    assert "failed: sw: " in out
    assert "but its text was another, --held_out was 0.1; " in out
    assert f"failed: yo: {output} has a model of yo that was not trained here; --overwrite replaces it\n" in out
    assert _train(texts, output, "--held_out=0.2", "--overwrite") == 0
    assert "fluency: sw: trained anew: its text was another, --held_out was 0.1" in capsys.readouterr().err
    card = read_card(output, "sw")
    assert card is not None
    assert card.training is not None
    assert card.training.text.documents == 201
    assert (output / "yo.sp.model").read_bytes() == b"of somebody else"  # there is too little text for another


@pytest.mark.usefixtures("programs")
def test_a_model_that_lost_a_half_is_trained_anew(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "models"
    _train(texts, output, "--languages=sw")
    whole = (output / "sw.arpa.bin").read_bytes()
    (output / "sw.arpa.bin").unlink()
    assert _train(texts, output, "--languages=sw") == 0
    assert "sw: trained anew: what was there is not whole" in capsys.readouterr().err
    assert (output / "sw.arpa.bin").read_bytes() == whole


def _stand_in(folder: Path, programs: Programs, script: str) -> Path:
    """A folder with KenLM's programs, of which lmplz first runs a script; $text is the text that it shall train on."""
    folder.mkdir()
    (folder / "build_binary").symlink_to(programs.build_binary)
    lmplz = folder / "lmplz"
    find = 'text=$(echo "$*" | sed "s/.*--text \\([^ ]*\\).*/\\1/")'
    lmplz.write_text(f'#!/bin/sh\n{find}\n{script}\nexec {programs.lmplz} "$@"\n', encoding="utf-8")
    lmplz.chmod(lmplz.stat().st_mode | stat.S_IXUSR)
    return folder


def test_what_one_language_meets_does_not_stop_the_others(
    programs: Programs, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for code, letter in (("lg", "q"), ("ln", "x")):
        (texts / f"{code}.txt").write_text("\n\n".join([letter, *sentences(100)]), encoding="utf-8")
    (texts / "om.txt.gz").write_bytes(b"no gzip")
    script = 'grep -q q "$text" && kill -9 $PPID\ngrep -q x "$text" && { echo No room >&2; exit 3; }'
    kenlm = _stand_in(tmp_path / "kenlm", programs, script)
    assert _train(texts, tmp_path / "models", f"--kenlm_bin={kenlm}", "--workers=1") == 2
    assert set(find_models(tmp_path / "models")) == {"ha", "sw"}
    out = capsys.readouterr().out
    assert "\nfailed: lg: its process was ended by signal 9, most often for want of memory: fewer --workers\n" in out
    assert "\nfailed: ln: lmplz ended with status 3: No room\n" in out
    assert "\nfailed: om: " in out
    assert "om.txt.gz is not whole" in out
    assert "\nleft out: yo: " in out
    assert not list((tmp_path / "models").glob(".*"))


def _wait_for(path: Path) -> str:
    for _ in range(2000):
        if path.exists() and (content := path.read_text()):
            return content
        time.sleep(0.01)
    raise TimeoutError(path)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_training_ends_what_it_started_and_is_gone_on_with(
    programs: Programs, texts: Path, tmp_path: Path, by: signal.Signals
) -> None:
    output, note = tmp_path / "models", tmp_path / "note"
    # The second language never ends by itself: its lmplz notes its number, and waits.
    script = f'[ -e {output}/*.sp.model ] || exec {programs.lmplz} "$@"\necho $$ >{note}\nexec sleep 30'
    kenlm = _stand_in(tmp_path / "kenlm", programs, script)
    arguments = ["train", f"--all={texts}", f"--output={output}", *_SMALL, "--workers=1"]
    command = [sys.executable, "-m", "ccnet_pipeline.fluency", *arguments, f"--kenlm_bin={kenlm}"]
    with subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE, encoding="utf-8") as process:
        lmplz = int(_wait_for(note))
        process.send_signal(by)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == (130 if by == signal.SIGINT else -9)
    assert "Traceback" not in said
    for _ in range(2000):
        try:
            os.kill(lmplz, 0)
        except ProcessLookupError:
            break
        time.sleep(0.01)
    else:
        raise AssertionError("lmplz goes on")
    if by == signal.SIGINT:
        assert "the same command trains what is still missing" in said
        assert not list(output.glob(".*"))
    [first] = output.glob("*.sp.model")
    before = first.stat().st_mtime_ns
    assert _train(texts, output) == 0
    assert first.stat().st_mtime_ns == before
    assert len(find_models(output)) == 2
    assert not list(output.glob(".*"))


def test_two_trainings_do_not_write_to_one_directory(
    programs: Programs, texts: Path, tmp_path: Path, mistake: Mistake
) -> None:
    import fcntl

    (tmp_path / "models").mkdir()
    lock = os.open(tmp_path / "models", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    said = mistake("train", f"--all={texts}", f"--output={tmp_path / 'models'}", *_SMALL)
    assert said == f"another command writes to {tmp_path / 'models'}; wait for it, or give another --output"
    os.close(lock)


def test_mistakes_of_the_user_show_before_any_work(texts: Path, tmp_path: Path, mistake: Mistake) -> None:
    for program in ("lmplz", "build_binary"):
        (tmp_path / program).symlink_to("/bin/false")

    def said(*arguments: str) -> str:
        return mistake("train", f"--output={tmp_path / 'models'}", f"--kenlm_bin={tmp_path}", *arguments)

    assert "--all takes the languages" in said(f"--all={texts}", "--language=sw")
    assert "is not a directory" in said(f"--all={texts / 'nowhere'}")
    assert said(f"--all={texts}", "--languages=sw,en") == f"--languages en: --all {texts} has no text of it"
    assert said(f"--all={texts}", "--languages=sw,,en") == f"--languages en: --all {texts} has no text of it"
    assert said(f"--all={texts}", "--languages=").startswith("--languages names no language; ")
    assert "--order" in said(f"--all={texts}", "--order=9")
    no_model = tmp_path / "text.bin"
    no_model.write_bytes(b"text")
    assert "is not a fastText model" in said(f"--all={texts}", f"--lid_model={no_model}")
    assert not (tmp_path / "models").exists()


@pytest.mark.usefixtures("programs")
def test_a_text_in_another_language_than_its_name_says_is_told(
    texts: Path, tmp_path: Path, lid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (texts / "en.txt").write_text("\n\n".join(sentences(60)), encoding="utf-8")
    assert _train(texts, tmp_path / "models", f"--lid_model={lid}", "--languages=sw,en") == 0
    said = "100% of it is identified as en by lid.176.ftz; is it sw?"
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "is it" in line] == [f"fluency: sw: {said}"]
    sample = f"--input={texts / 'sw.txt.zst'}"
    assert main(["calibrate", f"--lm_dir={tmp_path / 'models'}", "--language=sw", sample, f"--lid_model={lid}"]) == 0
    assert f"fluency: {said}\n" in capsys.readouterr().err
