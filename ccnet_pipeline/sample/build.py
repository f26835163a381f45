"""Build the bundled crawl: 2 segments, each with 2 WET files and 1 WARC file that holds the pages of both.

The same texts give the same records, down to ids and dates. Every record is a gzip member of its own without
a time stamp; the packed bytes only depend on the build of zlib.
"""

import gzip
import html
import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ccnet_pipeline.sample import DUMP, text_directory
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

# 2026-01-12T05:00:00Z; the second segment was fetched seven hours later.
_START = 1_768_194_000
_SEGMENT_GAP = 7 * 3600
_FETCH_TIME = 3 * 3600
_FILES_PER_SEGMENT = 2
_SEGMENTS = ("1768194031.17", "1768219204.52")


@dataclass(frozen=True)
class Archive:
    """One file to be: `kind` is `wet` or `warc`; a WARC file holds all pages of its segment's WET files."""

    kind: str
    segment: str
    number: int
    start: int
    visits: tuple[tuple[Page, Identity], ...]

    @property
    def filename(self) -> str:
        first, last = (
            time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds)) for seconds in (self.start, self.start + _FETCH_TIME)
        )
        extension = {"wet": "warc.wet.gz", "warc": "warc.gz"}[self.kind]
        return f"CC-MAIN-{first}-{last}-{self.number:05d}.{extension}"

    @property
    def path(self) -> str:
        """The name below the crawl's root."""
        return f"crawl-data/{DUMP}/segments/{self.segment}/{self.kind}/{self.filename}"


def build(output: Path) -> list[tuple[str, int]]:
    """Write the crawl below a folder; returns the name and the size in bytes of every file."""
    made = []
    for name, members in _crawl():
        path = output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(path.name + ".part")
        aside.write_bytes(b"".join(member(content) for content in members))
        aside.replace(path)
        made.append((name, path.stat().st_size))
    return made


def differences(output: Path) -> list[str]:
    """One line for every file below a folder that `build` would make otherwise; compared unpacked."""
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
    wet = _wet_archives(sample_pages(text_directory()))
    warc = [_warc_archive(segment, wet) for segment in _SEGMENTS]
    yield f"crawl-data/{DUMP}/wet.paths.gz", [_listing(wet)]
    yield f"crawl-data/{DUMP}/warc.paths.gz", [_listing(warc)]
    for archive in wet:
        yield archive.path, list(_wet_records(archive))
    for archive in warc:
        yield archive.path, list(_warc_records(archive))


def _listing(archives: list[Archive]) -> bytes:
    return "".join(archive.path + "\n" for archive in archives).encode("ascii")


def _wet_archives(pages: list[Page]) -> list[Archive]:
    """Deal the pages out: those of one kind go round over the files, so that copies are apart."""
    count = len(_SEGMENTS) * _FILES_PER_SEGMENT
    shares: list[list[Page]] = [[] for _ in range(count)]
    dealt: dict[str, int] = {}
    for page in pages:
        turn = dealt.get(page.kind, 0)
        dealt[page.kind] = turn + 1
        # A kind that has only two pages comes into both segments.
        shares[(turn * 2 + turn // 2) % count].append(page)
    archives = []
    for place, share in enumerate(shares):
        random.Random(f"{SEED}/order/{place}").shuffle(share)
        segment, number = divmod(place, _FILES_PER_SEGMENT)
        start = _START + segment * _SEGMENT_GAP
        archives.append(Archive("wet", _SEGMENTS[segment], number, start, tuple(_visits(share, start))))
    return archives


def _warc_archive(segment: str, wet: list[Archive]) -> Archive:
    """The WARC file of a segment: the pages of its WET files in the order in which they were fetched."""
    parts = [archive for archive in wet if archive.segment == segment]
    visits = [visit for archive in parts for visit in archive.visits]
    visits.sort(key=lambda visit: (visit[1].seconds, visit[0].url))
    return Archive("warc", segment, 0, parts[0].start, tuple(visits))


def _visits(pages: list[Page], start: int) -> Iterator[tuple[Page, Identity]]:
    """Give every page its ids and its time."""
    step = _FETCH_TIME // len(pages)
    for place, page in enumerate(pages):
        source = random.Random(f"{SEED}/page/{page.url}")
        yield page, _identity(source, start + place * step + source.randrange(step))


def _wet_records(archive: Archive) -> Iterator[bytes]:
    source = random.Random(f"{SEED}/info/{archive.path}")
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
    yield warcinfo(archive.filename, _urn(source), extracted, lines)
    for page, identity in archive.visits:
        codes = dict.fromkeys(FRAMES[language].iso3 for language in page.languages)
        yield conversion(page.url, identity, ",".join(codes), page.text)


def _warc_records(archive: Archive) -> Iterator[bytes]:
    source = random.Random(f"{SEED}/info/{archive.path}")
    info_id = _urn(source)
    lines = [
        f"isPartOf: {DUMP}",
        "publisher: ccnet_pipeline.sample",
        "description: Sample crawl in the layout of Common Crawl, January 2026",
        "operator: nobody; this crawl is invented",
        "software: ccnet_pipeline.sample",
        "format: WARC File Format 1.1",
    ]
    yield warcinfo(archive.filename, info_id, archive.start, lines)
    seen = [(_exchange(page), identity) for page, identity in archive.visits]
    for exchange in _without_text(archive):
        seen.insert(source.randrange(len(seen)), (exchange, _identity(source, archive.start + 1800)))
    for exchange, identity in seen:
        address = f"192.0.2.{source.randint(1, 254)}"  # TEST-NET-1 (RFC 5737): nobody's address
        yield request(exchange.url, identity, info_id, address)
        yield response(exchange, identity, info_id, address)


def _identity(source: random.Random, seconds: int) -> Identity:
    return Identity(_urn(source), _urn(source), _urn(source), seconds)


def _urn(source: random.Random) -> str:
    return f"<urn:uuid:{uuid.UUID(int=source.getrandbits(128), version=4)}>"


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
    menu = "".join(f"<li>{html.escape(line)}</li>\n" for line in page.menu)
    body = "".join(f"<p>{html.escape(line)}</p>\n" for line in page.paragraphs)
    tail = "".join(f"<div>{html.escape(line)}</div>\n" for line in page.tail)
    return (
        f'<!DOCTYPE html>\n<html{language}>\n<head>\n<meta charset="{page.charset}">\n'
        f"<title>{html.escape(page.title)}</title>\n<style>nav li {{ display: inline }}</style>\n</head>\n"
        f"<body>\n<nav><ul>\n{menu}</ul></nav>\n<main>\n{body}</main>\n<footer>\n{tail}</footer>\n"
        f"<script>document.body.className = 'ready';</script>\n</body>\n</html>\n"
    )


def _without_text(archive: Archive) -> list[Exchange]:
    """Answers that give no WET record: nothing found, moved elsewhere, not HTML."""
    noise = random.Random(f"{SEED}/pdf/{archive.segment}").randbytes(400)
    missing = b"<html><head><title>Not found</title></head><body><h1>Not found</h1></body></html>\n"
    pdf = b"%PDF-1.4\n1 0 obj <</Length 400>> stream\n" + noise + b"\nendstream endobj\n%%EOF\n"
    location = f"Location: {archive.visits[0][0].url}"
    return [
        Exchange("http://attic.example/gone.html", "404 Not Found", "text/html", missing),
        Exchange("http://attic.example/moved", "301 Moved Permanently", "text/html", b"", (location,)),
        Exchange("http://attic.example/timetable.pdf", "200 OK", "application/pdf", pdf),
    ]
