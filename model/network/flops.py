"""How much work a token is, and how much of the machine's peak that takes (MFU).

Counted is what the model needs, not what a program does: products of matrices, two operations a multiply-add, and the
backward pass as twice the forward pass. The head counts at the masked positions only. Embeddings are look-ups; with
six operations a parameter (6 N) the figure of Base would be 2.3 times as high.
"""

import re

from model.config import ModelConfig

# Dense bf16 operations a second, without sparsity: NVIDIA's data sheets of the SXM modules.
_PEAKS = {"H100": 989e12, "H200": 989e12, "GH200": 989e12, "A100": 312e12}
_SLOWER = re.compile(r"PCIe|NVL", re.IGNORECASE)  # Hopper cards with other clocks than the SXM modules
_PART = re.compile(r"\bMIG\b|\b[AH]\d+(XM)?-\d+[A-Z-]")  # of a card: a MIG slice, or what vGPU profiles are called


def flops_per_token(config: ModelConfig, *, seq_length: int, mask_share: float) -> float:
    """Return the floating-point operations of training on one token, forward and backward.

    3 * (2 L (4 H^2 + 2 H F) + 4 S H L + 2 rho (H^2 + H V)), with L layers, width H, feed-forward width F, S tokens a
    sample, V ids, and rho the share of the positions that are masked.

    >>> base = ModelConfig(layers=12, hidden=768, heads=12, ffn=3072, vocab_size=250_002)
    >>> round(flops_per_token(base, seq_length=512, mask_share=0.15) / 1e9, 2)
    0.74
    """
    width = config.hidden
    linear = 2 * config.layers * (4 * width**2 + 2 * width * config.ffn)
    attention = 4 * seq_length * width * config.layers
    head = 2 * mask_share * (width**2 + width * config.vocab_size)
    return 3 * (linear + attention + head)


def peak_flops(device_name: str) -> float | None:
    """Return the dense bf16 peak of a device in operations a second, None if it is not known or only a part of a card.

    Args:
        device_name: as `torch.cuda.get_device_name` gives it.

    >>> peak_flops("NVIDIA H100 80GB HBM3")
    989000000000000.0
    """
    found = re.search(r"\b(GH200|H200|H100|A100)\b", device_name)
    if found is None or _PART.search(device_name) or (found[1] != "A100" and _SLOWER.search(device_name)):
        return None
    return _PEAKS[found[1]]


def mfu(*, tokens_per_second: float, flops_per_token: float, peak: float | None) -> float | None:
    """Return the share of the peak that the model's work takes, None where the peak is not known.

    Args:
        tokens_per_second: of one device, masked or not.
        flops_per_token: as above.
        peak: of that device, operations a second.
    """
    return None if peak is None else tokens_per_second * flops_per_token / peak
