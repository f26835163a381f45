"""Masked-LM loss per language on text that is never trained on, and what a model without context would reach.

The same blocks with the same masks each time, so the figures of two steps, or of two runs with the same encoded data,
seed and length, can be compared.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from model.data import blocks, masking
from model.data.loader import Batches
from model.ids import IGNORED
from model.training.distributed import Distributed

_COUNTED = 1 << 24  # tokens of a language that the baseline counts

_ALONE = Distributed(torch.device("cpu"))

MaskedLoss = Callable[[Tensor, Tensor, Tensor], Tensor]  # inputs (b, s), positions and targets (b, k) -> mean, ()


def prepare(held_out: Mapping[str, blocks.Tokens], batches: Batches, most: int) -> dict[str, masking.Masked]:
    """Cut and mask blocks of each language; a language without held-out text, or without training text, has none.

    Args:
        held_out: held-out tokens by language.
        batches: of the training: with the same length and seed, and the share of masks that it begins with.
        most: blocks a language.

    Raises:
        UserError: held-out text has ids that the vocabulary has not.
    """
    found = {}
    for language, stream in held_out.items():
        ids_bs = blocks.held_out_blocks(stream, batches.seq_length, most)
        blocks.check_ids(ids_bs, stream, batches.vocab_size)
        keys = (("validation", language, row) for row in range(len(ids_bs)))
        vocab_size = batches.vocab_size
        share = batches.mask_share.at(0)
        masked = masking.mask(ids_bs, keys, seed=batches.seed, share=share, vocab_size=vocab_size)
        if masked.count and language in batches.streams:
            found[language] = masked
    return found


def unigram_losses(
    held_out: Mapping[str, masking.Masked], batches: Batches, ranks: Distributed = _ALONE
) -> dict[str, float]:
    """Return what the unigram baseline, counted on each language's training text, reaches on its held-out blocks.

    With several processes each counts its part of the languages; all get the result.
    """
    losses_l = torch.zeros(len(held_out), dtype=torch.float64)
    for row, (language, masked) in enumerate(held_out.items()):
        if row % ranks.world == ranks.rank:
            losses_l[row] = unigram_loss(batches.streams[language], masked.targets_bk, batches.vocab_size)
    return dict(zip(held_out, ranks.sum(losses_l).tolist(), strict=True))


def unigram_loss(stream: blocks.Tokens, targets_bk: masking.Ints, vocab_size: int) -> float:
    """Return the mean loss, in nats, of guessing by how often each id stands in the language's training text.

    One is added to each count (Laplace), so an unseen id costs something finite. Of a large text the first 16 million
    tokens are counted.
    """
    blocks.check_ids(stream[:_COUNTED], stream, vocab_size)
    counts = np.bincount(stream[:_COUNTED], minlength=vocab_size) + 1.0
    counted = targets_bk[targets_bk != IGNORED]
    return float(np.log(counts.sum()) - np.log(counts[counted]).mean())


def evaluate(
    loss: MaskedLoss, held_out: Mapping[str, masking.Masked], *, micro_batch: int, ranks: Distributed
) -> dict[str, float]:
    """Return each language's mean loss in nats over its masked positions.

    With several processes each takes its part of the micro-batches; all get the result.
    """
    totals_l2 = torch.zeros(len(held_out), 2, dtype=torch.float64)  # sum of losses, targets
    number = 0
    for row, masked in enumerate(held_out.values()):
        for start in range(0, len(masked.inputs_bs), micro_batch):
            taken = slice(start, start + micro_batch)
            count = int((masked.targets_bk[taken] != IGNORED).sum())
            number += 1
            if number % ranks.world != ranks.rank or not count:
                continue
            arrays = (masked.inputs_bs[taken], masked.positions_bk[taken], masked.targets_bk[taken])
            with torch.no_grad():
                mean = float(loss(*(torch.from_numpy(array).to(ranks.device) for array in arrays)))
            totals_l2[row] += torch.tensor([mean * count, count], dtype=torch.float64)
    ranks.sum(totals_l2)
    means = (totals_l2[:, 0] / totals_l2[:, 1]).tolist()
    return dict(zip(held_out, means, strict=True))
