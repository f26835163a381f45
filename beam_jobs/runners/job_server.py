"""Beam's job server, a Java program that takes a pipeline to Flink or Spark: what it needs is looked for before."""

import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

from apache_beam.options.pipeline_options import JobServerOptions, PipelineOptions
from apache_beam.runners.portability.job_server import JavaJarJobServer

from ccnet_pipeline.errors import UserError

_PATIENCE_S = 10.0


def require(name: str, server: JavaJarJobServer, options: PipelineOptions, *, with_java: bool) -> None:
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


def require_answer(option: str, address: str) -> None:
    """See that someone listens at HOST:PORT, with or without a scheme; without a port nothing is asked."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        if parts.hostname and parts.port:
            socket.create_connection((parts.hostname, parts.port), _PATIENCE_S).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{option} {address}: {reason}; is the cluster up, and the port right?") from error
