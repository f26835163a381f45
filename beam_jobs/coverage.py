"""Which model can identify which of the wanted languages, and which have a fluency model: told before any work."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ccnet_pipeline.language import Offer

_MOST_SINGLE = 12  # languages that are told one by one


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the models of a run can give of what is wanted."""

    wanted: frozenset[str] | None  # None: whatever comes
    offers: tuple[Offer, ...]  # of the identification models, in the order in which they are asked
    with_fluency: frozenset[str]  # languages that have a fluency model
    missing: tuple[str, ...]  # wanted, and offered by no model

    @property
    def lid_models(self) -> tuple[str, ...]:
        return tuple(offer.model for offer in self.offers)

    def lines(self) -> Iterator[str]:
        """Yield the lines for the user; nothing where there is nothing to choose from."""
        if self.wanted is not None and len(self.wanted) <= _MOST_SINGLE:
            yield from self._one_by_one(sorted(self.wanted - frozenset(self.missing)))
        else:
            yield self._in_sum()
        if self.missing:
            has = f"{self.offers[0].model} has" if len(self.offers) == 1 else "the models have"
            yield f"{has} no label for {', '.join(self.missing)}: nothing will be filed there"

    def _one_by_one(self, languages: list[str]) -> Iterator[str]:
        width = max(map(len, languages))
        for language in languages:
            models = self._models_of(language)
            deciding = f"{models[0]} or, where it is not sure, {models[1]}" if len(models) > 1 else models[0]
            fluency = "fluency model" if language in self.with_fluency else "no fluency model: bucket all"
            yield f"{language:<{width}}  identified by {deciding}; {fluency}"

    def _in_sum(self) -> str:
        wanted = self.wanted if self.wanted is not None else frozenset[str]().union(*(o.languages for o in self.offers))
        first = Counter(models[0] for language in wanted if (models := self._models_of(language)))
        by_model = ", ".join(f"{first[model]} by {model}" for model in self.lid_models if first[model])
        fluent = len(wanted & self.with_fluency)
        return f"{len(wanted)} languages: {by_model}; {fluent} have a fluency model, others are in bucket all"

    def _models_of(self, language: str) -> list[str]:
        return [offer.model for offer in self.offers if language in offer.languages]
