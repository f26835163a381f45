"""Which documents are shown: of each place the few with the least numbers, and a number is a hash of the id.

So it is as if they were drawn by chance, and neither the order of arrival nor the number of workers changes them.
"""

from bisect import insort
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import itemgetter

import msgspec

from ccnet_pipeline.documents import Document, Reject
from ccnet_pipeline.observations.published import (
    EXAMPLES_PER_PLACE,
    MOST_EXAMPLE_TEXT,
    MOST_HEADER_TEXT,
    Example,
)

Place = tuple[str, str]  # a language and its bucket; of what was dropped a language and DROPPED and the reason
Numbered = tuple[int, msgspec.Raw]  # of an Example as msgpack

DROPPED = "-"  # no name of a bucket begins so
_SEED = b"examples 1"

_encode = msgspec.msgpack.Encoder().encode
_number_of = itemgetter(0)


@dataclass(slots=True)
class Examples:
    """The examples of some archives, by place."""

    of_place: dict[Place, list[Numbered]] = field(default_factory=dict)  # ascending

    def see(self, document: Document) -> None:
        """Take a document, if its number is among the least of its place."""
        is_reject = isinstance(document, Reject)
        place = document.language, DROPPED + document.reason if is_reject else document.bucket  # type: ignore[attr-defined]
        number = number_of(document)
        if self._is_wanted(place, number):
            self._insert(place, (number, msgspec.Raw(_encode(example_of(document)))))

    def add(self, place: Place, more: list[Numbered]) -> None:
        """Take the examples that later archives have in a place."""
        for number, example in more:
            if not self._is_wanted(place, number):
                return
            self._insert(place, (number, example.copy()))  # else all that it was read with stays in memory

    def _is_wanted(self, place: Place, number: int) -> bool:
        found = self.of_place.get(place, [])
        return len(found) < EXAMPLES_PER_PLACE or number < found[-1][0]

    def _insert(self, place: Place, numbered: Numbered) -> None:
        found = self.of_place.setdefault(place, [])
        insort(found, numbered, key=_number_of)  # behind its equals: of the same id the first stays
        del found[EXAMPLES_PER_PLACE:]


def number_of(document: Document) -> int:
    """Return the number of a document, 64 bits of a hash of its id and language."""
    name = f"{document.id}\n{document.language}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(name, digest_size=8, key=_SEED).digest(), "big")


def example_of(document: Document) -> Example:
    """Return what is shown of a document."""
    paragraphs = len(document.paragraph_ids)
    return Example(
        id=document.id,
        language=document.language,
        bucket=document.bucket,
        reason=document.reason if isinstance(document, Reject) else None,
        language_score=document.language_score,
        perplexity=document.perplexity,
        url=document.url[:MOST_HEADER_TEXT],
        domain=document.domain[:MOST_HEADER_TEXT],
        title=document.title[:MOST_HEADER_TEXT],
        text=document.text[:MOST_EXAMPLE_TEXT],
        paragraphs=paragraphs,
        characters=len(document.text) - max(paragraphs - 1, 0),
    )
