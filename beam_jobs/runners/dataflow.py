"""What Dataflow needs, asked for before any work: its options, places that its workers reach, Google's packages.

A worker has what is in the image (`docker/pipeline.Dockerfile`) and what it can fetch; no disk of ours. So nothing is
installed when it starts, and nothing that lies on this machine can be read or written there.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, TestOptions, WorkerOptions
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.transforms.environments import is_apache_beam_container

from beam_jobs.lean_beam import import_dataflow_client
from beam_jobs.options import Arguments
from ccnet_pipeline import storage
from ccnet_pipeline.errors import InUseError, UserError
from ccnet_pipeline.language import ADDED, NONE
from ccnet_pipeline.models import KNOWN

_RUNNER = "--runner DataflowRunner"
_CONSOLE = "https://console.cloud.google.com/dataflow/jobs"
_IMAGE = "of docker/pipeline.Dockerfile, see docs/dataflow.md"


# One segment at a time in each of the processes that Dataflow starts, one a processor: the work is on the processor,
# and twelve at once, its default, would need twelve times the memory. All that is pickled is in modules of the image.
_DEFAULTS = ("--number_of_worker_harness_threads=1", "--no_save_main_session")
_NAME_DIGITS = 12
_WRITE = "storage.objects.create"  # a permission of Google Cloud Storage
_PATIENCE_S = 30.0


def with_defaults(flags: Sequence[str], output: str) -> list[str]:
    """Return options for Beam, preceded by ours for Dataflow, which they overrule.

    The job's name tells its output: Dataflow refuses a second job of the name of one that runs, also from another host.
    """
    name = hashlib.sha256(output.rstrip("/").encode()).hexdigest()[:_NAME_DIGITS]
    return [*_DEFAULTS, f"--job_name=cc100-{name}", *flags]


def in_use(error: Exception) -> InUseError | None:
    """Return the error for the user if Dataflow refused a job because one of its name runs."""
    if type(error).__name__ != "DataflowJobAlreadyExistsError":
        return None
    return InUseError(f"{str(error).partition('. ')[0]}; wait for it, or cancel it")


def ask(options: PipelineOptions) -> None:
    """See that the buckets of what is staged are there and can be written to; Beam would try for minutes.

    Raises:
        UserError: they are not.
    """
    google = options.view_as(GoogleCloudOptions)
    if options.view_as(TestOptions).dry_run:
        return
    from apache_beam.io.gcp.gcsio import create_storage_client, parse_gcs_path
    from google.api_core.exceptions import ClientError

    client = create_storage_client(options, not google.no_auth)
    for name in ("temp_location", "staging_location"):
        if path := getattr(google, name):
            bucket = client.bucket(parse_gcs_path(path, object_optional=True)[0])
            try:
                granted = bucket.test_iam_permissions([_WRITE], timeout=_PATIENCE_S, retry=None)
            except ClientError as error:
                raise UserError(f"--{name} {path}: {error.message}") from error
            if not granted:
                raise UserError(f"--{name} {path}: no permission to write there ({_WRITE})")


def is_not_sent(options: PipelineOptions) -> bool:
    """Tell whether Beam only makes the job: whoever launches a template sends it, and nobody sends a trial."""
    return bool(options.view_as(GoogleCloudOptions).template_location or options.view_as(TestOptions).dry_run)


def reason(error: BaseException) -> str:
    """Return what Dataflow says of a job that failed, without the heading that Beam puts above it."""
    heading, _, message = str(error).partition(", Error:\n")
    return heading if message in ("", "None") else message


def watched(result: Any, options: PipelineOptions) -> Iterator[str]:
    """Give lines that say what job was submitted, where to watch it, and how to cancel it."""
    google = options.view_as(GoogleCloudOptions)
    place = f"{google.region}/{result.job_id()}?project={google.project}"
    yield f"the job is {google.job_name} ({result.job_id()}); watch it: {_CONSOLE}/{place}"
    how = f"gcloud dataflow jobs cancel {result.job_id()} --project {google.project} --region {google.region}"
    yield f"Ctrl-C cancels it; so does, from elsewhere: {how}"


def check(arguments: Arguments) -> None:
    """See that a job can be submitted, without a request to anybody.

    Raises:
        UserError: an option is missing, a path lies on this machine, or a package is not installed.
    """
    options = PipelineOptions(list(arguments.beam))
    _check_options(options)
    _check_places(arguments)
    _check_packages()
    if not (options.view_as(GoogleCloudOptions).no_auth or options.view_as(TestOptions).dry_run):
        _check_credentials()


def _check_options(options: PipelineOptions) -> None:
    google, workers = options.view_as(GoogleCloudOptions), options.view_as(WorkerOptions)
    image = workers.sdk_container_image or workers.worker_harness_container_image
    missing = [
        option
        for option, value in (
            ("--project PROJECT", google.project),
            ("--region REGION", google.region),
            ("--temp_location gs://BUCKET/temp", google.temp_location or google.staging_location),
            (f"--sdk_container_image IMAGE ({_IMAGE})", image),
        )
        if not value
    ]
    if missing:
        raise UserError(f"{_RUNNER} needs {', '.join(missing)}")
    validator = PipelineOptionsValidator(options, DataflowRunner())
    wrong = validator.validate_cloud_options(google)
    for name in ("temp_location", "staging_location"):
        wrong += validator.validate_gcs_path(google, name) if getattr(google, name) else []
    if wrong and validator.is_service_runner():  # else --dataflow_endpoint is on this machine
        raise UserError(f"{_RUNNER}: {' '.join(wrong)}")
    if is_apache_beam_container(image):
        raise UserError(f"--sdk_container_image {image} is Beam's, without this package; give one {_IMAGE}")


def _check_places(arguments: Arguments) -> None:
    """See that workers reach what they read and write. What the package brings is in their image, too."""
    local = [f"{option} {path}" for option, path in _places(arguments) if path and storage.is_local(path)]
    if local:
        raise UserError(
            f"{', '.join(local)}: on this machine, which no worker of Dataflow reaches; give gs://BUCKET/... instead"
        )


def _places(arguments: Arguments) -> Iterator[tuple[str, str | None]]:
    """Give what workers read and write, by option. Lists of hosts and archives of robots.txt files they do not."""
    selection = arguments.selection
    yield "--output", arguments.output
    yield "--work_dir", arguments.work_dir
    yield from (("--input", path) for path in selection.inputs)
    if not arguments.is_sample:
        yield "--base", selection.base
    yield "--cache", arguments.fetch.cache
    yield "--filter_thresholds", arguments.filters.thresholds
    if arguments.lid_model not in KNOWN:
        yield "--lid_model", arguments.lid_model
    if arguments.second_lid_model not in (ADDED, NONE):
        yield "--second_lid_model", arguments.second_lid_model
    yield "--lm_dir", arguments.lm_dir
    yield "--hash_index", arguments.hash_index


def _check_packages() -> None:
    try:
        import_dataflow_client()
    except ImportError as error:
        raise UserError(f"{_RUNNER} needs Google's packages: pip install 'cc100-xlmr[dataflow]' ({error})") from error


def _check_credentials() -> None:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        google.auth.default()
    except DefaultCredentialsError as error:
        raise UserError(
            f"{_RUNNER}: no credentials of Google's; run gcloud auth application-default login, or name a key file in "
            "GOOGLE_APPLICATION_CREDENTIALS"
        ) from error
