"""The command line: text in, a frozen `Arguments` out. Nothing is read or written here."""

import argparse
import dataclasses
import difflib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.formats import FORMATS
from ccnet_pipeline.models import KNOWN
from ccnet_pipeline.recipe import PRESETS, Recipe

SAMPLE_OUTPUT = "cc100-sample"
SAMPLE_LID_MODEL = "lid.176.ftz"
LOCAL_RUNNERS = ("DirectRunner", "FnApiRunner")
_RUNNERS = (*LOCAL_RUNNERS, "FlinkRunner", "DataflowRunner", "PortableRunner", "SparkRunner")

_DESCRIPTION = """\
Build a CC-100 style corpus: read CommonCrawl WET files, drop duplicate paragraphs, identify the language, score
fluency, and write one clean set of shards a language.

    python -m beam_jobs.build_cc100                                     # the bundled sample, into ./cc100-sample
    python -m beam_jobs.build_cc100 --input 'crawl/**/*.wet.gz' --output corpus --lm_dir models
    python -m beam_jobs.build_cc100 --input crawl-data/CC-MAIN-2018-51/wet.paths.gz --output corpus

A run that was interrupted is taken up by the same command."""

_EPILOG = """\
Options of Apache Beam are accepted too, such as, for --runner=FlinkRunner, --flink_master and --parallelism.
What each step does and why: docs/method.md. The form of the shards: docs/shard_format.md."""

_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """A command line that was understood."""

    inputs: tuple[str, ...]  # empty: the sample
    base: str | None
    output: str
    work_dir: str | None
    recipe: Recipe
    lid_model: str
    lm_dir: str | None
    formats: tuple[str, ...]
    shard_bytes: int
    keep_rejects: bool
    keep_work: bool
    overwrite: bool
    runner: str
    workers: int
    dedup_buckets: int  # 0: as many as memory asks for
    beam: tuple[str, ...]  # options for Beam


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see --help)")


