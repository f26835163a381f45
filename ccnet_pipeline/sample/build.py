"""Build the bundled crawl: 4 WET files in 2 segments, and a WARC file beside the first WET file of each segment.

The same texts give the same records, down to ids and dates. Every record is a gzip member of its own without a time
stamp; the packed bytes only depend on the build of zlib.
"""

import gzip
import html
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ccnet_pipeline.sample import text_directory
from ccnet_pipeline.sample.pages import SEED, Page, sample_pages
from ccnet_pipeline.sample.records import (
    Exchange,
    Identity,
    conversion,
    http_date,
    member,
    request,
    response,
    warcinfo,
)
from ccnet_pipeline.sample.sites import FRAMES

DUMP = "CC-MAIN-2026-04"
# 2026-01-12T05:00:00Z; the second segment was fetched seven hours later.
_START = 1_768_194_000
_SEGMENT_GAP = 7 * 3600
_FETCH_TIME = 3 * 3600
_FILES_PER_SEGMENT = 2
_SEGMENTS = ("1768194031.17", "1768219204.52")


@dataclass(frozen=True)
class Archive:
    """One WET file to be and, where `has_warc`, its WARC file; both hold the same pages."""

    segment: str
    number: int
    start: int
    pages: tuple[Page, ...]

    @property
    def has_warc(self) -> bool:
        return self.number == 0

    def path(self, kind: str) -> str:
        """The name below the crawl's root; `kind` is `wet` or `warc`."""
        extension = {"wet": "warc.wet.gz", "warc": "warc.gz"}[kind]
        return f"crawl-data/{DUMP}/segments/{self.segment}/{kind}/{self._stem}.{extension}"

    @property
    def _stem(self) -> str:
        first, last = (_compact(seconds) for seconds in (self.start, self.start + _FETCH_TIME))
        return f"CC-MAIN-{first}-{last}-{self.number:05d}"


def build(output: Path) -> list[tuple[str, int]]:
    """Write the crawl below a folder; returns the name and the size in bytes of every file."""
    made = []
    for name, members in _crawl():
        path = output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(member(content) for content in members))
        made.append((name, path.stat().st_size))
    return made


def differences(output: Path) -> list[str]:
    """One line for every file below a folder that is not what `build` makes; contents are compared unpacked."""
    expected = {name: b"".join(members) for name, members in _crawl()}
    present = {str(path.relative_to(output).as_posix()) for path in output.rglob("*") if path.is_file()}
    found = [f"{name}: the builder makes no such file" for name in sorted(present - expected.keys())]
    for name, content in expected.items():
        if name not in present:
            found.append(f"{name}: is missing")
        elif not _same(output / name, content):
            found.append(f"{name}: differs from what the builder makes")
    return found


def _same(path: Path, content: bytes) -> bool:
    try:
        return gzip.decompress(path.read_bytes()) == content
    except (OSError, EOFError):
        return False


def _crawl() -> Iterator[tuple[str, list[bytes]]]:
    """Every file: its name and the contents of its gzip members."""
    archives = _archives(sample_pages(text_directory()))
    wet = [archive.path("wet") for archive in archives]
    warc = [archive.path("warc") for archive in archives if archive.has_warc]
    yield f"crawl-data/{DUMP}/wet.paths.gz", [_listing(wet)]
    yield f"crawl-data/{DUMP}/warc.paths.gz", [_listing(warc)]
    for archive in archives:
        yield archive.path("wet"), list(_wet_records(archive))
        if archive.has_warc:
            yield archive.path("warc"), list(_warc_records(archive))


def _listing(names: list[str]) -> bytes:
    return "".join(name + "\n" for name in names).encode("ascii")


