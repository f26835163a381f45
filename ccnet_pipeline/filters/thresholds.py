"""Thresholds of a language from its own documents, as FineWeb-2 has them.

Each document of a sample is measured, and the distribution of each measure gives its threshold, by one of two methods:

    quantile    at most a share of the documents lies beyond it (5 %)
    deviation   it lies as many standard deviations from the mean as the English threshold that was published lies
                from the mean of the English documents of the same corpus

FineWeb-2's published thresholds are of the second kind, as values show that no quantile of a share can have (a limit of
1.32 for a share of lines). A tail as long as that of repetition moves mean and deviation much, so the first one is our
default. No limit of repetition is stricter than the English one: in a corpus that was deduplicated most documents have
none, and a quantile would forbid it.
"""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.documents import Document
from ccnet_pipeline.filters import fineweb_quality, gopher_quality, gopher_repetition
from ccnet_pipeline.filters.characters import LETTER
from ccnet_pipeline.filters.fineweb_quality import share_with_stop
from ccnet_pipeline.filters.gopher_repetition import characters_of_duplicate_runs, characters_of_top_run
from ccnet_pipeline.filters.lines import lines_of, repeated
from ccnet_pipeline.filters.threshold_file import Thresholds
from ccnet_pipeline.filters.words import words_of

Method = Literal["quantile", "deviation"]
METHODS: tuple[Method, ...] = get_args(Method)

_STOP_WORD_SHARE, _FEWEST_STOP_WORDS = 0.008, 8  # as FineWeb-2's lists of stop words show
_TOP, _DUPLICATE = (
    [length for length, _ in limits]
    for limits in (gopher_repetition.PUBLISHED.top_n_grams, gopher_repetition.PUBLISHED.dup_n_grams)
)
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured of a document, and the English threshold that was published."""

    name: str
    english: float
    is_least: bool  # the threshold is the least that a document must have
    is_repetition: bool = False


_GOPHER, _FINEWEB, _REPETITION = gopher_quality.ENGLISH, fineweb_quality.ENGLISH, gopher_repetition.PUBLISHED
MEASURES = (
    Measure("dup_line_frac", _REPETITION.dup_line_frac or 0, is_least=False, is_repetition=True),
    *(Measure(f"top_{n}", most, is_least=False, is_repetition=True) for n, most in _REPETITION.top_n_grams),
    *(Measure(f"dup_{n}", most, is_least=False, is_repetition=True) for n, most in _REPETITION.dup_n_grams),
    Measure("line_punct_thr", _FINEWEB.min_lines_with_stop or 0, is_least=True),
    Measure("new_line_ratio", _FINEWEB.max_lines_per_word or 0, is_least=False),
    Measure("min_avg_word_length", _GOPHER.min_mean_word_length or 0, is_least=True),
    Measure("max_avg_word_length", _GOPHER.max_mean_word_length or 0, is_least=False),
    Measure("max_non_alpha_words_ratio", _GOPHER.min_words_with_letter or 0, is_least=True),
)
_SINGLE = [each.name for each in MEASURES if each.name.partition("_")[2] not in map(str, (*_TOP, *_DUPLICATE))]


@dataclass(frozen=True, slots=True)
class Measured:
    """A sample of documents of one language."""

    values: Values  # a row a document, a column for each of MEASURES
    words: Counter[str]  # those with a letter

    @property
    def documents(self) -> int:
        """How many documents were measured."""
        return len(self.values)


def sample(documents: Iterable[Document], size: int) -> list[Document]:
    """Return so many documents, the same ones in whatever order and files they come."""
    return heapq.nsmallest(size, documents, key=lambda document: (sha256(document.id.encode()).digest(), document.id))


def measure(documents: Iterable[Document]) -> Measured:
    """Return what documents of one language are like; those without a word are left out."""
    rows, counts = list[list[float]](), Counter[str]()
    for document in documents:
        words = words_of(document.text, document.language)
        if words.are_proper.any():
            rows.append(list(_measured(document)))
            with_letter = (words.kinds & LETTER).tolist()
            counts.update(word for word, has_letter in zip(words.words, with_letter, strict=True) if has_letter)
    return Measured(np.array(rows, np.float64).reshape(-1, len(MEASURES)), counts)


def _measured(document: Document) -> Iterator[float]:
    text, words = document.text, words_of(document.text, document.language)
    lines = lines_of(text)
    yield repeated(lines)[0] / len(lines)
    for length in _TOP:
        yield characters_of_top_run(words, length) / len(text)
    for length in _DUPLICATE:
        yield characters_of_duplicate_runs(words, length) / len(text)
    yield share_with_stop([line for line in lines if line and not line.isspace()])
    yield text.count("\n") / len(words)
    mean = float(words.lengths[words.are_proper].mean())
    yield mean
    yield mean
    yield words.num_with_letter / len(words)


def thresholds_of(measured: Measured, method: Method, share: float, english: Measured | None = None) -> Thresholds:
    """Return the thresholds of a language.

    Args:
        measured: its documents.
        method: how.
        share: by quantile: how many documents may lie beyond a threshold.
        english: by deviation: the English documents.
    """
    if method == "quantile":
        found = [_by_quantile(each, values, share) for each, values in zip(MEASURES, measured.values.T, strict=True)]
    else:
        assert english is not None
        columns = zip(MEASURES, measured.values.T, english.values.T, strict=True)
        found = [_by_deviation(*column) for column in columns]
    limits = {each.name: _rounded(value, each) for each, value in zip(MEASURES, found, strict=True)}
    return Thresholds(
        **{name: limits[name] for name in _SINGLE},
        top_n_grams=tuple((length, limits[f"top_{length}"]) for length in _TOP),
        dup_n_grams=tuple((length, limits[f"dup_{length}"]) for length in _DUPLICATE),
        stopwords=stop_words(measured.words),
        documents=measured.documents,
    )


def _by_quantile(measure: Measure, values: Values, share: float) -> float:
    found = float(np.quantile(values, share if measure.is_least else 1 - share))
    return max(found, measure.english) if measure.is_repetition else found


def _by_deviation(measure: Measure, values: Values, english: Values) -> float:
    spread = float(english.std())
    deviations = (measure.english - float(english.mean())) / spread if spread else 0.0
    found = float(values.mean()) + deviations * float(values.std())
    return max(found, measure.english) if measure.is_repetition else max(found, 0.0)


def _rounded(value: float, measure: Measure) -> float:
    """Return a threshold to three digits, such that it drops nothing that the value itself keeps."""
    thousandths = round(value * 1000, 6)
    return (math.floor if measure.is_least else math.ceil)(thousandths) / 1000


def stop_words(counts: Counter[str]) -> tuple[str, ...]:
    """Return the words that are each at least 0.8 % of all, but at least the eight most frequent ones, in order."""
    ordered: Sequence[tuple[str, int]] = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    least = _STOP_WORD_SHARE * counts.total()
    frequent = sum(count >= least for _, count in ordered)
    return tuple(word for word, _ in ordered[: max(frequent, _FEWEST_STOP_WORDS)])
