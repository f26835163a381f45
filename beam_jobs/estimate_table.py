"""An estimate as tables for people, on a terminal and in a log."""

from collections.abc import Iterator
from datetime import timedelta
from math import sqrt

from rich import filesize
from rich.table import Table

from beam_jobs.estimate_scale import Estimate
from ccnet_pipeline.command import print_table

_MOST_LANGUAGES = 40
_CLUSTER_CORES = 100  # for an idea of what more would bring


def print_estimate(estimate: Estimate, processes: int) -> None:
    """Print what all would take with so many processes on this machine, and what is uncertain of it."""
    print_table(_totals(estimate, processes))
    print_table(_languages(estimate))
    for line in _remarks(estimate):
        print(line)


def _totals(estimate: Estimate, processes: int) -> Table:
    title = f"What {_segments(estimate.segments)} would take, from {estimate.sampled:,} of them"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    sections = (
        [
            ("archives", _bytes(estimate.bytes)),
            ("records", f"{estimate.records:,.0f}"),
            ("pages", f"{estimate.pages:,.0f}"),
            ("paragraphs", f"{estimate.paragraphs:,.0f}"),
            ("characters", f"{estimate.characters:,.0f}"),
        ],
        [
            *((f"CPU hours: {stage}", _hours(cpu_s)) for stage, cpu_s in estimate.cpu_s.items()),
            ("CPU hours: start of each process", _hours(estimate.start_cpu_s)),
            ("CPU hours, all", _hours(sum(estimate.cpu_s.values()) + processes * estimate.start_cpu_s)),
        ],
        [
            (f"wall time, {_processes(count)}", _duration(estimate.wall_s(count)))
            for count in dict.fromkeys([processes, min(_CLUSTER_CORES, estimate.segments)])
        ],
        [
            ("disk, intermediate files", _bytes(estimate.work_bytes)),
            ("disk, output", _bytes(estimate.output_bytes)),
            (f"memory, {_processes(processes)}", _bytes(estimate.memory_bytes(processes))),
        ],
        [
            ("shuffled by Flink or Dataflow, elements", f"{estimate.shuffled.elements:,.0f}"),
            ("shuffled by Flink or Dataflow, bytes", _bytes(estimate.shuffled.bytes)),
        ],
    )
    for rows in sections:
        for row in rows:
            table.add_row(*row)
        table.add_section()
    return table


def _languages(estimate: Estimate) -> Table:
    table = Table(title="Documents kept", title_justify="left")
    table.add_column("language", no_wrap=True)
    for heading in ("documents", "characters", "bytes", "±"):
        table.add_column(heading, justify="right", no_wrap=True)
    rows = sorted(estimate.languages.items(), key=lambda item: (-item[1].characters, item[0]))
    for code, kept in rows[:_MOST_LANGUAGES]:
        counts = (kept.documents, kept.characters, kept.bytes)
        table.add_row(code, *(f"{count:,.0f}" for count in counts), _doubt(estimate.sampled_documents[code]))
    if len(rows) > _MOST_LANGUAGES:
        table.add_row(f"and {len(rows) - _MOST_LANGUAGES} more")
    table.add_section()
    kept_of_all = [kept for _, kept in rows]
    sums = [sum(getattr(kept, unit) for kept in kept_of_all) for unit in ("documents", "characters", "bytes")]
    table.add_row(f"all {len(rows)}", *(f"{count:,.0f}" for count in sums))
    return table


def _remarks(estimate: Estimate) -> Iterator[str]:
    of_sample, of_all = estimate.staying
    stays = f"Of the characters, {of_sample:.0%} stay when duplicates are dropped"
    if estimate.sampled < estimate.compared:
        yield (
            f"{stays} within the {_segments(estimate.sampled)} that are read, and about {of_all:.0%} within "
            f"{estimate.compared:,}: the more there is, the more copies are found. That is the least certain figure; "
            "--estimate with more segments makes it better."
        )
    else:
        yield f"{stays}."
    if estimate.known_share:
        yield f"Of what stays, {estimate.known_share:.0%} is in earlier dumps (--hash_index), and is taken off, too."
    yield "± is what chance does to the documents of a language that were seen: 19 times in 20 it is less."
    if estimate.waiting_s:
        yield "Reading waited for the network: wall time is as with the speed seen now, for each process."


def _doubt(documents: int) -> str:
    """Return twice the relative standard deviation of a count.

    >>> _doubt(400), _doubt(3)
    ('10 %', '> 100 %')
    """
    return f"{200 / sqrt(documents):.0f} %" if documents > 4 else "> 100 %"


def _bytes(count: float) -> str:
    return filesize.decimal(round(count))


def _hours(cpu_s: float) -> str:
    """Return CPU hours to three digits.

    >>> _hours(1800), _hours(7), _hours(9e6), _hours(0.1)
    ('0.500', '0.00194', '2,500', '< 0.001')
    """
    hours = cpu_s / 3600
    if hours < 0.001:
        return "< 0.001"
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:#.3g}"


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _segments(count: int) -> str:
    return f"{count:,} segment{'s' * (count != 1)}"


def _processes(count: int) -> str:
    return f"{count} process{'es' * (count != 1)}"
