"""Who is believed of two models of language: a general one, and an added one that is asked where the first is unsure.

The general model (lid.176) sees every text. The added one (`added.ftz`, `ccnet_pipeline.language.training`) knows
languages that the general one lacks, and the neighbours of these. It is asked where the general one's answer cannot be
believed: its score is below what was measured for that answer. All numbers stand in the card of the added model,
`added.json`.

Some answers the general model gives surely to texts of another language, too: `fa` to Dari, `am` to Tigrinya. These
languages are in `confused`. If its score is high and the added model was asked on their account alone, the choice is
between the answer and them.

How two answers become one: of every language among the added model's best, its probability is multiplied with the
general model's, to the power `general_weight`. A language that the general model has no label for gets `unknown_to_it`
instead of a probability of its; one that it could have named and did not gets `not_named`. The score is the share of
the best in the sum. This is a logarithmic opinion pool (Genest and Zidek 1986).

docs/method.md, Language, has the figures.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.codes import UNDETERMINED
from ccnet_pipeline.language.fasttext_model import Scored

Number = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
_LEAST_PROBABILITY = 1e-6
_NOTHING: Scored = (UNDETERMINED, 0.0)


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What the added model was made from, and how."""

    command: str
    text: str  # name of the folder
    licence: str
    characters: Mapping[str, int]  # of text, by language
    settings: Mapping[str, int | float | str]
    versions: Mapping[str, str]
    measured: Mapping[str, float]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When the added model is asked, who decides, and which score is enough: the card of the added model."""

    labels: tuple[str, ...]  # of the added model
    sha256: str  # of its file
    general_model: str  # that the numbers were measured with
    max_characters: Number  # of a text that the added model is shown, from its beginning
    num_labels: Number  # so many answers of each model the decision wants
    believed: Mapping[str, float]  # by the general model's answer: from this score on it is right; above 1: never
    believed_otherwise: float
    confused: Mapping[str, frozenset[str]]  # by the general model's answer: other languages whose texts get it
    not_in_general: frozenset[str]  # languages that the general model has no label for
    general_weight: float
    unknown_to_it: Share
    not_named: Share
    least_scores: Mapping[str, float]  # by language
    least_score_otherwise: float
    sources: Sources

    def must_ask(self, language: str, score: float) -> bool:
        """Return whether the general model's best answer is not to be believed by itself."""
        return score < self.believed.get(language, self.believed_otherwise)

    def decide(self, general: Sequence[Scored], added: Sequence[Scored]) -> tuple[str, float, bool]:
        """Return the language of a text, its score, and whether the added model decided.

        Args:
            general: the best `num_labels` answers of the general model, best first; none where it could read nothing.
            added: those of the added model; empty where it was not asked.
        """
        answer, score = general[0] if general else _NOTHING
        if score >= self.believed_otherwise:
            possible = {answer, *self.confused.get(answer, ())}
            added = [scored for scored in added if scored[0] in possible]
        if not added:
            return answer, score, False
        named = dict(general)
        weights = [
            math.log(max(probability, _LEAST_PROBABILITY)) + self.general_weight * math.log(self._seen(language, named))
            for language, probability in added
        ]
        best = max(range(len(added)), key=weights.__getitem__)
        total = sum(math.exp(weight - weights[best]) for weight in weights)
        return added[best][0], 1 / total, True

    def _seen(self, language: str, named: Mapping[str, float]) -> float:
        if language in named:
            return max(named[language], self.not_named)
        return self.unknown_to_it if language in self.not_in_general else self.not_named

    def least_score(self, language: str) -> float:
        """Return the score from which on a text counts as text of this language."""
        return self.least_scores.get(language, self.least_score_otherwise)


def read_rule(card: Path) -> Rule:
    """Return the card of an added model.

    Raises:
        UserError: it is not there, or no card.
    """
    try:
        return msgspec.json.decode(card.read_bytes(), type=Rule)
    except FileNotFoundError as error:
        raise UserError(
            f"{card} is missing, which says when the model beside it is asked, and which scores are enough; "
            "python -m ccnet_pipeline.language train writes both"
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError(f"{card} is not the card of a model for --second_lid_model: {error}") from error
