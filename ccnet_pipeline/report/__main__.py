"""``python -m ccnet_pipeline.report OUT``: write OUT/report.html anew, or a page that compares two runs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ccnet_pipeline import storage
from ccnet_pipeline.command import Parser, run
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.report import REPORT, write_comparison, write_report

COMPARISON = "comparison.html"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m ccnet_pipeline.report",
        allow_abbrev=False,
        description="Write OUT/report.html: what a run read, kept and dropped, as one page without any other file.",
    )
    parser.add_argument("output", nargs="?", metavar="OUT", help="run directory (build_cc100 --output)")
    parser.add_argument("--compare", nargs=2, metavar=("A", "B"), help="two run directories: what changed from A to B")
    parser.add_argument(
        "--output",
        dest="page",
        metavar="FILE",
        help=f"page to write (default: OUT/{REPORT}; with --compare {COMPARISON})",
    )
    return parser


def _parse_and_run(arguments: Sequence[str] | None) -> None:
    options = _parser().parse_args(arguments)
    if (options.output is None) == (options.compare is None):
        raise UserError("give one run directory, or two with --compare A B (see --help)")
    if options.page:
        _check_folder(options.page)
    if options.compare:
        before, after = options.compare
        print(f"Comparison: {write_comparison(before, after, options.page or COMPARISON)}")
    else:
        print(f"Report: {write_report(options.output, options.page)}")


def _check_folder(page: str) -> None:
    """See that a page of one's own choice goes into a folder that is there: one that is not is a slip of the pen."""
    folder = Path(storage.local_path(page)).parent
    if storage.is_local(page) and not folder.is_dir():
        raise UserError(f"--output {page}: there is no folder {folder}; make it, or choose another place")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    return run("report", lambda: _parse_and_run(arguments))


if __name__ == "__main__":
    sys.exit(main())
