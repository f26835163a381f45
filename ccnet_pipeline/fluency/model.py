"""How fluent a text is: perplexity of SentencePiece pieces under a KenLM 5-gram.

Source: Wenzek et al. 2020 (CCNet), sections 3.4 and 5.2; cc_net `perplexity.py` (docs/method.md, Fluency).
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

    def score(self, lines: Sequence[str]) -> Score | None:
        """Return the score of all lines together; None if normalising leaves nothing of any.

        Each line, also an empty one among others, is scored with `<s>` and `</s>`. Source: cc_net `perplexity.DocLM`.
        """
        # Line by line: given as a list they cost a tenth to a quarter more, also with num_threads=1 (measured).
        encoded = [self._pieces.encode(self._normalize(line), out_type=str) for line in lines]
        if not any(encoded):
            return None
        log10_prob = sum(self._ngrams.score(" ".join(pieces), bos=True, eos=True) for pieces in encoded)
        return Score(log10_prob, sum(map(len, encoded)) + len(encoded))

    def perplexity(self, lines: Sequence[str]) -> float | None:
        """Return the perplexity of all lines together, to one decimal; None as for `score`."""
        score = self.score(lines)
        return score.perplexity if score else None


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
