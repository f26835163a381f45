"""Imports Apache Beam without what it would import for services that nothing here uses: that is a third of its start.

`import apache_beam` imports every connector, and with it the clients of BigQuery, MongoDB, S3 and others, pandas and
pyarrow, as far as they are installed. It takes all of these for optional, and goes on where their import fails. So they
are declared missing while it is imported, as the import system has it (None in `sys.modules`). Afterwards they can be
imported: `ccnet_pipeline.storage` does so with the file system of a path.

A process that has imported Beam already, as those of Flink and Dataflow have, stays as it is.
"""

import contextlib
import importlib
import logging
import sys

_FILE_SYSTEMS = {  # of Beam, by the scheme of paths
    "azfs": "apache_beam.io.azure.blobstoragefilesystem",
    "gs": "apache_beam.io.gcp.gcsfilesystem",
    "hdfs": "apache_beam.io.hadoopfilesystem",
    "s3": "apache_beam.io.aws.s3filesystem",
}
_DATAFLOW = "google.cloud.dataflow"  # client of the service
_NOT_NOW = ("apache_beam.io.gcp.bigquery", "bson", _DATAFLOW, "pandas", "pyarrow", "pymongo", *_FILE_SYSTEMS.values())


def import_beam() -> None:
    """Import Beam, if it has not been imported; to be called before any other module does it."""
    if "apache_beam" in sys.modules:
        return
    log = logging.getLogger("apache_beam")
    level = log.level
    log.setLevel(logging.ERROR)  # it tells what is missing
    missing = dict.fromkeys(name for name in _NOT_NOW if name not in sys.modules)
    sys.modules.update(missing)  # type: ignore[arg-type]
    try:
        importlib.import_module("apache_beam")
    finally:
        for name in missing:
            del sys.modules[name]
        log.setLevel(level)


def import_file_system(path: str) -> None:
    """Let Beam know the file system of a path, if its libraries are installed."""
    module = _FILE_SYSTEMS.get(path.partition("://")[0])
    if module:
        with contextlib.suppress(ImportError):  # Beam says what to install
            importlib.import_module(module)


def import_file_systems() -> None:
    """Let Beam know every file system whose libraries are installed."""
    for scheme in _FILE_SYSTEMS:
        import_file_system(f"{scheme}://")


def import_dataflow_client() -> None:
    """Let Beam submit jobs to Dataflow, and understand what it answers; ImportError: a library is not installed."""
    runner = importlib.import_module("apache_beam.runners.dataflow.dataflow_runner")
    # It had looked for the client when Beam was imported.
    runner.dataflow_api = importlib.import_module(_DATAFLOW)  # type: ignore[attr-defined]
    importlib.import_module("apache_beam.runners.dataflow.internal.apiclient")
