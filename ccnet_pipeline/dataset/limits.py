"""What a dataset card says against its dataset."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ccnet_pipeline.dataset.facts import FEW_DOCUMENTS, Facts
from ccnet_pipeline.formats import TEXT
from ccnet_pipeline.reasons import in_order

_LEAST_SCORE = 0.8  # mean of a language, below which a part of it is of others
_LEAST_LOST = 20  # documents; fewer of a language are often of another one
_MOST_NAMED = 30
# Of what was measured on texts whose language is known (docs/languages.md, What stays weak).
_ROMANISED = ("bn_rom", "hi_rom", "ta_rom", "te_rom", "ur_rom")
_CLOSE = (("bs", "hr", "sr"), ("xh", "zu", "ss"), ("ms", "id"))


def limits(facts: Facts) -> Iterator[str]:
    """Yield the lines of the section."""
    yield "## Limits"
    yield ""
    yield from (f"- {limit}" for limit in (*_of_languages(facts), *_of_texts(facts.run.configuration)))


def _of_languages(facts: Facts) -> Iterator[str]:
    sizes = facts.sizes()
    if lost := list(_lost(facts)):
        more = len(lost) - _MOST_NAMED
        yield (
            f"Languages of {_LEAST_LOST} documents or more of which nothing was kept, with the main reason: "
            f"{'; '.join(lost[:_MOST_NAMED])}{f'; and {more} more' if more > 0 else ''}."
        )
    scores = {code: facts.ledger.languages[code].mean_score for code in sizes if code in facts.ledger.languages}
    if unsure := sorted(code for code, score in scores.items() if score is not None and score < _LEAST_SCORE):
        yield f"Languages that are poorly told from others here (mean score below {_LEAST_SCORE}): {named(unsure)}."
    if romanised := [code for code in _ROMANISED if code in sizes]:
        yield f"Romanised languages are hardly told from each other: {named(romanised)}."
    for close in _CLOSE:
        if len(found := [code for code in close if code in sizes]) > 1:
            yield f"Close languages, which are often taken for each other: {named(found)}."
    if few := sorted(code for code, size in sizes.items() if size.documents < FEW_DOCUMENTS):
        yield f"Languages of less than {FEW_DOCUMENTS} documents, many of which may be in another one: {named(few)}."
    if facts.format != TEXT and (
        unscored := sorted(code for code, size in sizes.items() if set(size.buckets) == {"all"})
    ):
        yield f"Languages without a fluency model, so that text of any quality was kept: {named(unscored)}."


def _lost(facts: Facts) -> Iterator[str]:
    """Yield the languages that were wanted and gave nothing, those of most documents first."""
    books = {code: each.records for code, each in facts.ledger.languages.items()}
    for code, records in sorted(books.items(), key=lambda item: (-item[1].read, item[0])):
        if records.kept or records.read < _LEAST_LOST:
            continue
        reason = max(in_order(records.dropped), key=lambda name: records.dropped[name], default="")
        if reason not in ("", "language_unwanted"):
            yield f"`{code}` ({records.read:,} documents, `{reason}`)"


def named(codes: Collection[str]) -> str:
    """Return codes for a sentence, not too many of them."""
    more = len(codes) - _MOST_NAMED
    return ", ".join(f"`{code}`" for code in list(codes)[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _of_texts(configuration: Mapping[str, Any]) -> Iterator[str]:
    if masked := configuration.get("recipe", {}).get("masks"):
        yield (
            f"What looks like {', '.join(masked)} is masked, as far as patterns find it. Other personal data, such as "
            "names, stand as they stood on the page."
        )
    else:
        yield "Personal data was not removed: names, addresses and telephone numbers stand as they stood on the page."
    yield "It holds what people and machines write on the web: mistakes, prejudice, hate, advertising, translations."
    yield "Duplicates are whole paragraphs that are equal but for case, digits and punctuation. Near duplicates stay."
    yield "A document is what was left of a page, so there may be gaps between its paragraphs (`paragraph_ids`)."
    if not configuration.get("decontamination"):
        yield "It was not compared with test sets: parts of them may be in it."
