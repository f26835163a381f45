"""Our side: the loop of model.pretrain (loader thread, masks, chunked loss, update), without a run directory."""

from collections.abc import Mapping

import torch

from benchmarks.training import profiling
from benchmarks.training.jobs import Job, Result, batches_of, configs, now, peak_memory
from model.data import blocks
from model.data.loader import Loader
from model.network.xlmr import XlmR
from model.training.checkpoint import Identity
from model.training.distributed import Distributed
from model.training.run import Reports
from model.training.trainer import Trainer


def measure(job: Job, streams: Mapping[str, blocks.Tokens]) -> Result:
    """Train for a job's steps and return what that gave."""
    device = torch.device(job.device)
    trainer = _trainer(job, streams)
    reports, losses = Reports(device, trainer.batches.micros), list[float]()
    begun = waited = first_step = 0.0
    with Loader(trainer.batches.make, 0, job.warmup + job.steps, device) as loader:
        since = now(device)
        for batch in loader:
            if batch.step == job.warmup:
                begun, waited = now(device), loader.waited
            reports.send(batch.step + 1, trainer.step(batch))
            if batch.step == 0:
                first_step = now(device) - since
            while len(reports) > reports.late:
                losses.append(reports.receive().loss)
        seconds, waited = now(device) - begun, loader.waited - waited
    peak = peak_memory(device)
    return Result(
        tokens_per_second=job.steps * job.samples * job.seq_length / seconds,
        loader_wait=waited / seconds,
        peak_bytes=peak,
        first_loss=losses[0],
        parameters=sum(parameter.numel() for parameter in trainer.model.parameters()),
        first_step=first_step,
        profile=_profile(job, trainer, device) if job.profile else {},
    )


def _trainer(job: Job, streams: Mapping[str, blocks.Tokens]) -> Trainer:
    config, train = configs(job)
    torch.manual_seed(train.seed)
    identity = Identity(model=config, train=train, manifest_sha256="")
    return Trainer(XlmR(config), identity, batches_of(job, streams), Distributed(torch.device(job.device)))


def _profile(job: Job, trainer: Trainer, device: torch.device) -> dict[str, float]:
    first = job.warmup + job.steps
    ready = [trainer.batches.make(first + number).each(lambda tensor: tensor.to(device)) for number in range(3)]

    def step(number: int) -> None:
        trainer.step(ready[number])

    return profiling.by_class(step, len(ready), device, vocab_size=job.vocab_size)
