"""``python -m ccnet_pipeline.sample``: rebuild the bundled crawl or its models, or check that the crawl is as made.

Exit status: 0, 1 where --check found a difference, 2 for a mistake of the user.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ccnet_pipeline.command import Parser, run
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.programs import find_programs
from ccnet_pipeline.sample import crawl_directory, lm_directory
from ccnet_pipeline.sample.build import build, differences
from ccnet_pipeline.sample.models import train_samples


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m ccnet_pipeline.sample",
        allow_abbrev=False,
        description="Make the sample crawl (WET and WARC files in CommonCrawl's layout) from the texts that "
        "come with the package. The same texts always give the same records.",
        epilog="--check compares the archives after decompression: builds of zlib may pack the same records "
        "into different bytes, and that is no difference.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder to write to, or to check (default: that inside the package)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit 1 if the crawl in --output differs from what the builder makes",
    )
    parser.add_argument(
        "--models",
        action="store_true",
        help="train the small language models anew instead, with the programs of --kenlm_bin",
    )
    parser.add_argument("--kenlm_bin", type=Path, metavar="DIR", help="where lmplz and build_binary are")
    return parser


def _run(output: Path, check: bool) -> int:
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output} is a file; give a folder")
    if not check:
        for path, size in build(output):
            sys.stdout.write(f"{size:>9,} bytes  {path}\n")
        return 0
    found = differences(output)
    if not found:
        return 0
    sys.stderr.write("".join(f"{line}\n" for line in found))
    sys.stderr.write("to mend it: remove what is too much, then run python -m ccnet_pipeline.sample\n")
    return 1


def _parse_and_run(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    if options.models:
        train_samples(options.output or lm_directory(), find_programs(options.kenlm_bin))
        return 0
    return _run(options.output or crawl_directory(), options.check)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    return run("sample", lambda: _parse_and_run(arguments))


if __name__ == "__main__":
    sys.exit(main())
