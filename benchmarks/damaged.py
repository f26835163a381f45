"""What damaged archives still give: records found by our reader, by warcio and by fastwarc; and what we count as lost.

Every archive in the folders of the command line, as a Markdown table:

    python benchmarks/damaged.py commoncrawl/ warc_defects/

fastwarc runs in a process of its own, because it may hang or crash. `raises` and the like tell how the other reader
ended; without that it came to the end of the file and said nothing. Where another one gives more than ours, it gives
what is no whole record as if it were one: cut short, or without a length.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from warcio.archiveiterator import ArchiveIterator

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ccnet_pipeline.archive import Damage, read_archive  # noqa: E402

SUFFIXES = (".gz", ".warc", ".wet", ".wat", ".arc", ".zst", ".bz2", ".xz")
_FASTWARC = """
import sys
from fastwarc.warc import ArchiveIterator, WarcRecordType
count = 0
try:
    for record in ArchiveIterator(open(sys.argv[1], "rb"), record_types=WarcRecordType.any_type, parse_http=False):
        record.reader.read()
        count += 1
        print(count, flush=True)
except Exception as error:
    print("raises", type(error).__name__, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Found:
    """How many records a reader gave, and how it ended if not at the end of the file."""

    records: int
    ended: str = ""

    def __str__(self) -> str:
        return f"{self.records} {self.ended}".strip()


@dataclass(frozen=True, slots=True)
class Row:
    """One file in the table."""

    name: str
    size: int
    ours: int
    warcio: Found
    fastwarc: Found
    lost: int  # bytes
    reasons: str

    @property
    def differs(self) -> bool:
        """Whether there is anything to say of the file."""
        return bool(self.lost or self.reasons or {str(self.warcio), str(self.fastwarc)} != {str(self.ours)})


def archives(folders: Sequence[Path]) -> Iterator[Path]:
    """Give every archive in the folders."""
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def by_warcio(path: Path) -> Found:
    """Count until warcio raises."""
    count = 0
    with path.open("rb") as stream:
        try:
            for record in ArchiveIterator(stream, no_record_parse=True):
                record.content_stream().read()
                count += 1
        except Exception as error:  # anything at all
            return Found(count, f"raises {type(error).__name__}")
    return Found(count)


def by_fastwarc(path: Path, limit_s: float) -> Found:
    """Count until fastwarc raises, crashes, or has not ended after `limit_s` seconds."""
    command = [sys.executable, "-c", _FASTWARC, str(path)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
        lines, ended = ran.stdout.split("\n"), f"crashes ({ran.returncode})" if ran.returncode else ""
    except subprocess.TimeoutExpired as error:
        lines, ended = (error.stdout or b"").decode().split("\n"), "hangs"
    said = [line for line in lines if line]
    if said and said[-1].startswith("raises"):
        ended = said.pop()
    return Found(int(said[-1]) if said else 0, ended)


def row_of(path: Path, folder: Path, limit_s: float) -> Row:
    """Read one file with all three."""
    reasons: Counter[str] = Counter()
    ours = lost = 0
    with path.open("rb") as stream:
        for part in read_archive(stream):
            if isinstance(part, Damage):
                reasons[part.reason] += 1
                lost += part.size
            else:
                ours += 1
    said = ", ".join(f"{reason} x{count}" if count > 1 else reason for reason, count in reasons.items())
    name = str(path.relative_to(folder.parent))
    return Row(name, path.stat().st_size, ours, by_warcio(path), by_fastwarc(path, limit_s), lost, said)


def table(rows: Sequence[Row]) -> str:
    """Give the rows as Markdown."""
    lines = ["| file | bytes | ours | warcio | fastwarc | lost bytes | why |", "|---|---:|---:|---|---|---:|---|"]
    lines += [
        f"| {row.name} | {row.size} | {row.ours} | {row.warcio} | {row.fastwarc} | {row.lost} | {row.reasons} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders with archives")
    parser.add_argument("--limit_s", type=float, default=20, help="seconds that fastwarc may take for a file")
    parser.add_argument("--all", action="store_true", help="also files that all three read alike")
    options = parser.parse_args()
    made = [row_of(path, folder, options.limit_s) for folder in options.folders for path in archives([folder])]
    if not made:
        parser.error("no archives in these folders")
    shown = [row for row in made if options.all or row.differs]
    print(table(shown))
    alike = len(made) - len(shown)
    if alike:
        print(f"\n{alike} more files: all three give the same number of records, and nothing is lost.")


if __name__ == "__main__":
    main()
