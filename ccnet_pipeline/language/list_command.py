"""The command `list`: the table of languages, for people and for programs."""

import argparse
import csv
import functools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields

import msgspec
from rich.cells import cell_len
from rich.table import Table

from ccnet_pipeline.command import Parser
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.codes import CC100_CODES, LANGUAGES, Language
from ccnet_pipeline.language.combination import read_rule
from ccnet_pipeline.language.labels import CHINESE, code_of
from ccnet_pipeline.language.loading import ADDED_FILE, card_of
from ccnet_pipeline.terminal import output_console

# Columns with their headings, from left to right.
_HEADINGS = {
    "code": "code",
    "name": "name",
    "script": "script",
    "iso639_3": "639-3",
    "lid176": "lid.176",
    "added": "added",  # the model of this package; not in the file, for it is trained here
    "glotlid_v3": "GlotLID v3",
    "openlid_v2": "OpenLID v2",
    "openlid_v3": "OpenLID v3",
    "cc100_size": "CC-100",
    "xlmr_gib": "XLM-R GiB",
    "ccnet_lm": "cc_net LM",
    "neighbours": "neighbours",
    "native_name": "own name",
}
_Value = tuple[str, ...] | str | float | None
# What a narrow terminal goes without, first to last.
_LESS_IMPORTANT = (
    "iso639_3", "xlmr_gib", "openlid_v2", "openlid_v3", "script", "neighbours", "glotlid_v3", "native_name", "added",
)  # fmt: skip
_MOST_LABELS = 1  # of one model in the table; further ones are only counted
_NO_WIDTH = 1000  # of what is no terminal
_GAP = 2  # between columns


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "list",
        allow_abbrev=False,
        help="the 116 languages of CC-100: names, scripts, labels in public models, sizes, neighbours",
        description="Show the languages of CC-100, a line each; of those that are named, all that is known. "
        "Where each column is from stands in ccnet_pipeline/language/codes.py; added is the model of this package.",
    )
    text = "only these: codes of CC-100, ISO 639-3, or labels such as swh_Latn"
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help=text)
    text = "text is for people; csv and json have every column (%(default)s)"
    parser.add_argument("--format", choices=("text", "csv", "json"), default="text", help=text)
    return parser


def run(options: argparse.Namespace) -> None:
    """Print the languages that were asked for."""
    languages = _named(options.languages) if options.languages else list(LANGUAGES.values())
    if options.format == "csv":
        _write_csv(languages)
    elif options.format == "json":
        print(msgspec.json.format(msgspec.json.encode(languages), indent=2).decode())
    elif options.languages:
        print("\n\n".join(map(_record, languages)))
    else:
        print("\n".join(_table(languages)))


def _named(names: Sequence[str]) -> list[Language]:
    """Return the languages that names mean, each once, in the order of the names."""
    by_iso639_3 = {language.iso639_3: code for code, language in sorted(LANGUAGES.items(), reverse=True)}
    codes: dict[str, None] = {}
    for name in names:
        code = code_of(name if name in CC100_CODES else by_iso639_3.get(name, name))
        found = [code] if code in CC100_CODES else ["zh-Hans", "zh-Hant"] if code == CHINESE else []
        if not found:
            raise UserError(f"{name!r} is no language of CC-100; the command without it lists all")
        codes.update(dict.fromkeys(found))
    return [LANGUAGES[code] for code in codes]


def _write_csv(languages: Sequence[Language]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    columns = [field.name for field in fields(Language)]
    writer.writerow(columns)
    writer.writerows([_shown(getattr(language, column)) for column in columns] for language in languages)


def _record(language: Language) -> str:
    """Return all that is known of a language, a line each."""
    values = ((heading, _shown(_value(language, column))) for column, heading in _HEADINGS.items())
    return "\n".join(f"{heading:<13}{value or '-'}" for heading, value in values)


def _table(languages: Sequence[Language]) -> Iterator[str]:
    """Yield the lines of a table that is no wider than the terminal, and what it goes without."""
    console = output_console(_NO_WIDTH)
    cells = {column: [_shortened(_value(language, column)) for language in languages] for column in _HEADINGS}
    widths = {column: max(map(cell_len, [_HEADINGS[column], *cells[column]])) for column in cells}
    left_out = []
    for column in _LESS_IMPORTANT:
        if sum(widths.values()) + _GAP * (len(widths) - 1) <= console.width:
            break
        del widths[column]
        left_out.append(_HEADINGS[column])
    table = Table(box=None, pad_edge=False, header_style="")
    for column in widths:
        right = column in ("cc100_size", "xlmr_gib")
        table.add_column(_HEADINGS[column], no_wrap=True, justify="right" if right else "left")
    for row in zip(*(cells[column] for column in widths), strict=True):
        table.add_row(*row)
    with console.capture() as printed:
        console.print(table, crop=False)
    yield from (line.rstrip() for line in printed.get().splitlines())
    if left_out:
        yield f"There is no room here for {', '.join(left_out)}: see --format csv, or name a language."


def _value(language: Language, column: str) -> _Value:
    if column != "added":
        value: _Value = getattr(language, column)
        return value
    return next((label for label in (language.code, *language.lid176) if label in _added_labels()), None)


@functools.cache
def _added_labels() -> frozenset[str]:
    """Return the labels of the added model; none where it is not built."""
    card = card_of(ADDED_FILE)
    return frozenset(read_rule(card).labels) if card.is_file() else frozenset()


def _shown(value: _Value) -> str:
    """Return a value as it stands in the file.

    >>> _shown(("Cyrl", "Latn")), _shown(1.6), _shown(278.0), _shown(None)
    ('Cyrl Latn', '1.6', '278', '')
    """
    if isinstance(value, tuple):
        return " ".join(value)
    return f"{value:g}" if isinstance(value, float) else value or ""


def _shortened(value: _Value) -> str:
    """Return a value for the table.

    >>> _shortened(("gaz_Latn", "hae_Latn")), _shortened(("arb_Arab", "acm_Arab", "acq_Arab"))
    ('gaz_Latn +1', 'arb_Arab +2')
    """
    if isinstance(value, tuple) and len(value) > _MOST_LABELS and "_" in value[0]:
        return f"{' '.join(value[:_MOST_LABELS])} +{len(value) - _MOST_LABELS}"
    return _shown(value)
