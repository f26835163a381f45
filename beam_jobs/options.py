"""The command line: text in, a frozen `Arguments` out. Nothing is read or written here."""

import argparse
import dataclasses
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

from beam_jobs import document_options
from beam_jobs.document_options import Decontaminate, Filters
from beam_jobs.parser import SAMPLE_LID_MODEL, SAMPLE_OUTPUT, make_parser
from beam_jobs.runners.flink_options import FlinkOptions
from ccnet_pipeline import sample, storage
from ccnet_pipeline.command import at_least, default_workers
from ccnet_pipeline.dumps import DUMP_NAME, Choice, New, choice_of, is_name, named
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fetch import LONGEST_INTERVAL_S, FetchPolicy
from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.formats import FORMATS
from ccnet_pipeline.listings import Pick
from ccnet_pipeline.masking.kinds import MASKS
from ccnet_pipeline.recipe import PRESETS, Recipe
from ccnet_pipeline.segments import Selection

LOCAL_RUNNERS = ("DirectRunner", "FnApiRunner")
_RUNNERS = (*LOCAL_RUNNERS, "FlinkRunner", "DataflowRunner", "PortableRunner", "SparkRunner")

_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """A command line that was understood."""

    selection: Selection
    dump_choice: Choice | None  # dumps by their time; None: the selection names them
    is_sample: bool  # of the bundled crawl
    fetch: FetchPolicy
    output: str  # may have {dump} in it where the dump is not named yet
    work_dir: str | None
    recipe: Recipe
    blocklist: tuple[str, ...]  # files, folders and archives; none: nothing is unwanted
    blocklist_categories: tuple[str, ...]  # of folders and archives
    robots: Selection  # archives of robots.txt files; without inputs: none
    filters: Filters
    decontaminate: Decontaminate
    lid_model: str
    second_lid_model: str | None  # None: as the preset has it
    lm_dir: str | None
    formats: tuple[str, ...]
    shard_bytes: int
    keep_rejects: bool
    keep_labels: bool
    count_copies: bool
    keep_work: bool
    overwrite: bool
    runner: str
    detach: bool  # from a job on a cluster
    workers: int
    dedup_buckets: int  # 0: as many as memory asks for
    hash_index: str | None  # the folder
    estimate: Pick | None  # what is read to estimate the rest
    beam: tuple[str, ...]  # options for Beam


