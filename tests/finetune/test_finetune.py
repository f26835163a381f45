"""Fine-tuning end to end with a tiny encoder: a planted signal is learned, the same again, and after a kill."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertTokenizer,
    XLMRobertaForSequenceClassification,
)

from model.finetune import loop
from model.finetune.__main__ import main
from model.finetune.loop import places_of
from model.finetune.recipes import RECIPES
from model.finetune.scoring import Scorer, to_device
from model.text.tokenizer import MODEL_FILE
from model.training.folder import locked
from tests.finetune.planted import QUICK, SIGNAL, WORDS, mistake, pairs, scores, tune, write_xnli
from tests.model.runs import write_run


@pytest.fixture(scope="module")
def xnli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_xnli(tmp_path_factory.mktemp("data") / "xnli")


@pytest.fixture(scope="module")
def tuned(tiny_model: Path, xnli: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never interrupted."""
    output = tmp_path_factory.mktemp("tuned") / "run"
    tune("xnli", tiny_model, xnli, output)
    return output


def weights(run: Path) -> Mapping[str, Tensor]:
    return safetensors.torch.load_file(run / "model" / "model.safetensors")


def same(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]


def test_a_planted_signal_is_learned_and_passes_to_another_language(tuned: Path) -> None:
    assert scores(tuned)["en"]["accuracy"] > 0.9
    assert scores(tuned)["fr"]["accuracy"] > 0.9
    assert json.loads((tuned / "scores.json").read_text())["splits"] == {"en": "test", "fr": "test"}
    assert sorted(path.name for path in tuned.iterdir()) == [".lock", "log.jsonl", "model", "run.json", "scores.json"]


