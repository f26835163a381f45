"""verify, get and remove on an object store: what they say and leave is the same as on a disk."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
import requests

from beam_jobs import get, remove, verify
from ccnet_pipeline import storage
from ccnet_pipeline.formats import FORMATS
from tests.corpora import SEGMENTS, document, write_corpus
from tests.s3_server import S3Server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def corpora(tmp_path: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """The same on this disk and in a bucket."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    requests.put(f"{server.environment['AWS_ENDPOINT_URL']}/corpora", timeout=60)  # makes the bucket
    documents = [
        *(document(number, segment=(number - 1) // 2) for number in range(1, 7)),
        document(7, "fr", segment=2, host="gone.example"),
        document(8, "fr", "tail", segment=2, host="gone.example", reason="bucket_tail"),
    ]
    local = write_corpus(
        tmp_path / "out", documents, formats=FORMATS, shard_of=lambda each: SEGMENTS.index(each.segment)
    )
    remote = f"s3://corpora/{tmp_path.name}"
    for path, data in files(str(local)).items():
        storage.write(f"{remote}/{path}", data)
    return local, remote


def files(output: str) -> dict[str, bytes]:
    return {name: storage.read(storage.join(output, *name.split("/"))) for name in storage.sizes(output)}


def without_time(some: dict[str, bytes]) -> dict[str, object]:
    record = json.loads(some["removed/00001.json"])
    return {**some, "removed/00001.json": {name: value for name, value in record.items() if name != "time"}}


def test_all_three_say_the_same_of_a_bucket(
    corpora: tuple[Path, str], server: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    local, remote = corpora
    said = []
    for output in (str(local), remote):
        assert verify.main([output, "--json", "--workers=1"]) == 0
        assert get.main([output, document(3).id, f"--segment={SEGMENTS[1]}", "--workers=1"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    storage.remove_file(f"{remote}/shards/fr.txt.xz")
    assert verify.main([remote, "--workers=1"]) == 1
    assert "shards/fr.txt.xz: it is missing" in capsys.readouterr().out


def test_verify_asks_for_each_file_a_few_times_at_most(corpora: tuple[Path, str], server: S3Server) -> None:
    server.counted()
    assert verify.main([corpora[1], "--workers=1"]) == 0
    num_files = len(storage.sizes(corpora[1]))
    assert sum(server.counted(r"^(GET|HEAD) ").values()) <= 3 * num_files + 10


def test_a_removal_from_a_bucket_is_that_from_a_disk_also_when_it_breaks_off(
    corpora: tuple[Path, str], server: S3Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    local, remote = corpora
    (tmp_path / "hosts").write_text("gone.example\nhost-aaa.example\nhost-aac.example\n")
    flags = [f"--hosts={tmp_path / 'hosts'}", "--by=me", "--workers=1"]
    assert remove.main([str(local), *flags]) == 0
    for pattern in (r"PUT .*/removed/00001/shards/en/", rf"PUT /corpora/{tmp_path.name}/ledger\.json"):
        with server.failing(pattern, HTTPStatus.FORBIDDEN):
            assert remove.main([remote, *flags]) == 2
    assert verify.main([remote, "--workers=1"]) == 1
    assert "removed/pending.json: a removal was interrupted" in capsys.readouterr().out
    assert remove.main([remote, *flags]) == 0
    assert without_time(files(remote)) == without_time(files(str(local)))
    assert verify.main([remote, "--workers=1"]) == 0
