"""What a Flink cluster must have for a job, asked before any work."""

import os
import re
import socket
import zipfile
from pathlib import Path

from apache_beam.options.pipeline_options import FlinkRunnerOptions, JobServerOptions, PipelineOptions, PortableOptions
from apache_beam.runners.portability.flink_runner import MAGIC_HOST_NAMES, FlinkJarJobServer

from beam_jobs.runners import job_server
from beam_jobs.runners.flink_rest import FlinkCluster
from ccnet_pipeline.errors import ClusterError, UserError

_JAR = "--flink_job_server_jar"
_DRIVER = "org/apache/beam/runners/flink/FlinkJobServerDriver.class"
_RELEASE = re.compile(r"beam-runners-flink-(\d+\.\d+)[-/]")
_ELASTIC = ("kubernetes.", "yarn.")  # of settings of clusters that start TaskManagers as jobs ask for them


def address(options: PipelineOptions) -> str | None:
    """Return the address of the REST interface that the FlinkRunner is to submit to; None: it starts a cluster."""
    master = str(options.view_as(FlinkRunnerOptions).flink_master).strip()
    has_endpoint = options.view_as(PortableOptions).job_endpoint
    return None if has_endpoint or master in MAGIC_HOST_NAMES else master


def check(options: PipelineOptions, *, detach: bool) -> None:
    """See that a job can be submitted to Flink, and will get what it needs.

    Raises:
        UserError: it cannot, or will not.
    """
    flink = options.view_as(FlinkRunnerOptions)
    master = address(options)
    is_uber = bool(flink.flink_submit_uber_jar and master)
    if master:
        job_server.require_answer("--flink_master", master)
    if detach and not is_uber:
        raise UserError(
            "--detach needs --flink_master HOST:PORT and --flink_submit_uber_jar: otherwise the job ends with this "
            "program, or needs files that go with it"
        )
    # A jar with the pipeline in it is made without Java.
    job_server.require("flink", FlinkJarJobServer(options), options, with_java=not is_uber)
    _check_ports(options)
    release = _release(flink.flink_job_server_jar) if flink.flink_job_server_jar else None
    if master:
        try:
            _check_cluster(FlinkCluster(master), release, flink, is_uber=is_uber)
        except ClusterError as error:
            raise UserError(f"--flink_master {master}: {error}") from error


def remark_on(cluster: FlinkCluster) -> str | None:
    """Return a line about what will go wrong on a cluster that need not."""
    if any(key.startswith("restart-strategy") for key in cluster.settings()):
        return None
    return (
        f"{cluster.url} starts no task again whose host is lost: the job will then fail, and the same command goes on; "
        "to let Flink do that: restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 3"
    )


def _release(jar: str) -> str | None:
    """Return the Flink release that a job server is for, such as 1.19, as far as it tells."""
    if "://" in jar:
        names = []
    else:
        try:
            with zipfile.ZipFile(jar) as file:
                names = file.namelist()
        except (OSError, zipfile.BadZipFile) as error:
            raise UserError(f"{_JAR} {jar} is no jar, or damaged") from error
        if _DRIVER not in names:
            raise UserError(f"{_JAR} {jar} is no job server of Beam's for Flink (beam-runners-flink-...-job-server)")
    found = (_RELEASE.search(name) for name in (f"{Path(jar).name}/", *names))
    return next((match[1] for match in found if match), None)


def _check_ports(options: PipelineOptions) -> None:
    for name in ("job_port", "artifact_port", "expansion_port"):
        if port := getattr(options.view_as(JobServerOptions), name):
            try:
                socket.create_server(("localhost", port)).close()
            except (OSError, OverflowError) as error:
                reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
                raise UserError(f"--{name} {port}: {reason}; choose another, or 0 for any that is free") from error


def _check_cluster(cluster: FlinkCluster, release: str | None, flink: FlinkRunnerOptions, *, is_uber: bool) -> None:
    overview = cluster.overview()
    has = overview.release
    if release and release != has:
        raise UserError(
            f"{_JAR} is for Flink {release}, and the cluster at {cluster.url} is Flink {has}; they must be the same"
        )
    if not flink.flink_job_server_jar and not is_uber and flink.flink_version != has:
        raise UserError(f"--flink_version {flink.flink_version}, and {cluster.url} is Flink {has}; give its release")
    settings = cluster.settings()
    if any(key.startswith(_ELASTIC) for key in settings):
        return
    wanted = max(1, flink.parallelism if flink.parallelism > 0 else int(settings.get("parallelism.default", 1)))
    if settings.get("jobmanager.scheduler", "").lower() == "adaptive" or "scheduler-mode" in settings:
        wanted = 1
    if overview.slots_available < wanted:
        raise UserError(
            f"{cluster.url} has {overview.slots_available} free slots of {overview.slots_total}, and the job needs "
            f"{wanted}; wait for other jobs, start TaskManagers, or give a smaller --parallelism"
        )
