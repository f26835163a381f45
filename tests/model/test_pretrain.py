"""The command: how runs begin and end, what is a mistake, what people see."""

import errno
import fcntl
import json
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._dynamo.exc import BackendCompilerFailed

from model import export, pretrain
from model.data.encoded import HELD_OUT, TOKEN, load_manifest
from model.data.loader import Batch
from model.errors import UserError
from model.languages import SETS
from model.text.vocabulary import read_report
from model.training import checkpoint, compiler
from model.training.folder import locked
from model.training.optim import WINDOW, Guard
from model.training.progress import StepLine
from model.training.trainer import Asked, Metrics, Trainer
from tests.model.conftest import write_shard
from tests.model.runs import SMALL, TINY, again, equal, lines, mistake, weights, write_vocabulary

torch.set_num_threads(1)  # sums of floats depend on it


def test_init_starts_from_a_folder_of_hugging_faces_form(whole: Path, tmp_path: Path) -> None:
    folder, run = tmp_path / "hf", tmp_path / "run"
    assert export.main([f"--run={whole}", f"--output={folder}"]) == 0
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "attention_probs_dropout_prob": 0.25}))
    shape = ("--layers", "--hidden", "--heads", "--ffn", "--max_length")
    flags = [flag for flag in again(whole, f"--output={run}")[1:] if not flag.startswith(shape)]
    assert pretrain.main([*flags, f"--init={folder}"]) == 0
    assert (run / "vocab" / "sentencepiece.bpe.model").read_bytes() == (
        whole / "vocab" / "sentencepiece.bpe.model"
    ).read_bytes()
    kept = json.loads((run / "config.json").read_text())["model"]
    assert (kept["dropout"], kept["attention_dropout"]) == (0.0, 0.25)
    first = next(line["loss"] for line in lines(run) if line["event"] == "step")
    trained = next(line["loss"] for line in lines(whole) if line["event"] == "validation" and line["step"] == 10)
    untrained = next(line["loss"] for line in lines(whole) if line["event"] == "step")
    assert abs(first - trained) < abs(first - untrained)
    # Stopped before its first checkpoint, the run begins again from the same weights.
    before = lines(run)
    shutil.rmtree(run / "checkpoints")
    assert pretrain.main([f"--output={run}"]) == 0
    assert lines(run) == before