def test_the_folder_is_one_of_transformers_and_answers_as_it_was_scored(tuned: Path) -> None:
    network = AutoModelForSequenceClassification.from_pretrained(tuned / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(tuned / "model")
    examples = pairs(24, 101)  # the test set
    right = 0
    for text, pair, label in examples:  # one by one: no padding
        with torch.inference_mode():
            logits = network(**tokenizer(text, pair, return_tensors="pt")).logits[0]
        right += network.config.id2label[int(logits.argmax())] == label
    assert scores(tuned)["en"]["accuracy"] == right / len(examples)


def test_all_files_of_a_model_are_there_and_others_may_read_them(tuned: Path, tiny_model: Path) -> None:
    model = tuned / "model"
    assert len({path.stat().st_mode for path in model.iterdir()}) == 1
    assert (model / MODEL_FILE).read_bytes() == (tiny_model / MODEL_FILE).read_bytes()  # model.trim wants it


def test_two_programs_do_not_train_in_one_folder(
    tiny_model: Path, xnli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(tmp_path / "run"):
        said = mistake(capsys, "--task=xnli", f"--model={tiny_model}", f"--data={xnli}", f"--output={tmp_path / 'run'}")
    assert said.endswith("run; wait for it, or give another --output")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), "no space left"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"),
            "out of mem",
        ),
    ],
)
def test_what_the_machine_lacks_is_one_line(
    error: Exception,
    said: str,
    tiny_model: Path,
    xnli: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(XLMRobertaForSequenceClassification, "save_pretrained", fail)
    flags = [f"--output={tmp_path / 'run'}", *QUICK, "--epochs=1"]
    assert said in mistake(capsys, "--task=xnli", f"--model={tiny_model}", f"--data={xnli}", *flags)


def test_a_run_that_is_killed_goes_on_to_the_same_result(
    tuned: Path, tiny_model: Path, xnli: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, output = loop._step, tmp_path / "run"
    # In the first epoch, after a checkpoint between two steps; in the second, whose first step the log already has;
    # and when the last network stands under its name but is not yet scored.
    for stop, after in ((7, 0.0), (20, 1e9)):

        def until(scorer: Any, optimizer: Any, batch: Any, plan: Any, at: int, means: Any, last: int = stop) -> Tensor:
            if at == last:
                raise KeyboardInterrupt
            return step(scorer, optimizer, batch, plan, at, means)

        with monkeypatch.context() as patched:
            patched.setattr(loop, "_step", until)
            with pytest.raises(AssertionError):
                tune("xnli", tiny_model, xnli, output, f"--save_minutes={after}")
        assert not (output / "scores.json").exists()
    with monkeypatch.context() as patched:
        patched.setattr(loop, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(AssertionError):
            tune("xnli", tiny_model, xnli, output)
    tune("xnli", tiny_model, xnli, output)
    assert same(output, tuned)
    assert lines(output) == lines(tuned)
    assert (output / "scores.json").read_bytes() == (tuned / "scores.json").read_bytes()
    assert sorted(path.name for path in output.iterdir()) == [".lock", "log.jsonl", "model", "run.json", "scores.json"]


def test_in_bf16_the_signal_is_learned_and_weights_stay_fp32(tiny_model: Path, xnli: Path, tmp_path: Path) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tune("xnli", tiny_model, xnli, tmp_path / "run", "--precision=bf16", f"--device={device}")
    assert scores(tmp_path / "run")["fr"]["accuracy"] > 0.9
    assert {tensor.dtype for tensor in weights(tmp_path / "run").values()} == {torch.float32}


def write_panx(folder: Path) -> Path:
    """Sentences of one to six words, so that parts of a batch have different numbers of tags."""
    folder.mkdir(parents=True)
    for split in ("train", "dev"):
        sentences = [["Paul\tB-PER", *(f"{word}\tO" for word in WORDS[: place % 6])] for place in range(48)]
        (folder / f"{split}-en.tsv").write_text("".join("\n".join(lines) + "\n\n" for lines in sentences))
    return folder


@pytest.mark.parametrize("task", ["xnli", "ner"])
def test_micro_batches_add_up_to_the_same_gradient(task: str, tiny_model: Path, xnli: Path, tmp_path: Path) -> None:
    data = xnli if task == "xnli" else write_panx(tmp_path / "panx")
    model = _without_dropout(tiny_model, tmp_path / "model")
    for name, flags in (("whole", []), ("parts", ["--micro_batch=5"])):
        tune(task, model, data, tmp_path / name, "--epochs=1", "--epoch_steps=3", "--log_every=1", *flags)
    first, second = ([line["loss"] for line in lines(tmp_path / name) if "loss" in line] for name in ("whole", "parts"))
    assert first == pytest.approx(second, rel=1e-5)
    assert first[0] > first[2] > 0


def _without_dropout(model: Path, folder: Path) -> Path:
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_seeds_give_runs_of_their_own_and_another_seed_another_model(
    tuned: Path, tiny_model: Path, xnli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tuned, tmp_path / "runs" / "seed-0")  # done before
    tune("xnli", tiny_model, xnli, tmp_path / "runs", "--seeds", "0", "1")
    assert not same(tmp_path / "runs" / "seed-0", tmp_path / "runs" / "seed-1")
    row = capsys.readouterr().out.splitlines()
    assert any(line.startswith("| model [1] | en |") and "±" in line for line in row)
    assert any("2 seeds" in line for line in row)


def test_each_language_has_a_model_of_its_own_and_all_have_one(tiny_model: Path, tmp_path: Path) -> None:
    data = write_xnli(tmp_path / "data", train=("en", "fr"))
    tune("xnli", tiny_model, data, tmp_path / "each", "--train=each", "--epochs=1")
    tune("xnli", tiny_model, data, tmp_path / "all", "--train=all", "--select=all", "--epochs=1")
    plans = [json.loads(path.read_text()) for path in sorted(tmp_path.rglob("run.json"))]
    assert [plan["choices"]["train"] for plan in plans] == [["en", "fr"], ["en"], ["fr"]]
    assert [plan["select"] for plan in plans] == [["en", "fr"], ["en"], ["fr"]]
    evaluation = [line for line in lines(tmp_path / "all") if line["event"] == "dev"][-1]
    languages = evaluation["languages"]
    assert evaluation["score"] == (languages["en"]["accuracy"] + languages["fr"]["accuracy"]) / 2


def test_the_best_epoch_is_kept_and_patience_ends_a_run(
    tiny_model: Path, xnli: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = iter([0.2, 0.6, 0.5, 0.6, 0.9])
    score = Scorer.score
    monkeypatch.setattr(Scorer, "score", lambda self, examples: {"accuracy": next(given, 0.0)})
    monkeypatch.setattr(Scorer, "score_all", lambda self, data: {"en": score(self, data.examples["en"]["test"])})
    tune("xnli", tiny_model, xnli, tmp_path / "run", "--epochs=5", "--epoch_steps=2", "--patience=2")
    found = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert (found["epoch"], found["dev"]) == (2, 0.6)
    assert lines(tmp_path / "run")[-1]["epoch"] == 4


def test_glue_is_its_tasks_one_after_another(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label = {"entailment": "1", "neutral": "0", "contradiction": "0"}
    write_pairs(
        tmp_path / "glue" / "MRPC", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n", "{label}\t1\t2\t{a}\t{b}\n", label
    )
    value = {"entailment": "2", "neutral": "1", "contradiction": "0"}
    sts = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
    write_pairs(tmp_path / "glue" / "STS-B", sts, "0\tx\tx\tx\tx\tx\tx\t{a}\t{b}\t{label}\n", value)
    tune("glue", tiny_model, tmp_path / "glue", tmp_path / "run", "--warmup=0", "--epochs=7")
    assert scores(tmp_path / "run" / "mrpc")["en"]["accuracy"] > 0.85
    assert scores(tmp_path / "run" / "sts-b")["en"]["pearson"] > 0.6
    out = capsys.readouterr().out
    assert "| model | trained on | mnli | qnli | qqp | sst-2 | mrpc | sts-b | avg (6) |" in out
    assert "(of 2)" in out


def write_pairs(folder: Path, header: str, line: str, labels: Mapping[str, str]) -> None:
    folder.mkdir(parents=True)
    for seed, (name, number) in enumerate((("train", 240), ("dev", 24))):
        rows = "".join(line.format(a=a, b=b, label=labels[c]) for a, b, c in pairs(number, seed))
        (folder / f"{name}.tsv").write_text(header + rows)


def test_a_run_of_pretraining_is_a_model_as_it_is(xnli: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "pretrained")
    tune("xnli", tmp_path / "pretrained", xnli, tmp_path / "run", "--epochs=1", "--epoch_steps=1")
    assert len(scores(tmp_path / "run")) == 2
    assert json.loads((tmp_path / "run" / "run.json").read_text())["model"] == str(tmp_path / "pretrained")


def test_another_encoder_has_its_token_types(xnli: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *SIGNAL]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizer(vocab=str(tmp_path / "vocab.txt"))
    tokenizer.save_pretrained(tmp_path / "bert")
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(tmp_path / "bert")
    seen: list[Tensor] = []

    def note(batch: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
        seen.append(batch["token_type_ids"])
        return to_device(batch, device)

    monkeypatch.setattr(loop, "to_device", note)
    tune("xnli", tmp_path / "bert", xnli, tmp_path / "run", "--epochs=1", "--epoch_steps=1")
    assert seen[0].unique().tolist() == [0, 1]


def test_every_row_is_seen_once_a_pass_and_batches_of_a_fixed_number_are_full() -> None:
    recipe = RECIPES["ner"]["xtreme"]  # 32 rows, an epoch is a pass
    passes = [[place for step in range(4) for place in places_of(4 * turn + step, 100, recipe, 3)] for turn in range(2)]
    assert all(sorted(one) == list(range(100)) for one in passes)
    assert passes[0] != passes[1]
    assert [len(places_of(step, 100, recipe, 3)) for step in range(4)] == [32, 32, 32, 4]
    authors = RECIPES["xnli"]["authors"]  # 128 rows, 5 000 steps
    drawn = [place for step in range(25) for place in places_of(step, 100, authors, 3)]
    assert len(drawn) == 25 * 128
    assert all(sorted(drawn[start : start + 100]) == list(range(100)) for start in range(0, 3200, 100))


# --- mistakes


def test_a_run_of_other_settings_is_refused_by_their_names(
    tuned: Path, tiny_model: Path, xnli: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = [f"--data={xnli}", f"--model={tiny_model}", f"--output={tuned}"]
    said = mistake(capsys, "--task=xnli", *common, "--learning_rate=1e-4")
    assert f"{tuned} was begun otherwise: " in said
    assert "learning_rate is 0.003, not 0.0001" in said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--train=sw"], "sw has no train set in the data; --train can be of: en"),
        (["--train=en,de"], "de has no train set in the data; --train can be of: en"),
        (["--select=de"], "de has no dev set in the data; --select can be of: en, fr"),
        (["--train=en,en"], "--train 'en,en': want different languages with commas"),  # rows would count twice
        (["--select=en,"], "--select 'en,': want different languages with commas"),
        (["--seeds", str(1 << 63)], "--seeds must be different numbers from 0 on, below 2^63"),
        (["--save_minutes=nan"], "--save_minutes nan must be at least 0"),
        (["--model="], "--model names no model"),
        (["--recipe=none"], "no recipe none of xnli; there is authors, xtreme"),
        (["--length=2"], "length is 2; it must be at least 8"),
        (["--seeds", "1", "1"], "--seeds must be different numbers from 0 on"),
        (["--micro_batch=-1"], "--micro_batch -1 must be at least 0"),
        (["--device=cuda"], "--device cuda: there is no CUDA here"),
        (["--model=no/such/folder/at/all"], "no folder no/such/folder/at/all"),
        (["--data=none"], "no folder none"),
    ],
)
def test_a_mistake_is_one_line_before_any_work(
    flags: list[str], said: str, tiny_model: Path, xnli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if torch.cuda.is_available() and "--device=cuda" in flags:
        pytest.skip("there is CUDA here")
    common = [f"--data={xnli}", f"--model={tiny_model}", f"--output={tmp_path / 'run'}"]
    assert said in mistake(capsys, "--task=xnli", *common, *flags)
    assert not (tmp_path / "run").exists()


def test_a_language_without_training_data_is_named(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    data = write_xnli(tmp_path / "data", train=())
    common = [f"--data={data}", f"--model={tiny_model}", f"--output={tmp_path / 'run'}"]
    caplog.set_level("INFO")
    said = mistake(capsys, "--task=xnli", *common)
    assert not [line for line in caplog.messages if "protocol" in line]  # nothing stands before the one line
    assert said.endswith("en has no train set in the data; docs/evaluation.md names the files that --data wants")
    assert "no language has a train set" in mistake(capsys, "--task=xnli", *common, "--train=all")


@pytest.mark.parametrize("gone", ["tokenizer", "config.json"])
def test_a_model_that_lacks_something_is_named(
    gone: str, tiny_model: Path, xnli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    names = ["config.json"] if gone == "config.json" else [
        path.name for path in (tmp_path / "model").iterdir() if path.name not in ("config.json", "model.safetensors")
    ]  # fmt: skip
    for name in names:
        (tmp_path / "model" / name).unlink()
    common = [f"--data={xnli}", f"--model={tmp_path / 'model'}", f"--output={tmp_path / 'run'}"]
    said = mistake(capsys, "--task=xnli", *common)
    assert f"{tmp_path / 'model'} " in said
    assert ("no tokenizer" if gone == "tokenizer" else "no model that transformers knows") in said


def test_without_transformers_one_line_says_what_to_install(
    tiny_model: Path, xnli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(importlib.import_module("sys").modules, "transformers", None)
    common = [f"--data={xnli}", f"--model={tiny_model}", f"--output={tmp_path / 'run'}"]
    said = mistake(capsys, "--task=xnli", *common)
    assert (
        "fine-tuning wants transformers, which is not installed: pip install 'cc100-xlmr[finetune]' brings it" in said
    )


def test_a_loss_that_is_no_number_ends_a_run(
    tiny_model: Path, xnli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_step", lambda *_: torch.tensor(float("nan")))
    common = [f"--data={xnli}", f"--model={tiny_model}", f"--output={tmp_path / 'run'}"]
    arguments = ["--task=xnli", *common, "--batch_size=16", "--length=32", "--log_every=1"]
    capsys.readouterr()
    assert main(arguments) == 2
    assert "the loss at step 1 is nan; give a lower --learning_rate" in capsys.readouterr().err


def test_a_misspelt_model_is_no_folder_and_no_name(
    xnli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = mistake(capsys, "--task=xnli", f"--data={xnli}", "--model=hg", f"--output={tmp_path / 'run'}")
    assert "hg is no folder, and no name of a model that transformers knows" in said


def test_where_a_model_is_shorter_than_the_stride_both_flags_are_told_at_once(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"text": "Paris", "answer_start": 3}
    paragraph = {"context": "in Paris", "qas": [{"id": "1", "question": "where ?", "answers": [answer]}]}
    text = json.dumps({"version": "1.1", "data": [{"title": "", "paragraphs": [paragraph]}]})
    for name in ("train-v1.1.json", "dev-context-en-question-en.json"):
        (tmp_path / name).write_text(text, "utf-8")
    arguments = ["--task=qa", f"--data={tmp_path}", f"--model={tiny_model}", f"--output={tmp_path / 'run'}"]
    assert mistake(capsys, *arguments, "--length=384").endswith("give --length 64 or less, and --stride 32")


def test_rows_longer_than_the_model_takes_are_refused_with_what_it_takes(
    tiny_model: Path, xnli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    path = tmp_path / "model" / "tokenizer_config.json"
    told = json.loads(path.read_text())
    common = [f"--data={xnli}", f"--model={tmp_path / 'model'}", f"--output={tmp_path / 'run'}"]
    for lengths in (64, int(1e30)):  # as most folders say it, and as those that do not: the table of positions does
        path.write_text(json.dumps({**told, "model_max_length": lengths}))
        assert "takes 64 tokens; give --length 64 or less" in mistake(capsys, "--task=xnli", *common, "--length=65")
    tune("xnli", tmp_path / "model", xnli, tmp_path / "run", "--length=64", "--epochs=1", "--epoch_steps=1")


def test_a_run_inside_another_is_refused(
    tuned: Path, tiny_model: Path, xnli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tuned, tmp_path / "run")
    common = ["--task=xnli", f"--data={xnli}", f"--model={tiny_model}"]
    said = mistake(capsys, *common, f"--output={tmp_path / 'run'}", "--seeds", "0", "1")
    assert f"{tmp_path / 'run' / 'seed-0'} would mix with the run in {tmp_path / 'run'}" in said
    said = mistake(capsys, *common, f"--output={tmp_path}")
    assert f"{tmp_path} would mix with the run in {tmp_path / 'run'}" in said


def test_damaged_weights_and_a_device_without_room_are_one_line(
    tiny_model: Path, xnli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    common = ["--task=xnli", f"--data={xnli}", f"--output={tmp_path / 'run'}", "--length=32"]
    assert main([*common, f"--model={tmp_path / 'model'}"]) == 2
    assert f"{tmp_path / 'model'}: its weights cannot be taken" in capsys.readouterr().err.splitlines()[-1]

    def no_room(*_: object) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loop, "_step", no_room)
    shutil.rmtree(tmp_path / "run")
    assert main([*common, f"--model={tiny_model}"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "python -m model.finetune: out of memory: give a smaller --micro_batch"
