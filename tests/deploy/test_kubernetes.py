"""deploy/kubernetes: what `kubectl apply -k` sends is what Kubernetes and the Flink Kubernetes Operator know."""

import json
import os
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
import yaml

from beam_jobs.options import parse
from beam_jobs.runners.flink_checks import remark_on
from ccnet_pipeline.command import IN_USE
from ccnet_pipeline.dumps import New
from tests.conftest import CHECKOUT
from tests.deploy.conftest import program, tool

FOLDER = CHECKOUT / "deploy" / "kubernetes"
IMAGE = "registry.example/cc100-pipeline:0.2.0"

# The fields of a FlinkDeployment (flink.apache.org/v1beta1) as releases 1.4 to 1.13 of the operator have them; pods are
# Kubernetes' own.
_RESOURCE = {"cpu": "number", "memory": "string", "ephemeralStorage": "string"}
FLINK_FIELDS: dict[str, Any] = {
    "image": "string",
    "imagePullPolicy": "string",
    "flinkVersion": "string",
    "serviceAccount": "string",
    "flinkConfiguration": {"*": "string"},
    "logConfiguration": {"*": "string"},
    "mode": "string",
    "restartNonce": "integer",
    "jobManager": {"resource": _RESOURCE, "replicas": "integer", "podTemplate": None},
    "taskManager": {"resource": _RESOURCE, "replicas": "integer", "podTemplate": None},
    "podTemplate": None,
}


def schema_of(fields: Any) -> dict[str, Any]:
    """A JSON schema in which nothing else is allowed; None: anything."""
    if fields is None:
        return {}
    if isinstance(fields, str):
        return {"type": fields}
    named = {name: schema_of(each) for name, each in fields.items() if name != "*"}
    return {
        "type": "object",
        "properties": named,
        "additionalProperties": schema_of(fields["*"]) if "*" in fields else False,
    }


