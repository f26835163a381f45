"""What a model puts in place of <mask>: the five likeliest pieces and their probabilities.

    python -m model.fill_mask --run runs/x "The capital of France is <mask>."
    python -m model.fill_mask --model hf/ "The capital of France is <mask>." "Paris ist die <mask> von Frankreich."

Each piece is shown with its probability, and with the sentence that it makes: a piece may be a word or go on with the
one before. Several masks are guessed each by itself; in the sentence the others stay.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from model import command
from model.errors import UserError
from model.ids import MASK, PAD
from model.network import hf
from model.network.xlmr import XlmR
from model.text.tokenizer import Tokenizer
from model.training.result import read_result

TOP = 5
_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"


@dataclass(frozen=True, slots=True)
class Guess:
    """One piece that the model could put there."""

    token_id: int
    probability: float
    piece: str  # without spaces
    text: str  # with this piece in its place


@dataclass(frozen=True, slots=True)
class Filler:
    """A model and its tokenizer."""

    network: XlmR
    tokenizer: Tokenizer

    @classmethod
    def of_run(cls, run: Path) -> "Filler":
        """Take the newest checkpoint of a run; UserError if there is none, or no vocabulary."""
        result = read_result(run)
        return cls(XlmR.of(result.config, result.state), result.tokenizer)

    @classmethod
    def of_hf(cls, folder: Path) -> "Filler":
        """Take an XLM-R folder of Hugging Face's form; UserError if it is not one."""
        weights, tokenizer = hf.load_weights(folder), Tokenizer.load(folder)
        if tokenizer.vocab_size != weights.config.vocab_size:
            raise UserError(
                f"{folder} has {tokenizer.vocab_size} ids, the model {weights.config.vocab_size}; "
                "copy the vocabulary that it was trained with there"
            )
        return cls(XlmR.of(weights.config, weights.state), tokenizer)

    def fill(self, texts: Sequence[str], top: int = TOP) -> list[list[list[Guess]]]:
        """Return for each text and each <mask> in it the likeliest pieces, likeliest first.

        Raises:
            UserError: a text without <mask>, or longer than the model takes.
        """
        rows = [self._encode(text) for text in texts]
        places = [[place for place, number in enumerate(row) if number == self.tokenizer.mask_id] for row in rows]
        length, most = max(map(len, rows), default=0), max(map(len, places), default=0)
        ids_bs = torch.tensor([row + [PAD] * (length - len(row)) for row in rows])
        # Texts with fewer masks repeat their first one, so that all have as many.
        positions_bk = torch.tensor([found + found[:1] * (most - len(found)) for found in places])
        with torch.inference_mode():
            hidden_nh = self.network(ids_bs, positions_bk, padded=True)
            logits_nv = torch.addmm(self.network.decoder_bias, hidden_nh, self.network.decoder_weight.t())
            probabilities_bkv = logits_nv.float().softmax(1).view(len(rows), most, -1)
        return [
            [self._guesses(row, place, each_kv[number], top) for number, place in enumerate(found)]
            for row, found, each_kv in zip(rows, places, probabilities_bkv, strict=True)
        ]

    def _encode(self, text: str) -> list[int]:
        if text.encode("utf-8", "replace").decode() != text:
            raise UserError(f"{text!r} is not UTF-8; give it in that encoding")
        if MASK not in text:
            raise UserError(f"no {MASK} in {text!r}; put it where a word is to be guessed")
        # The spaces before <mask> belong to it; SentencePiece drops them, at the end of a text.
        parts = self.tokenizer.encode(text.split(MASK))
        ids = [self.tokenizer.bos_id, *parts[0]]
        for part in parts[1:]:
            ids += [self.tokenizer.mask_id, *part]
        ids.append(self.tokenizer.eos_id)
        if len(ids) > (most := self.network.config.max_length):
            raise UserError(f"{text[:40]!r}... has {len(ids)} tokens, the model takes {most}; give a shorter text")
        return ids

    def _guesses(self, row: Sequence[int], place: int, probabilities_v: Tensor, top: int) -> list[Guess]:
        best = probabilities_v.topk(min(top, len(probabilities_v)))
        guesses = []
        for number, probability in zip(best.indices.tolist(), best.values.tolist(), strict=True):
            text = self.tokenizer.decode([*row[:place], number, *row[place + 1 :]])
            # SentencePiece knows no <mask>, and may leave its sign for a space before one.
            guesses.append(Guess(number, probability, self._name(number), text.replace(_SPACE, " ")))
        return guesses

    def _name(self, number: int) -> str:
        special = ("<s>", "<pad>", "</s>", "<unk>")
        return special[number] if number < len(special) else self.tokenizer.decode([number]).strip() or "(space)"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.fill_mask",
        description=f"Show the {TOP} pieces that a model finds likeliest in place of {MASK}.",
        epilog='example: python -m model.fill_mask --run runs/x "The capital of France is <mask>."',
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, metavar="DIR", help="what model.pretrain wrote: its newest checkpoint")
    source.add_argument("--model", type=Path, metavar="DIR", help="an XLM-R folder of Hugging Face's form")
    parser.add_argument("texts", nargs="+", metavar="TEXT", help=f"a text with {MASK}, once or more often")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or 2 for a user's mistake."""
    return command.run(_parser(), _fill, arguments)


def _fill(options: argparse.Namespace) -> None:
    filler = Filler.of_run(options.run) if options.run else Filler.of_hf(options.model)
    filled = filler.fill(options.texts)
    for text, masks in zip(options.texts, filled, strict=True):
        print(text)
        for number, guesses in enumerate(masks, 1):
            if len(masks) > 1:
                print(f"  {MASK} {number}")
            for guess in guesses:
                print(f"  {guess.probability:6.4f}  {guess.piece:<16}  {guess.text}")


if __name__ == "__main__":
    sys.exit(main())
