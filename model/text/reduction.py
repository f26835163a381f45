"""A vocabulary with fewer pieces: which ones a text needs, and the files of the smaller tokenizer.

**What stays.** All special ids; each piece that the text uses often enough; and each character of the text that has a
piece of its own, so that a word whose piece is gone is spelt and not `<unk>`. The piece with the lowest score stays as
well: both SentencePiece and Hugging Face's tokenizers score `<unk>` 10 below it.

**The same segmentation.** A unigram model takes the best of all ways to cut a word. Where no piece of the best one is
gone, it is still there, and the others are fewer: the text is cut as before. `Counts` and `compare` measure it.
"""

import json
import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import UserError
from model.files import read_object, write_whole
from model.ids import FIRST_PIECE
from model.text.proto import keep_pieces
from model.text.tokenizer import MODEL_FILE, Tokenizer, write_tokenizer_files

Ids = npt.NDArray[np.int64]
_TOKENIZER, _CONFIG, _ADDED = "tokenizer.json", "tokenizer_config.json", "added_tokens.json"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a smaller vocabulary makes of texts."""

    texts: int = 0
    before: int = 0  # tokens
    after: int = 0
    unknown_before: int = 0  # tokens that are <unk>
    unknown_after: int = 0
    cut_otherwise: int = 0  # texts with other tokens than before

    def __add__(self, other: "Difference") -> "Difference":
        return Difference(*map(operator.add, astuple(self), astuple(other)))


def choose(
    tokenizer: Tokenizer, counts: Ids, *, min_count: int = 1, keep: int | None = None, always: Collection[int] = ()
) -> Ids:
    """Return the ids that stay, ascending.

    Args:
        tokenizer: of the whole vocabulary.
        counts: how often a text uses each id.
        min_count: a piece that is used less often goes, unless it is a character.
        keep: pieces at most, `<unk>`, `<s>` and `</s>` included, as model.vocab counts them; the most used ones.
        always: ids that stay, used or not.

    Raises:
        UserError: the text uses no piece, or `keep` is too small for its characters.
    """
    pieces = tokenizer.pieces()
    used = [number for number in pieces if counts[number]]
    if not used:
        raise UserError("the text uses no piece of this vocabulary; give text in the languages to keep")
    characters = set().union(*(pieces[number][0] for number in used))
    lowest = min(pieces, key=lambda number: pieces[number][1])
    needed = {number for number, (piece, _) in pieces.items() if piece in characters or number in always}
    needed.add(lowest)
    wanted = [number for number in used if counts[number] >= min_count and number not in needed]
    if keep is not None:
        room = keep - (FIRST_PIECE - 1) - len(needed)
        if room < 0:
            raise UserError(f"--keep {keep} is too small: the characters of the text need {keep - room} pieces")
        wanted = sorted(wanted, key=lambda number: (-counts[number], number))[:room]
    return np.array([*range(FIRST_PIECE), *sorted({*needed, *wanted}), tokenizer.mask_id])


def compare(old: Tokenizer, new: Tokenizer, kept: Ids, texts: Sequence[str]) -> Difference:
    """Return what the smaller vocabulary makes of texts; `kept` has the old id of each new one."""
    (before, lengths), (short, new_lengths) = old.encode_documents(texts), new.encode_documents(texts)
    after = kept[short]
    starts, new_starts = np.cumsum(lengths) - lengths, np.cumsum(new_lengths) - new_lengths
    same = np.array_equal(before, after) and np.array_equal(lengths, new_lengths)
    cut_otherwise = (
        0
        if same
        else sum(
            not np.array_equal(before[start : start + length], after[new_start : new_start + new_length])
            for start, length, new_start, new_length in zip(starts, lengths, new_starts, new_lengths, strict=True)
        )
    )
    unknown, still_unknown = (int((ids == old.unk_id).sum()) for ids in (before, after))
    return Difference(len(texts), len(before), len(after), unknown, still_unknown, cut_otherwise)


def added_ids(folder: Path) -> set[int]:
    """Return the ids that a folder's tokenizer.json has as tokens of their own, <s> and <mask> among them."""
    path = folder / _TOKENIZER
    tokens = read_object(path).get("added_tokens", []) if path.is_file() else []
    return {token["id"] for token in tokens}


def write_reduced(folder: Path, output: Path, kept: Ids, *, max_length: int) -> None:
    """Write the tokenizer's files of a folder of Hugging Face's form with the ids that stay, in their form there.

    Args:
        folder: with `sentencepiece.bpe.model`.
        output: folder to write to.
        kept: the old id of each new one.
        max_length: tokens that the model takes, for a folder that has no tokenizer.json.

    Raises:
        UserError: a file is damaged, or tokenizer.json is not of this vocabulary.
    """
    numbers = {0, *(int(number) - 1 for number in kept[FIRST_PIECE:-1]), 1, 2}
    model = keep_pieces((folder / MODEL_FILE).read_bytes(), numbers)
    if not (folder / _TOKENIZER).is_file():
        return write_tokenizer_files(model, output, max_length=max_length)
    new_ids = {int(old): new for new, old in enumerate(kept)}
    old = Tokenizer.load(folder)
    _write(output / _TOKENIZER, _tokenizer(folder / _TOKENIZER, old, new_ids))
    for name in (_CONFIG, _ADDED, "special_tokens_map.json"):
        if (folder / name).is_file():
            values = read_object(folder / name)
            if name == _ADDED:
                values = {token: new_ids[number] for token, number in values.items()}
            if "added_tokens_decoder" in values:
                decoder = values["added_tokens_decoder"].items()
                values["added_tokens_decoder"] = {str(new_ids[int(number)]): token for number, token in decoder}
            _write(output / name, values)
    with write_whole(output / MODEL_FILE) as file:
        file.write(model)
    return None


def _tokenizer(path: Path, tokenizer: Tokenizer, new_ids: Mapping[int, int]) -> dict[str, Any]:
    """Return the content of tokenizer.json with the ids that stay."""
    values = read_object(path)
    try:
        vocab = values["model"]["vocab"]
        theirs = {number: piece for number, (piece, _) in enumerate(vocab)}
        ours = {number: piece for number, (piece, _) in tokenizer.pieces().items()}
        if len(theirs) != tokenizer.vocab_size or any(theirs[number] != piece for number, piece in ours.items()):
            raise UserError(f"{path} has other pieces than {MODEL_FILE} beside it; copy both from one model")
        values["model"]["vocab"] = [vocab[number] for number in new_ids]
        for token in values["added_tokens"]:
            token["id"] = new_ids[token["id"]]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{path} is no unigram tokenizer as XLM-R has it ({error!r}); copy it again") from error
    return values


def _write(path: Path, values: Mapping[str, Any]) -> None:
    with write_whole(path) as file:
        file.write(json.dumps(values, ensure_ascii=False, indent=1).encode() + b"\n")
