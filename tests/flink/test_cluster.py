"""A session cluster of two hosts: what is built there, and what happens to jobs, hosts, workers and drivers.

Minutes: `make flink-test`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ccnet_pipeline import sample
from tests.flink.conftest import Driver, Gate, shards_of

pytestmark = [pytest.mark.flink, pytest.mark.usefixtures("hosts")]

DUMP = f"--dump={sample.DUMP}"
Drive = Callable[..., Driver]
Here = Callable[..., dict[str, str]]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def last() -> str:
    """The last segment of the sample, without what its packing adds."""
    return sorted(sample.crawl_directory().rglob("*.wet.gz"))[-1].name


def afar(gate: Gate) -> list[str]:
    return [DUMP, f"--base={gate.url}", "--request_interval=0"]


def one_line(printed: str) -> str:
    """The line that says why it failed: the last, and no trace."""
    assert "Traceback" not in printed
    assert "\tat " not in printed
    return printed.splitlines()[-1].removeprefix("build_cc100: ")


@pytest.mark.parametrize("by", ["uber", "server"])
def test_the_sample_is_the_same_however_it_is_submitted(drive: Drive, built_here: Here, output: Path, by: str) -> None:
    status, printed = drive(output, by=by).ended()
    assert status == 0, printed
    assert shards_of(output) == built_here()
    assert re.search(
        r"the job is cc100-\w{8} \(\w{32}\); watch it: http://\S+/#/job/running/\w{32}/overview\n", printed
    )
    assert "Ctrl-C cancels it; so does, from elsewhere: curl -X PATCH 'http://" in printed
    assert not (output / "job.json").exists()


def test_a_crawl_of_eight_segments_is_the_same_with_the_translation_of_flink_2(
    drive: Drive, built_here: Here, output: Path, generated_crawl: Callable[..., Path]
) -> None:
    crawl = f"--input={generated_crawl(files=8, records_per_file=60)}"
    status, printed = drive(output, crawl, "--use_data_stream_for_batch").ended()
    assert status == 0, printed
    assert shards_of(output) == built_here(crawl)
