"""What torch.compile needs beside torch: on a CPU a compiler of C++, on CUDA (by Triton) one of C."""

import os
import shutil
import sys

import torch

from model.errors import UserError

_TOLD = 160  # characters of a reason


def check(device: torch.device) -> None:
    """Raise UserError if torch.compile would find no compiler. It would say so at the first step, in 150 lines."""
    if device.type == "cuda":
        variable, usual = "CC", ["gcc", "clang"]
    else:
        variable, usual = "CXX", ["clang++" if sys.platform == "darwin" else "g++"]
    named = os.environ.get(variable)
    if not any(map(shutil.which, [named] if named else usual)):
        raise mistake(f"no {named or ' or '.join(usual)} here, and {variable} names no other")


def failed(error: RuntimeError) -> bool:
    """Say if an error is one of compiling: a compiler that does not work, headers that are missing."""
    from torch._dynamo.exc import BackendCompilerFailed  # seconds to load, and of use here only

    return isinstance(error, BackendCompilerFailed)


def mistake(reason: str) -> UserError:
    """Return the error that says what to do. Of a long reason the beginning is told: what follows is torch's advice."""
    said = " ".join(reason.partition("\n\n")[0].split())[:_TOLD]
    return UserError(
        f"torch.compile does not work ({said}): install gcc, g++ and Python's headers, or give --no-compile"
    )
