"""What is remembered of large files: never more than what they hold."""

import os
import time
from pathlib import Path

import pytest

from ccnet_pipeline import checksums
from ccnet_pipeline.checksums import Memory, sha256_of


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that were read for their sha256. It is some time after the test wrote them."""
    names: list[str] = []

    def read_and_note(path: Path) -> str:
        names.append(path.name)
        return sha256_of(path)

    monkeypatch.setattr(checksums, "sha256_of", read_and_note)
    later = time.time_ns() + 60_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)
    return names


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.write_bytes(b"of one kind")
    return path


def remembered(path: Path) -> str:
    """By another process, as far as it can tell."""
    return Memory(path.with_name("memory.json")).sha256_of(path)


def test_a_file_that_stays_as_it_is_is_read_once(model: Path, read: list[str]) -> None:
    assert [remembered(model) for _ in range(3)] == [sha256_of(model)] * 3
    assert read == ["model"]


def test_another_content_of_the_same_size_and_time_is_noticed(model: Path, read: list[str]) -> None:
    remembered(model)
    before = model.stat()
    model.write_bytes(b"of no kind.")
    os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert model.stat().st_size == before.st_size
    assert remembered(model) == sha256_of(model)


def test_another_file_at_its_place_is_noticed(model: Path, read: list[str]) -> None:
    remembered(model)
    other = model.with_name("other")
    other.write_bytes(b"of no kind.")
    other.replace(model)
    assert remembered(model) == sha256_of(model)


def test_a_file_that_has_just_changed_is_read_again(
    model: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: model.stat().st_mtime_ns + 1_000_000_000)
    for _ in range(2):
        remembered(model)
    assert read == ["model", "model"]


def test_a_damaged_memory_and_one_that_cannot_be_kept_do_no_harm(model: Path, read: list[str]) -> None:
    model.with_name("memory.json").write_bytes(b'{"files": {"')
    assert remembered(model) == sha256_of(model)
    assert Memory(model / "no folder").sha256_of(model) == Memory(None).sha256_of(model) == sha256_of(model)


def test_what_passed_a_check_has_passed_it_as_it_is_and_while_it_is_there(model: Path, read: list[str]) -> None:
    memory = Memory(model.with_name("memory.json"))
    content = memory.sha256_of(model)
    memory.note_sound("loads", content)

    def is_sound(check: str, *contents: str) -> bool:
        return Memory(model.with_name("memory.json")).is_sound(check, *contents)

    assert is_sound("loads", content)
    assert not is_sound("loads well", content)
    assert not is_sound("loads", content, content)
    model.unlink()
    memory.note_sound("another")
    assert not is_sound("loads", content)
