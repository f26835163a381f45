"""Which language a text is in: fastText's lid.176, and the codes of CC-100.

Source: Joulin et al. 2016 (arXiv 1607.01759); CCNet section 3.3; the codes are those of https://data.statmt.org/cc-100.
"""

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.text.identification import LABEL

# The 116 codes of the CC-100 release. lid.176 has no label for 20 of them; zh serves two (docs/method.md, Language).
CC100_CODES = frozenset(
    """
    af am ar as az be bg bn bn_rom br bs ca cs cy da de el en eo es et eu fa ff fi fr fy ga gd gl gn gu ha he hi
    hi_rom hr ht hu hy id ig is it ja jv ka kk km kn ko ku ky la lg li ln lo lt lv mg mk ml mn mr ms my my_zaw ne nl
    no ns om or pa pl ps pt qu rm ro ru sa sc sd si sk sl so sq sr ss su sv sw ta ta_rom te te_rom th tl tn tr ug uk
    ur ur_rom uz vi wo xh yi yo zh-Hans zh-Hant zu
    """.split()
)
_MAGIC = (793712314).to_bytes(4, "little")  # the first bytes of a file of fastText's
UNDETERMINED = "und"  # ISO 639-3, for text whose language is not known


class LanguageScorer(Protocol):
    """What the stages need of a language identifier."""

    def best(self, text: str) -> tuple[str, float]:
        """Return (label, probability) of the likeliest language of one line; ("", 0.0) where there is none."""


class FastTextScorer:
    """A fastText language model from a file."""

    def __init__(self, path: Path) -> None:
        import fasttext

        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:  # of an empty file fastText compares what it never read
                raise UserError(f"--lid_model {path} is not a fastText model")
        fasttext.FastText.eprint = lambda *_: None  # load_model prints an empty warning
        try:
            # The binding below the wrapper: `predict(str)` of the wrapper breaks with NumPy 2.
            self._model = fasttext.load_model(str(path)).f
        except ValueError as error:
            raise UserError(f"--lid_model {path} is not a fastText model: {error}") from error
        except MemoryError as error:  # of a file that was cut off it takes what is not there for sizes
            raise UserError(f"--lid_model {path} is not a whole fastText model; fetch it anew") from error
        if not self.labels():
            raise UserError(f"--lid_model {path} has no labels: it was trained for word vectors, not to tell languages")
        self._predict = self._model.predict

    def best(self, text: str) -> tuple[str, float]:
        scored = self._predict(text + "\n", 1, 0.0, "strict")
        if not scored:
            return "", 0.0
        probability, label = scored[0]
        return label.removeprefix(LABEL), probability

    def labels(self) -> frozenset[str]:
        """Return every label that the model knows, without its prefix."""
        return frozenset(label.removeprefix(LABEL) for label in self._model.getLabels("strict")[0])


def cc100_code(label: str, text: str) -> str:
    """Return the CC-100 code of a label of lid.176; a label that CC-100 lacks stays as it is.

    lid.176 knows one Chinese; CC-100 has two, told apart by the script of `text`.

    >>> cc100_code("zh", "汉语"), cc100_code("zh", "漢語"), cc100_code("ceb", "")
    ('zh-Hans', 'zh-Hant', 'ceb')
    """
    if label != "zh":
        return label
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return "zh-Hant" if int(_script_weights()[codes].sum(dtype=np.int64)) < 0 else "zh-Hans"


@functools.cache
def _script_weights() -> npt.NDArray[np.int8]:
    """Return +1 for characters of simplified Chinese only, -1 for traditional only, by code point."""
    from zhon import cedict

    weights = np.zeros(0x110000, np.int8)
    weights[[ord(character) for character in set(cedict.simplified) - set(cedict.traditional)]] = 1
    weights[[ord(character) for character in set(cedict.traditional) - set(cedict.simplified)]] = -1
    return weights


def wanted_languages(value: str) -> frozenset[str] | None:
    """Return the codes that `--languages` means: "all" (None), "cc100", or codes separated by commas.

    >>> sorted(wanted_languages("sw, zh"))
    ['sw', 'zh-Hans', 'zh-Hant']
    """
    if value == "all":
        return None
    if value == "cc100":
        return CC100_CODES
    wanted = frozenset(code.strip() for code in value.split(",") if code.strip())
    # "zh" is the model's label; what comes out is one of the two.
    return wanted - {"zh"} | {"zh-Hans", "zh-Hant"} if "zh" in wanted else wanted


def parse_languages(value: str, known: Iterable[str]) -> frozenset[str] | None:
    """Return `wanted_languages` after a check.

    Raises:
        UserError: no code, or one that is neither of CC-100 nor in `known`.
    """
    wanted = wanted_languages(value)
    unknown = sorted((wanted or frozenset()) - CC100_CODES - frozenset(known))
    if unknown or wanted == frozenset():
        raise UserError(
            f"--languages {value!r}: unknown language {', '.join(map(repr, unknown)) or '(none given)'}; "
            'use codes of CC-100 or labels of the model such as "en,sw,zh-Hans", or "cc100", or "all"'
        )
    return wanted


def languages_without_label(wanted: frozenset[str] | None, labels: Iterable[str], model: str) -> list[str]:
    """Return those of the wanted languages that a model can never give, sorted.

    Args:
        wanted: codes, as `parse_languages` returns them; None: whatever comes.
        labels: of the model.
        model: its name, for the message.

    Raises:
        UserError: the model can give none of them.

    >>> languages_without_label(frozenset({"ha", "sw", "zh-Hant"}), ["sw", "zh"], "lid.bin")
    ['ha']
    """
    labels = sorted(labels)
    given = frozenset(labels) | ({"zh-Hans", "zh-Hant"} if "zh" in labels else frozenset())
    missing = sorted((wanted or frozenset()) - given)
    if wanted and len(missing) == len(wanted):
        languages = ", ".join(missing) if wanted != CC100_CODES else "cc100"
        raise UserError(
            f"--languages {languages}: {model} has no label for that, so nothing would come out; give another "
            f'--lid_model, or what this one knows: {", ".join(labels[:3])}, ..., or "all"'
        )
    return missing


def weighted_score(scores: Sequence[float], paragraphs: Sequence[str]) -> float:
    """Return the mean of the scores of paragraphs, weighted by their code points."""
    lengths = [len(paragraph) for paragraph in paragraphs]
    return sum(score * length for score, length in zip(scores, lengths, strict=True)) / sum(lengths)