def strict(schema: Any) -> Any:
    """A schema in which fields that it does not name are faults: Kubernetes drops those of its own in silence."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    known = {name: strict(each) for name, each in schema.items()}
    if isinstance(known.get("properties"), dict) and not known.get("x-kubernetes-preserve-unknown-fields"):
        known.setdefault("additionalProperties", False)
    return known


@pytest.fixture(scope="module")
def objects() -> dict[str, dict[str, Any]]:
    """What is sent, by kind."""
    command = [program("kubectl"), "kustomize", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}


def containers(objects: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    pods = [
        objects["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        objects["FlinkDeployment"]["spec"]["taskManager"]["podTemplate"]["spec"],
    ]
    return {container["name"]: container for pod in pods for container in pod["containers"]}


def test_every_field_is_one_that_kubernetes_knows(objects: dict[str, dict[str, Any]]) -> None:
    flink = objects["FlinkDeployment"]["spec"]
    wanted = [
        ["V1CronJob", objects["CronJob"]],
        ["V1ServiceAccount", objects["ServiceAccount"]],
        ["V1PodTemplateSpec", flink["taskManager"]["podTemplate"]],
        ["V1ObjectMeta", objects["FlinkDeployment"]["metadata"]],
    ]
    misspelt = json.loads(json.dumps(objects["CronJob"]).replace("concurrencyPolicy", "concurencyPolicy"))
    for given, faults in (
        (wanted, []),
        ([["V1CronJob", misspelt]], ["spec.concurencyPolicy: Extra inputs are not permitted"]),
    ):
        command = [str(tool("deploy")), str(Path(__file__).with_name("kubernetes_probe.py"))]
        done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=60, check=True)
        assert json.loads(done.stdout) == faults


def test_every_field_of_the_cluster_is_one_that_the_operator_knows(objects: dict[str, dict[str, Any]]) -> None:
    deployment = objects["FlinkDeployment"]
    assert deployment["apiVersion"] == "flink.apache.org/v1beta1"
    jsonschema.validate(deployment["spec"], schema_of(FLINK_FIELDS))
    assert re.fullmatch(r"v1_(1[5-9]|20)|v2_[0-2]", deployment["spec"]["flinkVersion"])
    assert deployment["spec"]["image"].startswith(f"flink:{deployment['spec']['flinkVersion'][1:].replace('_', '.')}")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**deployment["spec"], "flinkConfig": {}}, schema_of(FLINK_FIELDS))


def test_the_cluster_passes_the_operators_own_definition(objects: dict[str, dict[str, Any]]) -> None:
    given = os.environ.get("CC100_FLINK_CRD")
    if not given:
        pytest.skip("CC100_FLINK_CRD is not set: flinkdeployments.flink.apache.org-v1.yml of the operator's Helm chart")
    (version,) = yaml.safe_load(Path(given).read_text("utf-8"))["spec"]["versions"]
    definition = version["schema"]["openAPIV3Schema"]
    definition["properties"] |= {name: {} for name in ("apiVersion", "kind", "metadata")}
    schema = strict(definition)
    jsonschema.validate(objects["FlinkDeployment"], schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**objects["FlinkDeployment"], "spec": {"flinkVersion": "v1_99"}}, schema)


def test_a_start_while_the_last_one_runs_is_left_out_and_what_no_repetition_mends_is_not_repeated(
    objects: dict[str, dict[str, Any]],
) -> None:
    spec = objects["CronJob"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    job = spec["jobTemplate"]["spec"]
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    (rule,) = job["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["values"] == [2, IN_USE]
    assert rule["onExitCodes"]["containerName"] in containers(objects)


def test_the_driver_speaks_to_the_cluster_and_its_workers(objects: dict[str, dict[str, Any]]) -> None:
    driver, pool = containers(objects)["driver"], containers(objects)["worker-pool"]
    assert driver["command"] == ["python", "-m", "beam_jobs.build_cc100"]
    arguments = parse(driver["args"])
    assert arguments.dump_choice == New("CC-MAIN-2026-04")
    options = dict(option.removeprefix("--").partition("=")[::2] for option in driver["args"])
    assert options["flink_master"] == f"{objects['FlinkDeployment']['metadata']['name']}-rest:8081"
    version = objects["FlinkDeployment"]["spec"]["flinkVersion"][1:].replace("_", ".")
    assert options["flink_version"] == version
    assert f'"flink_version": "{version}"' in (CHECKOUT / "deploy/airflow/cc100_flink.py").read_text("utf-8")
    assert options["environment_config"] == f"localhost:{pool['ports'][0]['containerPort']}"
    assert pool["args"] == ["-worker_pool"]


def test_a_pod_that_is_lost_does_not_end_the_job() -> None:
    settings = yaml.safe_load((FOLDER / "flink.yaml").read_text("utf-8"))["spec"]["flinkConfiguration"]
    asked: Any = SimpleNamespace(settings=lambda: settings, url="http://cc100-rest:8081")
    assert remark_on(asked) is None


def test_one_image_is_named_and_the_workers_have_a_limit_of_memory(objects: dict[str, dict[str, Any]]) -> None:
    ours = containers(objects)
    assert {ours["driver"]["image"], ours["worker-pool"]["image"]} == {IMAGE}
    assert all(ours[name]["resources"]["limits"]["memory"] for name in ("driver", "worker-pool"))
    variables = json.loads((CHECKOUT / "deploy/airflow/variables.json").read_text("utf-8"))
    assert variables["cc100_image"] == IMAGE
    assert f'default     = "{IMAGE}"' in (CHECKOUT / "deploy/terraform/variables.tf").read_text("utf-8")


def test_secrets_are_named_and_never_written(objects: dict[str, dict[str, Any]]) -> None:
    for name in ("driver", "worker-pool"):
        container = containers(objects)[name]
        assert [each["secretRef"]["name"] for each in container["envFrom"]] == ["cc100-object-store"]
        assert [each["name"] for each in container["env"]] == ["CC100_CACHE"]
    for file in (CHECKOUT / "deploy").rglob("*.*"):
        assert not re.search(
            r"(?i)(access_?key|private_?key|api_?key|password|credentials)\w*\W*[:=]", file.read_text()
        )
