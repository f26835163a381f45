"""Airflow: every day, the oldest dump of CommonCrawl that is not built yet, on a Flink cluster.

For Airflow 2.10 and later, and 3. It needs apache-airflow-providers-apache-beam, the Airflow variables of
variables.json, and on Airflow's workers a Python that has cc100-xlmr[beam]: $CC100_PYTHON. The cluster is that of
deploy/kubernetes. Credentials for the object store are those of the worker's own identity, or come from its
environment; none is named here. docs/schedules.md tells the rest.
"""

import os
from datetime import datetime, timedelta, timezone

from airflow.providers.apache.beam.operators.beam import BeamRunPythonPipelineOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

PLACE = "{{ var.value.cc100_place }}"  # such as s3://bucket/cc100

with DAG(
    "cc100_flink",
    description="The next dump of CommonCrawl as a CC-100 style corpus, on Flink",
    schedule="0 6 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,  # `new` catches up by itself, one dump a run
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=15)},  # a run goes on where it stopped
    tags=["cc100"],
) as dag:
    BeamRunPythonPipelineOperator(
        task_id="build",
        py_interpreter=os.environ.get("CC100_PYTHON", "python3"),
        py_options=["-m"],
        py_file="beam_jobs.build_cc100",
        runner="FlinkRunner",
        default_pipeline_options={
            "flink_master": "{{ var.value.cc100_flink_master }}",
            "flink_version": "1.19",
            "flink_submit_uber_jar": True,
            "environment_type": "EXTERNAL",
            "environment_config": "localhost:50000",
            "parallelism": "{{ var.value.cc100_parallelism }}",
        },
        pipeline_options={
            "dump": "new:{{ var.value.cc100_first_dump }}",
            "hash_index": f"{PLACE}/seen",
            "output": f"{PLACE}/corpus/{{dump}}",
            "lm_dir": f"{PLACE}/models",
        },
    )
