"""The Beam graph (docs/design.md, The graph). Its element is a segment; text is never shuffled.

Extract   segment -> pages and hashes in files; or the reason why it could not be read
Resolve   GroupByKey(range of hashes) -> what each segment may keep; ends the run if a segment failed
Mine      GroupByKey(segment) -> documents, in blocks by language and bucket
Regroup   GroupByKey(language, bucket) -> final shards
Publish   ledger.json, manifest.json
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import apache_beam as beam
import msgspec

from beam_jobs import storage
from beam_jobs.elements import Block, ExtractNote, MineNote
from beam_jobs.layout import Layout
from beam_jobs.transforms.extract import Extract
from beam_jobs.transforms.mine import Mine
from beam_jobs.transforms.publish import Publish
from beam_jobs.transforms.regroup import Regroup
from beam_jobs.transforms.resolve import Resolve
from ccnet_pipeline.dedup.duplicates import Bits
from ccnet_pipeline.recipe import Configuration
from ccnet_pipeline.segments import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the graph needs to know of a run."""

    configuration: Configuration
    layout: Layout
    segments_file: str  # the list of segments, as JSON: too long for the graph itself at 64 000 segments
    extract_segment: Callable[[Segment], ExtractNote]
    mine_segment: Callable[[int, Bits], MineNote]
    num_buckets: int  # ranges of hashes; decides how much memory and parallelism, never what comes out


def _read_segments(path: str) -> Iterator[Segment]:
    with storage.open_for_reading(path) as file:
        yield from msgspec.json.decode(file.read(), type=list[Segment])


def build(pipeline: beam.Pipeline, plan: Plan) -> None:
    """Add the whole graph to a pipeline."""
    configuration, layout = plan.configuration, plan.layout
    recipe = configuration.recipe
    hashes, failures = (
        pipeline
        | "SegmentsFile" >> beam.Create([plan.segments_file], reshuffle=False)
        | "ReadSegments" >> beam.FlatMap(_read_segments)
        | "SpreadSegments" >> beam.Reshuffle()
        | "Extract" >> Extract(layout, recipe, plan.num_buckets, plan.extract_segment)
    )
    mined = (
        (hashes, failures)
        | "Resolve" >> Resolve(layout, plan.num_buckets, recipe.dedup_keep)
        | "Mine" >> Mine(layout, recipe, plan.num_buckets, plan.mine_segment)
    )
    files = (
        mined
        | "Blocks" >> beam.FlatMap(lambda note: note.blocks).with_output_types(Block)
        | "Regroup" >> Regroup(layout, configuration.formats, configuration.shard_bytes)
    )
    accounts = mined | "Accounts" >> beam.Map(lambda note: (note.segment, note.account))
    _ = (files, accounts) | "Publish" >> Publish(layout, configuration)
