"""The command `verify`: every byte of an index is as it was written."""

import argparse

from ccnet_pipeline.command import Parser
from ccnet_pipeline.dedup.sorting import HASH_BITS
from ccnet_pipeline.dedup.tables import parts
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.hash_index.directory import IndexReader, reading
from ccnet_pipeline.storage import shown


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "verify",
        allow_abbrev=False,
        help="read a whole index: checksums, order, counts",
        description="Read all hashes of an index, and compare their checksums, their order and their counts with what "
        "index.json says. About a second for 100 million hashes, if the disk or the network gives them.",
    )
    parser.add_argument("index", metavar="DIR", help="what build_cc100 --hash_index names: a folder, or s3://, ...")
    return parser


def run(options: argparse.Namespace) -> None:
    """Read everything; say that it is whole, or what is not."""
    name = shown(options.index)
    with reading(options.index) as index:
        reader = IndexReader(index, options.index)
        hashes = several = 0
        for [(found, in_several)] in parts([reader], 0, 1 << HASH_BITS):
            hashes += len(found)
            several += int(in_several.sum())
    if (hashes, several) != (index.hashes, index.several):
        raise UserError(
            f"{name} is damaged: {hashes:,} hashes, {several:,} in several records, and index.json says "
            f"{index.hashes:,} and {index.several:,}; restore the index from a copy, or make it anew"
        )
    print(f"{name} is whole: generation {index.generation}, {hashes:,} hashes, digest {index.digest}")
