"""Why something is dropped: every reason that the ledger counts, in the order in which a record meets them.

A record with at least one kept document is kept; any other has the reason of the furthest stage that it reached. A name
that ends with * stands for all that begin so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal, get_args

Step = Literal[
    "archive", "page", "length", "duplicates", "language", "fluency", "filters", "test_files", "masking", "later"
]
STEPS: tuple[Step, ...] = get_args(Step)
STEP_TITLES: Mapping[Step, str] = MappingProxyType(
    {
        "archive": "No page to use",
        "page": "No text found",
        "length": "Too short",
        "duplicates": "Duplicates",
        "language": "Language",
        "fluency": "Fluency",
        "filters": "Filters",
        "test_files": "Test files",
        "masking": "Masked",
        "later": "Taken out later",
    }
)


FILTER_ERROR = "filter_error"  # a dot and the name of the filter follow


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason to drop a record, a paragraph or a character."""

    name: str  # in ledger.json, and of a folder in rejects/
    step: Step
    meaning: str  # a phrase, for people

    def covers(self, name: str) -> bool:
        """Tell whether a name of the ledger is this reason; one with a dot is a filter's, whatever it begins with."""
        if not self.name.endswith("*"):
            return name == self.name
        return name.startswith(self.name[:-1]) and ("." in self.name or "." not in name)


REASONS: tuple[Reason, ...] = (
    Reason("record_type", "archive", "not a text record (warcinfo, request, ...)"),
    Reason("too_large", "archive", "bigger than --max_record_bytes, as stored or when its content is unpacked"),
    Reason("blocked", "archive", "on the --blocklist"),
    Reason("opt_out_robots_txt", "archive", "the robots.txt of its host disallows it (--robots)"),
    Reason(
        "wrong_digest", "archive", "its bytes are not those that the digest was computed of (--verify_digests strict)"
    ),
    Reason("not_http", "archive", "a response of another protocol, such as DNS"),
    Reason("bad_http", "archive", "no HTTP response can be read"),
    Reason("http_status", "archive", "a response with another status than 200"),
    Reason("opt_out_robots_header", "archive", "the page asks not to be indexed or mined, in the field X-Robots-Tag"),
    Reason("opt_out_robots_meta", "archive", "the page asks not to be indexed or mined, in a meta element for robots"),
    Reason("opt_out_tdm", "archive", "the page reserves the rights of text and data mining"),
    Reason("opt_out_content_usage", "archive", "the page asks not to be used for training, in the field Content-Usage"),
    Reason("opt_out_*", "archive", "the page asks not to be indexed or mined"),
    Reason("bad_content_coding", "page", "it cannot be unpacked, and is no text as it is"),
    Reason("not_html", "page", "an image, a PDF, a feed or something else that is no web page"),
    Reason("too_complex", "page", "it costs a parser of HTML more than it may"),
    Reason("extractor_failed", "page", "the extractor of the main text gave up"),
    Reason("empty", "page", "no text at all"),
    Reason("too_short", "length", "less text than --min_chars"),
    Reason("blank", "length", "nothing but white space; of a record: after its title"),
    Reason("duplicate", "duplicates", "stands in another record of the scope too"),
    Reason("repeated", "duplicates", "stands earlier in the same record"),
    Reason("language_unsure", "language", "no language scores as much as it needs (--min_language_score)"),
    Reason("not_language", "language", "no language at all: numbers, code, lists of keywords, damaged text"),
    Reason("language_unwanted", "language", "a language outside --languages"),
    Reason("bucket_head", "fluency", "bucket head (most fluent) is outside --keep_buckets"),
    Reason("bucket_middle", "fluency", "bucket middle is outside --keep_buckets"),
    Reason("bucket_tail", "fluency", "bucket tail (least fluent) is outside --keep_buckets"),
    Reason("bucket_all", "fluency", "bucket all (languages without a fluency model) is outside --keep_buckets"),
    Reason(f"{FILTER_ERROR}.*", "filters", "a filter raised, and gave no answer (--on_filter_error drop)"),
    Reason("contaminated", "test_files", "shares a run of words with a test file (--decontaminate)"),
    Reason(
        "masked", "masking", "characters that placeholders took the place of, in paragraphs that were kept (--mask)"
    ),
    Reason("removed_later", "later", "was kept, and taken out when the run was complete (beam_jobs.remove)"),
)
_BY_NAME = {reason.name: reason for reason in REASONS}


@cache
def reason_of(name: str) -> Reason:
    """Return what is known of a reason; one that is not in the table is that of a filter.

    >>> reason_of("my_package.my_filter").step
    'filters'
    """
    known = _BY_NAME.get(name) or next((each for each in REASONS if each.covers(name)), None)
    if known:
        return known
    filter_name, _, rule = name.rpartition(".")
    return Reason(
        name, "filters", f"dropped by the filter {filter_name or name}" + (f": {rule}" if filter_name else "")
    )


def filter_of(name: str) -> str | None:
    """Return the filter whose reason a name of the ledger is; None: it is no filter's, or that one failed.

    >>> filter_of("my_package.my_filter.too_long"), filter_of("filter_error.my_package.my_filter"), filter_of("blank")
    ('my_package.my_filter', None, None)
    """
    return None if name.startswith(f"{FILTER_ERROR}.") else name.rpartition(".")[0] or None


def in_order(names: Iterable[str]) -> list[str]:
    """Return names of reasons in the order in which a record meets them.

    >>> in_order(["bucket_tail", "my_filter", "contaminated", "empty"])
    ['empty', 'bucket_tail', 'my_filter', 'contaminated']
    """
    return sorted(names, key=_place)


def _place(name: str) -> tuple[int, int, str]:
    reason = reason_of(name)
    return STEPS.index(reason.step), REASONS.index(reason) if reason in REASONS else len(REASONS), name
