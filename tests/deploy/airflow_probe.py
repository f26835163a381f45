"""What a real Airflow makes of deploy/airflow, as JSON. Run by the Python of an Airflow, of which the tests have two.

python airflow_probe.py FOLDER VARIABLES                      the DAGs, and what their tasks would run
python airflow_probe.py FOLDER VARIABLES --run OPTIONS        runs the Beam task, with these options over its own
"""

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import airflow
from airflow.providers.apache.beam.hooks import beam as beam_hooks
from airflow.providers.google.cloud.hooks import gcs
from airflow.providers.google.cloud.hooks.dataflow import DataflowHook
from airflow.providers.google.cloud.operators import dataflow
from google.cloud.dataflow_v1beta3 import LaunchFlexTemplateParameter

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # Airflow 2
    from airflow.models import DagBag


def rendered(task: Any, variables: dict[str, str]) -> Any:
    """A task with its templates filled in as in a run."""
    task.render_template_fields({"var": {"value": variables}})
    return task


def command_of(task: Any) -> list[str]:
    """The command that the Beam operator starts."""
    with mock.patch.object(beam_hooks, "run_beam_command") as run, mock.patch("subprocess.check_output") as beam:
        beam.return_value = b"2.77.0"
        task.execute({})
    command: list[str] = run.call_args.kwargs["cmd"]
    return command


def launch_of(task: Any) -> dict[str, Any]:
    """The request that the Dataflow operator sends; fields that the service does not know are an error."""
    with (
        mock.patch.object(DataflowHook, "start_flex_template", return_value={"id": "1"}) as start,
        mock.patch.object(dataflow.DataflowJobLink, "persist"),
    ):
        task.execute({"task_instance": mock.Mock()})
    arguments = start.call_args.kwargs
    LaunchFlexTemplateParameter.from_json(json.dumps(arguments["body"]["launchParameter"]))
    return {name: arguments[name] for name in ("body", "location", "project_id")}


def decisions_of(task: Any, built: Sequence[str]) -> list[bool]:
    """What the check says of three dumps, with the first of those in `built` built, and then one more each time."""
    listed = json.dumps([{"id": name} for name in ("CC-MAIN-2026-08", "CC-MAIN-2026-04", "CC-MAIN-2025-51")])
    answers = []
    for count in range(len(built) + 1):
        there = {f"corpus/{name}/manifest.json" for name in built[:count]}
        store = SimpleNamespace(exists=lambda bucket, name, there=there: name in there)
        with (
            mock.patch.object(gcs, "GCSHook", return_value=store),
            mock.patch.dict(task.python_callable.__globals__, urlopen=lambda *_, **__: io.BytesIO(listed.encode())),
        ):
            answers.append(task.python_callable(*task.op_args))
    return answers


def facts(dags: dict[str, Any], variables: dict[str, str]) -> dict[str, Any]:
    """All that the tests ask of the DAGs."""
    flink, on_dataflow = dags["cc100_flink"], dags["cc100_dataflow"]
    check = rendered(on_dataflow.get_task("something_is_new"), variables)
    return {
        "airflow": airflow.__version__,
        "dags": {
            name: {
                "tasks": {task.task_id: [type(task).__name__, sorted(task.downstream_task_ids)] for task in dag.tasks},
                "catchup": dag.catchup,
                "max_active_runs": dag.max_active_runs,
                "retries": dag.get_task("build").retries,
            }
            for name, dag in dags.items()
        },
        "command": command_of(rendered(flink.get_task("build"), variables)),
        "launch": launch_of(rendered(on_dataflow.get_task("build"), variables)),
        "something_is_new": decisions_of(check, ["CC-MAIN-2026-04", "CC-MAIN-2026-08"]),
    }


def main(folder: str, variables_file: str, *more: str) -> None:
    """Print the facts, or run the task."""
    found = DagBag(folder)
    if found.import_errors:
        raise SystemExit(str(found.import_errors))
    variables = json.loads(Path(variables_file).read_text("utf-8"))
    if not more:
        print(json.dumps(facts(found.dags, variables)))
        return
    task = rendered(found.dags["cc100_flink"].get_task("build"), variables)
    task.runner = "DirectRunner"
    task.default_pipeline_options = {}
    task.pipeline_options |= json.loads(more[1])
    task.execute({})


main(*sys.argv[1:])
