"""What Dataflow is given, made without a network: the graph in its portable form, and the job that names it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import translations

from beam_jobs.extract_segment import ExtractSegment
from beam_jobs.graph import Plan, build
from beam_jobs.layout import Layout
from beam_jobs.lean_beam import import_dataflow_client
from beam_jobs.mine_segment import MineSegment
from beam_jobs.model_places import ModelPlaces
from beam_jobs.runners import submission
from ccnet_pipeline.fetch import FetchPolicy
from ccnet_pipeline.recipe import CC100
from tests.test_dataflow import IMAGE, OFFLINE, PLACES
from tests.test_graph import FLATTENING, GROUPING, INDEX, configuration

pytest.importorskip("google.cloud.dataflow", reason="the extra `dataflow` is not installed")
pytest.importorskip("google.cloud.storage", reason="the extra `dataflow` is not installed")

LAYOUT = Layout(output="gs://bucket/corpus", work="gs://bucket/corpus/work")


def submitted(num_segments: int = 64_000, *flags: str) -> Any:  # a pipeline whose runner is Dataflow's
    """The whole graph, given to the runner, which ends where it would send it."""
    import_dataflow_client()
    pipeline = submission.make_pipeline("DataflowRunner", [*PLACES, IMAGE, *OFFLINE, *flags], LAYOUT.output)
    plan = Plan(
        configuration=replace(configuration(), num_segments=num_segments),
        layout=LAYOUT,
        segments_file="gs://bucket/corpus/work/segments.json",
        extract_segment=ExtractSegment(
            layout=LAYOUT, recipe=CC100, fetch=FetchPolicy(), has_blocklist=False, has_robots=True
        ),
        mine_segment=MineSegment(
            layout=LAYOUT,
            recipe=CC100,
            models=ModelPlaces("lid.176.bin", None, None, None),
            keep_rejects=False,
            keep_labels=False,
        ),
        began="2026-01-12T07:29:55Z",
        earlier=INDEX,
    )
    build(pipeline, plan)
    pipeline.run()
    return pipeline


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return submitted()


@pytest.fixture(scope="module")
def proto(pipeline: Any) -> beam_runner_api_pb2.Pipeline:
    return pipeline.runner.proto_pipeline


def job_of(pipeline: Any) -> str:
    """The job as JSON, as it would be sent."""
    from apache_beam.runners.dataflow.internal import apiclient

    job = pipeline.runner.job
    environment = apiclient.Environment([], job.options, "8", "gs://bucket/pipeline.pb", pipeline.runner.proto_pipeline)
    job.proto.environment = environment.proto
    return str(job.json())


def groupings(proto: beam_runner_api_pb2.Pipeline) -> dict[str, str]:
    """By name, the coder of what is grouped."""
    components = proto.components
    return {
        each.unique_name: components.pcollections[next(iter(each.inputs.values()))].coder_id
        for each in components.transforms.values()
        if each.spec.urn == GROUPING
    }


def urns_of(proto: beam_runner_api_pb2.Pipeline, coder: str) -> Iterator[str]:
    yield proto.components.coders[coder].spec.urn
    for part in proto.components.coders[coder].component_coder_ids:
        yield from urns_of(proto, part)


def test_no_key_has_a_coder_that_pickles(proto: beam_runner_api_pb2.Pipeline) -> None:
    keys = {name: proto.components.coders[coder].component_coder_ids[0] for name, coder in groupings(proto).items()}
    assert keys
    assert [name for name, key in keys.items() if python_urns.PICKLED_CODER in urns_of(proto, key)] == []


def test_all_steps_between_two_groupings_are_one_stage(proto: beam_runner_api_pb2.Pipeline) -> None:
    known = frozenset([GROUPING, FLATTENING, "beam:transform:impulse:v1"])
    copy = beam_runner_api_pb2.Pipeline.FromString(proto.SerializeToString())  # it is changed, too
    fused = translations.optimize_pipeline(copy, translations.standard_optimize_phases(), known)
    urns = [fused.components.transforms[stage].spec.urn for stage in fused.root_transform_ids]
    assert len(groupings(proto)) == 13
    assert urns.count("beam:runner:executable_stage:v1") == 1 + len(groupings(proto))


def test_its_size_does_not_grow_with_the_crawl_and_is_far_below_the_limit(pipeline: Any) -> None:
    sizes = [len(each.runner.proto_pipeline.SerializeToString()) for each in (pipeline, submitted(1_000))]
    assert sizes[0] == pytest.approx(sizes[1], abs=100)
    assert sizes[0] < 100_000
    assert len(job_of(pipeline)) < 100_000


def test_a_process_works_at_one_segment_unless_told_otherwise(pipeline: Any) -> None:
    assert '"numThreadsPerWorker": 1' in job_of(pipeline)
    assert '"numThreadsPerWorker": 4' in job_of(submitted(1_000, "--number_of_worker_harness_threads=4"))


@pytest.mark.parametrize("flags", [[], ["--resource_hints=min_ram=8GB"]])
def test_every_step_runs_in_one_environment_of_our_image_and_nothing_is_installed_in_it(flags: list[str]) -> None:
    proto = submitted(1_000, *flags).runner.proto_pipeline
    [environment] = proto.components.environments.values()
    payload = beam_runner_api_pb2.DockerPayload.FromString(environment.payload)
    assert payload.container_image == IMAGE.partition("=")[2]
    assert not environment.dependencies
    assert bool(environment.resource_hints) == bool(flags)