class _BeamParser(_BeamArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (an option of Apache Beam)")


def parse(argv: Sequence[str]) -> Arguments:
    """Return the meaning of a command line.

    Raises:
        UserError: it has none.
    """
    parsed, rest = make_parser().parse_known_args(argv)
    _check_beam_options(rest)
    for option in (
        "dump",
        "input",
        "base",
        "cache",
        "robots",
        "blocklist",
        "filters",
        "filter_thresholds",
        "decontaminate",
        "decontaminate_except",
        "output",
        "work_dir",
        "lid_model",
        "second_lid_model",
        "lm_dir",
        "hash_index",
    ):
        if "" in (getattr(parsed, option), *(getattr(parsed, option) or ())):
            raise UserError(f"--{option} is empty")
    for option in ("base", "cache", "output", "work_dir", "lm_dir", "hash_index"):
        if getattr(parsed, option):
            setattr(parsed, option, storage.folder(getattr(parsed, option)))
    for option in ("filter_thresholds", "lid_model", "second_lid_model"):
        if getattr(parsed, option):
            setattr(parsed, option, storage.local_path(getattr(parsed, option)))
    if parsed.cache and storage.is_remote(parsed.cache):
        raise UserError(f"--cache {parsed.cache}: want a local folder; each worker keeps archives on its own disk")
    recipe = _recipe(parsed)
    is_sample = not parsed.input and not parsed.dump
    if is_sample and parsed.base:
        raise UserError(f"--base {parsed.base}: what is to be read from there? give --dump, too")
    if not is_sample and not parsed.output and parsed.estimate is None:
        raise UserError("--output is missing: the folder to write to")
    selection, dump_choice = _selection(parsed), _dump_choice(parsed)
    output = parsed.output or SAMPLE_OUTPUT  # not used for an estimate
    return Arguments(
        selection=selection,
        dump_choice=dump_choice,
        is_sample=is_sample,
        fetch=_fetch_policy(parsed),
        output=output if dump_choice or parsed.estimate is not None else named(output, selection.dumps),
        work_dir=parsed.work_dir,
        recipe=recipe,
        blocklist=tuple(map(storage.local_path, parsed.blocklist)),
        blocklist_categories=_blocklist_categories(parsed),
        robots=Selection(inputs=tuple(parsed.robots), kind="warc", base=parsed.base, option="--robots"),
        filters=document_options.filters_of(parsed),
        decontaminate=document_options.decontaminate_of(parsed),
        lid_model=parsed.lid_model or (SAMPLE_LID_MODEL if is_sample else "lid.176.bin"),
        second_lid_model=parsed.second_lid_model,
        lm_dir=parsed.lm_dir,
        formats=_choices("--formats", parsed.formats, FORMATS),
        shard_bytes=_size("--shard_bytes", parsed.shard_bytes),
        keep_rejects=parsed.keep_rejects,
        keep_labels=parsed.keep_labels,
        count_copies=_count_copies(parsed.count_copies, recipe),
        keep_work=parsed.keep_work,
        overwrite=parsed.overwrite,
        runner=_runner(parsed.runner),
        detach=parsed.detach,
        workers=at_least("--workers", parsed.workers, 0) or default_workers(),
        dedup_buckets=at_least("--dedup_buckets", parsed.dedup_buckets, 0),
        hash_index=_hash_index(parsed.hash_index, recipe),
        estimate=_estimate(parsed),
        beam=tuple(rest),
    )


def _runner(value: str) -> str:
    """Return the name of a runner in its full spelling: Beam takes others too, and the local one must be told apart."""
    for name in _RUNNERS:
        if value.lower() in (name.lower(), name.lower().removesuffix("runner")):
            return name
    raise UserError(f"--runner {value!r}: want one of {', '.join(_RUNNERS)}")


def _selection(parsed: argparse.Namespace) -> Selection:
    dumps, base = tuple(dump for dump in parsed.dump if not choice_of(dump)), parsed.base
    bad = next((dump for dump in dumps if not is_name(dump)), None)
    if bad is not None:
        raise UserError(f"--dump {bad!r}: want the name of a dump, such as CC-MAIN-2018-51, or latest, or new")
    if not parsed.dump and not parsed.input:
        dumps, base = (sample.DUMP,), str(sample.crawl_directory())
    return Selection(inputs=tuple(parsed.input), dumps=dumps, kind=parsed.kind, base=base, pick=_pick(parsed))


def _dump_choice(parsed: argparse.Namespace) -> Choice | None:
    choice = next((found for dump in parsed.dump if (found := choice_of(dump))), None)
    if choice is None:
        return None
    if len(parsed.dump) > 1:
        raise UserError(f"--dump {choice} stands alone; give all dumps by their names, or none")
    if isinstance(choice, New):
        if parsed.input:
            raise UserError(f"--dump {choice} stands alone; what --input names would be read anew with every dump")
        if not parsed.hash_index and DUMP_NAME not in (parsed.output or ""):
            raise UserError(
                f"--dump {choice}: nothing remembers what was built; give --hash_index DIR, or a folder for each dump "
                f"with --output {parsed.output or 'DIR'}/{DUMP_NAME}"
            )
    return choice


def _pick(parsed: argparse.Namespace) -> Pick:
    if parsed.sample is not None:
        if parsed.segments is not None:
            raise UserError("--segments and --sample exclude each other")
        return Pick(sample=at_least("--sample", parsed.sample, 1), seed=parsed.sample_seed)
    if parsed.segments is None:
        return Pick()
    found = re.fullmatch(r"(\d{0,9}):(\d{0,9})", parsed.segments, re.ASCII)
    start, stop = (int(found[1] or 0), int(found[2]) if found[2] else None) if found else (0, 0)
    if stop is not None and stop <= start:
        raise UserError(f"--segments {parsed.segments!r}: want A:B with A < B, such as 0:40")
    return Pick(start=start, stop=stop)


def _fetch_policy(parsed: argparse.Namespace) -> FetchPolicy:
    if not 0 <= parsed.request_interval <= LONGEST_INTERVAL_S:
        raise UserError(
            f"--request_interval must be 0 to {LONGEST_INTERVAL_S:.0f} seconds, not {parsed.request_interval}"
        )
    return FetchPolicy(request_interval_s=parsed.request_interval, cache=parsed.cache)


def _recipe(parsed: argparse.Namespace) -> Recipe:
    names = [
        *("unit", "normalization", "min_chars", "verify_digests", "extractor", "ignore_opt_out"),
        *("dedup_scope", "dedup_keep", "min_language_score", "languages"),
    ]
    changes = {name: value for name in names if (value := getattr(parsed, name)) is not None}
    if "," in changes.get("languages", ""):  # the order typed, and blanks, must not make another configuration
        changes["languages"] = ",".join(sorted({code.strip() for code in changes["languages"].split(",")} - {""}))
    if parsed.title is not None:
        changes["title_is_paragraph"] = parsed.title == "paragraph"
    if parsed.max_record_bytes is not None:
        changes["max_record_bytes"] = _size("--max_record_bytes", parsed.max_record_bytes)
    if parsed.keep_buckets is not None:
        changes["keep_buckets"] = _choices("--keep_buckets", parsed.keep_buckets, BUCKETS)
    if parsed.mask is not None:
        changes["masks"] = _choices("--mask", parsed.mask, MASKS)
    return dataclasses.replace(PRESETS[parsed.preset], **changes)


def _blocklist_categories(parsed: argparse.Namespace) -> tuple[str, ...]:
    given = parsed.blocklist_categories
    names = {name.strip() for name in (given or "").split(",")} - {""}
    if given is not None and not parsed.blocklist:
        raise UserError("--blocklist_categories says what of a list counts: give --blocklist, too")
    if given is not None and not names:
        raise UserError(f"--blocklist_categories {given!r}: want names, separated by commas, such as adult,malware")
    return tuple(sorted(names))


def _hash_index(folder: str | None, recipe: Recipe) -> str | None:
    if folder is not None and recipe.group_size:
        raise UserError(
            f"--hash_index compares with all that came before, --dedup_scope {recipe.dedup_scope} with a few "
            "neighbours; leave one of them out"
        )
    return folder


def _count_copies(is_wanted: bool, recipe: Recipe) -> bool:
    if is_wanted and recipe.dedup_keep == "none":
        raise UserError(
            "--count_copies: with --dedup_keep none, what is kept stands in one record; give --dedup_keep first, too"
        )
    return is_wanted


def _estimate(parsed: argparse.Namespace) -> Pick | None:
    if parsed.estimate is None:
        return None
    return Pick(sample=at_least("--estimate", parsed.estimate, 1), seed=parsed.sample_seed)


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


def _check_beam_options(rest: Sequence[str]) -> None:
    """Refuse options that neither we nor Beam know: Beam itself would let a misspelt one pass in silence."""
    parser = _BeamParser(add_help=False, allow_abbrev=False)
    kinds: set[Any] = {*PipelineOptions.__subclasses__(), FlinkOptions}
    for options in kinds:
        options._add_argparse_args(parser)
    parsed, unknown = parser.parse_known_args(list(rest))
    if parsed.direct_num_workers != 1 or parsed.direct_running_mode != "in_memory":
        raise UserError("--direct_num_workers and --direct_running_mode are ours to set: use --workers N")
    if unknown:
        ours = [option for action in make_parser()._actions for option in action.option_strings]
        near = difflib.get_close_matches(unknown[0].partition("=")[0], ours, n=1)
        hint = f"; did you mean {near[0]}?" if near else " (see --help)"
        raise UserError(f"unknown option {unknown[0]}{hint}")
