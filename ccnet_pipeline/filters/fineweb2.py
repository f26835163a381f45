"""FineWeb-2's filters: Gopher's and FineWeb's rules with thresholds of each language's own.

Source: Penedo et al. 2025, arXiv 2506.20920, and the pipeline and the 1 929 files of thresholds published with it
(https://github.com/huggingface/fineweb-2). Its rules, in its order: repetition of lines and of runs of words; how lines
end, repetition of lines by characters, lines per word; number and length of words, symbols, words without letters, stop
words. Off, as there: repetition of paragraphs, short lines.

A document of a language that the file of thresholds lacks stays.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ccnet_pipeline.documents import Document
from ccnet_pipeline.filters import fineweb_quality, gopher_quality, gopher_repetition
from ccnet_pipeline.filters.fineweb_quality import FineWebQuality
from ccnet_pipeline.filters.gopher_quality import GopherQuality
from ccnet_pipeline.filters.gopher_repetition import GopherRepetition
from ccnet_pipeline.filters.threshold_file import Thresholds, read_thresholds

VERSION = "1"

_MAX_DUPLICATE_CHARACTERS = 0.1
_Rules = tuple[GopherRepetition, FineWebQuality, GopherQuality]


def from_thresholds(path: Path) -> Callable[[Sequence[Document]], list[str | None]]:
    """Return the filter with the thresholds of a file.

    Raises:
        UserError: there is no such file, or it is none of thresholds.
    """
    return with_thresholds(read_thresholds(path).languages)


def with_thresholds(thresholds: Mapping[str, Thresholds]) -> Callable[[Sequence[Document]], list[str | None]]:
    """Return the filter with thresholds by language."""
    rules = {language: rules_of(each) for language, each in thresholds.items()}

    def verdicts(documents: Sequence[Document]) -> list[str | None]:
        return [
            reason(each.text, each.language, rules[each.language]) if each.language in rules else None
            for each in documents
        ]

    return verdicts


def rules_of(thresholds: Thresholds) -> _Rules:
    """Return the rules that thresholds of a language make."""
    return (
        GopherRepetition(
            dup_line_frac=thresholds.dup_line_frac,
            dup_para_frac=None,
            dup_line_char_frac=None,
            dup_para_char_frac=None,
            top_n_grams=thresholds.top_n_grams,
            dup_n_grams=thresholds.dup_n_grams,
        ),
        FineWebQuality(
            min_lines_with_stop=thresholds.line_punct_thr,
            max_short_lines=None,
            max_duplicate_characters=_MAX_DUPLICATE_CHARACTERS,
            max_lines_per_word=thresholds.new_line_ratio,
        ),
        GopherQuality(
            min_mean_word_length=thresholds.min_avg_word_length,
            max_mean_word_length=thresholds.max_avg_word_length,
            min_words_with_letter=thresholds.max_non_alpha_words_ratio,
            stop_words=frozenset(thresholds.stopwords),
        ),
    )


def reason(text: str, language: str, rules: _Rules) -> str | None:
    """Return the first rule that a text breaks; None: it keeps all."""
    repetition, lines, words = rules
    return (
        gopher_repetition.reason(text, language, repetition)
        or fineweb_quality.reason(text, language, lines)
        or gopher_quality.reason(text, language, words)
    )
