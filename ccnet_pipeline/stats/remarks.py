"""What people should know of a run beside its figures: archives that gave less than they should, and the like."""

from collections.abc import Iterator

from ccnet_pipeline.command import enumerated
from ccnet_pipeline.shards.published import Ledger

_MANY_DOCUMENTS = 100  # for one phrase of a test file


def remarks_on(ledger: Ledger) -> Iterator[str]:
    """Yield what people should know of a run beside its figures, in sentences."""
    if ledger.damage.reasons:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(ledger.damage.reasons.items()))
        yield f"Damage: {ledger.damage.bytes:,} bytes of the archives could not be read ({reasons})."
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
