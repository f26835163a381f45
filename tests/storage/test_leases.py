"""The lock of a folder where there are no locks: who has it, how long it lives, and what is done about an old one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ccnet_pipeline import storage
from ccnet_pipeline.errors import InUseError, UserError
from ccnet_pipeline.storage import leases
from ccnet_pipeline.storage.leases import LOCK, Owner
from ccnet_pipeline.storage.objects import ObjectStores
from tests.moments import PATIENCE_S, wait_for
from tests.s3_server import S3Server

ANOTHER = Owner("id", "elsewhere", 42, "sam", "elsewhere boot pid:[1] 7", "2026-01-01T00:00:00Z")


@pytest.fixture
def renewed_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEWED_EVERY_S", 0.01)


def lock_of(place: str) -> bytes:
    return storage.read(f"{place}/{LOCK}")


def test_a_lock_names_its_owner_and_goes_with_the_block(remote: str) -> None:
    with storage.locked(remote):
        owner = msgspec.json.decode(lock_of(remote), type=Owner)
        assert (owner.pid, owner.is_dead()) == (os.getpid(), False)
    assert not storage.exists(f"{remote}/{LOCK}")
    with pytest.raises(ZeroDivisionError), storage.locked(remote):
        raise ZeroDivisionError
    assert not storage.exists(f"{remote}/{LOCK}")


def test_a_lock_is_renewed(remote: str, renewed_often: None) -> None:
    with storage.locked(remote):
        first = lock_of(remote)
        wait_for(lambda: lock_of(remote) != first, "the lock to be renewed")


def test_another_run_is_named_and_that_it_lives(remote: str) -> None:
    storage.write(f"{remote}/{LOCK}", msgspec.json.encode(ANOTHER))
    message = rf"^another run is writing to {remote} \(sam on elsewhere, process 42, heard of \d+ s ago\); wait for it"
    with pytest.raises(InUseError, match=message), storage.locked(remote):
        pytest.fail("two at a time")
    assert lock_of(remote) == msgspec.json.encode(ANOTHER)
    assert storage.sizes(remote) == {}


def test_one_that_was_not_heard_of_for_long_is_named_with_the_remedy(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.write(f"{s3}/{LOCK}", msgspec.json.encode(ANOTHER))
    now = ObjectStores.now
    monkeypatch.setattr(ObjectStores, "now", lambda self, folder: now(self, folder) + 3 * 3600)
    message = r"last heard of 3 h ago\); if it is dead, remove .*/\.lock and"
    with pytest.raises(UserError, match=message) as caught, storage.locked(s3):
        pytest.fail("two at a time")
    assert not isinstance(caught.value, InUseError)
    storage.remove_file(f"{s3}/{LOCK}")
    with storage.locked(s3):
        pass


def test_clocks_of_machines_do_not_count(remote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.write(f"{remote}/{LOCK}", msgspec.json.encode(ANOTHER))
    monkeypatch.setattr("time.time", lambda: 4e9)
    with pytest.raises(InUseError, match=r"heard of [0-9] s ago"), storage.locked(remote):
        pytest.fail("two at a time")


def test_what_is_no_lock_of_ours_is_respected(s3: str) -> None:
    storage.write(f"{s3}/{LOCK}", b"")
    with pytest.raises(InUseError, match="somebody"), storage.locked(s3):
        pytest.fail("two at a time")


# Takes the lock, says so, and waits to be killed.
HOLD = """
import sys, time
from ccnet_pipeline import storage
with storage.locked(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="what processes there are is told by Linux only")
def test_a_run_that_was_killed_on_this_machine_holds_nobody_up(s3: str) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, s3], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(InUseError, match=f"process {process.pid},"), storage.locked(s3):
            pytest.fail("two at a time")
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_S)
    with storage.locked(s3):
        assert msgspec.json.decode(lock_of(s3), type=Owner).pid == os.getpid()
    assert storage.is_empty(s3)


def test_a_run_that_loses_its_lock_ends(s3: str, renewed_often: None) -> None:
    def lose() -> None:
        with storage.locked(s3):
            storage.write(f"{s3}/{LOCK}", msgspec.json.encode(ANOTHER))
            threading.Event().wait(PATIENCE_S)

    with pytest.raises(UserError, match=r"\.lock was removed or taken by another run; start this one again"):
        lose()
    assert lock_of(s3) == msgspec.json.encode(ANOTHER)


def test_a_run_that_loses_its_lock_says_so_however_the_interrupt_arrives(s3: str, renewed_often: None) -> None:
    def lose() -> None:
        with storage.locked(s3):
            storage.remove_file(f"{s3}/{LOCK}")
            try:
                threading.Event().wait(PATIENCE_S)
            except KeyboardInterrupt as error:  # as Beam does in a step
                raise RuntimeError("KeyboardInterrupt [while running 'ExtractSegment']") from error

    with pytest.raises(UserError, match="was removed or taken by another run"):
        lose()


def test_a_lock_is_renewed_after_the_store_could_not_say_whose_it_is(
    s3: str, renewed_often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [FileExistsError(), UserError("the store cannot be reached")]

    def fails_first(ask: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*arguments: object) -> Any:
            if failing and threading.current_thread() is not threading.main_thread():
                raise failing.pop(0)
            return ask(*arguments)

        return asked

    monkeypatch.setattr(ObjectStores, "replace", fails_first(ObjectStores.replace))
    monkeypatch.setattr(ObjectStores, "look", fails_first(ObjectStores.look))
    with storage.locked(s3):
        first = lock_of(s3)
        wait_for(lambda: lock_of(s3) != first, "the lock to be renewed")
    assert not failing


def test_a_lock_whose_first_answer_was_lost_is_ours(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create: Callable[..., object] = ObjectStores.create

    def twice(self: ObjectStores, path: str, data: bytes) -> object:
        create(self, path, data)
        return create(self, path, data)

    monkeypatch.setattr(ObjectStores, "create", twice)
    with storage.locked(s3):
        pass
    assert storage.is_empty(s3)


def test_a_store_that_does_not_answer_holds_up_no_end_and_what_is_left_is_one_line(
    s3: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leases, "TIDYING_S", 0.01)
    with s3_server.stopping_at(r"(GET|DELETE) .*/\.lock"):
        with pytest.raises(KeyboardInterrupt), storage.locked(f"{s3}/out"), storage.locked(f"{s3}/work"):
            raise KeyboardInterrupt
        [line] = caplog.messages
        assert line.startswith(
            f"the store does not answer, and so these locks are left: {s3}/work/.lock, {s3}/out/.lock; runs on this "
        )
    for lock in (f"{s3}/work/.lock", f"{s3}/out/.lock"):  # it goes on meanwhile, for this process does
        wait_for(lambda lock=lock: not storage.exists(lock), "the lock to be given back")  # type: ignore[misc]


def test_an_interrupt_in_a_step_of_beam_is_one(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def within(seconds: float, work: Callable[[], object]) -> bool:
        waited.append(seconds)
        work()
        return True

    monkeypatch.setattr(leases, "within", within)

    def fail(error: BaseException) -> None:  # as Beam does
        try:
            raise error
        except BaseException:
            raise RuntimeError("[while running 'ExtractSegment']")  # noqa: B904

    for error in (KeyboardInterrupt(), ZeroDivisionError()):
        with pytest.raises(RuntimeError), storage.locked(s3):
            fail(error)
    with storage.locked(s3):
        pass
    assert waited == [storage.TIDYING_S, leases._PATIENCE_AFTER_FAILURE_S, leases._PATIENCE_S]
