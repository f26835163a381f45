"""The shape of the Beam graph: what some runners cannot do, or do twice, is not in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2

from beam_jobs.earlier_dumps import EarlierDumps, hashing_of
from beam_jobs.graph import Plan, build
from beam_jobs.layout import Layout
from ccnet_pipeline.formats import FORMATS
from ccnet_pipeline.hash_index.index import Entry
from ccnet_pipeline.recipe import CC100, Configuration

Proto = beam_runner_api_pb2.Pipeline
Transform = beam_runner_api_pb2.PTransform
GROUPING = common_urns.primitives.GROUP_BY_KEY.urn
FLATTENING = common_urns.primitives.FLATTEN.urn


INDEX = EarlierDumps(
    folder="seen", base_file="index.json", generation=2, hashing=hashing_of(CC100), entry=Entry(run="5f0c2a11")
)


def configuration() -> Configuration:
    return Configuration(
        package_version="", recipe=CC100, formats=FORMATS, shard_bytes=1, keep_rejects=True, models={}, lid_models=(),
        blocklist_sha256=None, extractor_version="", inputs_sha256="", num_segments=64_000,
    )  # fmt: skip


def primitives(proto: Proto) -> Iterator[Transform]:
    return (each for each in proto.components.transforms.values() if not each.subtransforms)


def side_inputs(proto: Proto) -> list[str]:
    found = []
    for transform in primitives(proto):
        if transform.spec.urn in (common_urns.primitives.PAR_DO.urn, python_urns.GENERIC_COMPOSITE_TRANSFORM):
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
            found += [transform.unique_name] if payload.side_inputs else []
    return found


def grouped_and_flattened(proto: Proto) -> list[str]:
    """Collections that feed both; Flink 2 fails on them."""
    inputs: dict[str, set[str]] = {GROUPING: set(), FLATTENING: set()}
    for transform in primitives(proto):
        inputs.get(transform.spec.urn, set()).update(transform.inputs.values())
    return sorted(inputs[GROUPING] & inputs[FLATTENING])


@pytest.fixture
def pipeline() -> beam.Pipeline:
    return beam.Pipeline(runner="FnApiRunner")


@pytest.mark.parametrize("earlier", [None, INDEX], ids=["", "with an index"])
def test_no_step_has_a_side_input_and_nothing_is_both_grouped_and_flattened(
    earlier: EarlierDumps | None, pipeline: beam.Pipeline
) -> None:
    work: Any = repr  # is never called
    layout = Layout(output="out", work="work")
    plan = Plan(
        configuration=configuration(),
        layout=layout,
        segments_file="segments.json",
        extract_segment=work,
        mine_segment=work,
        began="2026-01-12T07:29:55Z",
        earlier=earlier,
    )
    build(pipeline, plan)
    proto = pipeline.to_runner_api()
    assert side_inputs(proto) == []
    assert grouped_and_flattened(proto) == []


def test_these_checks_find_what_they_look_for(pipeline: beam.Pipeline) -> None:
    numbers = pipeline | beam.Create([(1, 1)], reshuffle=False)
    _ = numbers | "Group" >> beam.GroupByKey()
    _ = (numbers, numbers | "Same" >> beam.Map(lambda pair: pair)) | beam.Flatten()
    _ = numbers | "Beside" >> beam.Map(lambda pair, others: (pair, others), beam.pvalue.AsList(numbers))
    proto = pipeline.to_runner_api()
    assert len(grouped_and_flattened(proto)) == 1
    assert side_inputs(proto) == ["Beside"]
