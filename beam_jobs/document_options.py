"""Options about whole documents: filters, test files, masks; what they offer, and what they mean."""

import argparse
from dataclasses import dataclass

from ccnet_pipeline.command import at_least
from ccnet_pipeline.decontamination.findings import LEAST_RUN, NUM_WORDS
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.filters import ON_ERROR, OURS, OnError
from ccnet_pipeline.masking.kinds import MASKS, PLACEHOLDERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Decontaminate:
    """What documents are to be compared with."""

    files: tuple[str, ...] = ()  # and folders; none: with nothing
    excepted: tuple[str, ...] = ()  # likewise: what does not count
    num_words: int = NUM_WORDS  # of a run
    fields: tuple[str, ...] = ()  # of JSON and tables, that alone count; none: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """By which rules documents are to be dropped."""

    names: tuple[str, ...] = ()  # in the order in which they are asked
    thresholds: str | None = None
    on_error: OnError = ON_ERROR[0]


def add(group: argparse._ArgumentGroup) -> None:
    """Add these options to a group of a parser."""
    _add_filters(group)
    _add_test_files(group)
    _add_masks(group)


def _add_filters(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--filters",
        metavar="LIST",
        help=f"drop documents by rules, asked in this order, separated by commas: {', '.join(OURS)}, or functions of "
        "your own as module.function (docs/extending.md) [none]",
    )
    add("--filter_thresholds", metavar="FILE", help="what fineweb2 takes as too much or too little in each language")
    add(
        "--on_filter_error",
        choices=ON_ERROR,
        help="where a filter raises: end the run, or drop the document, counted as filter_error.<filter> "
        f"(default: {ON_ERROR[0]})",
    )


def _add_test_files(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--decontaminate",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE_OR_DIR",
        help="drop documents that share a run of words with one of these test files, local or remote: text, a text a "
        "line, .jsonl, .json (SQuAD), .tsv, .csv, columns of tokens (CoNLL, PAN-X); plain, .gz, .zst or .xz",
    )
    add(
        "--decontaminate_ngram",
        type=int,
        metavar="N",
        help=f"words of such a run; of Chinese and Japanese 1.5 characters count as a word, of Thai, Lao, Burmese and "
        f"Khmer 5 [{NUM_WORDS}]",
    )
    add(
        "--decontaminate_fields",
        metavar="LIST",
        help="of JSON, and of tables with a header, only the texts under these names, separated by commas [all]",
    )
    add(
        "--decontaminate_except",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE_OR_DIR",
        help="texts, in the same forms, whose runs of words do not count: licences and other phrases of many pages",
    )


def _add_masks(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--mask",
        metavar="LIST",
        help=f"of {', '.join(MASKS)}: put {', '.join(PLACEHOLDERS.values())} in place of e-mail addresses, phone "
        "numbers and public IP addresses, separated by commas; the last step [none]",
    )


def filters_of(parsed: argparse.Namespace) -> Filters:
    """Return the filters in the order typed: the first reason counts."""
    names = tuple(name.strip() for name in (parsed.filters or "").split(",") if name.strip())
    if parsed.filters is not None and not names:
        raise UserError(f"--filters {parsed.filters!r}: want names, separated by commas, such as c4,my_module.my")
    for option in ("filter_thresholds", "on_filter_error"):
        if getattr(parsed, option) is not None and not names:
            raise UserError(f"--{option} says how to filter: give --filters, too")
    return Filters(names=names, thresholds=parsed.filter_thresholds, on_error=parsed.on_filter_error or ON_ERROR[0])


def decontaminate_of(parsed: argparse.Namespace) -> Decontaminate:
    """Return what documents are compared with."""
    if not parsed.decontaminate:
        for name in ("except", "ngram", "fields"):
            if getattr(parsed, f"decontaminate_{name}") not in (None, []):
                raise UserError(
                    f"--decontaminate_{name} says how to compare with test files: give --decontaminate, too"
                )
        return Decontaminate()
    num_words, fields = parsed.decontaminate_ngram, parsed.decontaminate_fields
    names = {name.strip() for name in (fields or "").split(",")} - {""}
    if fields is not None and not names:
        raise UserError(f"--decontaminate_fields {fields!r}: want names, separated by commas, such as question,context")
    return Decontaminate(
        files=tuple(parsed.decontaminate),
        excepted=tuple(parsed.decontaminate_except),
        num_words=NUM_WORDS if num_words is None else at_least("--decontaminate_ngram", num_words, LEAST_RUN),
        fields=tuple(sorted(names)),
    )
