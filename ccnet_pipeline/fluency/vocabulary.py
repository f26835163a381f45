"""Whether the pieces of a model are the words of its n-grams: files can be mixed up."""

from pathlib import Path
from typing import Any

from ccnet_pipeline.errors import UserError

_COMPARED = 512  # pieces, evenly spread over the vocabulary
_LEAST_KNOWN = 0.6  # models of one training know 92 to 100 % of theirs; those of another language or size at most half


def check_vocabulary(pieces: Any, ngrams: Any, pieces_path: Path, ngrams_path: Path) -> None:
    """See that the n-grams know the pieces.

    A model of the same language and about the same vocabulary passes, because it knows most of the pieces, too.

    Raises:
        UserError: they know few of them.
    """
    spread = range(0, pieces.vocab_size(), max(pieces.vocab_size() // _COMPARED, 1))
    compared = [pieces.id_to_piece(each) for each in spread if not _is_special(pieces, each)]
    known = sum(piece in ngrams for piece in compared) / len(compared) if compared else 1.0
    if known < _LEAST_KNOWN:
        raise UserError(
            f"{ngrams_path} knows {known:.0%} of the pieces of {pieces_path}: they are not of one model; "
            "fetch or train both anew"
        )


def _is_special(pieces: Any, number: int) -> bool:
    return any(is_so(number) for is_so in (pieces.is_control, pieces.is_unknown, pieces.is_byte, pieces.is_unused))
