"""How fast archives are read: CPU time of a bare fastwarc loop over that of ours, on the same files.

WET: decompression, headers, and the block decoded to text. WARC: the same for every record; then, response by response,
the main text of HTML, against fastwarc and resiliparse put together by hand. Both loops run in turn in one process,
after it was checked that they find the same records with the same text.

    python benchmarks/reader.py crawl/*.warc.wet.gz
    python benchmarks/reader.py crawl/*.warc.gz --rounds 5
"""

import argparse
import contextlib
import gzip
import hashlib
import itertools
import statistics
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import brotli  # type: ignore[import-untyped]
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ccnet_pipeline.archive import MAX_RECORD_BYTES, Record, read_archive  # noqa: E402
from ccnet_pipeline.errors import UserError  # noqa: E402
from ccnet_pipeline.web import WebReader  # noqa: E402

_SEGMENT = "benchmark"
_TYPES = {
    "conversion": WarcRecordType.conversion,
    "request": WarcRecordType.request,
    "response": WarcRecordType.response,
    "metadata": WarcRecordType.metadata,
}
_CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
}
_HTML_TYPES = ("text/html", "application/xhtml+xml")
_PEEK_RECORDS = 50


Found = tuple[str, str, str]  # URL, date and text of a record
Loop = Callable[[Path], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two loops that do the same."""

    name: str
    unit: str
    ours: Loop
    bare: Loop
    same_text: bool  # the texts must be equal; else only the records


# --- the loops


def read_ours(path: Path) -> Iterator[Found]:
    """Read every record that has text, headers by name, with `read_archive`."""
    with path.open("rb") as stream:
        for record in read_archive(stream):
            if type(record) is Record and record.type in _TYPES:
                get = record.headers.get
                text = record.body.decode("utf-8", "replace")
                yield get("warc-target-uri", ""), get("warc-date", ""), text


def read_bare(path: Path) -> Iterator[Found]:
    """Do the same with fastwarc."""
    wanted = WarcRecordType.conversion | WarcRecordType.request | WarcRecordType.response | WarcRecordType.metadata
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=wanted, parse_http=False):
            get = record.headers.get
            text = record.reader.read().decode("utf-8", "replace")
            yield get("WARC-Target-URI") or "", get("WARC-Date") or "", text


def extract_ours(path: Path) -> Iterator[Found]:
    """Read the main text of every HTML response with `WebReader`."""
    reader = WebReader(extractor="resiliparse", ignore_opt_out=True, min_chars=0, max_record_bytes=MAX_RECORD_BYTES)
    with path.open("rb") as stream:
        for record in read_archive(stream):
            if type(record) is Record and record.type == "response":
                page = reader.read(record, _SEGMENT).page
                if page is not None:
                    yield page.url, page.date, page.text


def extract_bare(path: Path) -> Iterator[Found]:
    """Do the same with fastwarc and resiliparse."""
    with path.open("rb") as stream:
        for record in ArchiveIterator(
            stream, record_types=WarcRecordType.response, parse_http=True, auto_decode="transfer"
        ):
            http = record.http_headers
            if http is None or http.status_code != 200 or record.http_content_type not in _HTML_TYPES:
                continue
            body = _decoded(record.reader.read(), http.get("Content-Encoding"))
            encoding = record.http_charset or detect_encoding(body, from_html_meta=True) or "utf-8"
            text = extract_plain_text(bytes_to_str(body, encoding, errors="replace"), main_content=True)
            get = record.headers.get
            yield get("WARC-Target-URI") or "", get("WARC-Date") or "", text


def _decoded(body: bytes, coding: str | None) -> bytes:
    # Not left to fastwarc: auto_decode="all" of 2.0.1 ends the iteration at the first body that does not decode.
    decode = _CODINGS.get((coding or "").strip().lower())
    if decode is None:
        return body
    with contextlib.suppress(zlib.error, EOFError, OSError, brotli.error):
        return decode(body)
    return body


READING = Comparison("reading and decoding", "record", read_ours, read_bare, same_text=True)
EXTRACTING = Comparison("HTML to main text", "page", extract_ours, extract_bare, same_text=False)


def comparisons(paths: Sequence[Path]) -> list[Comparison]:
    """Say what can be compared on these files.

    Raises:
        UserError: a file that cannot be opened, or has no record with text among its first.
    """
    types: set[str] = set()
    for path in paths:
        try:
            with path.open("rb") as stream:
                first = itertools.islice(read_archive(stream), _PEEK_RECORDS)
                found = {part.type for part in first if isinstance(part, Record)} & set(_TYPES)
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        if not found:
            raise UserError(f"{path} does not begin as a WARC or WET file with pages")
        types |= found
    return [READING, EXTRACTING] if "response" in types else [READING]


# --- measuring


def check(comparison: Comparison, paths: Sequence[Path]) -> str:
    """Compare what the loops find; return a line about it.

    Raises:
        UserError: they found other records, or other text where it should be the same.
    """
    total = same = 0
    for path in paths:
        ours, bare = ([_digest(found) for found in loop(path)] for loop in (comparison.ours, comparison.bare))
        if comparison.same_text and ours != bare:
            raise UserError(f"{path}: not the same records and texts ({len(ours):,} against {len(bare):,})")
        total += len(ours)
        same += len(set(ours) & set(bare))
        our_pages, bare_pages = ({page for page, _ in each} for each in (ours, bare))
        if len(our_pages & bare_pages) < 0.9 * len(our_pages | bare_pages):
            raise UserError(f"{path}: not the same pages ({len(ours):,} against {len(bare):,})")
    return f"{total:,} {comparison.unit}s; the same words in {same / total:.1%}"


def _digest(found: Found) -> tuple[tuple[str, str], bytes]:
    url, date, text = found
    words = " ".join(text.split())
    return (url.strip("<>"), date), hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()


def cpu_time(loop: Loop, paths: Sequence[Path]) -> tuple[int, float]:
    """Run a loop over all files; return how much it found, and its CPU seconds."""
    began = time.process_time()
    count = sum(1 for path in paths for _ in loop(path))
    return count, time.process_time() - began


def measure(comparison: Comparison, paths: Sequence[Path], rounds: int, table: Table) -> None:
    """Run both loops in turn and add two rows."""
    pairs = [(cpu_time(comparison.ours, paths), cpu_time(comparison.bare, paths)) for _ in range(rounds)]
    ratios = [bare_s / bare_n / (ours_s / ours_n) for (ours_n, ours_s), (bare_n, bare_s) in pairs]
    for name, side in (("ours", 0), ("bare loop", 1)):
        each = statistics.median(pair[side][1] / pair[side][0] for pair in pairs)
        ratio = f"{statistics.median(ratios):.3f}   [{min(ratios):.3f} .. {max(ratios):.3f}]" if not side else "1"
        table.add_row(comparison.name if not side else "", name, f"{1 / each:,.0f}", f"{each * 1e6:,.1f}", ratio)


# --- the command line


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python benchmarks/reader.py",
        description="Records a CPU second of our archive reader over those of a bare fastwarc loop on the same files, "
        "WET or WARC; for WARC also the HTML to text, against fastwarc and resiliparse. The design's bar is 0.8.",
        epilog="CPU time, not wall time; the loops run in turn, so that a busy machine slows both.",
        allow_abbrev=False,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="WET or WARC files, not mixed")
    text = "times that both loops run; medians are given (default: %(default)s)"
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help=text)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status is 0, or 2 for a user's mistake and for loops that do not find the same."""
    console = Console(width=100, highlight=False)
    try:
        parsed = _parser().parse_args(argv)
        if parsed.rounds < 1:
            raise UserError(f"--rounds must be 1 or more, not {parsed.rounds}")
        table = Table("work", "loop", box=box.SIMPLE_HEAD)
        for heading in ("per CPU s", "CPU us each", "ours / bare, rate"):
            table.add_column(heading, justify="right")
        for comparison in comparisons(parsed.files):
            console.print(f"{comparison.name}: {check(comparison, parsed.files)}")
            measure(comparison, parsed.files, parsed.rounds, table)
        console.print(table)
    except UserError as error:
        print(f"reader: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
