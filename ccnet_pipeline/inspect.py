"""Look into an archive: what it holds, what is wrong with it, how its first pages read.

    python -m ccnet_pipeline.inspect CC-MAIN-20181209170142-00000.warc.wet.gz --lid_model lid.176.ftz
    python -m ccnet_pipeline.inspect https://data.commoncrawl.org/crawl-data/.../x.warc.gz --records 1000
    python -m ccnet_pipeline.inspect s3://commoncrawl/crawl-data/.../x.warc.gz --record 123456
    python -m ccnet_pipeline.inspect whole-file-in-one-member.warc.gz --record 0:17

A page is counted as build_cc100 would read it with the preset cc100, before any comparison with others: its language
is that of the whole page.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ccnet_pipeline import command
from ccnet_pipeline.archive import Damage, Record, read_archive
from ccnet_pipeline.command import leave
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.extract import Extraction
from ccnet_pipeline.fetch import FetchPolicy, Readable, open_archive, shown, size_of
from ccnet_pipeline.language import NOT_LANGUAGE, UNDETERMINED, Identifier, for_identification, load, with_second
from ccnet_pipeline.ledger import DamageTally
from ccnet_pipeline.models import KNOWN, find_model
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.recipe import CC100

_STATUS = re.compile(rb"HTTP/\S+[ \t]+(\d{3})")
_NO_LANGUAGES = {UNDETERMINED: "(unsure)", NOT_LANGUAGE: "(no language)"}
_PLACES = 5  # of damage that are named
_SNIPPET = 160  # code points
_MOST_COUNTED = 1000  # records of one offset
_PLACE = re.compile(r"(\d{1,18})(?::([1-9]\d{0,17}))?")


@dataclass(slots=True)
class Survey:
    """What was found in an archive."""

    records: Counter[str] = field(default_factory=Counter)  # by type
    statuses: Counter[str] = field(default_factory=Counter)  # of HTTP, of responses
    pages: int = 0  # with enough text to go on
    no_page: Counter[str] = field(default_factory=Counter)  # text records by the reason why they go no further
    languages: Counter[str] = field(default_factory=Counter)  # of the pages
    damage: DamageTally = field(default_factory=DamageTally)
    places: list[Damage] = field(default_factory=list)  # the first ones
    first: list[tuple[str, Page]] = field(default_factory=list)  # with the place of the record, as --record takes it


def survey(parts: Iterable[Record | Damage], identifier: Identifier | None, num_first: int) -> Survey:
    """Count what an archive gives.

    Args:
        parts: of `read_archive`.
        identifier: finds the language of each page; None: none is sought.
        num_first: so many pages are kept as they are.
    """
    extraction = Extraction("", CC100)
    found = Survey(damage=extraction.account.damage)
    for part in parts:
        if isinstance(part, Damage):
            found.damage.count(part.reason, part.size, part.members)
            found.places += [part] if len(found.places) < _PLACES else []
            continue
        found.records[part.type or "(no type)"] += 1
        if part.type == "response" and (status := _STATUS.match(part.body)):
            found.statuses[status[1].decode()] += 1
        page = extraction.page_of(part)
        if isinstance(page, str):
            found.no_page[page] += 1
        elif page.reason:
            found.no_page[page.reason] += 1
        else:
            if len(found.first) < num_first:
                found.first.append((_place(part.offset, part.number), page))
            _count_page(found, page, identifier)
    return found


def _place(offset: int, number: int) -> str:
    return f"{offset}:{number}" if number > 1 else str(offset)


def _count_page(found: Survey, page: Page, identifier: Identifier | None) -> None:
    found.pages += 1
    if identifier:
        [answer] = identifier.identify([" ".join(for_identification(page.lines or [""]))])
        found.languages[_NO_LANGUAGES.get(answer.language, answer.language)] += 1


def lines_of(found: Survey) -> Iterator[str]:
    """Yield a survey as lines for people."""
    yield from _table("records", found.records)
    yield from _table("HTTP status", found.statuses)
    yield from _table("pages", Counter({"with text": found.pages}) + found.no_page)
    yield from _table("languages of pages", found.languages)
    if not found.damage.reasons:
        yield "no damage"
    else:
        yield f"damage: {found.damage.bytes:,} bytes and {found.damage.members:,} members lost"
        yield from (f"    {reason:<22} {count:>10,}" for reason, count in sorted(found.damage.reasons.items()))
        yield from (f"    at byte {each.offset:,}: {each.reason}, {each.size:,} bytes" for each in found.places)
    for place, page in found.first:
        yield ""
        yield f"--record {place}   {_clean(page.url)}   {_clean(page.date)}"
        yield f"    {_shortened(page.title)}"
        yield f"    {_shortened(page.text)}"


def _table(title: str, counts: Counter[str]) -> Iterator[str]:
    if counts:
        yield f"{title}: {sum(counts.values()):,}"
        yield from (f"    {_clean(name):<22} {count:>10,}" for name, count in counts.most_common())


def _shortened(text: str) -> str:
    return _clean(text[:_SNIPPET].replace("\n", " ")) + ("…" if len(text) > _SNIPPET else "")


def _clean(text: str) -> str:
    """Return a text without controls, which could do anything to a terminal; line feeds and tabs stay."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and how many begin at its offset."""

    record: Record
    count: int  # as far as they were counted
    more: bool  # there are more


