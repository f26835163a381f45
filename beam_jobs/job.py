"""One run from its command line to its summary: check everything, build the graph, run it, say what came out."""

import contextlib
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from beam_jobs import clock, dump_choice, earlier_dumps, renewals, run_directory
from beam_jobs.extract_segment import ExtractSegment
from beam_jobs.graph import Plan
from beam_jobs.layout import Layout
from beam_jobs.mine_segment import FilterPlaces, MineSegment
from beam_jobs.model_places import ModelPlaces
from beam_jobs.options import Arguments, parse
from beam_jobs.preparation import Prepared, prepare
from beam_jobs.runners import execution
from beam_jobs.runners.stopping import stopped_as_by_interrupt
from beam_jobs.summary import print_summary, where_it_lies
from ccnet_pipeline import command, report, storage
from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.filters import Choice
from ccnet_pipeline.formats import JSONL
from ccnet_pipeline.listings import Pick
from ccnet_pipeline.local_copies import portable
from ccnet_pipeline.shards.published import FinalFile


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; return the exit status.

    It is 0, 1 (network, cluster, our defect), 2 (the user's mistake), 75 (another run is at work) or 130 (interrupted).
    """
    # What matters of Beam's errors arrives as an exception; its log repeats each of them with a traceback a layer.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    given = sys.argv[1:] if argv is None else argv
    again = "the same command, without --overwrite," if "--overwrite" in given else "the same command"
    is_estimate = any(word.partition("=")[0] == "--estimate" for word in given)
    return command.run(
        "build_cc100",
        lambda: _run_or_be_interrupted(parse(given)),
        interrupted="interrupted" if is_estimate else f"interrupted; {again} goes on where it stopped",
        message_of=_find,
    )


def _run_or_be_interrupted(arguments: Arguments) -> None:
    try:
        with stopped_as_by_interrupt():
            run(arguments)
    except RuntimeError as error:
        if str(error).startswith(KeyboardInterrupt.__name__):  # Ctrl-C in a step: Beam makes it an error of the step
            raise KeyboardInterrupt from error
        raise


def run(arguments: Arguments) -> None:
    """Build the corpus that the arguments ask for, as far as it is not built yet."""
    if not arguments.estimate and not arguments.dump_choice:
        execution.check(arguments)
    index = arguments.hash_index
    if arguments.estimate or not index:
        _run_on_chosen(arguments)
        return
    earlier_dumps.check_folder(index, arguments.output)
    with storage.locked(index):  # before it is asked which dump is new
        _run_on_chosen(arguments)


def _run_on_chosen(arguments: Arguments) -> None:
    """Find out which dumps are meant, and build or estimate the corpus of them."""
    with _before_work():
        chosen, left = dump_choice.chosen(arguments)
    if left:
        _complete(left)
    if chosen is None:
        print(dump_choice.nothing_new(arguments))
    elif chosen.estimate:
        _estimate(chosen, chosen.estimate)
    else:
        if chosen.dump_choice:  # its output is known only now
            execution.check(chosen)
        _run(chosen)


def _complete(arguments: Arguments) -> None:
    """Do what remains to be done of a run that a job on a cluster has built, after the driver had gone."""
    output = arguments.output
    with storage.locked(output):
        ended = execution.refuse_if_running(arguments)
        print(f"{output} is complete: built by a job on a cluster that went on by itself.")
        if not arguments.keep_work:
            run_directory.remove_work(output, run_directory.work_of(output))
        layout = Layout(output, "")
        files = print_summary(layout)
        _show_report(output, anew=True)
        execution.conclude(ended, layout.failures_file)
    print(where_it_lies(output, files))


@contextlib.contextmanager
def _before_work() -> Iterator[None]:
    """Let what the network does not give before any work be what the user can mend."""
    try:
        yield
    except FetchError as error:
        raise UserError(str(error)) from error


def _run(arguments: Arguments) -> None:
    with _before_work():
        prepared = prepare(arguments)
    workers, pipeline = execution.make_pipeline(arguments, prepared)
    with storage.locked(arguments.output):
        with _before_work():
            ended = execution.refuse_if_running(arguments)
            ours = run_directory.claim(
                arguments.output,
                prepared.configuration,
                prepared.segments,
                work_dir=arguments.work_dir,
                runner=arguments.runner,
                overwrite=arguments.overwrite,
                index=prepared.index,
            )
        unfinished = execution.conclude(ended, ours.layout.failures_file)
        if ours.is_complete:
            print(f"{arguments.output} is complete already: the same input, configuration and models.")
        else:
            with storage.locked(ours.layout.work):
                plan = _plan(arguments, prepared, ours.layout, ours.run)
                # So late because the line of a mistake stands alone.
                for remark in (*unfinished, *dump_choice.remarks(arguments), *prepared.remarks()):
                    print(f"build_cc100: {remark}", file=sys.stderr)
                if not execution.execute(arguments, pipeline, plan, workers, prepared):
                    return
            if prepared.index:
                prepared.index.remove_unneeded()
                if doubt := earlier_dumps.remark_on(prepared.index.folder, ours.run):
                    print(f"build_cc100: {doubt}", file=sys.stderr)
        if not arguments.keep_work:
            run_directory.remove_work(arguments.output, ours.work)
        files = print_summary(ours.layout)
        _show_report(arguments.output, anew=not ours.is_complete)
    _print_next_steps(arguments, files)


def _show_report(output: str, *, anew: bool) -> None:
    """Write the report, and what else people look at; of a run that was complete before, only what is missing."""
    renewals.renew(output, "build_cc100", missing_only=not anew)
    place = storage.join(output, report.REPORT)
    if storage.exists(place):
        print(f"Report: {place}")


def _estimate(arguments: Arguments, pick: Pick) -> None:
    """Print what the run would take."""
    from beam_jobs.estimate import measure
    from beam_jobs.estimate_scale import Whole, scale
    from beam_jobs.estimate_table import print_estimate

    with _before_work():
        prepared = prepare(arguments)
    measured = measure(
        prepared,
        lambda sample, layout: _plan(arguments, replace(sample, index=None), layout, ""),
        pick,
        arguments.work_dir if arguments.work_dir and storage.is_local(arguments.work_dir) else None,
    )
    whole = Whole(
        segments=len(prepared.segments),
        bytes=prepared.size,
        recipe=arguments.recipe,
        formats=len(arguments.formats),
        shard_bytes=arguments.shard_bytes,
        has_index=prepared.index is not None,
    )
    for remark in dump_choice.remarks(arguments):
        print(f"build_cc100: {remark}", file=sys.stderr)
    print_estimate(scale(measured, whole), min(arguments.workers, len(prepared.segments)))


def _plan(arguments: Arguments, prepared: Prepared, layout: Layout, run: str) -> Plan:
    """Write what workers read, and return the plan, all paths absolute: workers may run in another folder.

    Args:
        arguments: of the command line.
        prepared: what is read.
        layout: where it goes.
        run: its id.
    """
    layout = Layout(output=storage.absolute(layout.output), work=storage.absolute(layout.work))
    segments_file = storage.join(layout.work, "segments.json")
    # The largest first, so that no worker is left alone with one at the end.
    by_size = sorted(prepared.segments, key=lambda each: each.size or 0, reverse=True)
    storage.write_json(segments_file, [replace(each, path=_portable(each.path)) for each in by_size])
    if prepared.blocklist:
        storage.write(layout.blocklist_file, prepared.blocklist.packed)
    if prepared.robots:
        storage.write(layout.robots_file, prepared.robots.packed)
    if prepared.test_runs:
        storage.write(layout.test_runs_file, prepared.test_runs.packed)
    cache, configuration, index = arguments.fetch.cache, prepared.configuration, prepared.index
    return Plan(
        configuration=configuration,
        layout=layout,
        segments_file=segments_file,
        extract_segment=ExtractSegment(
            layout=layout,
            recipe=configuration.recipe,
            fetch=replace(arguments.fetch, cache=storage.absolute(cache) if cache else None),
            has_blocklist=prepared.blocklist is not None,
            has_robots=prepared.robots is not None,
            counts_copies=configuration.count_copies,
        ),
        mine_segment=MineSegment(
            layout=layout,
            recipe=configuration.recipe,
            models=ModelPlaces.of(prepared.lid_models, prepared.lm_dir),
            keep_rejects=configuration.keep_rejects,
            keep_labels=configuration.keep_labels,
            filters=_filter_places(arguments, prepared),
            decontaminates=prepared.test_runs is not None,
        ),
        began=clock.now(),
        earlier=index.for_run(run, configuration, prepared.segments, layout.base_index_file) if index else None,
        num_ranges=arguments.dedup_buckets,
        frees=not arguments.keep_work,
    )


def _filter_places(arguments: Arguments, prepared: Prepared) -> FilterPlaces | None:
    filtering, thresholds = prepared.configuration.filtering, prepared.filter_thresholds
    if filtering is None:
        return None
    return FilterPlaces(
        choices=tuple(Choice(name, filtering.versions[name]) for name in filtering.names),
        thresholds=portable(thresholds) if thresholds else None,
        on_error=arguments.filters.on_error,
    )


def _portable(path: str) -> str:
    """Return what a worker is told of an archive: the sample's lies in its own package."""
    return portable(Path(path)) if storage.is_local(path) else path


def _find(error: BaseException | None, kind: type[Exception]) -> str | None:
    """Return the message of an error of ours, wherever Beam has wrapped it: as a type, or as text of a worker."""
    names = "|".join(each.__name__ for each in (kind, *kind.__subclasses__()))
    while error is not None:
        if isinstance(error, kind):
            return str(error).partition(" [while running")[0]
        found = re.search(rf"\b(?:{names}): (.+?)(?: \[while running|\\n|\n|$)", str(error))
        if found:
            return found[1]
        error = error.__cause__ or error.__context__
    return None


def _print_next_steps(arguments: Arguments, files: list[FinalFile]) -> None:
    out = arguments.output
    print(where_it_lies(out, files))
    if not arguments.is_sample:
        return
    python = Path(sys.executable)
    python = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    lines = [file.path for file in files if file.format == JSONL]
    shown = next((path for path in lines if path.startswith("shards/fr/")), lines[0] if lines else None)
    if shown and storage.is_local(out):
        print(f"Look inside:   zstd -dc {storage.join(out, shown)} | head -3")
    print("Next, real CommonCrawl, one file of a dump:")
    print(f"    {python} -m beam_jobs.build_cc100 --dump CC-MAIN-2018-51 --sample 1 --output corpus")
