"""Airflow: every day, the oldest dump of CommonCrawl that is not built yet, on Dataflow by a Flex Template.

For Airflow 2.10 and later, and 3. It needs apache-airflow-providers-google, the template that docs/dataflow.md makes,
the Airflow variables of variables.json, and the connection google_cloud_default. docs/schedules.md tells the rest.
"""

import json
from datetime import datetime, timedelta, timezone
from urllib.request import urlopen

from airflow.providers.google.cloud.operators.dataflow import DataflowStartFlexTemplateOperator

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

COLLECTIONS = "https://index.commoncrawl.org/collinfo.json"
PLACE = "gs://{{ var.value.cc100_bucket }}"

LAUNCH = {
    "launchParameter": {
        "jobName": "cc100-new-dump",
        "containerSpecGcsPath": f"{PLACE}/cc100.json",
        "parameters": {
            "sdk_container_image": "{{ var.value.cc100_image }}",
            "dump": "new:{{ var.value.cc100_first_dump }}",
            "output": f"{PLACE}/corpus/{{dump}}",
            "lm_dir": f"{PLACE}/models",
        },
        "environment": {
            "serviceAccountEmail": "{{ var.value.cc100_service_account }}",
            "tempLocation": f"{PLACE}/temp",
            "stagingLocation": f"{PLACE}/staging",
            "machineType": "n2-highmem-4",
            "maxWorkers": 100,
        },
    }
}

with DAG(
    "cc100_dataflow",
    description="The next dump of CommonCrawl as a CC-100 style corpus, on Dataflow",
    schedule="0 6 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,  # `new` catches up by itself, one dump a run
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=15)},  # a run goes on where it stopped
    tags=["cc100"],
) as dag:

    @task.short_circuit
    def something_is_new(bucket: str, first: str) -> bool:
        """Tell whether a dump is not built yet: Dataflow calls a launch failed that finds nothing to do."""
        from airflow.providers.google.cloud.hooks.gcs import GCSHook

        with urlopen(COLLECTIONS, timeout=60) as answer:
            dumps = [each["id"] for each in json.load(answer)]
        store = GCSHook()
        return any(not store.exists(bucket, f"corpus/{dump}/manifest.json") for dump in dumps if dump >= first)

    build = DataflowStartFlexTemplateOperator(
        task_id="build",
        project_id="{{ var.value.cc100_project }}",
        location="{{ var.value.cc100_region }}",
        body=LAUNCH,
        append_job_name=False,  # of one name Dataflow runs one job at a time
        wait_until_finished=True,
    )

    something_is_new("{{ var.value.cc100_bucket }}", "{{ var.value.cc100_first_dump }}") >> build
