"""The other side: Trainer.train of transformers over the same blocks, tokenised beforehand.

`Trainer` is XLMRobertaForMaskedLM as it comes, whose output layer works at all positions. `Trainer-masked` gives the
output layer the masked positions only, the same work as ours; one writes these few lines oneself.
"""

import math
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.training.jobs import Job, Result, batches_of, configs, now, peak_memory
from model.data import blocks
from model.data.loader import Batches
from model.ids import IGNORED
from model.network.hf import config_json


class _Blocks(torch.utils.data.Dataset[dict[str, list[int]]]):
    """The same samples in the same order, one by one."""

    def __init__(self, batches: Batches, count: int) -> None:
        self._batches, self._samples = batches, batches.order.samples(0, count)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        ids_s = np.empty(self._batches.seq_length, np.int64)
        language = self._batches.order.languages[self._samples.language_b[index]]
        blocks.read_block(self._batches.streams[language], int(self._samples.block_b[index]), ids_s)
        return {"input_ids": torch.from_numpy(ids_s)}


def _tokenizer(vocab_size: int) -> Any:
    """Return what the collator needs: ids of the special tokens, and how many ids there are."""
    import tokenizers
    import transformers

    names = ["<s>", "<pad>", "</s>", "<unk>", *(f"p{number}" for number in range(4, vocab_size - 1)), "<mask>"]
    model = tokenizers.models.WordLevel({name: number for number, name in enumerate(names)}, unk_token="<unk>")
    special = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    special |= {"cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
    fast: Any = transformers.PreTrainedTokenizerFast
    return fast(tokenizer_object=tokenizers.Tokenizer(model), **special)


def network(job: Job) -> Any:
    """Return the model of a job, in fp32."""
    import transformers
    from transformers.modeling_outputs import MaskedLMOutput

    class MaskedHead(transformers.XLMRobertaForMaskedLM):
        def forward(self, input_ids: Any, attention_mask: Any = None, labels: Any = None) -> Any:
            hidden_bsh = self.roberta(input_ids, attention_mask=attention_mask)[0]
            chosen_bs = labels != IGNORED
            logits_nv = self.lm_head(hidden_bsh[chosen_bs])
            return MaskedLMOutput(loss=functional.cross_entropy(logits_nv, labels[chosen_bs]))

    settings = config_json(configs(job)[0]) | {"dtype": torch.float32}
    kind = MaskedHead if job.program == "Trainer-masked" else transformers.XLMRobertaForMaskedLM
    return kind(transformers.XLMRobertaConfig(**settings))


def _arguments(job: Job, folder: str) -> Any:
    import transformers

    train, cuda = configs(job)[1], job.device == "cuda"
    return transformers.TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=job.batch,
        gradient_accumulation_steps=job.micros,
        max_steps=job.warmup + job.steps,
        learning_rate=train.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=train.warmup,
        adam_beta1=train.betas[0],
        adam_beta2=train.betas[1],
        adam_epsilon=train.eps,
        weight_decay=train.weight_decay,
        max_grad_norm=train.clip,
        optim="adamw_torch_fused",
        bf16=job.precision != "fp32",
        torch_compile=job.compile,
        use_cpu=not cuda,
        dataloader_num_workers=4 if cuda else 0,
        dataloader_pin_memory=cuda,
        logging_first_step=True,
        logging_steps=10**9,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
    )


def measure(job: Job, streams: Mapping[str, blocks.Tokens]) -> Result:
    """Train for a job's steps and return what that gave."""
    import transformers

    train, device = configs(job)[1], torch.device(job.device)
    torch.manual_seed(train.seed)
    model = network(job)
    times: dict[int, float] = {}
    first_loss: list[float] = []

    class Watch(transformers.TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            times[0] = now(device)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step in (1, job.warmup, job.warmup + job.steps):
                times[state.global_step] = now(device)

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            first_loss.append(kwargs["logs"].get("loss", math.nan))

    with tempfile.TemporaryDirectory() as name:
        transformers.Trainer(
            model=model,
            args=_arguments(job, name),
            train_dataset=_Blocks(batches_of(job, streams), (job.warmup + job.steps) * job.samples),
            data_collator=transformers.DataCollatorForLanguageModeling(
                _tokenizer(job.vocab_size), mlm_probability=train.mask_share.at(0)
            ),
            callbacks=[Watch()],
        ).train()
    seconds = times[job.warmup + job.steps] - times[job.warmup]
    return Result(
        tokens_per_second=job.steps * job.samples * job.seq_length / seconds,
        loader_wait=None,
        peak_bytes=peak_memory(device),
        # Of a model whose forward takes any keyword the Trainer adds up what the micro-batches' losses are.
        first_loss=first_loss[0] / (job.micros if job.program == "Trainer" else 1),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        first_step=times[1] - times[0],
    )
