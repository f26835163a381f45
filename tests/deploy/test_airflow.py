"""deploy/airflow, by a real Airflow 2 and 3: the DAGs are parsed, and their tasks run as far as they can."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from beam_jobs.options import parse
from ccnet_pipeline.dumps import New
from tests.conftest import CHECKOUT
from tests.deploy.conftest import tool
from tests.test_build import result
from tests.test_schedule import OLD, make_mirror

FOLDER = CHECKOUT / "deploy" / "airflow"
VARIABLES = FOLDER / "variables.json"
AIRFLOWS = {version: tool(version, for_module=True) for version in ("airflow-2", "airflow-3")}


def probe(version: str, home: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run airflow_probe.py by an Airflow that has nothing but a connection without secrets."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": '{"conn_type": "google_cloud_platform"}',
        "CC100_PYTHON": sys.executable,
        "PYTHONPATH": str(CHECKOUT),
    }
    command = [
        str(AIRFLOWS[version]),
        str(CHECKOUT / "tests/deploy/airflow_probe.py"),
        str(FOLDER),
        str(VARIABLES),
        *more,
    ]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module", params=AIRFLOWS)
def facts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = probe(request.param, tmp_path_factory.mktemp(request.param))
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["airflow"].startswith(f"{request.param[-1]}.")
    return found


def test_a_run_that_is_due_while_another_goes_on_waits_and_a_failed_one_is_taken_up(facts: dict[str, Any]) -> None:
    assert set(facts["dags"]) == {"cc100_dataflow", "cc100_flink"}
    for dag in facts["dags"].values():
        assert (dag["catchup"], dag["max_active_runs"]) == (False, 1)
        assert dag["retries"] > 0
    assert facts["dags"]["cc100_flink"]["tasks"] == {"build": ["BeamRunPythonPipelineOperator", []]}
    on_dataflow = facts["dags"]["cc100_dataflow"]["tasks"]
    assert on_dataflow["build"] == ["DataflowStartFlexTemplateOperator", []]
    assert on_dataflow["something_is_new"] == ["_ShortCircuitDecoratedOperator", ["build"]]


def test_the_command_that_is_started_is_one_that_the_pipeline_takes(facts: dict[str, Any]) -> None:
    python, *module = facts["command"][:3]
    assert (python, module) == (sys.executable, ["-m", "beam_jobs.build_cc100"])
    arguments = parse(facts["command"][3:])
    assert arguments.runner == "FlinkRunner"
    assert arguments.dump_choice == New("CC-MAIN-2026-04")
    assert (arguments.output, arguments.hash_index) == ("s3://example-cc100/corpus/{dump}", "s3://example-cc100/seen")


def test_the_launch_on_dataflow_has_parameters_that_the_pipeline_takes(facts: dict[str, Any]) -> None:
    launch = facts["launch"]["body"]["launchParameter"]
    template = json.loads((CHECKOUT / "docker" / "metadata.json").read_text("utf-8"))["parameters"]
    assert set(launch["parameters"]) <= {each["name"] for each in template}
    assert set(launch["parameters"]) >= {each["name"] for each in template if not each["isOptional"]}
    arguments = parse([f"--{name}={value}" for name, value in launch["parameters"].items()])
    assert arguments.dump_choice == New("CC-MAIN-2026-04")
    assert arguments.output == "gs://example-cc100/corpus/{dump}"
    assert launch["parameters"]["sdk_container_image"] == json.loads(VARIABLES.read_text())["cc100_image"]
    assert re.fullmatch(r"[a-z][-a-z0-9]*", launch["jobName"])  # the same each time: Dataflow runs one of a name


def test_nothing_is_launched_where_nothing_is_new(facts: dict[str, Any]) -> None:
    assert facts["something_is_new"] == [True, True, False]  # with none, one and both of the wanted dumps built


def test_the_variables_are_those_that_are_used() -> None:
    used = {name for file in FOLDER.glob("*.py") for name in re.findall(r"var\.value\.(\w+)", file.read_text())}
    assert used == set(json.loads(VARIABLES.read_text()))


@pytest.mark.parametrize("version", AIRFLOWS)
def test_the_task_builds_a_dump(version: str, lid: str, tmp_path: Path) -> None:
    mirror = make_mirror(tmp_path / "mirror")
    options = {
        "dump": "new",
        "base": str(mirror),
        "hash_index": str(tmp_path / "seen"),
        "output": f"{tmp_path}/corpus/{{dump}}",
        "lid_model": lid,
        "workers": 1,
        "lm_dir": [],
    }
    done = probe(version, tmp_path / "home", "--run", json.dumps(options))
    assert done.returncode == 0, done.stderr[-3000:]
    assert result(tmp_path / "corpus" / OLD)
