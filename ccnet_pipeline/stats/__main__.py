"""Print what a run has built: the tables of its end, with every language; and what is not finished.

    python -m ccnet_pipeline.stats corpus
    python -m ccnet_pipeline.stats s3://bucket/corpus --json > figures.json

It reads run.json, manifest.json and ledger.json, and counts nothing anew: see beam_jobs.verify.
"""

import argparse
from collections.abc import Sequence

import msgspec

from ccnet_pipeline import command, storage
from ccnet_pipeline.command import leave
from ccnet_pipeline.stats.figures import figures_of
from ccnet_pipeline.stats.tables import shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 (the network), 2 (the user's mistake), 130 (interrupted)."""
    return command.run("stats", lambda: _run(_parser().parse_args(arguments)))


def _parser() -> command.Parser:
    parser = command.Parser(
        prog="python -m ccnet_pipeline.stats",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    text = "what build_cc100 --output named: a folder, or s3://, gs://, az://, hdfs://"
    parser.add_argument("output", type=storage.folder, metavar="OUT", help=text)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, for programs")
    return parser


def _run(options: argparse.Namespace) -> None:
    figures = figures_of(options.output)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(figures), indent=2).decode())
    else:
        print(shown(figures))


if __name__ == "__main__":
    leave(main())
