"""Make other formats of a run that is complete, from its shards: the bytes that the run itself would have written.

    python -m ccnet_pipeline.export corpus --formats parquet,txt.xz
    python -m ccnet_pipeline.export corpus --formats parquet --languages sw,ha --output corpus-sw-ha

Without --output the files go to their places in OUT, and manifest.json and README.md follow. With it they go to a
folder of their own, with a manifest.json and a README.md. Interrupted, the same command goes on; given again, it makes
only what has changed.
"""

import argparse
from collections.abc import Sequence

from rich import filesize

from ccnet_pipeline import command, storage
from ccnet_pipeline.command import leave
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.export.exporting import Made, Wanted, export
from ccnet_pipeline.formats import FORMATS
from ccnet_pipeline.over_files import add_output, add_workers, workers_of
from ccnet_pipeline.shards.published_run import MANIFEST_FILE

_PROGRAM = "export"


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 (network, our defect), 2 (the user's mistake), 75 (a run is at work), 130."""
    again = "interrupted; the same command goes on where it stopped"
    return command.run(_PROGRAM, lambda: _run(_parser().parse_args(argv)), interrupted=again)


def _parser() -> command.Parser:
    parser = command.Parser(
        prog="python -m ccnet_pipeline.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add_output(parser)
    add("--formats", required=True, metavar="LIST", help=f"some of {', '.join(FORMATS)}, separated by commas")
    add("--output", dest="target", type=storage.folder, metavar="DIR", help="folder for the files (default: OUT)")
    add("--languages", metavar="LIST", help="codes separated by commas, with --output (default: all)")
    add_workers(parser)
    return parser


def _run(options: argparse.Namespace) -> None:
    wanted = Wanted(
        output=options.output,
        formats=_formats(options.formats),
        target=options.target,
        languages=None if options.languages is None else tuple(_names(options.languages)),
        workers=workers_of(options),
    )
    if wanted.languages == ():
        raise UserError("--languages is empty; leave it out for all")
    if wanted.languages and wanted.target is None:
        raise UserError("--languages needs --output: a run has all of its languages in every format")
    print(_summary(wanted, export(wanted, _PROGRAM)))


def _formats(value: str) -> tuple[str, ...]:
    names = _names(value)
    if not names or not set(names) <= set(FORMATS):
        raise UserError(f"--formats {value!r}: want some of {', '.join(FORMATS)}, separated by commas")
    return tuple(kind for kind in FORMATS if kind in names)


def _names(value: str) -> list[str]:
    return sorted({name.strip() for name in value.split(",")} - {""})


def _summary(wanted: Wanted, made: Made) -> str:
    folder = wanted.target or wanted.output
    if not made.files:
        return f"{wanted.output} holds no document: there is nothing to export"
    if not made.new:
        return f"{folder} has {', '.join(wanted.formats)} already: nothing to do"
    size = filesize.decimal(sum(file.bytes for file in made.new))
    return (
        f"{folder}: {len(made.new):,} files made, {size}; every file with its sha256: "
        f"{storage.join(folder, MANIFEST_FILE)}"
    )


if __name__ == "__main__":
    leave(main())
