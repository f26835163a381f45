"""One run from its command line to its summary: check everything, build the graph, run it, say what came out."""

import importlib.metadata
import logging
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs import local, run_directory, storage, submission
from beam_jobs.elements import FinalFile
from beam_jobs.graph import Plan, build
from beam_jobs.layout import Layout
from beam_jobs.options import LOCAL_RUNNERS, Arguments, parse
from beam_jobs.progress import shown
from beam_jobs.summary import print_summary
from ccnet_pipeline import command, sample
from ccnet_pipeline.blocklist import Blocklist
from ccnet_pipeline.checksums import sha256_of
from ccnet_pipeline.fluency import CUTOFFS_FILE, FluencyModel, find_models, languages_of_model
from ccnet_pipeline.formats import JSONL
from ccnet_pipeline.language import FastTextScorer, languages_without_label, parse_languages
from ccnet_pipeline.models import find_model
from ccnet_pipeline.recipe import Configuration, Input, digest_of_inputs
from ccnet_pipeline.robots import Compiled, compile_archives
from ccnet_pipeline.segments import Segment, estimate_bytes, find_segments
from ccnet_pipeline.web import version_of

PACKAGE = "cc100-xlmr"
# Beam's worker processes cost about 6 CPU seconds to start: what one process does in less stays in one.
_SMALL_INPUT_BYTES = 16 << 20
# Hashes are about a quarter of a compressed WET file; while a range is resolved it takes some five times its size.
_HASH_SHARE = 0.25
_BUCKET_BYTES = 64 << 20
_MAX_BUCKETS = 4096


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; return the exit status: 0, 1 (network, our defect), 2 (the user's mistake), 130 (interrupted)."""
    # What matters of Beam's errors arrives as an exception; its log repeats each of them with a traceback a layer.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    again = "the same command, without --overwrite," if "--overwrite" in (argv or sys.argv) else "the same command"
    return command.run(
        "build_cc100",
        lambda: run(parse(sys.argv[1:] if argv is None else argv)),
        interrupted=f"interrupted; {again} goes on where it stopped",
        message_of=_find,
    )


def run(arguments: Arguments) -> None:
    """Build the corpus that the arguments ask for, as far as it is not built yet."""
    storage.check_place(arguments.output, "--output")
    if arguments.work_dir:
        storage.check_place(arguments.work_dir, "--work_dir")
    segments = find_segments(arguments.selection, arguments.fetch)
    lid_model = find_model(arguments.lid_model)
    lm_dir = Path(arguments.lm_dir) if arguments.lm_dir else sample.lm_directory() if arguments.is_sample else None
    models, missing = _checked_models(arguments, lid_model, lm_dir)
    blocklist = Path(arguments.blocklist) if arguments.blocklist else None
    if blocklist:
        Blocklist.load(blocklist)  # a broken one must show before any work
    robots = _compiled(arguments)
    config = Configuration(
        package_version=importlib.metadata.version(PACKAGE),
        recipe=arguments.recipe,
        formats=arguments.formats,
        shard_bytes=arguments.shard_bytes,
        keep_rejects=arguments.keep_rejects,
        models={path.name: sha256_of(path) for path in models},
        blocklist_sha256=sha256_of(blocklist) if blocklist else None,
        robots_sha256=robots.sha256 if robots else None,
        extractor_version=version_of(arguments.recipe.extractor),
        inputs_sha256=digest_of_inputs([Input(segment.name, segment.size) for segment in segments]),
        num_segments=len(segments),
    )
    size = estimate_bytes(segments, arguments.fetch)
    workers, pipeline = _make_pipeline(arguments, len(segments), size)
    with storage.locked(arguments.output):
        ours = run_directory.claim(
            arguments.output,
            config,
            segments,
            work_dir=arguments.work_dir,
            runner=arguments.runner,
            overwrite=arguments.overwrite,
        )
        if ours.is_complete:
            print(f"{arguments.output} is complete already: the same input, configuration and models.")
        else:
            plan = _plan(arguments, config, ours.layout, segments, size, lid_model, lm_dir)
            if robots:
                storage.write(plan.layout.robots_file, robots.packed)
            with storage.locked(ours.layout.work):
                for remark in _remarks(
                    lid_model, missing, robots
                ):  # so late because the line of a mistake stands alone
                    print(f"build_cc100: {remark}", file=sys.stderr)
                _execute(pipeline, plan, workers, num_segments=len(segments), size=size)
        if not arguments.keep_work:
            run_directory.remove_work(arguments.output, ours.work)
        files = print_summary(ours.layout)
    _print_next_steps(arguments, files)


def _plan(
    arguments: Arguments,
    config: Configuration,
    layout: Layout,
    segments: Sequence[Segment],
    size: int,
    lid_model: Path,
    lm_dir: Path | None,
) -> Plan:
    """Write the list of segments and return the plan, all paths absolute: workers may run in another folder."""
    layout = Layout(output=storage.absolute(layout.output), work=storage.absolute(layout.work))
    segments_file = storage.join(layout.work, "segments.json")
    storage.write_json(segments_file, [replace(each, path=storage.absolute(each.path)) for each in segments])
    cache = arguments.fetch.cache
    return Plan(
        configuration=config,
        layout=layout,
        segments_file=segments_file,
        num_buckets=arguments.dedup_buckets or _num_buckets(size, len(segments), config),
        fetch=replace(arguments.fetch, cache=storage.absolute(cache) if cache else None),
        blocklist=Path(arguments.blocklist).absolute() if arguments.blocklist else None,
        has_robots=config.robots_sha256 is not None,
        lid_model=lid_model.absolute(),
        lm_dir=lm_dir.absolute() if lm_dir else None,
    )


def _compiled(arguments: Arguments) -> Compiled | None:
    """Return what --robots disallows."""
    if not arguments.robots.inputs:
        return None
    archives = find_segments(arguments.robots, arguments.fetch)
    return compile_archives([archive.path for archive in archives], arguments.fetch)


def _remarks(lid_model: Path, missing: list[str], robots: Compiled | None) -> Iterator[str]:
    if missing:
        yield f"{lid_model.name} has no label for {', '.join(missing)}: nothing will be filed there"
    if robots and robots.damage.reasons:
        places, lost = sum(robots.damage.reasons.values()), robots.damage.bytes
        yield f"--robots: damaged places: {places:,}; bytes lost: {lost:,}; the rules in them are not known"


def _checked_models(arguments: Arguments, lid_model: Path, lm_dir: Path | None) -> tuple[list[Path], list[str]]:
    """Load every model in use once: a broken one must show before any work.

    Returns:
        Their files, and the wanted languages for which `lid_model` has no label.
    """
    labels = FastTextScorer(lid_model).labels()
    wanted = parse_languages(arguments.recipe.languages, known=labels)
    files = [lid_model]
    if lm_dir:
        files.append(lm_dir / CUTOFFS_FILE)
        for name, model in find_models(lm_dir).items():
            if wanted is None or wanted & languages_of_model(name):
                FluencyModel(model, arguments.recipe.normalization)
                files += [model.pieces, model.ngrams]
    return files, languages_without_label(wanted, labels, lid_model.name)


def _num_buckets(size: int, num_segments: int, config: Configuration) -> int:
    group = config.recipe.group_size or num_segments
    return min(_MAX_BUCKETS, 1 + int(size * min(1.0, group / num_segments) * _HASH_SHARE / _BUCKET_BYTES))


def _make_pipeline(arguments: Arguments, num_segments: int, size: int) -> tuple[int, beam.Pipeline]:
    """Return the worker processes on this machine, and an empty pipeline that will use them."""
    if arguments.runner not in LOCAL_RUNNERS:
        return 1, submission.make_pipeline(arguments.runner, list(arguments.beam))
    workers = min(arguments.workers, num_segments) if size >= _SMALL_INPUT_BYTES else 1
    options = PipelineOptions(list(arguments.beam), direct_num_workers=workers)
    return workers, beam.Pipeline(runner=local.runner(workers), options=options)


def _execute(pipeline: beam.Pipeline, plan: Plan, workers: int, *, num_segments: int, size: int) -> None:
    build(pipeline, plan)
    with shown(plan.layout, num_segments, size):
        if workers > 1:
            folder = plan.layout.work if storage.is_local(plan.layout.work) else tempfile.gettempdir()
            local.run_supervised(pipeline.run, str(Path(folder) / "workers.log"))
        else:
            pipeline.run().wait_until_finish()


def _find(error: BaseException | None, kind: type[Exception]) -> str | None:
    """Return the message of an error of ours, wherever Beam has wrapped it: as a type, or as text of a worker."""
    while error is not None:
        if isinstance(error, kind):
            return str(error).partition(" [while running")[0]
        found = re.search(rf"{kind.__name__}: (.+?)(?: \[while running|\\n|\n|$)", str(error))
        if found:
            return found[1]
        error = error.__cause__ or error.__context__
    return None


def _print_next_steps(arguments: Arguments, files: list[FinalFile]) -> None:
    out = arguments.output
    print(f"Shards: {storage.join(out, 'shards')}   every file with its sha256: {storage.join(out, 'manifest.json')}")
    print(f"Where the rest went: {storage.join(out, 'ledger.json')}")
    if not arguments.is_sample:
        return
    python = Path(sys.executable)
    python = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    lines = [file.path for file in files if file.format == JSONL]
    shown = next((path for path in lines if path.startswith("shards/fr/")), lines[0] if lines else None)
    if shown:
        print(f"Look inside:   zstd -dc {storage.join(out, shown)} | head -3")
    print("Next, real CommonCrawl, one file of a dump:")
    print(f"    {python} -m beam_jobs.build_cc100 --dump CC-MAIN-2018-51 --sample 1 --output corpus")
