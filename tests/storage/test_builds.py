"""A build whose every path lies elsewhere has the bytes of one on a disk. tests/test_remote.py has more, on S3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from beam_jobs import job
from ccnet_pipeline import storage
from ccnet_pipeline.sample import crawl_directory

WET = sorted(crawl_directory().rglob("*.wet.gz"))[0]


def shards_of(lid: str, crawl: str, output: str) -> dict[str, bytes]:
    archive = storage.join(crawl, "crawl-data", *WET.parts[WET.parts.index("crawl-data") + 1 :])
    storage.write(archive, WET.read_bytes())
    assert job.main(["--input", archive, "--lid_model", lid, "--workers=1", "--output", output]) == 0
    files = [name for name in storage.sizes(output) if name.startswith("shards/")]
    return {name: storage.read(storage.join(output, name)) for name in sorted(files)}


@pytest.fixture(scope="module")
def on_a_disk(lid: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("disk")
    return shards_of(lid, str(folder), str(folder / "out"))


@pytest.mark.parametrize("kind", ["gs", "az", "hdfs"])
def test_a_build_elsewhere_has_the_bytes_of_one_on_a_disk(
    kind: str,
    on_a_disk: dict[str, bytes],
    place_of_kind: Callable[[str], str],
    lid: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CC100_CACHE", str(tmp_path / "cache"))
    place = place_of_kind(kind)
    model = f"{place}/models/{Path(lid).name}"
    storage.write(model, Path(lid).read_bytes())
    assert shards_of(model, f"{place}/crawl", f"{place}/out") == on_a_disk
    assert sorted(storage.names(f"{place}/out")) == [
        "README.md", "ledger", "ledger.json", "manifest.json", "observations.json.zst", "report.html", "run.json",
        "shards", "times.json",
    ]  # fmt: skip


def test_a_file_url_is_a_path(lid: str, tmp_path: Path, on_a_disk: dict[str, bytes]) -> None:
    assert shards_of(lid, str(tmp_path), (tmp_path / "a b").as_uri()) == on_a_disk
    assert (tmp_path / "a b/manifest.json").is_file()
