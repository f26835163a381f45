"""Which examples a page shows, and how much of each: as much as fits into a page that a phone can load."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from ccnet_pipeline.observations.published import EXAMPLES_PER_PLACE, MOST_EXAMPLE_TEXT, Example
from ccnet_pipeline.reasons import in_order
from ccnet_pipeline.report import text

MOST_BYTES = 1_500_000  # of all examples of a page
_MARKUP = 330  # bytes around an example
_MOST_TITLE, _MOST_URL, _MOST_DOMAIN = 120, 160, 80  # code points
# Examples of a place, and code points of each: the first of these that fits.
_SIZES = (
    (EXAMPLES_PER_PLACE, MOST_EXAMPLE_TEXT),
    *((EXAMPLES_PER_PLACE, most) for most in (600, 400, 250)),
    (5, 250),
    (3, 200),
)


@dataclass(frozen=True, slots=True)
class ShownExample:
    """A document as it is shown."""

    example: Example
    text: str
    title: str
    url: str
    domain: str

    @property
    def size(self) -> int:
        """Bytes of it in the page, about."""
        return _MARKUP + sum(len(escape(part).encode()) for part in (self.text, self.title, self.url, self.domain))


@dataclass(frozen=True, slots=True)
class Place:
    """The examples of a language and bucket, or of a language and reason."""

    bucket: str
    reason: str | None
    examples: list[ShownExample]


@dataclass(frozen=True, slots=True)
class Shown:
    """The examples of a page, by language."""

    places: dict[str, list[Place]]
    most_text: int  # code points of each
    left_out: int  # examples that were noted and are not shown


def chosen(examples: Sequence[Example], languages: Iterable[str]) -> Shown:
    """Choose examples, and cut them.

    Args:
        examples: those that were noted.
        languages: the most important first; the last go without, where nothing else helps.
    """
    places = {key: list(group) for key, group in groupby(sorted(examples, key=_key), key=_key)}
    for per_place, most_text in _SIZES:
        shown = {key: [_shown(each, most_text) for each in group[:per_place]] for key, group in places.items()}
        size = sum(each.size for group in shown.values() for each in group)
        if size <= MOST_BYTES:
            break
    order = {code: number for number, code in enumerate(languages)}
    kept_first = sorted(shown, key=lambda key: (key[2] != "", order.get(key[0], len(order)), key))
    taken, room = set(), MOST_BYTES
    for key in kept_first:
        room -= sum(each.size for each in shown[key])
        if room < 0:
            break
        taken.add(key)
    by_language: dict[str, list[Place]] = {}
    for code, group in groupby(sorted(taken), key=lambda key: key[0]):
        keys = list(group)
        reasons = in_order({reason for _, _, reason in keys if reason})
        keys.sort(key=lambda key: (reasons.index(key[2]) + 1 if key[2] else 0, _BUCKET_ORDER.find(key[1]), key))
        by_language[code] = [Place(bucket, reason or None, shown[code, bucket, reason]) for _, bucket, reason in keys]
    return Shown(by_language, most_text, len(examples) - sum(len(shown[key]) for key in taken))


_BUCKET_ORDER = "head middle tail all"


def _key(example: Example) -> tuple[str, str, str]:
    return example.language, example.bucket if example.reason is None else "", example.reason or ""


def _shown(example: Example, most_text: int) -> ShownExample:
    return ShownExample(
        example,
        text=text.visible(text.beginning(example.text, most_text)),
        title=text.one_line(example.title, _MOST_TITLE),
        url=text.one_line(example.url, _MOST_URL),
        domain=text.one_line(example.domain, _MOST_DOMAIN),
    )
