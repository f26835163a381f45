"""Blocks: a language's encoded documents as one stream of tokens, cut into samples of a fixed length.

Block i is <s> and the next `length - 1` tokens, from i * (length - 1) on; documents run on across blocks, with </s>
between them, so a block may begin in mid-sentence. In training the last block goes on at the beginning of the stream.
The files are mapped into memory: nothing is read before a batch takes it.

Source: XLM-R's training samples are consecutive text of one language (Conneau et al. 2020, section 3); Liu et al. 2019
(RoBERTa), section 4.2, FULL-SENTENCES: inputs may cross documents, with a separator between them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.data.encoded import TOKEN
from model.errors import UserError
from model.ids import BOS

Tokens = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]


def open_tokens(folder: Path, languages: Mapping[str, int], kind: str = "") -> dict[str, Tokens]:
    """Map the token files of an encoded folder into memory; model.data.encoded.load_manifest has checked their sizes.

    Args:
        folder: what `python -m model.encode` wrote.
        languages: tokens of each, by the manifest; languages without tokens are left out.
        kind: "" for the training documents, model.data.encoded.HELD_OUT for those that are never trained on.
    """
    files = {name: folder / f"{name}{kind}.tokens" for name, count in sorted(languages.items()) if count}
    return {name: np.memmap(path, TOKEN, mode="r") for name, path in files.items()}


def check_ids(ids: npt.NDArray[Any], stream: Tokens, vocab_size: int) -> None:
    """Raise UserError, with the file's name, if ids that were read from a stream are none of the vocabulary's.

    A GPU that looks them up would take no further work in this process, and not tell why.
    """
    if (most := int(ids.max(initial=0))) >= vocab_size:
        raise UserError(
            f"{getattr(stream, 'filename', 'the text')} holds the id {most}, the vocabulary has {vocab_size}: "
            "it is damaged; copy it again, or encode anew into another folder"
        )


def count_blocks(tokens: int, length: int) -> int:
    """Return the number of training blocks of a stream.

    >>> count_blocks(1023, 512)
    3
    """
    return -(-tokens // (length - 1))


def read_block(stream: Tokens, block: int, out_s: Ints) -> None:
    """Write one training block into a row of a batch; the stream goes round."""
    out_s[0] = BOS
    start, wanted = block * (len(out_s) - 1), len(out_s) - 1
    if start + wanted <= len(stream):
        out_s[1:] = stream[start : start + wanted]
    else:
        out_s[1:] = stream[np.arange(start, start + wanted) % len(stream)]


def held_out_blocks(stream: Tokens, length: int, most: int) -> Ints:
    """Return blocks of held-out text, evenly spaced: at most `most` of them, of at most `length` tokens, as (b, s).

    They never go round: repeated text would let the model read its answers. So what remains at the end is left out,
    and a stream that is shorter than a block gives one shorter block.
    """
    size = min(length - 1, len(stream))
    whole = len(stream) // size if size else 0
    chosen = np.linspace(0, whole, min(most, whole), endpoint=False).astype(np.int64)
    blocks_bs = np.full((len(chosen), size + 1), BOS, np.int64)
    for row, block in enumerate(chosen):
        blocks_bs[row, 1:] = stream[block * size : (block + 1) * size]
    return blocks_bs
