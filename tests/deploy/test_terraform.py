"""deploy/terraform: valid by Terraform itself, and the request that it schedules is one that the pipeline takes."""

import ast
import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beam_jobs.options import parse
from ccnet_pipeline.dumps import New
from tests.conftest import CHECKOUT
from tests.deploy.conftest import program, tool

FOLDER = CHECKOUT / "deploy" / "terraform"
VERSION = "7.0.0"  # of the provider that the stand-in stands for

Terraform = Callable[..., subprocess.CompletedProcess[str]]


def test_the_files_are_in_the_usual_form() -> None:
    done = subprocess.run(
        [program("terraform"), "fmt", "-check", "-diff", str(FOLDER)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode()


@pytest.fixture
def terraform(tmp_path: Path) -> Terraform:
    """Terraform in a copy of the folder, with a stand-in for the provider, and without a network."""
    python, name = tool("deploy"), program("terraform")
    system = f"linux_{'arm64' if os.uname().machine == 'aarch64' else 'amd64'}"
    place = tmp_path / "mirror/registry.terraform.io/hashicorp/google" / VERSION / system
    place.mkdir(parents=True)
    provider = place / f"terraform-provider-google_v{VERSION}"
    provider.write_text(f'#!/bin/sh\nexec "{python}" "{Path(__file__).with_name("google_provider.py")}" "$@"\n')
    provider.chmod(0o755)
    settings = tmp_path / "terraform.rc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{tmp_path}/mirror" }}\n}}\n')
    work = Path(shutil.copytree(FOLDER, tmp_path / "work"))
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": str(settings), "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        words = [name, *command, "-no-color"]
        return subprocess.run(
            words, cwd=work, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    done = run("init", "-input=false", "-backend=false")
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture
def plan(terraform: Terraform) -> dict[str, Any]:
    """What would be made; names that the cloud gives are made up."""
    given = ["-var=project=example-project", "-var=region=us-east1", "-var=bucket=example-cc100"]
    done = terraform("plan", "-input=false", "-out=plan", *given)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(terraform("show", "-json", "plan").stdout)
    return found


def test_it_is_valid(terraform: Terraform) -> None:
    done = terraform("validate")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_started_every_day_is_what_airflow_starts(plan: dict[str, Any]) -> None:
    resources = plan["planned_values"]["root_module"]["resources"]
    (job,) = [each["values"] for each in resources if each["type"] == "google_cloud_scheduler_job"]
    (target,), (retries,) = job["http_target"], job["retry_config"]
    assert target["uri"] == (
        "https://dataflow.googleapis.com/v1b3/projects/example-project/locations/us-east1/flexTemplates:launch"
    )
    assert (job["schedule"], retries["retry_count"]) == ("0 6 * * *", 0)
    launch = json.loads(base64.b64decode(target["body"]))["launchParameter"]
    assert launch == launch_of_airflow()
    arguments = parse([f"--{name}={value}" for name, value in launch["parameters"].items()])
    assert arguments.dump_choice == New("CC-MAIN-2026-04")
    assert arguments.output == "gs://example-cc100/corpus/{dump}"


def test_it_signs_in_as_an_account_that_may_start_jobs_as_the_workers(plan: dict[str, Any]) -> None:
    resources = plan["configuration"]["root_module"]["resources"]
    named = {each["address"]: each["expressions"] for each in resources}
    (target,) = named["google_cloud_scheduler_job.new_dump"]["http_target"]
    (signs_in_as,) = target["oauth_token"]
    assert "google_service_account.scheduler.email" in signs_in_as["service_account_email"]["references"]
    acts_as = named["google_service_account_iam_member.scheduler_as_worker"]
    assert "google_service_account.worker.name" in acts_as["service_account_id"]["references"]
    assert "google_service_account.scheduler.member" in acts_as["member"]["references"]
    assert (
        "google_service_account.worker.member"
        in named["google_storage_bucket_iam_member.worker"]["member"]["references"]
    )


def launch_of_airflow() -> dict[str, Any]:
    """The launch of deploy/airflow/cc100_dataflow.py, with the names of the plan."""
    tree = ast.parse((CHECKOUT / "deploy/airflow/cc100_dataflow.py").read_text("utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.Assign)]  # without an Airflow to import
    names: dict[str, Any] = {}
    exec(compile(tree, "cc100_dataflow.py", "exec"), names)
    variables = json.loads((CHECKOUT / "deploy/airflow/variables.json").read_text("utf-8"))
    variables["cc100_service_account"] = "made-up-email"
    text = json.dumps(names["LAUNCH"]["launchParameter"])
    for name, value in variables.items():
        text = text.replace(f"{{{{ var.value.{name} }}}}", value)
    same: dict[str, Any] = json.loads(text)
    return same


def test_a_mistake_is_found(terraform: Terraform, tmp_path: Path) -> None:
    main = tmp_path / "work" / "main.tf"
    text = main.read_text("utf-8")
    for right, wrong in (("worker.email", "worker.emial"), ("retry_count", "retries"), ("var.bucket", "var.buckets")):
        main.write_text(text.replace(right, wrong, 1), "utf-8")
        assert terraform("validate").returncode == 1
