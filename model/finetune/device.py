"""Where fine-tuning runs."""

import torch

from model.errors import UserError


def find_device(asked: str | None) -> torch.device:
    """Return the device that was asked for, by default a GPU where there is one; UserError if it is not there."""
    if asked == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: there is no CUDA here; give --device cpu")
    return torch.device(asked or ("cuda" if torch.cuda.is_available() else "cpu"))
