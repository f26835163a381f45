"""What was noted of many archives, which are taken in their order: sums of what is cut depend on where it is cut."""

from dataclasses import dataclass, field

from ccnet_pipeline.observations.archive import CutoffPair, Observed
from ccnet_pipeline.observations.domains import Amounts, add_amounts, most_of
from ccnet_pipeline.observations.examples import Examples
from ccnet_pipeline.observations.repeated import Repeated

MOST_REPEATED_IN_GROUP = 500
MOST_DOMAINS_IN_GROUP = 500  # that gave most characters, and as many that lost most
# While they are added up there may be so many times more; at the next one half of that stays.
_SPARE = 20


@dataclass(slots=True)
class Merged:
    """What was noted of some archives together."""

    examples: Examples = field(default_factory=Examples)
    repeated: dict[int, Repeated] = field(default_factory=dict)
    domains: dict[str, Amounts] = field(default_factory=dict)
    cutoffs: dict[str, CutoffPair] = field(default_factory=dict)

    def add(self, observed: Observed) -> None:
        """Take what was noted of later archives."""
        for place, numbered in observed.examples.items():
            self.examples.add(place, numbered)
        for hashed, later in observed.repeated.items():
            self.repeated[hashed] = self.repeated[hashed] | later if hashed in self.repeated else later
        for name, amounts in observed.domains.items():
            self.domains[name] = add_amounts(self.domains.get(name, (0, 0, 0, 0)), amounts)
        self.cutoffs |= observed.cutoffs
        self._make_room()

    def _make_room(self) -> None:
        if len(self.repeated) > _SPARE * MOST_REPEATED_IN_GROUP:
            self.repeated = most_repeated(self.repeated, _SPARE // 2 * MOST_REPEATED_IN_GROUP)
        if len(self.domains) > 2 * _SPARE * MOST_DOMAINS_IN_GROUP:
            self.domains = most_of(self.domains, _SPARE // 2 * MOST_DOMAINS_IN_GROUP)

    def cut(self) -> Observed:
        """Return what came most often."""
        return Observed(
            examples=self.examples.of_place,
            repeated=most_repeated(self.repeated, MOST_REPEATED_IN_GROUP),
            domains=most_of(self.domains, MOST_DOMAINS_IN_GROUP),
            cutoffs=self.cutoffs,
        )


def most_repeated(repeated: dict[int, Repeated], most: int) -> dict[int, Repeated]:
    """Return the paragraphs of most records, these first; of equals the least hash."""
    hashes = sorted(repeated, key=lambda hashed: (-repeated[hashed].records, hashed))[:most]
    return {hashed: repeated[hashed] for hashed in hashes}
