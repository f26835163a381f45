"""Which kernel attention takes at each rate of dropout, and how long each takes forward and backward (base's shape)."""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.training.jobs import now

_RATES = (0.0, 0.1, 0.125)  # the paper's is 0.1; cuDNN may ask for a multiple of 1/16
_KERNELS = (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION)


def _parts(device: torch.device) -> list[torch.Tensor]:
    """Return query, key and value with the strides that they have in the network."""
    cuda = device.type == "cuda"
    shape = (128, 512, 3, 12, 64) if cuda else (2, 32, 3, 2, 16)
    packed = torch.randn(shape, device=device, dtype=torch.bfloat16, requires_grad=True)
    return [part.transpose(1, 2) for part in packed.unbind(2)]


def milliseconds(kernel: SDPBackend, rate: float, device: torch.device, rounds: int = 10) -> float | str:
    """Return the time of both passes, or why the kernel refuses."""
    parts = _parts(device)
    try:
        with sdpa_kernel(kernel):
            for number in range(3 + rounds):
                if number == 3:
                    begun = now(device)
                scaled_dot_product_attention(*parts, dropout_p=rate).sum().backward()
            return round((now(device) - begun) * 1000 / rounds, 3)
    except RuntimeError as error:
        return str(error).splitlines()[0]


def measure(device: torch.device) -> dict[str, dict[str, Any]]:
    """Return by rate of dropout the kernel that torch takes, and the time of each."""
    found: dict[str, dict[str, Any]] = {}
    for rate in _RATES:
        taken = SDPBackend(torch._fused_sdp_choice(*_parts(device), dropout_p=rate)).name
        times = {kernel.name: milliseconds(kernel, rate, device) for kernel in _KERNELS}
        found[str(rate)] = {"taken": taken, "ms": times}
        print(f"dropout {rate}: {taken}; {times}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    rows = measure(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    options.json.write_text(json.dumps(rows, indent=1) + "\n")
    print("taken: " + ", ".join(f"{row['taken']} at {rate}" for rate, row in rows.items()))
