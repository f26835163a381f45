"""What a runner on a cluster needs, asked for before any work: its options, its job server, someone who answers."""

import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    JobServerOptions,
    PipelineOptions,
    PortableOptions,
    SparkRunnerOptions,
)
from apache_beam.runners.portability.flink_runner import MAGIC_HOST_NAMES, FlinkJarJobServer
from apache_beam.runners.portability.spark_runner import SparkJarJobServer

from beam_jobs.lean_beam import import_file_systems
from beam_jobs.options import Arguments
from beam_jobs.runners import dataflow
from ccnet_pipeline.errors import UserError

_PATIENCE_S = 10.0


def check(arguments: Arguments) -> None:
    """See, before anything is read, that a job for the runner that the arguments name can be submitted.

    Raises:
        UserError: it cannot.
    """
    if arguments.runner == "DataflowRunner":
        dataflow.check(arguments)


def make_pipeline(runner: str, flags: list[str]) -> beam.Pipeline:
    """Return an empty pipeline for a runner that is not on this machine alone.

    Args:
        runner: its name, in full spelling.
        flags: options for Beam.

    Raises:
        UserError: an option is missing or wrong, the job server cannot be had, or nobody answers.
    """
    import_file_systems()
    if runner == "DataflowRunner":
        flags = dataflow.with_defaults(flags)
    try:
        pipeline = beam.Pipeline(runner=runner, options=PipelineOptions(flags))
    except (ImportError, ValueError) as error:
        raise UserError(f"--runner {runner}: {_one_line(error)}") from error
    options = PipelineOptions(flags)
    endpoint = options.view_as(PortableOptions).job_endpoint
    if endpoint and endpoint != "embed":
        _require_answer("--job_endpoint", endpoint)
    elif runner == "PortableRunner" and not endpoint:
        raise UserError(f"--runner {runner} needs --job_endpoint HOST:PORT; for Flink take --runner FlinkRunner")
    elif runner == "FlinkRunner" and not endpoint:
        flink = options.view_as(FlinkRunnerOptions)
        if flink.flink_master.strip() not in MAGIC_HOST_NAMES:
            _require_answer("--flink_master", flink.flink_master.strip())
        # A jar with the pipeline in it is made without Java.
        _require_job_server("flink", FlinkJarJobServer(options), options, with_java=not flink.flink_submit_uber_jar)
    elif runner == "SparkRunner" and not endpoint:
        uber_jar = options.view_as(SparkRunnerOptions).spark_submit_uber_jar
        _require_job_server("spark", SparkJarJobServer(options), options, with_java=not uber_jar)
    return pipeline


def _require_answer(option: str, address: str) -> None:
    """See that someone listens at HOST:PORT, with or without a scheme; without a port nothing is asked."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        if parts.hostname and parts.port:
            socket.create_connection((parts.hostname, parts.port), _PATIENCE_S).close()
    except (OSError, ValueError) as error:
        raise UserError(f"{option} {address}: {error}; is the cluster up, and the port right?") from error


def _require_job_server(
    name: str, server: FlinkJarJobServer | SparkJarJobServer, options: PipelineOptions, *, with_java: bool
) -> None:
    """See that Beam's job server is there; Beam fetches its jar once, a few hundred MB, into its cache."""
    settings = options.view_as(JobServerOptions)
    java = settings.job_server_java_launcher
    if with_java and shutil.which(java) is None:
        raise UserError(
            f"there is no {java!r}, which Beam's job server for {name} needs; install Java, or name it with "
            "--job_server_java_launcher"
        )
    option = f"--{name}_job_server_jar"
    jar = options.get_all_options()[option.removeprefix("--")]
    if jar and "://" not in jar and not Path(jar).is_file():
        raise UserError(f"{option} {jar} is no file")
    place = server.path_to_jar()
    try:
        server.local_jar(place, settings.jar_cache_dir)
    except (RuntimeError, OSError) as error:
        raise UserError(
            f"Beam's job server for {name} cannot be fetched; fetch {place} where the network allows it, and give "
            f"{option} FILE"
        ) from error


def _one_line(error: Exception) -> str:
    """Return what Beam says of wrong options, without its heading."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and not line.endswith("errors:"))
