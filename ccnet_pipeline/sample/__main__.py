"""``python -m ccnet_pipeline.sample``: rebuild the bundled crawl, or check that it is what the builder makes."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ccnet_pipeline.sample import crawl_directory
from ccnet_pipeline.sample.build import build, differences


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ccnet_pipeline.sample",
        description="Make the sample crawl (WET and WARC files in CommonCrawl's layout) from the texts that come "
        "with the package. The same texts always give the same records.",
        epilog="--check compares the archives after decompression: builds of zlib may pack the same records "
        "into different bytes, and that is no difference.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=crawl_directory(),
        metavar="DIR",
        help="folder to write to, or to check (default: the crawl inside the package, %(default)s)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit 1 if the crawl in --output differs from what the builder makes",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a difference found by --check, 2 for a user's mistake."""
    options = _parser().parse_args(arguments)
    if options.output.exists() and not options.output.is_dir():
        print(f"--output {options.output} is a file; give a folder", file=sys.stderr)
        return 2
    if not options.check:
        for path, size in build(options.output):
            print(f"{size:>9,} bytes  {path}")
        return 0
    found = differences(options.output)
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print("rebuild it: python -m ccnet_pipeline.sample", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
