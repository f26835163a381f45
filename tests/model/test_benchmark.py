"""benchmarks/pretrain.py: a missing library is one line before any work, a failed measurement no success."""

import importlib
import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from model.ids import IGNORED

pretrain: Any = importlib.import_module("benchmarks.pretrain")
configs: Any = importlib.import_module("benchmarks.training.jobs").configs
kind_of: Any = importlib.import_module("benchmarks.training.profiling").kind_of
network: Any = importlib.import_module("benchmarks.training.theirs").network


def test_a_library_that_is_missing_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert pretrain.main(["--size=tiny"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert line == (
        "pretrain: no transformers and no accelerate here: pip install -e '.[bench]', or give --programs ours"
    )


def test_a_failure_leaves_the_table_whole_and_no_status_of_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(job: Any) -> Any:
        failure = "a line of an error that is far too long for a cell of a table, " * 3 if job.batch == 2 else None
        speed = math.nan if failure else 1000.0
        return pretrain.Result(
            tokens_per_second=speed, loader_wait=0.0, peak_bytes=1 << 20, first_loss=math.log(8_002), parameters=9,
            failure=failure,
        )  # fmt: skip

    monkeypatch.setattr(pretrain, "_measure_apart", measure)
    monkeypatch.setattr(pretrain, "_cpu_peak", lambda _: 1e12)
    assert pretrain.main(["--size=tiny", "--device=cpu", "--programs=ours", "--batch_sizes", "1", "2"]) == 1
    said = capsys.readouterr()
    for heading in ("text", "program", "mode", "batch", "tokens/s", "MFU", "first step", "ours / it"):
        assert heading in said.out
    rows = [line.split() for line in said.out.splitlines() if line.strip().startswith("synthetic")]
    assert rows[0][:5] == ["synthetic", "ours", "eager", "1", "1,000"]
    assert rows[1] == ["synthetic", "ours", "eager", "2", "failed"]
    assert "ours, eager, batch 2: a line of an error" in said.err


def test_no_benchmark_hides_a_library_from_what_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Imported first by the process that measures; it tells what the name of benchmarks/kernels.py stands for there.
    library = "import importlib.util, sys\nsys.exit(f'kernels: {importlib.util.find_spec(\"kernels\")}')\n"
    (tmp_path / "numpy.py").write_text(library)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    [job] = pretrain._jobs(pretrain._parser().parse_args(["--programs=Trainer", "--device=cpu"]))
    said = pretrain._measure_apart(job).failure
    assert said.startswith("kernels: ")
    assert "benchmarks" not in said


def test_work_that_differs_is_a_failure_and_the_best_are_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    speeds = {("ours", 1): 900.0, ("ours", 2): 1000.0, ("Trainer", 1): 300.0, ("Trainer", 2): 200.0}

    def measure(job: Any) -> Any:
        return pretrain.Result(
            tokens_per_second=speeds[job.program, job.batch], loader_wait=0.0, peak_bytes=1 << 20,
            first_loss=math.log(8_002) + 2 * (job.program == "Trainer" and job.batch == 2), parameters=9,
        )  # fmt: skip

    monkeypatch.setattr(pretrain, "_measure_apart", measure)
    monkeypatch.setattr(pretrain, "_cpu_peak", lambda _: 1e12)
    monkeypatch.setattr(pretrain, "_check_installed", lambda _: None)
    flags = ["--size=tiny", "--device=cpu", "--programs", "ours", "Trainer", "--batch_sizes", "1", "2", "--rounds=1"]
    assert pretrain.main([*flags, f"--json={tmp_path / 'x.json'}"]) == 1
    said = capsys.readouterr()
    assert "Trainer, eager, batch 2: began at a loss of 10.99, a guess is 8.99" in said.err
    assert "best against best: ours, eager, batch 2 / Trainer, eager, batch 1: 3.33" in said.out
    assert "5.00 [5.00 .. 5.00]" in said.out  # at 2 samples
    assert len(json.loads((tmp_path / "x.json").read_text())["rows"]) == 4


def test_a_step_of_several_micro_batches_is_one_update(capsys: pytest.CaptureFixture[str]) -> None:
    [job] = pretrain._jobs(pretrain._parser().parse_args(["--programs=ours", "--micros=4", "--batch_sizes=8"]))
    model, train = configs(job)
    assert (train.batch_size, train.micro_batch, model.vocab_size) == (32, 8, 8_002)
    assert pretrain.main(["--micros=0"]) == 2
    assert "--micros and --batch_sizes must be 1 or more" in capsys.readouterr().err


def test_a_masked_head_has_the_loss_of_a_full_one_and_the_same_gradients() -> None:
    torch.manual_seed(0)
    flags = ["--device=cpu", "--vocab_size=90", "--seq_length=12", "--programs", "Trainer", "Trainer-masked"]
    full, masked = (network(job).eval() for job in pretrain._jobs(pretrain._parser().parse_args(flags)))
    masked.load_state_dict(full.state_dict())
    ids = torch.randint(4, 89, (2, 12))
    labels = torch.where(torch.rand(2, 12) < 0.3, ids, IGNORED)
    losses = [model(input_ids=ids, labels=labels).loss for model in (full, masked)]
    torch.testing.assert_close(*losses)
    gradients = [
        torch.autograd.grad(loss, model.lm_head.dense.weight)[0]
        for loss, model in zip(losses, (full, masked), strict=True)
    ]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nvjet_tst_256x128_64x4_2x1_v_bz_coopB_TNN", "product"),
        ("cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16_knob_3_64x128x128_1x1x1", "attention"),
        ("triton_red_fused__log_softmax__to_copy_exp_sub_1", "softmax"),
        ("triton_per_fused__to_copy_add_native_dropout_native_layer_norm_7", "element-wise"),
        ("void at::native::multi_tensor_apply_kernel<FusedAdamMathFunctor>", "optimiser"),
        ("Memcpy DtoD (Device -> Device)", "copy"),
        ("something new", "other"),
    ],
)
def test_kernels_are_told_apart(name: str, kind: str) -> None:
    assert kind_of(name) == kind