class _BeamParser(_BeamArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (an option of Apache Beam)")


def parse(argv: Sequence[str]) -> Arguments:
    """Return the meaning of a command line.

    Raises:
        UserError: it has none.
    """
    parsed, rest = _parser().parse_known_args(argv)
    _check_beam_options(rest)
    recipe = _recipe(parsed)
    is_sample = not parsed.input
    if not is_sample and not parsed.output:
        raise UserError("--output is missing: the folder to write to")
    return Arguments(
        inputs=tuple(parsed.input),
        base=parsed.base,
        output=parsed.output or SAMPLE_OUTPUT,
        work_dir=parsed.work_dir,
        recipe=recipe,
        lid_model=parsed.lid_model or (SAMPLE_LID_MODEL if is_sample else "lid.176.bin"),
        lm_dir=parsed.lm_dir,
        formats=_choices("--formats", parsed.formats, FORMATS),
        shard_bytes=_size("--shard_bytes", parsed.shard_bytes),
        keep_rejects=parsed.keep_rejects,
        keep_work=parsed.keep_work,
        overwrite=parsed.overwrite,
        runner=_runner(parsed.runner),
        workers=_at_least("--workers", parsed.workers, 0) or _num_cores(),
        dedup_buckets=_at_least("--dedup_buckets", parsed.dedup_buckets, 0),
        beam=tuple(rest),
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m beam_jobs.build_cc100",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_places(parser.add_argument_group("what to read and write"))
    method = parser.add_argument_group("method; a default in brackets is that of the preset, cc100 / ccnet")
    _add_method(method)
    _add_models(method)
    _add_execution(parser.add_argument_group("execution; never changes what comes out"))
    return parser


def _add_places(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--input",
        nargs="+",
        action="extend",
        default=[],
        metavar="PATH",
        help="WET files: paths, quoted globs, folders, or listings (*.paths.gz); default: the bundled sample crawl",
    )
    add(
        "--base",
        metavar="DIR",
        help="the folder that the lines of a listing start from; default: the one that holds the listing's crawl-data/",
    )
    add("--output", metavar="DIR", help=f"the run directory; default for the sample: ./{SAMPLE_OUTPUT}")
    add(
        "--work_dir",
        metavar="DIR",
        help="where intermediate files go, about the size of the input; default: OUTPUT/work",
    )
    add(
        "--formats",
        default="jsonl.zst",
        metavar="LIST",
        help=f"forms of the shards, separated by commas: {', '.join(FORMATS)} (default: %(default)s)",
    )
    add(
        "--shard_bytes",
        default="512M",
        metavar="SIZE",
        help="compressed size at which a new shard begins, such as 64M or 1G (default: %(default)s)",
    )
    add("--keep_rejects", action="store_true", help="also write dropped documents, with the reason, to OUTPUT/rejects")
    add("--keep_work", action="store_true", help="keep intermediate files after success")
    add("--overwrite", action="store_true", help="start anew: remove the run that OUTPUT holds")


def _add_method(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--preset",
        default="cc100",
        choices=sorted(PRESETS),
        help="cc100: paragraphs are judged one by one, the tail is dropped; ccnet: as the public cc_net, "
        "bit-exact, everything labelled (default: %(default)s)",
    )
    add(
        "--unit",
        choices=["paragraph", "document"],
        help="what language and fluency are judged by [paragraph / document]",
    )
    add(
        "--title",
        choices=["paragraph", "field"],
        help="the first line of a page is its paragraph 0, or stands in the field title only [paragraph / field]",
    )
    add(
        "--normalization",
        choices=["mended", "ccnet"],
        help="text before language and fluency models: line breaks become blanks and all letters stay, or cc_net's "
        "form, bit for bit [mended / ccnet]",
    )
    add(
        "--min_chars",
        type=int,
        metavar="N",
        help=f"drop pages with less text after their title, in code points [{PRESETS['cc100'].min_chars}]",
    )
    add("--max_record_bytes", metavar="SIZE", help="drop records larger than this [16M]")
    add(
        "--dedup_scope",
        metavar="SCOPE",
        help='compare paragraphs within "all" segments or "group:N", N '
        "consecutive ones [all]; cc_net's own default is about group:2000",
    )
    add(
        "--dedup_keep",
        choices=["none", "first"],
        help="of a paragraph that two or more records have, keep no copy, or the first [none]",
    )


def _add_models(group: argparse._ArgumentGroup) -> None:
    cc100, ccnet = PRESETS["cc100"], PRESETS["ccnet"]
    add = group.add_argument
    add(
        "--lid_model",
        metavar="MODEL",
        help=f"fastText model: a path, or {' or '.join(KNOWN)}, which are fetched "
        f"and verified (default: lid.176.bin; for the sample {SAMPLE_LID_MODEL})",
    )
    add(
        "--min_language_score",
        type=float,
        metavar="P",
        help=f"drop text whose language is less probable, in [0, 1] [{cc100.min_language_score}]",
    )
    add(
        "--languages",
        metavar="LIST",
        help='languages to keep, separated by commas; "cc100": the 116 codes of CC-100; '
        f'"all": all that the model knows [{cc100.languages} / {ccnet.languages}]',
    )
    add(
        "--lm_dir",
        metavar="DIR",
        help="fluency models: <language>.sp.model, <language>.arpa.bin, cutoffs.csv; "
        "default: none, so every document is in bucket all (the sample has models of its own)",
    )
    add(
        "--keep_buckets",
        metavar="LIST",
        help=f"of {', '.join(BUCKETS)}: those to keep "
        f"[{','.join(cc100.keep_buckets)} / {','.join(ccnet.keep_buckets)}]",
    )


def _add_execution(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--runner",
        default="DirectRunner",
        metavar="RUNNER",
        help="DirectRunner (Beam's in-process runner, on this machine), FlinkRunner, DataflowRunner "
        "(default: %(default)s)",
    )
    add(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="processes of the DirectRunner; small inputs take one in any case (default: all cores)",
    )
    add(
        "--dedup_buckets",
        type=int,
        default=0,
        metavar="N",
        help="ranges that the hashes are cut into, one in memory at a time (default: so many that one is about 64 MB)",
    )


def _runner(value: str) -> str:
    """Return the name of a runner in its full spelling: Beam takes others too, and the local one must be told apart."""
    for name in _RUNNERS:
        if value.lower() in (name.lower(), name.lower().removesuffix("runner")):
            return name
    raise UserError(f"--runner {value!r}: want one of {', '.join(_RUNNERS)}")


def _recipe(parsed: argparse.Namespace) -> Recipe:
    names = ("unit", "normalization", "min_chars", "dedup_scope", "dedup_keep", "min_language_score", "languages")
    changes = {name: value for name in names if (value := getattr(parsed, name)) is not None}
    if "," in changes.get("languages", ""):  # the order typed, and blanks, must not make another configuration
        changes["languages"] = ",".join(sorted({code.strip() for code in changes["languages"].split(",")} - {""}))
    if parsed.title is not None:
        changes["title_is_paragraph"] = parsed.title == "paragraph"
    if parsed.max_record_bytes is not None:
        changes["max_record_bytes"] = _size("--max_record_bytes", parsed.max_record_bytes)
    if parsed.keep_buckets is not None:
        changes["keep_buckets"] = _choices("--keep_buckets", parsed.keep_buckets, BUCKETS)
    return dataclasses.replace(PRESETS[parsed.preset], **changes)


def _choices(option: str, value: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """Return the chosen names in the order of `allowed`, so that the order typed changes nothing."""
    chosen = {name.strip() for name in value.split(",") if name.strip()}
    if not chosen or not chosen <= set(allowed):
        raise UserError(f"{option} {value!r}: want some of {', '.join(allowed)}, separated by commas")
    return tuple(name for name in allowed if name in chosen)


def _size(option: str, value: str) -> int:
    match = re.fullmatch(r"(\d{1,15})\s*([kmg]?)b?", value.strip().lower())
    if not match or not int(match[1]):
        raise UserError(f"{option} {value!r}: want a size in bytes, such as 1000000, 64M or 1G")
    return int(match[1]) * _SIZES[match[2]]


def _at_least(option: str, value: int, minimum: int) -> int:
    if value < minimum:
        raise UserError(f"{option} must be {minimum} or more, not {value}")
    return value


def _num_cores() -> int:
    """Return the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_beam_options(rest: Sequence[str]) -> None:
    """Refuse options that neither we nor Beam know: Beam itself would let a misspelt one pass in silence."""
    parser = _BeamParser(add_help=False, allow_abbrev=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    parsed, unknown = parser.parse_known_args(list(rest))
    if parsed.direct_num_workers != 1 or parsed.direct_running_mode != "in_memory":
        raise UserError("--direct_num_workers and --direct_running_mode are ours to set: use --workers N")
    if unknown:
        ours = [option for action in _parser()._actions for option in action.option_strings]
        near = difflib.get_close_matches(unknown[0].partition("=")[0], ours, n=1)
        hint = f"; did you mean {near[0]}?" if near else " (see --help)"
        raise UserError(f"unknown option {unknown[0]}{hint}")
