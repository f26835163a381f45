"""What a run says of the machine, and that all processes take part in what is counted before it."""

import gc
import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.data.masking import Masked
from model.presets import SIZES
from model.training import hardware
from model.training.distributed import Distributed
from model.training.validation import unigram_losses
from tests.model.test_cuda import batches

CPU = torch.device("cpu")


def test_the_log_says_what_it_is_trained_on(whole: Path) -> None:
    found = [json.loads(line) for line in (whole / "log.jsonl").read_text("utf-8").splitlines()]
    (first,) = (line for line in found if line["event"] == "hardware")
    assert first["step"] == 0
    assert f"torch {torch.__version__}" in first["versions"]
    assert (first["clocks"], first["peak_flops"]) == (None, None)  # of a CPU nothing is known
    assert first["attention"] in ("FLASH_ATTENTION", "MATH")


def test_the_kernel_of_attention_is_asked_for_with_the_dropout_of_training() -> None:
    model = SIZES["base"].model
    rates = {rate: replace(model, attention_dropout=rate) for rate in (0.0, 0.1)}
    taken = {
        rate: hardware.attention_kernel(CPU, config, samples=2, length=16, precision="fp32")
        for rate, config in rates.items()
    }
    assert taken == {0.0: "FLASH_ATTENTION", 0.1: "MATH"}  # on a CPU no fast kernel drops anything


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("580.159.04, 345, 1980, 700.00\n", "driver 580.159.04, 345 of 1980 MHz, at most 700.00 W"),
        ("No devices were found\n", None),
        (OSError("no such file"), None),
    ],
)
def test_clocks_are_left_out_where_nvidia_smi_does_not_tell(
    said: str | OSError, text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[-1] == "--id=GPU-0123"
        if isinstance(said, OSError):
            raise said
        return subprocess.CompletedProcess(command, 0, said)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: type("Properties", (), {"uuid": "0123"}))
    assert hardware._clocks(torch.device("cuda", 0)) == text


def test_the_collector_rests_inside_and_works_again_after_an_error() -> None:
    def stop() -> None:
        assert not gc.isenabled()
        hardware.collect()
        assert gc.get_freeze_count() > 0
        raise RuntimeError("x")

    with pytest.raises(RuntimeError, match="x"), hardware.collector_off():
        stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_two_processes_share_out_the_languages_of_the_unigram_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    targets, counted = np.array([[4, 5, 6]]), list[torch.Tensor]()

    def sum_of_one(_: Distributed, values: torch.Tensor) -> torch.Tensor:
        counted.append(values)
        return values

    held_out = {name: Masked(targets, targets, targets) for name in ("en", "sw")}
    alone = unigram_losses(held_out, batches())
    monkeypatch.setattr(Distributed, "sum", sum_of_one)
    for rank in (0, 1):
        unigram_losses(held_out, batches(), Distributed(CPU, rank=rank, world=2))
    first, second = (losses.tolist() for losses in counted)
    assert first[1] == second[0] == 0  # neither counts what is the other's
    assert dict(zip(held_out, (first[0], second[1]), strict=True)) == alone
