"""The Beam graph (docs/design.md, The graph). Its element is a segment; text is never shuffled.

Work is spread by a GroupByKey, never by a Reshuffle, which does the same in four steps more; each costs some 10 ms of
every run's start.

Extract     segment -> pages and hashes in files; or the reason why it could not be read
Compact     GroupByKey(block of segments) -> one sorted table of hashes
PlanRanges  GroupByKey(ALL) -> ranges of hashes; ends the run if a segment failed
Resolve     range of hashes -> what each block may keep
Scatter     GroupByKey(block) -> what each of its segments may keep
Mine        segment -> documents, in frames by language and bucket
Gather      GroupByKey(group of segments) -> the same, what belongs together lying together
Regroup     GroupByKey(language, bucket) -> final shards
Publish     the ledger, what the report is made of, manifest.json
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import apache_beam as beam
import msgspec

from beam_jobs.blocks import GROUP_SEGMENTS, Blocks, block_size
from beam_jobs.earlier_dumps import EarlierDumps
from beam_jobs.elements import ExtractNote, MineNote, SegmentBits
from beam_jobs.layout import Layout
from beam_jobs.remains import Remains
from beam_jobs.transforms.compact import Compact
from beam_jobs.transforms.extract import Extract
from beam_jobs.transforms.gather import Gather
from beam_jobs.transforms.mine import Mine
from beam_jobs.transforms.plan import PlanRanges
from beam_jobs.transforms.publish import Publish
from beam_jobs.transforms.regroup import Regroup
from beam_jobs.transforms.resolve import Resolve
from beam_jobs.transforms.scatter import Scatter
from ccnet_pipeline import storage
from ccnet_pipeline.columns import optional_columns
from ccnet_pipeline.dedup.copies import Copies
from ccnet_pipeline.dedup.sorting import Bits
from ccnet_pipeline.recipe import Configuration
from ccnet_pipeline.segments import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the graph needs to know of a run."""

    configuration: Configuration
    layout: Layout
    segments_file: str  # the list of segments, as JSON: too long for the graph itself at 64 000 segments
    extract_segment: Callable[[Segment], ExtractNote]
    mine_segment: Callable[[int, Bits, Copies | None], MineNote]
    began: str  # when the run was started, ISO 8601, UTC
    earlier: EarlierDumps | None = None
    # How the work is cut decides how much memory and parallelism, never a byte of a shard.
    num_ranges: int = 0  # of hashes; 0: as many as their number asks for
    block_segments: int = 0  # whose hashes become one table; 0: as `blocks.block_size` says
    group_segments: int = GROUP_SEGMENTS  # whose documents are gathered by language and bucket
    frees: bool = True  # intermediate files go as soon as nothing needs them


def _read_segments(_: bytes, path: str) -> Iterator[tuple[int, Segment]]:
    segments = msgspec.json.decode(storage.read(path), type=list[Segment])
    yield from ((segment.number, segment) for segment in segments)


def build(pipeline: beam.Pipeline, plan: Plan) -> None:
    """Add the whole graph to a pipeline."""
    configuration, layout = plan.configuration, plan.layout
    recipe = configuration.recipe
    blocks = Blocks(
        num_segments=configuration.num_segments,
        scope_segments=recipe.group_size,
        block_segments=plan.block_segments or block_size(recipe.group_size or configuration.num_segments),
        group_segments=plan.group_segments,
        has_index=plan.earlier is not None,
    )
    remains = Remains(layout, blocks, plan.frees, configuration.count_copies)
    ranges, settled = (
        pipeline
        | "Start" >> beam.Impulse()
        | "ReadSegments" >> beam.FlatMap(_read_segments, plan.segments_file).with_output_types(tuple[int, Segment])
        | "Extract" >> Extract(remains, plan.extract_segment)
        | "Compact" >> Compact(remains, recipe.dedup_keep)
        | "PlanRanges" >> PlanRanges(blocks, plan.num_ranges, layout.failures_file)
    )
    answers, extended = ranges | "Resolve" >> Resolve(remains, recipe.dedup_keep, plan.earlier)
    scattered = answers | "Scatter" >> Scatter(remains)
    all_answers = beam.Flatten().with_output_types(tuple[int, SegmentBits])
    mined = (scattered, settled) | "AllAnswers" >> all_answers | "Mine" >> Mine(remains, plan.mine_segment)
    optional = optional_columns(configuration)
    regroup = Regroup(layout, configuration.formats, configuration.shard_bytes, optional)
    files = mined | "Gather" >> Gather(remains) | "Regroup" >> regroup
    publish = Publish(layout, configuration, plan.earlier, blocks.groups, plan.began)
    _ = (files, mined, extended) | "Publish" >> publish