def test_tiny_learns_on_the_sample(built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fewer = ["--steps=60", "--warmup=6", "--validate_every=20", "--validation_blocks=1", "--batch_size=16"]
    assert pretrain.main([f"--data={built_sample / 'shards'}", "--device=cpu", "--seq_length=64", *fewer]) == 0
    losses = [line["loss"] for line in lines(tmp_path / "runs" / "tiny") if line["event"] == "validation"]
    vocab_size = json.loads((tmp_path / "runs" / "tiny" / "config.json").read_text())["model"]["vocab_size"]
    assert losses[-1] < losses[0]
    assert losses[-1] < np.log(vocab_size) - 0.4  # a guess


@pytest.mark.parametrize(("bad", "status"), [(float("nan"), 1), (30.0, 1), (3.0, 0)])
def test_a_broken_loss_stops_with_the_step_and_a_checkpoint(
    bad: float, status: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run = tmp_path / "run"
    real, broken_at = Guard.check, WINDOW + 3
    kept: dict[int, dict[str, torch.Tensor]] = {}

    def check(self: Guard, step: int, loss: torch.Tensor, norm: torch.Tensor) -> torch.Tensor:
        return real(self, step, torch.full((), bad) if step == broken_at else loss, norm)

    def step(self: Trainer, batch: Batch, asked: Asked) -> Metrics:
        kept[batch.step] = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        return real_step(self, batch, asked)

    real_step = Trainer.step
    monkeypatch.setattr(Guard, "check", check)
    monkeypatch.setattr(Trainer, "step", step)
    flags = ("--steps=106", "--save_every=1000", "--validate_every=0", "--learning_rate=0.001", "--batch_size=4")
    assert pretrain.main(again(whole, f"--output={run}", *flags)) == status
    if status == 0:
        return
    assert checkpoint.of_run(run).name == f"step-{broken_at:08d}"
    assert equal(kept[broken_at], weights(run))
    assert lines(run)[-1]["event"] == "stop"
    assert lines(run)[-1]["step"] == broken_at + 1
    assert "--spike 0" in capsys.readouterr().err


# --- languages


FEW = ("--steps=2", "--warmup=1", "--validate_every=2")


def test_only_the_languages_asked_for_are_trained_on_and_the_log_begins_with_their_table(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run, tokens = tmp_path / "run", {name: len(ids) for name, ids in streams(whole).items()}
    left_out = min(set(tokens) & SETS["xlm-15"], key=lambda name: tokens[name])
    with caplog.at_level(logging.INFO):
        flags = (f"--min_tokens={tokens[left_out] + 1}", "--languages=xlm-15", *FEW)
        assert pretrain.main(again(whole, f"--output={run}", *flags)) == 0
    first, *_, last = lines(run)
    assert (first["event"], first["step"]) == ("languages", 0)
    assert set(first["languages"]) == (SETS["xlm-15"] & set(tokens)) - {left_out}
    assert first["missing"] == sorted(SETS["xlm-15"] - set(tokens))
    assert first["too_small"] == {left_out: tokens[left_out]}
    rows = first["languages"].values()
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert sum(row["epochs"] * row["tokens"] for row in rows) == pytest.approx(2 * 8 * 31)
    assert set(last["languages"]) <= set(first["languages"])
    assert f"(--min_tokens): {left_out} {tokens[left_out]:,}" in caplog.text
    assert f"the text has none: {', '.join(first['missing'])}" in caplog.text


def streams(run: Path) -> dict[str, np.ndarray[Any, Any]]:
    counts = load_manifest(run / "encoded").languages
    return {name: np.fromfile(run / "encoded" / f"{name}.tokens", TOKEN) for name in counts}


def test_text_that_is_repeated_too_often_is_said(whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run, shortest = tmp_path / "run", min(streams(whole).items(), key=lambda item: len(item[1]))[0]
    few = ("--min_tokens=0", "--max_epochs=2", "--schedule=constant", "--batch_size=4", "--steps=2", "--warmup=1")
    with caplog.at_level(logging.INFO):
        assert pretrain.main(again(whole, f"--output={run}", f"--languages={shortest},en", *few)) == 0
        assert f"shorter than a sample, so repeated inside it, where the model can copy: {shortest}" in caplog.text
        assert "--max_epochs" not in caplog.text
        assert pretrain.main([f"--output={run}", "--steps=4"]) == 0
    assert f"--max_epochs 2, up to 3.7 times, for --steps were raised: {shortest}" in caplog.text
    with caplog.at_level(logging.INFO):
        flags = (f"--languages={shortest}", *few)
        assert pretrain.main(again(whole, f"--output={tmp_path / 'other'}", *flags)) == 0
    assert "for the run asks for more than there is" in caplog.text


def test_shares_of_ones_own_are_kept_with_the_run(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, path = tmp_path / "run", tmp_path / "shares.tsv"
    path.write_text("sw 1\nen 3\n")
    assert pretrain.main(again(whole, f"--output={run}", f"--weights={path}", "--min_tokens=0", *FEW)) == 0
    assert {name: row["share"] for name, row in lines(run)[0]["languages"].items()} == {"en": 0.75, "sw": 0.25}
    assert pretrain.main([f"--output={run}", f"--weights={path}"]) == 0
    path.write_text("sw 1\nen 4\n")
    assert "weights is (('en', 3.0), ('sw', 1.0)), not" in mistake(capsys, f"--output={run}", f"--weights={path}")


@pytest.mark.parametrize(
    ("flag", "text", "named"),
    [
        ("--languages", "en,swa", "--languages: no 'swa' in PLACE; did you mean 'sw'?"),
        ("--weights", "en 1\nswa 1\n", "FILE:2: no 'swa' in PLACE; did you mean 'sw'?"),
        ("--weights", "en 1\nsw\n", "FILE:2: 'sw' is no language and number above 0, such as 'sw 0.02'"),
    ],
)
def test_languages_that_cannot_be_are_one_line(
    flag: str, text: str, named: str, whole: Path, built_sample: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    value = text
    if flag == "--weights":
        value = str(tmp_path / "weights")
        Path(value).write_text(text)
    flags = (f"{flag}={value}", f"--output={tmp_path / 'run'}")
    message = mistake(capsys, f"--data={built_sample}", *SMALL, *flags)
    assert named.replace("PLACE", str(built_sample)).replace("FILE", value) in message
    assert not (tmp_path / "run" / "vocab").exists()
    message = mistake(capsys, *again(whole, *flags))
    assert named.replace("PLACE", str(whole / "encoded")).replace("FILE", value) in message


def test_no_language_left_is_one_line(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = mistake(capsys, *again(whole, f"--output={tmp_path / 'run'}", "--min_tokens=90000000"))
    assert f"no language of {whole / 'encoded'} has the 90,000,000 tokens" in message
    assert "give a lower --min_tokens, or more text" in message
    assert not (tmp_path / "run" / "vocab").exists()


def test_text_is_made_ready_for_the_languages_asked_for_alone(
    built_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    flags = (f"--data={built_sample}", f"--output={run}", *SMALL, *FEW, "--workers=1", "--min_tokens=0")
    assert pretrain.main([*flags, "--languages=en,sw"]) == 0
    assert [row.language for row in read_report(run / "vocab").languages] == ["en", "sw"]
    assert list(load_manifest(run / "encoded").languages) == ["en", "sw"]
    assert read_report(run / "vocab").config.languages == ("en", "sw")
    # Stopped before it was begun, it may be asked for others, and their vocabulary is another one.
    (run / "config.json").rename(tmp_path / "config.json")
    message = mistake(capsys, *flags, "--languages=en", f"--encoded={tmp_path / 'new'}")
    assert f"{run / 'vocab'} is not the vocabulary that is asked for" in message
    # The text has others, and always had: nothing has changed.
    other = tmp_path / "other"
    given = (f"--vocab={run / 'vocab'}", f"--encoded={run / 'encoded'}", f"--output={other}")
    assert pretrain.main([*flags[:1], *flags[2:], *given, "--languages=sw"]) == 0
    assert set(lines(other)[0]["languages"]) == {"sw"}


def test_a_run_begun_before_languages_could_be_chosen_goes_on_as_it_was(whole: Path, tmp_path: Path) -> None:
    straight, run = tmp_path / "straight", tmp_path / "run"
    assert pretrain.main(again(whole, f"--output={straight}", "--min_tokens=0", "--max_epochs=0")) == 0
    shutil.copytree(straight, run)
    shutil.rmtree(run / "checkpoints" / "step-00000010")
    for path in (run / "config.json", *run.glob("checkpoints/*/checkpoint.json")):
        values = json.loads(path.read_text())
        for name in ("languages", "min_tokens", "max_epochs", "weights", "planned_steps"):
            del values["train"][name]
        path.write_text(json.dumps(values))
    assert pretrain.main([f"--output={run}"]) == 0
    assert equal(weights(straight), weights(run))


# --- mistakes


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ("--seed=5", "seed is 0, not 5"),
        ("--learning_rate=0.5", "learning_rate is 0.01, not 0.5"),
        ("--layers=2", "layers is 1, not 2"),
        ("--steps=11", "steps is 10, not 11"),
        ("--data=elsewhere", "data is"),
    ],
)
def test_another_configuration_is_refused_by_name(
    flag: str, named: str, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in (whole / "checkpoints").rglob("*"))
    message = mistake(capsys, *SMALL, f"--output={whole}", flag)
    assert named in message
    assert "another --output" in message
    assert before == sorted((path, path.stat().st_mtime_ns) for path in (whole / "checkpoints").rglob("*"))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--batch_size=6"], "--batch_size 6 is no multiple of --micro_batch 4 times 1"),
        (["--seq_length=64"], "--seq_length 64 is above --max_length 32"),
        (["--steps=0"], "steps is 0; it must be at least 1"),
        (["--data=/nowhere"], "/nowhere is no folder"),
        ([], "--data DIR says"),
        (["--vocab=/nowhere", "--data=/nowhere"], "/nowhere"),
        (["--init=/nowhere"], "no folder /nowhere; give one with a model, or a name such as FacebookAI/xlm-roberta-"),
        (["--device=cuda"], "--device cpu"),
        (["--warmup=10"], "warmup is 10; it must be below steps (10)"),
        (["--batch_size=6"], "give --batch_size 8"),
        (["--alpha=50"], "alpha is 50.0; it must be 0 to 1"),
        (["--dropout=0.999"], "dropout is 0.999; it must be 0 to 0.9"),
        (["--attention_dropout=-0.1"], "attention_dropout is -0.1; it must be 0 to 0.9"),
        (["--alpha=0.3,x"], "--alpha '0.3,x' is no value by step: give a number, or several as"),
        (["--mask_share=0.3,5:0.99"], "mask_share is 0:0.3,5:0.99; it must be 0.01 to 0.9"),
        (["--alpha=0.3,9999999999:0.7"], "alpha is 0:0.3,9999999999:0.7; it must be of stages that begin at step"),
        (["--mask_share=0.3,9999999999:0.7"], "it must be of stages that begin at step 4294967168 or before"),
        (["--steps=9999999999"], "steps is 9999999999; it must be at most 4294967168 with this batch_size"),
        ([f"--planned_steps={'9' * 400}"], "it must be at most 4294967168 with this batch_size"),
        (["--mask_share=0.99"], "mask_share is 0.99; it must be 0.01 to 0.9"),
        (["--init=/nowhere", "--layers=1"], "--layers is what --init says"),
        (["--workers=0"], "--workers 0"),
        (["--languages=,"], "--languages ',' names no language; give codes with commas, or xlm-7"),
        (["--min_tokens=-1"], "min_tokens is -1; it must be at least 0"),
        (["--max_epochs=-1"], "max_epochs is -1.0; it must be at least 0"),
        (["--weights=/nowhere"], "--weights /nowhere cannot be read"),
        (["--vocab=/nowhere", "--vocab_size=90"], "--vocab_size is what --vocab says"),
        (["--init=/nowhere", "--vocab=/nowhere"], "--vocab is what --init says"),
        (["--encoded=/dev/null/x", "--data=/nowhere"], "/nowhere"),
    ],
)
def test_mistakes_of_the_command_line(
    flags: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--device=cuda" in flags and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    options = [flag for flag in SMALL if "--init=/nowhere" not in flags or flag not in TINY]
    assert named in mistake(capsys, *options, *flags, f"--output={tmp_path / 'run'}")
    assert not (tmp_path / "run" / "config.json").exists()


def test_encoded_text_of_another_tokenizer_is_refused(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_vocabulary(tmp_path / "other")
    arguments = [
        f"--vocab={tmp_path / 'other'}",
        f"--encoded={whole / 'encoded'}",
        *SMALL,
        f"--output={tmp_path / 'run'}",
    ]
    assert "another tokenizer" in mistake(capsys, *arguments)


def test_another_vocabulary_is_refused(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_vocabulary(tmp_path / "v")
    assert "is not the vocabulary" in mistake(capsys, f"--output={whole}", f"--vocab={tmp_path / 'v'}")
    # Of a run that was stopped while it encoded there is a vocabulary and no config.json.
    run = tmp_path / "run"
    shutil.copytree(whole / "vocab", run / "vocab")
    assert "is not the vocabulary" in mistake(capsys, *SMALL, f"--output={run}", "--data=x", "--vocab_size=90")
    assert "is not the vocabulary" in mistake(capsys, *SMALL, f"--output={run}", "--data=x", "--alpha=0.9")


def test_what_may_change_is_remembered(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    assert pretrain.main([f"--output={run}", "--micro_batch=2"]) == 0
    assert json.loads((run / "config.json").read_text())["train"]["micro_batch"] == 2


def test_two_trainings_in_one_folder(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(whole):
        assert "another program trains in" in mistake(capsys, *SMALL, f"--output={whole}")


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.EWOULDBLOCK, "another program trains in"), (errno.ENOLCK, "cannot be locked (No locks available)"),
     (errno.ENOSYS, "cannot be locked (Function not implemented)"), (errno.EOPNOTSUPP, "NFS: its lock service")],
)  # fmt: skip
def test_a_lock_that_fails_says_why(
    number: int, said: str, whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    message = mistake(capsys, *SMALL, f"--output={whole}")
    assert said in message
    assert "--output" in message


@pytest.mark.parametrize("kind", ["", ".held-out"])
@pytest.mark.parametrize("damaged", [91_000, 2**32 - 1])
def test_ids_beyond_the_vocabulary_are_one_line(
    kind: str, damaged: int, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole / "encoded", tmp_path / "encoded")
    for path in (tmp_path / "encoded").glob(f"*{kind}.tokens"):
        if kind or HELD_OUT not in path.name:
            tokens = np.fromfile(path, TOKEN)
            tokens[::20] = damaged
            path.write_bytes(tokens.tobytes())
    arguments = (f"--vocab={whole / 'vocab'}", f"--encoded={tmp_path / 'encoded'}", *SMALL)
    message = mistake(capsys, *arguments, f"--output={tmp_path / 'run'}")
    vocab_size = json.loads((whole / "config.json").read_text())["model"]["vocab_size"]
    assert re.search(rf"/\w+{kind}\.tokens holds the id {damaged}, the vocabulary has {vocab_size}: ", message)


def test_no_compiler_is_one_line_before_any_work(
    built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (f"--data={built_sample}", *SMALL, "--compile", f"--output={tmp_path / 'run'}")
    monkeypatch.setenv("CXX", "/nonexistent/g++")
    message = mistake(capsys, *arguments)
    assert "give --no-compile" in message
    assert "(no /nonexistent/g++ here, and CXX names no other): install gcc, g++" in message
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "(no g++ here" in mistake(capsys, *arguments)
    with pytest.raises(UserError, match="no gcc or clang here, and CC names no other"):
        compiler.check(torch.device("cuda"))
    assert not (tmp_path / "run").exists()


def test_a_compiler_that_does_not_work_is_one_line(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def step(*_: Any, **__: Any) -> torch.Tensor:
        raise BackendCompilerFailed("inductor", FileNotFoundError("Python.h: No such file\nand a hundred lines"), None)

    monkeypatch.setattr(Trainer, "step", step)
    message = mistake(capsys, *again(whole, f"--output={tmp_path / 'run'}"))
    assert "Python.h: No such file" in message
    assert "give --no-compile" in message


def test_text_that_came_after_it_was_encoded_is_said(
    whole: Path, built_sample: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(built_sample / "shards", data)
    shutil.copytree(whole, run)
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "data": str(data)}))
    for shard in data.glob("*.txt.xz"):
        shard.unlink()

    def noticed() -> str:
        caplog.clear()
        with caplog.at_level(logging.INFO):
            assert pretrain.main([f"--output={run}"]) == 0
        return " ".join(record.getMessage() for record in caplog.records if "changed" in record.getMessage())

    assert noticed() == ""
    write_shard(data / "xx" / "all-00000.jsonl.zst", ["new text"])
    assert "changed (new: xx); this run goes on with what it has: a new --output and --encoded" in noticed()
    fresh = (f"--data={data}", *again(whole, f"--output={tmp_path / 'fresh'}"))
    assert "(new: xx): give another --encoded, or leave out --data" in mistake(capsys, *fresh)
    assert not (tmp_path / "fresh" / "vocab").exists()
    shutil.rmtree(data)
    assert noticed() == ""  # a run that was begun does not need its data any more


def test_out_of_memory_is_one_line(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def step(*_: Any, **__: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    monkeypatch.setattr(Trainer, "step", step)
    assert "lower --micro_batch (4)" in mistake(capsys, *again(whole, f"--output={tmp_path / 'run'}"))


# --- what people see


def test_the_log_is_true(whole: Path) -> None:
    found = lines(whole)
    assert [line["step"] for line in found if line["event"] == "step"] == list(range(1, 11))
    events = [line["event"] for line in found if line["event"] != "step"]
    assert events == ["languages", "unigram", "validation", "validation"]
    steps = [
        StepLine(**line)
        for line in map(json.loads, (whole / "log.jsonl").read_text().splitlines())
        if line["event"] == "step"
    ]
    assert all(line.tokens_per_second > 0 and 0 <= line.loader_wait <= 1 and line.mfu is None for line in steps)
    assert steps[-1].mean_loss == pytest.approx(np.mean([line.loss for line in steps]), rel=1e-5)
    assert json.loads((whole / "config.json").read_text())["train"]["learning_rate"] == 0.01