def find_record(path: str, offset: int, number: int, policy: FetchPolicy) -> Found:
    """Return a record by `Record.offset` and `Record.number`.

    Raises:
        UserError: there is none.
        FetchError: the file is out of reach.
    """
    with open_archive(path, policy, start=offset) as stream:
        found, count, more = _count_records(_read(stream), 0, number)
    if not count:
        # A zstd archive may need the dictionary that stands at its beginning.
        with open_archive(path, policy) as stream:
            found, count, more = _count_records(_read(stream), offset, number)
    if found:
        return Found(found, count, more)
    if not count:
        remedy = "without --record the first ones are shown"
        raise UserError(f"no record begins at byte {offset} of {shown(path)}; {remedy}")
    raise UserError(f"{count} record{'s' * (count > 1)} at byte {offset} of {shown(path)}, not {number} or more")


def _count_records(parts: Iterator[Record | Damage], offset: int, number: int) -> tuple[Record | None, int, bool]:
    """Return the record of this number at an offset, how many there are there, and whether there are more."""
    wanted, count = None, 0
    for part in parts:
        if not isinstance(part, Record) or part.offset < offset:
            continue
        if part.offset > offset:
            break
        if count >= max(number, _MOST_COUNTED):
            return wanted, count, True
        count = part.number
        wanted = part if part.number == number else wanted
    return wanted, count, False


def _read(stream: Readable) -> Iterator[Record | Damage]:
    return read_archive(stream, max_record_bytes=CC100.max_record_bytes)


def _print_record(found: Found, offset: int) -> None:
    record, number = found.record, found.record.number
    if found.count > 1:
        last = number == found.count and not found.more
        print(
            f"record {number} of {'more than ' * found.more}{found.count} at this offset"
            + ("" if last else f"; --record {offset}:{number + 1} for the next")
        )
    for name, value in record.headers.items():
        print(_clean(f"{name}: {value}"))
    print()
    page = Extraction("", CC100).page_of(record)
    if isinstance(page, Page):
        print(_clean(page.title))
        print(_clean(page.text))
    elif record.type in ("warcinfo", "metadata", "request"):
        print(_clean(record.body.decode("utf-8", "replace").replace("\r\n", "\n")))
    else:
        print(f"({len(record.body):,} bytes; no page: {page})")


def _parser() -> argparse.ArgumentParser:
    parser = command.Parser(
        prog="python -m ccnet_pipeline.inspect",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("archive", nargs="+", metavar="FILE|URL", help="WARC, WET or ARC: a path, or a URL (http, https, s3, gs)")
    add(
        "--record",
        metavar="OFFSET[:N]",
        help="print the record that begins at this byte, and nothing else; where a member holds many, the N-th of them "
        "(default: the first)",
    )
    add("--records", type=int, metavar="N", help="stop after so many records: the rest is not fetched")
    add("--documents", type=int, default=3, metavar="N", help="show so many of the first pages (default: %(default)s)")
    add("--lid_model", metavar="MODEL", help=f"find languages: a fastText model, or {' or '.join(KNOWN)}")
    add("--cache", metavar="DIR", help="keep what is downloaded, as for build_cc100")
    return parser


def _parse_place(text: str) -> tuple[int, int]:
    """Return offset and number of a record.

    Raises:
        UserError: the text is something else.
    """
    place = _PLACE.fullmatch(text)
    if place is None:
        raise UserError(f"--record takes OFFSET or OFFSET:N, such as 1234 or 1234:2, not {text}")
    return int(place[1]), int(place[2] or 1)


def _run(parsed: argparse.Namespace) -> None:
    policy = FetchPolicy(cache=parsed.cache)
    identifier = _identifier(parsed.lid_model) if parsed.lid_model else None
    for number, path in enumerate(parsed.archive):
        if parsed.record is not None:
            offset, which = parsed.record
            _print_record(find_record(path, offset, which, policy), offset)
            continue
        size = size_of(path, policy)
        print(f"{chr(10) * (number > 0)}{shown(path)}" + (f"   {size:,} bytes" if size is not None else ""))
        with open_archive(path, policy) as stream:
            parts = _read(stream) if parsed.records is None else _first(_read(stream), parsed.records)
            found = survey(parts, identifier, parsed.documents)
        print("\n".join(lines_of(found)))


def _identifier(name_or_path: str) -> Identifier:
    models = with_second(find_model(name_or_path), None, added_by_default=True)
    return load(models).identifier(replace(CC100, unit="document").judgement)  # a page begins with its menu


def _first(parts: Iterator[Record | Damage], num_records: int) -> Iterator[Record | Damage]:
    seen = 0
    while seen < num_records and (part := next(parts, None)) is not None:
        seen += isinstance(part, Record)
        yield part


def _parse_and_run(argv: Sequence[str] | None) -> None:
    parsed = _parser().parse_args(argv)
    if parsed.record is not None:
        parsed.record = _parse_place(parsed.record)
    for name in ("records", "documents"):
        if (getattr(parsed, name) or 0) < 0:
            raise UserError(f"--{name} must be 0 or more, not {getattr(parsed, name)}")
    try:
        _run(parsed)
    except OSError as error:
        if error.filename is None:  # not of an archive: of what is printed
            raise
        raise UserError(f"{shown(str(error.filename))}: {error.strerror}; give the path of an archive") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 (the network), 2 (the user's mistake), 130 (interrupted)."""
    return command.run("inspect", lambda: _parse_and_run(argv))


if __name__ == "__main__":
    leave(main())
