"""What a runner on a cluster needs, asked for before any work: its options, its job server, someone who answers."""

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    PipelineOptions,
    PortableOptions,
    SparkRunnerOptions,
)
from apache_beam.runners.portability.spark_runner import SparkJarJobServer

from beam_jobs.lean_beam import import_file_systems
from beam_jobs.options import Arguments
from beam_jobs.runners import dataflow, flink_checks, job_server
from ccnet_pipeline.errors import UserError


def check(arguments: Arguments) -> None:
    """See, before anything is read, that the options name what a job elsewhere needs; nobody is asked.

    Raises:
        UserError: they do not.
    """
    runner, options = arguments.runner, PipelineOptions(list(arguments.beam))
    if runner == "DataflowRunner":
        dataflow.check(arguments)
    if runner == "PortableRunner" and not options.view_as(PortableOptions).job_endpoint:
        raise UserError(f"--runner {runner} needs --job_endpoint HOST:PORT; for Flink take --runner FlinkRunner")
    if arguments.detach and runner != "FlinkRunner":
        raise UserError("--detach is for --runner FlinkRunner")


def ask(arguments: Arguments) -> None:
    """See that those are there, and have room, who must take the job.

    Raises:
        UserError: the job server cannot be had, nobody answers, or a bucket cannot be written to.
    """
    options = PipelineOptions(list(arguments.beam))
    endpoint = options.view_as(PortableOptions).job_endpoint
    if endpoint and endpoint != "embed":
        job_server.require_answer("--job_endpoint", endpoint)
    elif arguments.runner == "FlinkRunner":
        flink_checks.check(options, detach=arguments.detach)
    elif arguments.runner == "DataflowRunner":
        dataflow.ask(options)
    elif arguments.runner == "SparkRunner":
        uber_jar = options.view_as(SparkRunnerOptions).spark_submit_uber_jar
        job_server.require("spark", SparkJarJobServer(options), options, with_java=not uber_jar)


def make_pipeline(runner: str, flags: list[str], output: str) -> beam.Pipeline:
    """Return an empty pipeline for a runner that is not on this machine alone.

    Args:
        runner: its name, in full spelling.
        flags: options for Beam.
        output: the run directory.

    Raises:
        UserError: an option is missing or wrong.
    """
    import_file_systems()
    if runner == "DataflowRunner":
        flags = dataflow.with_defaults(flags, output)
    try:
        return beam.Pipeline(runner=runner, options=PipelineOptions(flags))
    except (ImportError, ValueError) as error:
        raise UserError(f"--runner {runner}: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    """Return what Beam says of wrong options, without its heading."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and not line.endswith("errors:"))
