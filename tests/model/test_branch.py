"""A run that was finished is made longer, and is what it would have been with so many steps from the beginning."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model import pretrain
from model.presets import SIZES
from model.training import checkpoint
from model.training.branch import go_back
from model.training.checkpoint import Identity
from model.training.folder import Request, read_saved, write_config
from model.training.result import read_result
from tests.model.runs import Killed, again, equal, killed_before, lines, mistake, randomised, small, state_of, weights

torch.set_num_threads(1)  # sums of floats depend on it
BY_STEP = ("--alpha=0.7,4:0.3", "--mask_share=0.3,3:0.15,7:0.05")


def trained(whole: Path, run: Path, *flags: str) -> Path:
    assert pretrain.main(again(whole, f"--output={run}", *flags)) == 0
    return run


def steps(run: Path) -> list[int]:
    return [int(path.name.removeprefix("step-")) for path in sorted((run / "checkpoints").iterdir())]


def test_a_constant_rate_is_made_longer_exactly(whole: Path, tmp_path: Path) -> None:
    flags = ("--schedule=constant", *BY_STEP)
    run = trained(whole, tmp_path / "run", *flags, "--steps=6")
    assert pretrain.main([f"--output={run}", "--steps=12"]) == 0
    straight = trained(whole, tmp_path / "straight", *flags, "--steps=12", "--planned_steps=6")
    assert equal(weights(run), weights(straight))
    events = [line for line in lines(run) if (line["step"], line["event"]) != (6, "validation")]
    assert events == lines(straight)


def test_wsd_goes_on_from_before_its_decay_exactly(whole: Path, tmp_path: Path) -> None:
    flags = ("--schedule=wsd", "--decay_share=0.4", "--keep=1", *BY_STEP)
    run = trained(whole, tmp_path / "run", *flags, "--steps=10")
    assert steps(run) == [6, 10]
    first = weights(run)
    log = lines(run)
    assert pretrain.main([f"--output={run}", "--steps=20", "--save_every=7"]) == 0
    assert steps(run) == [12, 20]
    straight = trained(whole, tmp_path / "straight", *flags, "--steps=20", "--planned_steps=10")
    assert equal(weights(run), weights(straight))
    assert lines(run) == lines(straight)
    ended = run / "ended" / "step-00000010"
    assert [path.name for path in (run / "ended").iterdir()] == [ended.name]
    assert equal(read_result(ended).state, first)
    assert lines(ended) == log
    assert pretrain.main([f"--output={ended}"]) == 0  # a run of its own, which is complete


def test_constant_becomes_wsd_where_its_decay_is_yet_to_come(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(whole, tmp_path / "run", "--schedule=constant", "--steps=8")
    message = mistake(capsys, f"--output={run}", "--schedule=wsd", "--steps=9", "--decay_share=0.5")
    assert (
        "8 steps are done, was begun with other settings: steps is 8, not 9, schedule is 'constant', not 'w" in message
    )
    assert pretrain.main([f"--output={run}", "--schedule=wsd", "--steps=16", "--decay_share=0.5"]) == 0
    straight = trained(whole, tmp_path / "straight", "--schedule=wsd", "--steps=16", "--decay_share=0.5")
    assert equal(weights(run), weights(straight))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--steps=11"], "steps is 10, not 11; the linear schedule leads to its last step, which cannot be moved"),
        (["--schedule=constant"], "schedule is 'linear', not 'constant'; leave them out"),
        (["--mask_share=0.2"], "mask_share is 0.15, not 0.2; leave them out"),
        (["--mask_share=0.15,9:0.2"], "mask_share is 0.15, not 0:0.15,9:0.2; leave them out"),
        (["--alpha=0.3,9:0.2"], "alpha is 0.3, not 0:0.3,9:0.2"),
        (["--steps=5"], "steps is 10, not 5"),
    ],
)
def test_what_is_done_stays_as_it_is(
    flags: list[str], named: str, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = lines(whole)
    message = mistake(capsys, f"--output={whole}", *flags)
    assert named in message
    assert "10 steps are done" in message
    assert "give another --output" in message
    assert (lines(whole), steps(whole)) == (before, [5, 10])


def test_what_is_not_done_may_change(whole: Path, tmp_path: Path) -> None:
    run = trained(whole, tmp_path / "run", "--schedule=constant", "--steps=6")
    assert pretrain.main([f"--output={run}", "--steps=9", "--mask_share=0.15,6:0.05", "--alpha=0.3,7:0.9"]) == 0
    flags = ("--schedule=constant", "--steps=9", "--mask_share=0.15,6:0.05", "--alpha=0.3,7:0.9")
    assert equal(weights(run), weights(trained(whole, tmp_path / "straight", *flags)))


def test_a_checkpoint_of_before_the_decay_that_is_gone_is_said(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(whole, tmp_path / "run", "--schedule=wsd", "--steps=4", "--warmup=1", "--decay_share=0.5")
    shutil.rmtree(run / "checkpoints" / "step-00000002")
    message = mistake(capsys, f"--output={run}", "--steps=8")
    assert "its decay began at step 2, and no checkpoint of before is left; begin with --init" in message


@pytest.mark.parametrize("lost", ["log.jsonl", "config.json"])
def test_a_run_without_its_log_or_its_settings_is_made_longer(lost: str, tmp_path: Path) -> None:
    request = finished(tmp_path / "run")
    (request.output / lost).unlink()
    go_back(request)
    ended = request.output / "ended" / "step-00000010"
    saved = read_saved(ended)
    assert saved is not None
    assert (saved.preset.train.steps, saved.folders["encoded"]) == (10, request.encoded_folder)


# --- kills


def finished(run: Path) -> Request:
    """A run directory of a run that came to its end, which fell from step 6 on; and that more steps are asked for."""
    network = randomised(small(60))
    train = replace(SIZES["tiny"].train, schedule="wsd", steps=10, warmup=1, decay_share=0.4)
    identity = Identity(model=network.config, train=train, manifest_sha256="")
    for step in (4, 6, 8, 9, 10):
        saved = replace(state_of(network, step), identity=identity)
        checkpoint.save(run / "checkpoints", saved, keep=9)
    (run / "vocab").mkdir()
    (run / "vocab" / "model").write_text("pieces")
    (run / "log.jsonl").write_text("lines")
    request = Request(
        output=run, data=None, vocab=None, encoded=None, init=None, model=network.config, train=train, workers=1
    )
    write_config(request, identity)
    return replace(request, train=replace(train, steps=20))


def test_killed_at_any_time_nothing_is_lost(tmp_path: Path) -> None:
    request, kills = finished(tmp_path / "template"), 0
    while True:
        run = tmp_path / f"{kills}"
        shutil.copytree(request.output, run)
        try:
            with pytest.MonkeyPatch.context() as patch:
                killed_before(kills, patch)
                go_back(replace(request, output=run))
        except Killed:
            kills += 1
        else:
            break
        go_back(replace(request, output=run))
        ended = run / "ended" / "step-00000010"
        assert (steps(run), steps(ended)) == ([4, 6], [8, 9, 10])
        assert (ended / "vocab" / "model").read_text() == "pieces"
        assert (ended / "log.jsonl").read_text() == "lines"
        assert f'"encoded": "{run / "encoded"}"' in (ended / "config.json").read_text()
        assert [path.name for path in (run / "ended").iterdir()] == [ended.name]
    assert kills >= 10
