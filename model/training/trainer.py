"""A model in training: one step, its state, and its loss on held-out text. model.training.run is the loop around it.

Nothing in a step makes the host wait for the device.

Dropout hangs on the seed and the number of the micro-batch alone, as do the samples and their masks on their number.
So a run that resumes, or goes on with another number of processes, does the same as the uninterrupted one: bitwise on a
CPU with as many threads and processes, else but for the rounding of sums.
"""

import contextlib
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from model.data import masking
from model.data.loader import Batch, Batches
from model.network.loss import Decoder, chunked_cross_entropy
from model.network.xlmr import XlmR
from model.sampling import generator
from model.training.checkpoint import Checkpoint, Identity
from model.training.distributed import Distributed
from model.training.optim import Guard, clip_norm, make_optimizer, update
from model.training.schedule import learning_rate
from model.training.validation import evaluate


class Metrics(NamedTuple):
    """What a step reports, each () on the device."""

    loss: Tensor  # nats
    mean_loss: Tensor  # of the last 100 steps
    gradient_norm: Tensor  # before clipping
    stopped: Tensor  # above 0: the guard lets no update through any more
    interrupted: Tensor  # above 0: a process was asked to stop
    save: Tensor  # above 0: by the clock of the first process it is time for a checkpoint
    validate: Tensor  # and for validation


class Asked(NamedTuple):
    """What a process asks for with a step. All hear of it with the step's metrics, and do it after the same step."""

    interrupted: bool = False
    save: bool = False
    validate: bool = False


_NOTHING = Asked()


class MaskedLoss(nn.Module):
    """The network and its loss in one module, as DistributedDataParallel wants it."""

    def __init__(self, model: XlmR, decoder: Decoder, *, bf16: bool, compiled: bool = False) -> None:
        super().__init__()
        self.model = model
        self._decoder = decoder
        self._bf16 = bf16
        self._compiled = compiled
        # Not the module: it would be registered a second time.
        self._forward = torch.compile(model.forward, fullgraph=True, dynamic=False) if compiled else model.forward

    def forward(self, inputs_bs: Tensor, positions_bk: Tensor, targets_bk: Tensor) -> Tensor:
        """Return the mean loss over the targets that count, in nats, ()."""
        with torch.autocast(inputs_bs.device.type, torch.bfloat16, enabled=self._bf16):
            hidden_nh = self._forward(inputs_bs, positions_bk)
            weights, decoder = (self.model.decoder_weight, self.model.decoder_bias), self._decoder
            targets_n = targets_bk.flatten()
            loss: Tensor = chunked_cross_entropy(
                hidden_nh, *weights, targets_n, decoder=decoder, compiled=self._compiled
            )
            return loss


class Trainer:
    """A model in training."""

    def __init__(self, model: XlmR, identity: Identity, batches: Batches, ranks: Distributed) -> None:
        """Begin at step 0; the model moves to the place's device."""
        self.config, self.batches, self.ranks = identity.train, batches, ranks
        self.model = model.to(ranks.device)
        self.steps_done = 0
        self._identity = identity
        bf16, decoder = self.config.precision != "fp32", Decoder()
        self.model.bf16_residual = self.config.precision == "bf16_residual"
        self._plain = MaskedLoss(self.model, decoder, bf16=bf16)
        self._loss: nn.Module = MaskedLoss(self.model, decoder, bf16=bf16, compiled=self.config.compile)
        if ranks.world > 1:
            self._loss = DistributedDataParallel(self._loss, gradient_as_bucket_view=True)
        betas, eps, decay = self.config.betas, self.config.eps, self.config.weight_decay
        self.optimizer = make_optimizer(self.model, betas=betas, eps=eps, weight_decay=decay)
        self.guard = Guard(ranks.device, self.config.spike)

    def checkpoint(self, step: int) -> Checkpoint:
        """Return the state, as that after `step` steps."""
        return Checkpoint(
            step=step,
            identity=self._identity,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            extra={"losses": self.guard.losses_w},
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take up the state of a checkpoint."""
        self.model.load_state_dict(checkpoint.model)
        self.optimizer.load_state_dict(dict(checkpoint.optimizer))
        self.guard.losses_w.copy_(checkpoint.extra["losses"])
        self.steps_done = checkpoint.step

    def step(self, batch: Batch, asked: Asked = _NOTHING) -> Metrics:
        """Train on one batch and return what is to be reported; what any process asks for, all are told."""
        self._loss.train()
        loss_sum, count = self._gradients(batch)
        own = [loss_sum, *(torch.full_like(loss_sum, float(number)) for number in (count, *asked))]
        loss_sum, count_sum, *wanted = self.ranks.sum(torch.stack(own)).unbind()
        loss = loss_sum / count_sum
        norm = clip_norm(self.model.parameters(), self.config.clip)
        mean_loss = self.guard.check(batch.step, loss, norm)
        update(self.optimizer, self.guard.stopped, rate=self.rate(batch.step))
        self.steps_done = batch.step + 1
        return Metrics(loss, mean_loss, norm, self.guard.stopped, *wanted)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return learning_rate(self.config, step)

    def validate(self, held_out: Mapping[str, masking.Masked]) -> dict[str, float]:
        """Return the loss of each language on held-out text, in nats."""
        self._plain.eval()
        return evaluate(self._plain, held_out, micro_batch=self.config.micro_batch, ranks=self.ranks)

    def _gradients(self, batch: Batch) -> tuple[Tensor, int]:
        """Add up the gradients of the batch's micro-batches; return the sum of losses, (), and the targets."""
        config, world = self.config, self.ranks.world
        # Targets of the global batch if all samples are full, so that neither micro-batches nor processes change the
        # weight of a target. Of the processes' gradients the mean is taken.
        targets = config.batch_size * masking.masks_per_sample(config.seq_length, config.mask_share.at(batch.step))
        loss_sum = torch.zeros((), device=self.ranks.device)
        for number, count in enumerate(batch.counts_m):
            torch.manual_seed(self._dropout_seed(batch.step, number))
            last = number + 1 == len(batch.counts_m)
            with contextlib.nullcontext() if last else self._without_sync():
                mean = self._loss(batch.inputs_mbs[number], batch.positions_mbk[number], batch.targets_mbk[number])
                (mean * (count * world / targets)).backward()
            loss_sum += mean.detach() * count
        return loss_sum, sum(batch.counts_m)

    def _dropout_seed(self, step: int, number: int) -> int:
        micro = (step * self.ranks.world + self.ranks.rank) * self.batches.micros + number
        return int(generator(self.config.seed, "dropout", micro).integers(1 << 63))

    def _without_sync(self) -> contextlib.AbstractContextManager[None]:
        if isinstance(self._loss, DistributedDataParallel):
            return self._loss.no_sync()
        return contextlib.nullcontext()
