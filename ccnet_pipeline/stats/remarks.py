"""What people should know of a run beside its figures: archives that gave less than they should, and the like."""

from collections.abc import Iterator, Mapping

from ccnet_pipeline.command import enumerated
from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.shards.published import LanguageBooks, Ledger

_MANY_DOCUMENTS = 100  # for one phrase of a test file
_LEAST_LOST = 20  # documents of a language of which nothing was kept: fewer may be taken for it by mistake
_BY_CUTOFFS = ("bucket_head", "bucket_middle", "bucket_tail")


def remarks_on(ledger: Ledger) -> Iterator[str]:
    """Yield what people should know of a run beside its figures, in sentences."""
    if ledger.damage.reasons:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(ledger.damage.reasons.items()))
        yield f"Damage: {ledger.damage.bytes:,} bytes of the archives could not be read ({reasons})."
    yield from _lost_languages(ledger.languages)
    if ledger.main_text:
        for language, (share, others) in ledger.main_text.poor_languages().items():
            yield (
                f"Main text of {language}: half of its pages give about {share:.0%} of their text or less, in other "
                f"languages {others:.0%}; perhaps the extractor cannot read it, see --extractor."
            )
    if ledger.contamination:
        files = ledger.contamination.files
        yield (
            f"Contaminated: {sum(files.values()):,} documents share words with "
            f"{enumerated([f'{name} ({count:,})' for name, count in files.items()])}."
        )
        words, count = next(iter((ledger.contamination.words or {}).items()), ("", 0))
        if count >= _MANY_DOCUMENTS:
            yield (
                f"{count:,} of them because of {words!r}; if that is a phrase of many pages, name it with "
                "--decontaminate_except (ledger.json has the next ones)."
            )
    if again := ledger.index_duplicates_published:
        yield (
            f"{again:,} paragraphs that were no duplicates in earlier runs have come again: they are dropped here; "
            "what was published of them there stays."
        )
    if count := ledger.num_without_record:
        yield f"{count} of {ledger.num_segments} archives gave no record: {enumerated(ledger.without_record, count)}."


def _lost_languages(languages: Mapping[str, LanguageBooks]) -> Iterator[str]:
    """Yield the wanted languages of which nothing was kept, those with one reason in one sentence."""
    lost = {code: books.records for code, books in languages.items() if _is_lost(books.records)}
    by_reason: dict[str, list[str]] = {}
    for code in sorted(lost, key=lambda code: (-lost[code].read, code)):
        dropped = lost[code].dropped
        by_reason.setdefault(max(sorted(dropped), key=dropped.__getitem__), []).append(code)
    for reason, (most, *others) in by_reason.items():
        names = [f"{most} ({lost[most].read:,} documents)", *(f"{code} ({lost[code].read:,})" for code in others)]
        mostly = "mostly " if any(len(lost[code].dropped) > 1 for code in (most, *others)) else ""
        hint = "; the cut-offs may be those of other text: python -m ccnet_pipeline.fluency calibrate"
        yield f"Nothing was kept of {enumerated(names)}: {mostly}{reason}{hint if reason in _BY_CUTOFFS else ''}."


def _is_lost(records: Balance) -> bool:
    """Tell whether nothing was kept of a language that was wanted, and that has come more than by mistake."""
    dropped = records.dropped
    return not records.kept and records.read >= _LEAST_LOST and bool(dropped) and "language_unwanted" not in dropped
