"""What was noted of a run, in the form in which it is published."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest

import msgspec

from ccnet_pipeline.fluency.buckets import BUCKETS
from ccnet_pipeline.ledger import DamageTally
from ccnet_pipeline.observations.archive import CutoffPair
from ccnet_pipeline.observations.domains import most_of
from ccnet_pipeline.observations.examples import DROPPED, Examples, Place
from ccnet_pipeline.observations.merging import Merged, most_repeated
from ccnet_pipeline.observations.published import (
    MOST_DAMAGED,
    MOST_DOMAINS,
    MOST_REPEATED,
    DamagedArchive,
    DomainBooks,
    Example,
    LanguageShape,
    Observations,
    RepeatedParagraph,
)
from ccnet_pipeline.quality import Quality

_decode_example = msgspec.msgpack.Decoder(Example).decode


@dataclass(slots=True)
class Damaged:
    """The archives that lost most, of any that come in any order."""

    number: int = 0  # of all
    most: list[DamagedArchive] = field(default_factory=list)

    def count(self, segment: str, damage: DamageTally) -> None:
        """Take an archive, if it is damaged."""
        if damage.reasons:
            self._take(1, [DamagedArchive(segment=segment, damage=damage)])

    def add(self, other: "Damaged") -> None:
        self._take(other.number, other.most)

    def _take(self, number: int, more: Iterable[DamagedArchive]) -> None:
        self.number += number
        self.most = nsmallest(MOST_DAMAGED, [*self.most, *more], key=_by_loss)


def _by_loss(archive: DamagedArchive) -> tuple[int, int, int, str]:
    damage = archive.damage
    return -damage.bytes, -damage.members, -sum(damage.reasons.values()), archive.segment


def published(merged: Merged, quality: Mapping[str, Quality], damaged: Damaged) -> Observations:
    """Return the content of observations.json.zst.

    Args:
        merged: what was noted of all archives, in their order.
        quality: of each language.
        damaged: of all archives.
    """
    return Observations(
        languages={code: _shape(quality[code], merged.cutoffs.get(code)) for code in sorted(quality)},
        examples=list(_examples(merged.examples)),
        repeated=[
            RepeatedParagraph(
                hash=f"{each.hash:016x}",
                text=each.text,
                records=each.records,
                segments=each.archives,
                domains=[*each.domains],
                more_domains=each.more_domains,
            )
            for each in most_repeated(merged.repeated, MOST_REPEATED).values()
        ],
        domains=_domains(merged),
        damaged=damaged.most,
        num_damaged=damaged.number,
    )


def _shape(quality: Quality, cutoffs: CutoffPair | None) -> LanguageShape:
    return LanguageShape(scores=quality.score_histogram, perplexities=quality.perplexity_histogram, cutoffs=cutoffs)


def _examples(examples: Examples) -> Iterable[Example]:
    for place in sorted(examples.of_place, key=_order):
        yield from (_decode_example(example) for _, example in examples.of_place[place])


def _order(place: Place) -> tuple[str, bool, int, str]:
    """Order places by language; the buckets of what was kept come first, the most fluent before others."""
    language, name = place
    is_dropped = name.startswith(DROPPED)
    return language, is_dropped, 0 if is_dropped else _place_of(BUCKETS, name), name


def _place_of(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _domains(merged: Merged) -> list[DomainBooks]:
    return [
        DomainBooks(
            domain=name,
            records_read=records_read,
            records_kept=records_kept,
            characters_read=read,
            characters_kept=kept,
        )
        for name, (records_read, records_kept, read, kept) in most_of(merged.domains, MOST_DOMAINS).items()
    ]
