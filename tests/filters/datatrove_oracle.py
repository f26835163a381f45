"""datatrove's filters, and their reasons by the names that ours have."""

from __future__ import annotations

from typing import Any

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.word_tokenizers import WordTokenizer

from ccnet_pipeline.filters import c4, fineweb_quality, gopher_quality, gopher_repetition
from ccnet_pipeline.filters.threshold_file import Thresholds
from ccnet_pipeline.filters.words import split

FILTERS: dict[str, tuple[Any, type[Any]]] = {
    "gopher_quality": (gopher_quality, GopherQualityFilter),
    "gopher_repetition": (gopher_repetition, GopherRepetitionFilter),
    "fineweb_quality": (fineweb_quality, FineWebQualityFilter),
    "c4": (c4, C4QualityFilter),
}


class OurWords(WordTokenizer):
    """Gives datatrove the words that our filters see, and as many sentences."""

    def word_tokenize(self, text: str) -> list[str]:
        return split(text, self.language or "")

    def sent_tokenize(self, text: str) -> list[str]:
        raise NotImplementedError

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return [(0, 0)] * c4.count_sentences(text, self.language or "")


def their_reason(oracle: Any, text: str) -> str | None:
    """Return the reason of a filter of datatrove's, by our name; None: the document stays."""
    answer = oracle.filter(Document(text=text, id="1"))
    if answer is True:
        return None
    name = str(answer[1]).removeprefix("gopher_")
    return "too_few_stop_words" if name == "enough_stop_words" else name


def fineweb2_of_datatrove(thresholds: Thresholds, words: WordTokenizer) -> tuple[Any, ...]:
    """Return the filters of FineWeb-2's published pipeline, with its settings, for one language."""
    return (
        GopherRepetitionFilter(
            language=words,
            dup_para_frac=0,
            dup_line_char_frac=0,
            dup_para_char_frac=0,
            dup_line_frac=thresholds.dup_line_frac,
            top_n_grams=thresholds.top_n_grams,
            dup_n_grams=thresholds.dup_n_grams,
        ),
        FineWebQualityFilter(
            language=words,
            short_line_thr=999,
            char_duplicates_ratio=0.1,
            line_punct_thr=thresholds.line_punct_thr,
            new_line_ratio=thresholds.new_line_ratio,
        ),
        GopherQualityFilter(
            language=words,
            max_avg_word_length=thresholds.max_avg_word_length,
            min_avg_word_length=thresholds.min_avg_word_length,
            stop_words=thresholds.stopwords,
            max_non_alpha_words_ratio=thresholds.max_non_alpha_words_ratio,
            min_stop_words=2,
        ),
    )
