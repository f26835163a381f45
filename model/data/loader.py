"""Batches of a process, made ahead of the training by a thread."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.data import blocks, masking
from model.data.order import Order
from model.ids import IGNORED
from model.stages import Stages

_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """What one process trains on in one step: m micro-batches of b samples of s tokens, k of them masked."""

    step: int
    inputs_mbs: Tensor
    positions_mbk: Tensor
    targets_mbk: Tensor
    counts_m: tuple[int, ...]  # targets that count

    def each(self, move: Callable[[Tensor], Tensor]) -> "Batch":
        """Return the batch with its tensors moved elsewhere."""
        tensors = (self.inputs_mbs, self.positions_mbk, self.targets_mbk)
        inputs_mbs, positions_mbk, targets_mbk = map(move, tensors)
        return Batch(self.step, inputs_mbs, positions_mbk, targets_mbk, self.counts_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Makes the batch of any step: a pure function of the seed, the step and the process.

    The global batch is a row of micro-batches; each process takes an equal stretch of it. So another number of
    processes trains on the same micro-batches.
    """

    order: Order
    streams: Mapping[str, blocks.Tokens]
    seed: int
    seq_length: int
    batch_size: int  # samples a step, of all processes
    micro_batch: int  # samples that go through the model at once
    mask_share: Stages
    vocab_size: int
    rank: int = 0
    world: int = 1

    @property
    def micros(self) -> int:
        """Micro-batches a step and process."""
        return self.batch_size // (self.micro_batch * self.world)

    def make(self, step: int) -> Batch:
        """Make the batch of a step; UserError if the text has ids that the vocabulary has not."""
        count = self.micros * self.micro_batch
        samples = self.order.samples(step * self.batch_size + self.rank * count, count)
        ids_bs = np.empty((count, self.seq_length), np.int64)
        for row, (language, block) in enumerate(zip(samples.language_b, samples.block_b, strict=True)):
            blocks.read_block(self.streams[self.order.languages[language]], int(block), ids_bs[row])
        worst = int(ids_bs.max(axis=1).argmax())
        stream = self.streams[self.order.languages[samples.language_b[worst]]]
        blocks.check_ids(ids_bs[worst], stream, self.vocab_size)
        keys = ((samples.first + row,) for row in range(count))
        share = self.mask_share.at(step)
        masked = masking.mask(ids_bs, keys, seed=self.seed, share=share, vocab_size=self.vocab_size)
        counts = (masked.targets_bk != IGNORED).reshape(self.micros, -1).sum(axis=1)
        inputs_mbs, positions_mbk, targets_mbk = (
            torch.from_numpy(array.reshape(self.micros, self.micro_batch, -1))
            for array in (masked.inputs_bs, masked.positions_bk, masked.targets_bk)
        )
        return Batch(step, inputs_mbs, positions_mbk, targets_mbk, tuple(counts.tolist()))


class Loader:
    """Iterates over the batches of the steps `first` to `end - 1`, which a thread makes ahead.

    Use as a context manager: it ends the thread.
    """

    def __init__(self, make: Callable[[int], Batch], first: int, end: int, device: torch.device) -> None:
        """Prepare; at most four batches wait for their turn, for CUDA in pinned memory."""
        self.waited = 0.0  # seconds that the training has waited for batches
        self._make, self._steps, self._device = make, range(first, end), device
        self._queue: queue.Queue[Batch | BaseException] = queue.Queue(_AHEAD)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="loader", daemon=True)

    def __enter__(self) -> "Loader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Batch]:
        for _ in self._steps:
            begun = time.perf_counter()
            item = self._queue.get()
            self.waited += time.perf_counter() - begun
            if isinstance(item, BaseException):
                raise item
            yield item.each(lambda tensor: tensor.to(self._device, non_blocking=True))

    def _work(self) -> None:
        try:
            for step in self._steps:
                batch = self._make(step)
                self._put(batch.each(Tensor.pin_memory) if self._device.type == "cuda" else batch)
                if self._ended.is_set():
                    return
        except BaseException as error:  # whatever it is, the training must hear of it
            self._put(error)

    def _put(self, item: Batch | BaseException) -> None:
        while not self._ended.is_set():
            try:
                return self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
        return None
