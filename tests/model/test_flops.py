"""Figures of the formula, worked out by hand for Base and Large, and the devices whose peak is known."""

import pytest

from model.config import ModelConfig
from model.network.flops import flops_per_token, mfu, peak_flops
from model.presets import SIZES


@pytest.mark.parametrize(("size", "giga"), [("base", 0.740), ("large", 2.194)])
def test_sizes_of_the_paper(size: str, giga: float) -> None:
    found = flops_per_token(SIZES[size].model, seq_length=512, mask_share=0.15)
    assert found / 1e9 == pytest.approx(giga, abs=0.001)


def test_each_term_by_hand() -> None:
    config = ModelConfig(layers=2, hidden=3, heads=1, ffn=5, vocab_size=7)
    linear, attention, head = 2 * 2 * (4 * 9 + 2 * 15), 4 * 11 * 3 * 2, 2 * 0.5 * (9 + 21)
    assert flops_per_token(config, seq_length=11, mask_share=0.5) == 3 * (linear + attention + head)


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H200", 989e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA GH200 480GB", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA A100 80GB PCIe", 312e12),
        ("NVIDIA H100 PCIe", None),
        ("NVIDIA H200 NVL", None),
        ("NVIDIA H100 80GB HBM3 MIG 3g.40gb", None),
        ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", None),
        ("NVIDIA H100-4-40C", None),
        ("NVIDIA H100XM-80C", None),
        ("GRID A100-10C", None),
        ("NVIDIA RTX A1000", None),
        ("cpu", None),
    ],
)
def test_peaks(name: str, peak: float | None) -> None:
    assert peak_flops(name) == peak


def test_mfu_of_the_bar() -> None:
    work = flops_per_token(SIZES["base"].model, seq_length=512, mask_share=0.15)
    assert mfu(tokens_per_second=601_600, flops_per_token=work, peak=989e12) == pytest.approx(0.45, abs=0.001)
    assert mfu(tokens_per_second=1.0, flops_per_token=work, peak=None) is None
