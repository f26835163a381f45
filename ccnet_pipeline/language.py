"""Which language a text is in: fastText's lid.176, and the codes of CC-100.

Source: Joulin et al. 2016 (arXiv 1607.01759); CCNet section 3.3; the codes are those of https://data.statmt.org/cc-100.
"""

import codecs
import functools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.text.invisible import BLANKS, MARKS, WHITE_SPACE

# The 116 codes of the CC-100 release. lid.176 has no label for 20 of them; zh serves two (docs/method.md, Language).
CC100_CODES = frozenset(
    """
    af am ar as az be bg bn bn_rom br bs ca cs cy da de el en eo es et eu fa ff fi fr fy ga gd gl gn gu ha he hi
    hi_rom hr ht hu hy id ig is it ja jv ka kk km kn ko ku ky la lg li ln lo lt lv mg mk ml mn mr ms my my_zaw ne nl
    no ns om or pa pl ps pt qu rm ro ru sa sc sd si sk sl so sq sr ss su sv sw ta ta_rom te te_rom th tl tn tr ug uk
    ur ur_rom uz vi wo xh yi yo zh-Hans zh-Hant zu
    """.split()
)
UNDETERMINED = "und"  # ISO 639-3, for text whose language is not known

# Of fastText 0.9.3 (`Dictionary::readWord`, `Dictionary::getLine`).
_MAGIC = (793712314).to_bytes(4, "little")  # the first bytes of a model's file
_LABEL = "__label__"  # begins every label; a word of a text that begins so is not read
_END_OF_TEXT = "</s>"  # a word at which reading ends
_BLANKS_OF_FASTTEXT = frozenset(" \n\r\t\v\f\0")

_CONTROLS = "".join(map(chr, [*range(32), *range(127, 160)]))  # C0, DEL, C1
# At a line feed reading ends, so it is none of the blanks that can stay.
_OTHER_BLANKS = "".join(sorted({*_CONTROLS, *WHITE_SPACE, *BLANKS} - _BLANKS_OF_FASTTEXT)) + "\n"
_ANY_OTHER_BLANK, _ANY_MARK = re.compile(f"[{re.escape(_OTHER_BLANKS)}]"), re.compile(f"[{re.escape(MARKS)}]")

_MIN_CAPITALS = 10  # of a paragraph in capitals; fewer are an abbreviation more often than a word
# In Unicode the usual letters of Cherokee are upper case.
_CHEROKEE = slice(0x13A0, 0x13F6)
_CAPITAL, _UNREADABLE, _OTHER = b"C?."


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
        return label.removeprefix(_LABEL), probability

    def labels(self) -> frozenset[str]:
        """Return every label that the model knows, without its prefix."""
        return frozenset(label.removeprefix(_LABEL) for label in self._model.getLabels("strict")[0])


def for_identification(paragraphs: Sequence[str]) -> list[str]:
    r"""Return paragraphs as fastText can read them. These are for its eyes only: no document gets such a text.

    fastText parts words at the blanks of ASCII alone. So all others become one; so do controls, `</s>`, at which it
    stops reading, and `__label__`, whose word it passes over. Marks that show nothing inside a word are left out. A
    paragraph in capitals, which the models hardly know, becomes lower case (docs/method.md, Language).

    Give all paragraphs of a page at once: what needs no change, which is nearly all, then costs one look at the page.

    >>> for_identification(["</s>\u00a0Ein Do\u00adkument", "ALLE RECHTE VORBEHALTEN", "© 2019 NATO"])
    ['  Ein Dokument', 'alle rechte vorbehalten', '© 2019 NATO']
    """
    text = "".join(paragraphs)
    kinds = _kinds_of(text)
    is_unreadable, has_markup = _UNREADABLE in kinds, "<" in text or "_" in text
    readable, end = [], 0
    for paragraph in paragraphs:
        start, end = end, end + len(paragraph)
        is_in_capitals = _is_in_capitals(paragraph, kinds.count(_CAPITAL, start, end))
        shown = _lower(paragraph) if is_in_capitals else paragraph
        if is_unreadable and _UNREADABLE in kinds[start:end]:
            shown = _ANY_MARK.sub("", _ANY_OTHER_BLANK.sub(" ", shown))
        if has_markup:  # last: lower case or a mark less may have made one
            shown = shown.replace(_END_OF_TEXT, " ").replace(_LABEL, " ")
        readable.append(shown)
    return readable


def _is_in_capitals(paragraph: str, capitals: int) -> bool:
    """Return whether more than half of the letters are capitals; they must be a third of all characters, too."""
    # The two cheap conditions come first: hardly any paragraph gets as far as the third.
    if capitals < _MIN_CAPITALS or 3 * capitals < len(paragraph):
        return False
    return 2 * capitals > sum(map(str.isalpha, paragraph))


def _lower(text: str) -> str:
    # Where a dotted capital I stands, the other one is the dotless of Turkish and its like. Python's lower case of the
    # dotted one is two characters, which the models do not know.
    return (text.replace("İ", "i").replace("I", "ı") if "İ" in text else text).lower()


def _kinds_of(text: str) -> bytes:
    """Return one byte a character: _CAPITAL, _UNREADABLE or _OTHER."""
    if text.isascii():
        return text.encode().translate(_kinds_of_bytes())
    codes = np.frombuffer(codecs.utf_32_le_encode(text, "surrogatepass")[0], dtype="<i4")
    return _kinds().take(codes, mode="clip").tobytes()


@functools.cache
def _kinds_of_bytes() -> bytes:
    return _kinds()[:256].tobytes()


@functools.cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Return the kind of each code point."""
    every_character = np.arange(0x110000, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    is_capital = np.frombuffer(bytes(map(str.isupper, every_character)), np.bool_)
    kinds = np.where(is_capital, _CAPITAL, _OTHER).astype(np.uint8)
    kinds[_CHEROKEE] = _OTHER
    kinds[[ord(character) for character in _OTHER_BLANKS + MARKS]] = _UNREADABLE
    return kinds


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
