"""The command `info`: what an index holds, and how it came to be."""

import argparse

import msgspec
from rich.table import Table

from ccnet_pipeline.command import Parser, print_table
from ccnet_pipeline.hash_index.directory import read_index
from ccnet_pipeline.hash_index.index import Entry, Index


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "info",
        allow_abbrev=False,
        help="what an index holds: hashes, bytes, and the runs that it is made of",
        description="Show what an index holds, and the runs that it is made of. The hashes are not read: see verify.",
    )
    parser.add_argument("index", metavar="DIR", help="what build_cc100 --hash_index names: a folder, or s3://, ...")
    parser.add_argument("--json", action="store_true", help="print index.json, for programs")
    return parser


def run(options: argparse.Namespace) -> None:
    """Print what there is to say of an index."""
    index = read_index(options.index)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(index), indent=2).decode())
        return
    size = sum(part.size for part in index.parts)
    lines = {
        "version": f"{index.version}",
        "generation": f"{index.generation}",
        "digest": index.digest,
        "hashes": f"{index.hashes:,}",
        "in several records": f"{index.several:,} ({_share(index):.1%})",
        "bytes": f"{size:,} ({size / max(index.hashes, 1):.2f} a hash)",
        "normalization": index.hashing.normalization if index.hashing else "",
        "title": "" if not index.hashing else "paragraph" if index.hashing.title_is_paragraph else "field",
    }
    for heading, value in lines.items():
        print(f"{heading:<20}{value}".rstrip())
    if index.history:
        print_table(_history(index.history))


def _share(index: Index) -> float:
    return index.several / index.hashes if index.hashes else 0.0


def _history(history: list[Entry]) -> Table:
    table = Table(title="What was added", title_justify="left")
    for heading in ("generation", "run", "dumps"):
        table.add_column(heading)
    for heading in ("segments", "hashes new", "known", "come again"):
        table.add_column(heading, justify="right")
    for entry in history:
        counts = (entry.segments, entry.added, entry.known, entry.come_again)
        table.add_row(str(entry.generation), entry.run, " ".join(entry.dumps), *(f"{count:,}" for count in counts))
    return table
