"""Which examples a page shows, and how much of each: as much as fits into a page that a phone can load."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.observations.published import EXAMPLES_PER_PLACE, MOST_EXAMPLE_TEXT, Example
from ccnet_pipeline.reasons import in_order
from ccnet_pipeline.report import text

_Key = tuple[str, str, str]  # language; reason, or "" of what was kept; bucket of what was kept
MOST_BYTES = 2_200_000  # of all examples of a page
_MARKUP, _MARKUP_OF_PARAGRAPH = 280, 7  # bytes around an example, and around a paragraph of it
_MOST_TITLE, _MOST_URL, _MOST_DOMAIN = 120, 160, 80  # code points
# Examples of a bucket, examples of a reason, and code points of each: the first of these that fits.
_SIZES = (
    (EXAMPLES_PER_PLACE, EXAMPLES_PER_PLACE, MOST_EXAMPLE_TEXT),
    (EXAMPLES_PER_PLACE, EXAMPLES_PER_PLACE, 600),
    (EXAMPLES_PER_PLACE, EXAMPLES_PER_PLACE, 400),
    (EXAMPLES_PER_PLACE, 5, 400),
    (EXAMPLES_PER_PLACE, 5, 250),
    (EXAMPLES_PER_PLACE, 3, 250),
    (EXAMPLES_PER_PLACE, 3, 160),
    (EXAMPLES_PER_PLACE, 1, 120),
    (5, 1, 120),
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
        paragraphs = _MARKUP_OF_PARAGRAPH * (self.text.count("\n") + 1)
        return _MARKUP + paragraphs + sum(len(escape(part).encode()) for part in (self.text, self.title, self.url))


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
    noted = {key: list(group) for key, group in groupby(sorted(examples, key=_key), key=_key)}
    for kept, dropped, most_text in _SIZES:
        cut = {
            key: [_shown(e, most_text) for e in group[: dropped if key[1] else kept]] for key, group in noted.items()
        }
        if sum(map(_size, cut.values())) <= MOST_BYTES:
            break
    taken = _that_fit(cut, list(languages))
    places: dict[str, list[Place]] = {}
    for language, reason, bucket in sorted(taken, key=_order_of(taken)):
        places.setdefault(language, []).append(Place(bucket, reason or None, cut[language, reason, bucket]))
    return Shown(places, most_text, len(examples) - sum(len(cut[key]) for key in taken))


def _key(example: Example) -> _Key:
    return example.language, example.reason or "", "" if example.reason else example.bucket


def _size(examples: Iterable[ShownExample]) -> int:
    return sum(each.size for each in examples)


def _that_fit(places: Mapping[_Key, list[ShownExample]], languages: Sequence[str]) -> list[_Key]:
    """Return as many places as fit: what was kept before what was dropped, important languages first."""
    order = {code: number for number, code in enumerate(languages)}
    taken, room = [], MOST_BYTES
    for key in sorted(places, key=lambda key: (key[1] != "", order.get(key[0], len(order)), key)):
        room -= _size(places[key])
        if room < 0:
            break
        taken.append(key)
    return taken


def _order_of(keys: Iterable[_Key]) -> Callable[[_Key], tuple[str, int, int, str]]:
    """Return the order of places: by language, the buckets, then the reasons as a record meets them."""
    reasons = ["", *in_order({reason for _, reason, _ in keys if reason})]
    buckets: dict[str, int] = {bucket: number for number, bucket in enumerate(BUCKETS)}
    return lambda key: (key[0], reasons.index(key[1]), buckets.get(key[2], len(buckets)), key[2])


def _shown(example: Example, most_text: int) -> ShownExample:
    return ShownExample(
        example,
        text=text.visible(text.beginning(example.text, most_text)),
        title=text.one_line(example.title, _MOST_TITLE),
        url=text.one_line(example.url, _MOST_URL),
        domain=text.one_line(example.domain, _MOST_DOMAIN),
    )
