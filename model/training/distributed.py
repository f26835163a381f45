"""The processes of a run: one alone, or several that torchrun started, and the device of each."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from model.errors import UserError

BACKENDS = "cpu:gloo,cuda:nccl"  # of a run on CUDA
# The others wait for the first process while it makes the vocabulary and encodes, which can take hours.
_PATIENCE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Distributed:
    """Which of how many processes this is, and the device that it trains on."""

    device: torch.device
    rank: int = 0
    world: int = 1
    waiting: dist.ProcessGroup | None = None  # the same processes, with patience

    @property
    def first(self) -> bool:
        """Whether this process writes what all share."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Add up a tensor over all processes, in place."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def wait(self) -> None:
        """Wait until all processes are here; UserError if another one ended with an error."""
        if self.world == 1:
            return
        try:
            dist.all_reduce(torch.zeros(1), group=self.waiting)
        except RuntimeError as error:
            raise UserError("another process of the run ended; its message says why") from error


@contextlib.contextmanager
def start(device: str | None) -> Iterator[Distributed]:
    """Join the other processes of a run, if torchrun's environment says that there are.

    Args:
        device: "cpu" or "cuda"; None takes CUDA where there is one.

    Raises:
        UserError: there is no such device.
    """
    cuda = torch.cuda.is_available() if device is None else device == "cuda"
    if cuda and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no CUDA device here; leave the flag out, or give --device cpu")
    if "LOCAL_RANK" not in os.environ:
        yield Distributed(torch.device("cuda", torch.cuda.current_device()) if cuda else torch.device("cpu"))
        return
    local = int(os.environ["LOCAL_RANK"])
    if cuda and local >= torch.cuda.device_count():
        raise UserError(f"torchrun started more processes here than there are GPUs ({torch.cuda.device_count()})")
    found = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(found)
    dist.init_process_group(BACKENDS if cuda else "gloo")
    yield Distributed(found, dist.get_rank(), dist.get_world_size(), dist.new_group(backend="gloo", timeout=_PATIENCE))
    # Not after an error: NCCL's end waits for all processes, and those that wait for this one would never hear of it.
    dist.destroy_process_group()


def leave(status: int) -> int:
    """Return the exit status, but where others may be waiting for this process end it at once with that status."""
    if dist.is_available() and dist.is_initialized():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status