def _archives(pages: list[Page]) -> list[Archive]:
    """Deal the pages out: those of one kind go round over the files, so that copies stand in different files."""
    count = len(_SEGMENTS) * _FILES_PER_SEGMENT
    shares: list[list[Page]] = [[] for _ in range(count)]
    dealt: dict[str, int] = {}
    for page in pages:
        turn = dealt.get(page.kind, 0)
        dealt[page.kind] = turn + 1
        # 2 steps on the first round: the two WARC files get the kinds that only have two pages.
        shares[(turn * 2 + turn // 2) % count].append(page)
    archives = []
    for place, share in enumerate(shares):
        random.Random(f"{SEED}/order/{place}").shuffle(share)
        segment, number = divmod(place, _FILES_PER_SEGMENT)
        archives.append(Archive(_SEGMENTS[segment], number, _START + segment * _SEGMENT_GAP, tuple(share)))
    return archives


def _wet_records(archive: Archive) -> Iterator[bytes]:
    source = random.Random(f"{SEED}/info/{archive.path('wet')}")
    extracted = archive.start + 86_400
    lines = [
        "Software-Info: ccnet_pipeline.sample",
        f"Extracted-Date: {http_date(extracted)}",
        "robots: checked via crawler-commons 1.7 (imitated)",
        f"isPartOf: {DUMP}",
        "operator: nobody; this crawl is invented",
        "description: Sample crawl in the layout of Common Crawl, January 2026",
        "publisher: ccnet_pipeline.sample",
    ]
    yield warcinfo(archive.path("wet").rsplit("/", 1)[1], _urn(source), extracted, lines)
    for page, identity in _identified(archive):
        codes = dict.fromkeys(FRAMES[language].iso3 for language in page.languages)
        yield conversion(page.url, identity, ",".join(codes), page.text)


def _warc_records(archive: Archive) -> Iterator[bytes]:
    source = random.Random(f"{SEED}/info/{archive.path('warc')}")
    info_id = _urn(source)
    lines = [
        f"isPartOf: {DUMP}",
        "publisher: ccnet_pipeline.sample",
        "description: Sample crawl in the layout of Common Crawl, January 2026",
        "operator: nobody; this crawl is invented",
        "software: ccnet_pipeline.sample",
        "format: WARC File Format 1.1",
    ]
    yield warcinfo(archive.path("warc").rsplit("/", 1)[1], info_id, archive.start, lines)
    seen = [(_exchange(page), identity) for page, identity in _identified(archive)]
    for exchange in _without_text(archive):
        seen.insert(source.randrange(len(seen)), (exchange, _identity(source, archive.start + 1800)))
    for exchange, identity in seen:
        address = f"192.0.2.{source.randint(1, 254)}"  # TEST-NET-1 (RFC 5737): nobody's address
        yield request(exchange.url, identity, info_id, address)
        yield response(exchange, identity, info_id, address)


def _identified(archive: Archive) -> Iterator[tuple[Page, Identity]]:
    """The pages with their ids and times, the same ones for WET and WARC."""
    step = _FETCH_TIME // max(1, len(archive.pages))
    for place, page in enumerate(archive.pages):
        source = random.Random(f"{SEED}/page/{page.url}")
        yield page, _identity(source, archive.start + place * step + source.randrange(step))


def _identity(source: random.Random, seconds: int) -> Identity:
    return Identity(_urn(source), _urn(source), _urn(source), seconds)


def _urn(source: random.Random) -> str:
    return f"<urn:uuid:{uuid.UUID(int=source.getrandbits(128), version=4)}>"


def _compact(seconds: int) -> str:
    moment = http_date(seconds).split()
    month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split().index(moment[2]) + 1
    return f"{moment[3]}{month:02d}{moment[1]}{moment[4].replace(':', '')}"


def _exchange(page: Page) -> Exchange:
    """The page as HTML; damaged pages carry their damage into it."""
    if page.raw is not None:
        body = b"<html><body><p>" + page.raw + b"</p></body></html>\n"
        return Exchange(page.url, "200 OK", "text/html", body)
    return Exchange(
        page.url,
        "200 OK",
        f"text/html; charset={page.charset}",
        _html(page).encode(page.charset, "xmlcharrefreplace"),
    )


def _html(page: Page) -> str:
    language = f' lang="{page.languages[0]}"' if page.languages else ""
    menu = "".join(f'<li><a href="/{number}">{html.escape(line)}</a></li>\n' for number, line in enumerate(page.menu))
    body = "".join(f"<p>{html.escape(line)}</p>\n" for line in page.paragraphs)
    tail = "".join(f"<div>{html.escape(line)}</div>\n" for line in page.tail)
    return (
        f'<!DOCTYPE html>\n<html{language}>\n<head>\n<meta charset="{page.charset}">\n'
        f"<title>{html.escape(page.title)}</title>\n<style>nav li {{ display: inline }}</style>\n</head>\n<body>\n"
        f"<nav><ul>\n{menu}</ul></nav>\n<main>\n{body}</main>\n<footer>\n{tail}</footer>\n"
        f"<script>document.body.className = 'ready';</script>\n</body>\n</html>\n"
    )


def _without_text(archive: Archive) -> list[Exchange]:
    """Answers that give no WET record: nothing found, moved elsewhere, not HTML."""
    noise = random.Random(f"{SEED}/pdf/{archive.segment}").randbytes(400)
    missing = b"<html><head><title>Not found</title></head><body><h1>Not found</h1></body></html>\n"
    pdf = b"%PDF-1.4\n1 0 obj <</Length 400>> stream\n" + noise + b"\nendstream endobj\n%%EOF\n"
    target = archive.pages[0].url
    return [
        Exchange("http://attic.example/gone.html", "404 Not Found", "text/html", missing),
        Exchange("http://attic.example/moved", "301 Moved Permanently", "text/html", b"", (f"Location: {target}",)),
        Exchange("http://attic.example/timetable.pdf", "200 OK", "application/pdf", pdf),
    ]
