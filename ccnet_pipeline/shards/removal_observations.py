"""What a run noted for its report, without that of documents which are taken out.

Examples go with their documents. A paragraph that stood in many records goes if one of these documents has it, or if
one of the domains that are noted of it is that of such a document, or one that is asked for: what was dropped as a
duplicate stands in no document any more, and may be what is to be forgotten. The report loses a row by it, no more. Of
a host that is asked for the row among the domains goes, too. All other figures stay those of the run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ccnet_pipeline import storage
from ccnet_pipeline.blocklist import place_of
from ccnet_pipeline.dedup.hashing import paragraph_hashes
from ccnet_pipeline.documents import Document
from ccnet_pipeline.observations.published import MOST_HEADER_TEXT, OBSERVATIONS, Observations
from ccnet_pipeline.observations.reading import packed, read_observations
from ccnet_pipeline.shards.asked import Asked, Signs
from ccnet_pipeline.shards.swapping import Swap


@dataclass(frozen=True, slots=True)
class Noted:
    """What of documents stands in the observations of a run; or that of it which was met in some documents."""

    ids: frozenset[str] = frozenset()  # of examples
    paragraphs: frozenset[int] = frozenset()  # hashes
    domains: frozenset[str] = frozenset()  # of paragraphs

    def met(self, document: Document) -> "Noted":
        """Return what of this a document has."""
        hashes = paragraph_hashes(document.text.split("\n")).tolist() if self.paragraphs else []
        domain = document.domain[:MOST_HEADER_TEXT]
        return Noted(self.ids & {document.id}, self.paragraphs & {*hashes}, self.domains & {domain})

    def __or__(self, other: "Noted") -> "Noted":
        """Return both."""
        return Noted(self.ids | other.ids, self.paragraphs | other.paragraphs, self.domains | other.domains)


def noted_in(observations: Observations | None) -> Noted:
    """Return what is to be looked for in documents."""
    if observations is None:
        return Noted()
    return Noted(
        frozenset(each.id for each in observations.examples),
        frozenset(int(each.hash, 16) for each in observations.repeated),
        frozenset(domain for each in observations.repeated for domain in each.domains),
    )


def without(observations: Observations, asked: Asked, met: Noted) -> Observations:
    """Return what is left.

    Args:
        observations: of the run.
        asked: what is to be taken out.
        met: what of the observations was met in documents that are taken out.
    """
    is_meant, is_asked = asked.matcher(), _domains_of(asked)
    gone = met.domains | {*filter(is_asked, noted_in(observations).domains)}
    return replace(
        observations,
        examples=[
            each for each in observations.examples if each.id not in met.ids and not is_meant(Signs(each.url, ""))
        ],
        repeated=[
            each
            for each in observations.repeated
            if int(each.hash, 16) not in met.paragraphs and gone.isdisjoint(each.domains)
        ],
        domains=[each for each in observations.domains if asked.kind != "hosts" or not is_asked(each.domain)],
    )


def _domains_of(asked: Asked) -> Callable[[str], bool]:
    """Return what tells whether a domain is one that is asked for, or that of a page that is."""
    if asked.kind == "digests":
        return lambda _: False
    if asked.kind == "hosts":
        is_meant = asked.matcher()
        return lambda domain: is_meant(Signs(f"http://{domain}/", ""))
    hosts = {entry.partition(" ")[0] for entry in asked.entries}
    return lambda domain: (place_of(f"http://{domain}/") or ("",))[0] in hosts


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The observations of a run before and after a removal."""

    before: Observations | None  # None: the run has none
    after: Observations | None

    @classmethod
    def of(cls, output: str, asked: Asked, met: Sequence[Noted]) -> "Rewritten":
        """Return what is left of the observations of a run directory; for the rest see `without`."""
        before, of_all = read_observations(output), Noted()
        for each in met:
            of_all |= each
        return cls(before, before and without(before, asked, of_all))

    @property
    def removed(self) -> int:
        """How many examples, paragraphs and domains go."""
        if self.before is None or self.after is None:
            return 0
        pairs = ((self.before.examples, self.after.examples), (self.before.repeated, self.after.repeated),
                 (self.before.domains, self.after.domains))  # fmt: skip
        return sum(len(before) - len(after) for before, after in pairs)

    def write(self, folder: str) -> list[Swap]:
        """Write the observations into a folder, if they change."""
        if self.after is None or not self.removed:
            return []
        aside = storage.join(folder, OBSERVATIONS)
        storage.write(aside, packed(self.after))
        return [Swap(OBSERVATIONS, storage.size(aside))]
