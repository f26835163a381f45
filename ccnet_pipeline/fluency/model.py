"""How fluent a text is: perplexity of SentencePiece pieces under a KenLM 5-gram.

Source: Wenzek et al. 2020 (CCNet), sections 3.4 and 5.2; cc_net `perplexity.py` (docs/method.md, Fluency).
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.buckets import Normalization
from ccnet_pipeline.fluency.directory import MODEL_OF, ModelFiles, find_models
from ccnet_pipeline.fluency.normalize import for_lm_ccnet, for_lm_mended, for_lm_running
from ccnet_pipeline.fluency.vocabulary import check_vocabulary

NORMALIZERS: Mapping[Normalization, Callable[[str], str]] = {
    "ccnet": for_lm_ccnet,
    "mended": for_lm_mended,
    "running": for_lm_running,
}


def perplexity(log10_prob: float, num_tokens: int) -> float:
    """Return the perplexity per token of text from its total log-probability.

    Args:
        log10_prob: sum of log10 P over all tokens, as KenLM gives it.
        num_tokens: pieces, plus one `</s>` a line; at least 1.

    One too large for a float is the largest float. Source: cc_net `perplexity.pp`.

    >>> perplexity(-10.0, 5)
    100.0
    """
    try:
        return math.pow(10.0, -log10_prob / num_tokens)
    except OverflowError:
        return sys.float_info.max


@dataclass(frozen=True, slots=True)
class Score:
    """What a model says of a text."""

    log10_prob: float  # of all tokens together
    num_tokens: int  # pieces, plus one `</s>` a line

    @property
    def perplexity(self) -> float:
        """Per token, to one decimal."""
        return round(perplexity(self.log10_prob, self.num_tokens), 1)


class FluencyModel:
    """The SentencePiece and KenLM models of one language."""

    def __init__(self, files: ModelFiles, default_normalization: Normalization) -> None:
        import kenlm
        import sentencepiece

        self.cutoffs = files.cutoffs
        self._normalize = NORMALIZERS[files.cutoffs.normalization or default_normalization]
        config = kenlm.Config()
        # Mapped, not read: worker processes share the pages, and a model costs only what is touched of it.
        config.load_method = kenlm.LoadMethod.LAZY
        config.show_progress = False
        config.arpa_complain = kenlm.ARPALoadComplain.NONE
        try:
            self._ngrams = kenlm.Model(str(files.ngrams), config)
        except OSError as error:
            raise UserError(f"{files.ngrams} is not a KenLM model, or not whole; fetch or train it anew") from error
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(files.pieces))
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"{files.pieces} is not a SentencePiece model, or not whole; fetch or train it anew"
            ) from error
        check_vocabulary(self._pieces, self._ngrams, files.pieces, files.ngrams)

    def scores(self, texts: Sequence[Sequence[str]]) -> list[Score | None]:
        """Return the score of each text, which is some lines; None where normalising leaves nothing of any.

        Each line, also an empty one among others, is scored with `<s>` and `</s>`. Source: cc_net `perplexity.DocLM`.
        """
        lines = iter(self._encoded([line for text in texts for line in text]))
        return [self._sum(list(islice(lines, len(text)))) for text in texts]

    def score(self, lines: Sequence[str]) -> Score | None:
        """Return the score of all lines together, as `scores` does."""
        return self.scores([lines])[0]

    def perplexities(self, texts: Sequence[Sequence[str]]) -> list[float | None]:
        """Return the perplexity of each text, to one decimal; None as for `scores`."""
        return [score.perplexity if score else None for score in self.scores(texts)]

    def perplexity(self, lines: Sequence[str]) -> float | None:
        """Return the perplexity of all lines together, as `perplexities` does."""
        return self.perplexities([lines])[0]

    def _encoded(self, lines: Sequence[str]) -> list[tuple[bytes, int]]:
        """Return the pieces of each line, joined by blanks as KenLM wants them, and how many they are."""
        # Line by line: a list costs no less, for each call starts a pool of threads. As bytes: a fifth less than as
        # str, here and again in KenLM, which works on UTF-8 (measured).
        encoded = []
        for line in lines:
            pieces = self._pieces.encode(self._normalize(line), out_type=bytes)
            encoded.append((b" ".join(pieces), len(pieces)))
        return encoded

    def _sum(self, encoded: Sequence[tuple[bytes, int]]) -> Score | None:
        num_pieces = sum(num for _, num in encoded)
        if not num_pieces:
            return None
        log10_prob = sum(self._ngrams.score(pieces, bos=True, eos=True) for pieces, _ in encoded)
        return Score(log10_prob, num_pieces + len(encoded))


class FluencyModels:
    """The models of a directory, each loaded when its language first comes."""

    def __init__(self, directory: Path | None, default_normalization: Normalization) -> None:
        self._files = find_models(directory) if directory else {}
        self._default_normalization = default_normalization
        self._loaded: dict[str, FluencyModel] = {}

    def get(self, language: str) -> FluencyModel | None:
        """Return the model of a CC-100 code, or None where there is none."""
        name = language if language in self._files else MODEL_OF.get(language, language)
        if name not in self._files:
            return None
        if name not in self._loaded:
            self._loaded[name] = FluencyModel(self._files[name], self._default_normalization)
        return self._loaded[name]
