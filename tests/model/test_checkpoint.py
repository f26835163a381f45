"""Checkpoints: bitwise back, whole or not there, the last few kept, and never one of another run."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.errors import UserError
from model.network.xlmr import XlmR
from model.presets import SIZES
from model.training import checkpoint
from model.training.checkpoint import Identity
from tests.model.runs import Harm, Killed, killed_before, randomised, small, state_of

torch.set_num_threads(1)
CONFIG = small(60)
STATE = state_of(randomised(CONFIG))


def trained(steps: int = 3) -> tuple[XlmR, torch.optim.AdamW]:
    network = randomised(CONFIG)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, betas=(0.9, 0.98), fused=True)
    step(network, optimizer, steps)
    return network, optimizer


def step(network: XlmR, optimizer: torch.optim.AdamW, steps: int) -> None:
    ids_bs = torch.arange(4, 44).view(2, 20)
    for _ in range(steps):
        network(ids_bs, torch.tensor([[1, 2]] * 2)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_training_goes_on_bitwise(tmp_path: Path) -> None:
    network, optimizer = trained()
    losses = torch.rand(5)
    saved = replace(
        state_of(network), model=network.state_dict(), optimizer=optimizer.state_dict(), extra={"losses": losses}
    )
    path = checkpoint.save(tmp_path, saved, keep=3)
    assert path.name == "step-00000007"
    before = digests(path)
    step(network, optimizer, 3)

    found = checkpoint.load(path, saved.identity)
    assert (found.step, found.identity) == (7, saved.identity)
    assert torch.equal(found.extra["losses"], losses)
    again = XlmR(CONFIG)
    again.load_state_dict(found.model)
    other = torch.optim.AdamW(again.parameters(), lr=0.5, fused=True)
    other.load_state_dict(dict(found.optimizer))
    again.eval()
    step(again, other, 3)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    # The tensors are mapped from the file; training on must not write into it.
    assert digests(path) == before


def digests(path: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in path.iterdir()}


def test_the_last_few_are_kept(tmp_path: Path) -> None:
    assert checkpoint.latest(tmp_path / "nowhere") is None
    for number in (9, 10, 100, 99_999_999, 100_000_000):
        checkpoint.save(tmp_path, state_of(randomised(CONFIG), step=number), keep=3)
    assert names(tmp_path) == ["step-00000100", "step-100000000", "step-99999999"]
    newest = checkpoint.latest(tmp_path)
    assert newest is not None
    assert newest.name == "step-100000000"


def test_the_same_step_again_is_not_written_twice(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, state_of(randomised(CONFIG)), keep=1)
    before = path.stat().st_ino
    assert checkpoint.save(tmp_path, state_of(randomised(CONFIG)), keep=1) == path
    assert path.stat().st_ino == before
    assert names(tmp_path) == ["step-00000007"]


def test_a_half_written_one_is_never_picked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = checkpoint.save(tmp_path, state_of(randomised(CONFIG), step=1), keep=3)

    def cut_off(_: object, file) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", cut_off)
        with pytest.raises(UserError, match=r"step-00000002 cannot be written .*make room"):
            checkpoint.save(tmp_path, state_of(randomised(CONFIG), step=2), keep=3)
    assert checkpoint.latest(tmp_path) == whole
    checkpoint.save(tmp_path, state_of(randomised(CONFIG), step=2), keep=3)
    assert names(tmp_path) == ["step-00000001", "step-00000002"]


def test_killed_at_any_time_there_is_a_whole_one(tmp_path: Path) -> None:
    network, kills = randomised(CONFIG), 0
    while True:
        folder = tmp_path / f"{kills}"
        for step in (1, 2):
            checkpoint.save(folder, state_of(network, step=step), keep=2)
        try:
            with pytest.MonkeyPatch.context() as patch:
                killed_before(kills, patch)
                checkpoint.save(folder, state_of(network, step=3), keep=2)
        except Killed:
            kills += 1
        else:
            break
        newest = checkpoint.latest(folder)
        assert newest is not None
        assert checkpoint.load(newest).step in (2, 3)
        # Who goes on meets nothing of the other's.
        checkpoint.save(folder, state_of(network, step=3), keep=2)
        checkpoint.save(folder, state_of(network, step=4), keep=2)
        assert names(folder) == ["step-00000003", "step-00000004"]
    assert kills >= 9


@pytest.mark.parametrize("lost", [["checkpoint.json"], ["state.pt"], ["state.pt", "checkpoint.json"]])
@pytest.mark.parametrize("step", [1, 2])
def test_one_that_is_not_whole_is_named_and_never_passed_over(tmp_path: Path, lost: list[str], step: int) -> None:
    for number in (1, 2):
        checkpoint.save(tmp_path, state_of(randomised(CONFIG), step=number), keep=3)
    for name in lost:
        (tmp_path / f"step-0000000{step}" / name).unlink()
    said = rf"step-0000000{step} is not whole \({' and '.join(lost)} missing\): copy it again, or delete it"
    for use in (lambda: checkpoint.latest(tmp_path), lambda: checkpoint.save(tmp_path, STATE, keep=3)):
        with pytest.raises(UserError, match=said):
            use()
    shutil.rmtree(tmp_path / f"step-0000000{step}")
    newest = checkpoint.latest(tmp_path)
    assert newest is not None
    assert checkpoint.load(newest).step == 3 - step


def test_other_names_are_not_taken_for_none(tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path, STATE, keep=3)
    saved.rename(tmp_path / "step-7.old")
    with pytest.raises(UserError, match=r"step-7\.old has no checkpoint's name"):
        checkpoint.latest(tmp_path)
    assert checkpoint.save(tmp_path / "other", STATE, keep=3) == checkpoint.latest(tmp_path / "other")


def test_files_are_on_the_disk_before_they_have_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def note_fsync(handle: int) -> None:
        events.append(Path(f"/proc/self/fd/{handle}").resolve().name)
        fsync(handle)

    def note_rename(path: Path, target: Path) -> Path:
        events.append(f"rename {path.name}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "rename", note_rename)
    checkpoint.save(tmp_path, state_of(randomised(CONFIG)), keep=1)
    aside = ".step-00000007.new"
    assert events == ["state.pt", "checkpoint.json", aside, f"rename {aside}", tmp_path.name]


def changed(identity: Identity, part: str, **values: object) -> Identity:
    if part == "manifest_sha256":
        return replace(identity, manifest_sha256="f" * 64)
    return replace(identity, **{part: replace(getattr(identity, part), **values)})


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("model", {"layers": 3}, r"step-00000007 is of another configuration: layers is 2, not 3; give"),
        ("train", {"learning_rate": 0.5, "seed": 3}, r"learning_rate is 0.003, not 0.5, seed is 0, not 3"),
        ("manifest_sha256", {}, "other encoded data"),
    ],
)
def test_another_run_is_refused(tmp_path: Path, part: str, change: dict[str, object], message: str) -> None:
    saved = state_of(randomised(CONFIG))
    path = checkpoint.save(tmp_path, saved, keep=1)
    with pytest.raises(UserError, match=message):
        checkpoint.load(path, changed(saved.identity, part, **change))


def test_what_does_not_change_the_result_may_change(tmp_path: Path) -> None:
    saved = state_of(randomised(CONFIG))
    path = checkpoint.save(tmp_path, saved, keep=1)
    assert checkpoint.load(path, changed(saved.identity, "train", micro_batch=4, keep=9, compile=True)).step == 7


@pytest.mark.parametrize("file", ["state.pt", "checkpoint.json"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_a_damaged_one_is_named(tmp_path: Path, file: str, share: float) -> None:
    path = checkpoint.save(tmp_path, state_of(randomised(CONFIG)), keep=1)
    content = (path / file).read_bytes()
    (path / file).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=rf"{file} is damaged; delete the folder .*step-00000007"):
        checkpoint.load(path)


def test_a_bit_that_fell_over_is_seen(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, state_of(randomised(CONFIG)), keep=1)
    content = bytearray((path / "state.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (path / "state.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"state\.pt is damaged"):
        checkpoint.load(path)


def test_a_step_that_is_not_the_folders_is_seen(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, state_of(randomised(CONFIG)), keep=1)
    about = path / "checkpoint.json"
    about.write_text(about.read_text().replace('"step": 7', '"step": 3'))
    with pytest.raises(UserError, match=r"checkpoint\.json is damaged"):
        checkpoint.load(path)


def test_versions(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, state_of(randomised(CONFIG)), keep=1)
    about = path / "checkpoint.json"
    values = json.loads(about.read_text())
    about.write_text(json.dumps({**values, "version": 2}))
    with pytest.raises(UserError, match="has version 2, not 1"):
        checkpoint.load(path)
    about.write_text(json.dumps({**values, "train": {**values["train"], "novelty": 1}}))
    with pytest.raises(UserError, match=r"checkpoint.json: .* differs in novelty"):
        checkpoint.load(path)


def test_no_code_is_run_by_loading(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, state_of(randomised(CONFIG)), keep=1)
    torch.save({"model": {}, "optimizer": {}, "extra": {"harm": Harm(tmp_path / "harm")}}, path / "state.pt")
    about = json.loads((path / "checkpoint.json").read_text())
    about["state_sha256"] = hashlib.sha256((path / "state.pt").read_bytes()).hexdigest()
    (path / "checkpoint.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="damaged"):
        checkpoint.load(path)
    assert not (tmp_path / "harm").exists()


def test_one_of_before_attention_had_a_dropout_of_its_own(tmp_path: Path) -> None:
    saved = state_of(randomised(replace(CONFIG, dropout=0.3, attention_dropout=0.3)))
    path = checkpoint.save(tmp_path, saved, keep=1)
    about = json.loads((path / "checkpoint.json").read_text())
    del about["model"]["attention_dropout"]
    (path / "checkpoint.json").write_text(json.dumps(about))
    assert checkpoint.load(path, saved.identity).identity == saved.identity


def test_a_checkpoint_of_a_preset(tmp_path: Path) -> None:
    identity = Identity(model=CONFIG, train=SIZES["base"].train, manifest_sha256="1" * 64)
    path = checkpoint.save(tmp_path, replace(state_of(randomised(CONFIG)), identity=identity), keep=1)
    assert checkpoint.load(path).identity == identity
