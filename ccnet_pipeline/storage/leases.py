"""Folders that one program at a time writes to, where there are no locks: object stores and HDFS.

The lock is a file, `.lock`, that can be created only where there is none. It says who has it. Its owner renews it every
RENEWED_EVERY_S seconds, each time only if it is still as it was left. How long ago that was is told by the store's own
clock: the time of the lock against that of a file that was just written. So clocks of machines may be wrong.

An owner that is seen to be dead (a process of this machine that is no more) loses it at once. Of another machine nobody
can know; so a lock that was not renewed for a long time is named, and the user removes it.
"""

import contextlib
import getpass
import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ccnet_pipeline.errors import FetchError, InUseError, UserError
from ccnet_pipeline.storage.paths import shown
from ccnet_pipeline.storage.stores import RemoteStore
from ccnet_pipeline.storage.waiting import TIDYING_S, within

LOCK = ".lock"
RENEWED_EVERY_S = 30.0
STALE_AFTER_S = 300.0
_PATIENCE_S = 60.0  # for giving one back
_PATIENCE_AFTER_FAILURE_S = 10.0  # perhaps of the store
_NO_PATIENCE_S = 0.1  # where it was in vain for another
_held: list[str] = []  # locks of this process
_left: list[str] = []  # that could not be given back in time
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a lock."""

    id: str
    host: str
    pid: int
    user: str
    process: str  # which process of which start of which machine that is
    since: str  # by the clock of the owner; for people

    @classmethod
    def of_this_process(cls) -> "Owner":
        return cls(
            uuid.uuid4().hex,
            socket.gethostname(),
            os.getpid(),
            _user(),
            _process(os.getpid()) or "",
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )

    def is_dead(self) -> bool:
        """Tell whether this was surely a process of this machine that is no more."""
        mine = _process(os.getpid())
        if not (mine and self.process) or self.process.rpartition(" ")[0] != mine.rpartition(" ")[0]:
            return False
        return _process(self.pid) != self.process

    def __str__(self) -> str:
        return f"{self.user} on {self.host}, process {self.pid}"


@contextlib.contextmanager
def leased(store: RemoteStore, folder: str) -> Iterator[None]:
    """Keep other programs from writing to a folder while the block runs.

    Raises:
        InUseError: another one does.
        UserError: a lock was left behind; or the lock was lost while the block ran.
    """
    lease, patience_s = _Lease(store, folder), _PATIENCE_S
    try:
        lease.take()
    except FetchError as error:  # before any work
        raise UserError(str(error)) from error
    except KeyboardInterrupt:  # it may have come to be all the same
        lease.give_back(TIDYING_S)
        raise
    try:
        yield
    except BaseException as error:  # the interrupt, or what it was made
        patience_s = TIDYING_S if _is_interrupt(error) else _PATIENCE_AFTER_FAILURE_S
        if not lease.lost:
            raise
    finally:
        lease.give_back(patience_s)
    if lease.lost:
        raise UserError(f"{shown(lease.path)} was removed or taken by another run; start this one again")


def refuse_if_leased(store: RemoteStore, folder: str) -> None:
    """See that no other program writes to a folder at this moment; nothing is written.

    Raises:
        InUseError: one does, or does no more and has left its lock.
    """
    try:
        data, _, _ = store.look(_lock_of(folder))
    except FileNotFoundError:
        return
    owner = _read(data)
    if owner is None or not owner.is_dead():
        raise _in_use(folder, owner, None)


class _Lease:
    def __init__(self, store: RemoteStore, folder: str) -> None:
        self.path = _lock_of(folder)
        self.lost = False
        self._ended = threading.Event()
        self._renewing: threading.Thread | None = None
        self._folder, self._store = folder, store
        self._owner = Owner.of_this_process()
        self._version: object = None

    def take(self) -> None:
        """Make the lock ours, and keep it so; or say who has it."""
        _held.append(self.path)
        try:
            self._take()
        except Exception:
            _held.remove(self.path)
            raise
        self._renewing = threading.Thread(target=self._keep, name="lock", daemon=True)
        self._renewing.start()

    def _take(self) -> None:
        for _ in range(3):
            try:
                self._version = self._store.create(self.path, msgspec.json.encode(self._owner))
                return
            except FileExistsError:
                if self._is_ours() or self._is_free_now():
                    return
        raise InUseError(f"other runs are starting in {shown(self._folder)}; wait for them")

    def _is_ours(self) -> bool:
        """Tell whether the request that made the lock was repeated: its first answer did not come."""
        return self._renewable() is not None

    def _renewable(self) -> object | None:
        """Return the version of the lock if it is ours, and remember it."""
        try:
            data, _, version = self._store.look(self.path)
        except FileNotFoundError:
            return None
        owner = _read(data)
        if owner is None or owner.id != self._owner.id:
            return None
        self._version = version
        return version

    def _is_free_now(self) -> bool:
        """Take the lock of one who is dead; False where it is gone by now."""
        try:
            data, renewed, version = self._store.look(self.path)
        except FileNotFoundError:
            return False
        owner = _read(data)
        if owner is not None and owner.is_dead():
            try:
                self._version = self._store.replace(self.path, msgspec.json.encode(self._owner), version)
            except FileExistsError:
                return False
            return True
        raise _in_use(self._folder, owner, max(0.0, self._store.now(self._folder) - renewed))

    def _keep(self) -> None:
        """Renew the lock until the end; interrupt the program where that is no longer possible."""
        count = 0
        while not self._ended.wait(RENEWED_EVERY_S):
            count += 1
            try:
                self._renew(count)
            except FileExistsError:
                self.lost = True
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # also where it waits
                return
            except Exception as error:  # the network may come back, and others wait longer than we do
                _log.warning("%s could not be renewed: %s", shown(self.path), error)

    def _renew(self, count: int) -> None:
        """Write the lock anew; raises FileExistsError if it is no longer ours."""
        data = msgspec.json.encode({**msgspec.to_builtins(self._owner), "renewals": count})
        try:
            self._version = self._store.replace(self.path, data, self._version)
        except FileExistsError:
            if self._renewable() is None:
                raise

    def give_back(self, patience_s: float) -> None:
        """Remove the lock, but do not wait for that any longer than so: a store that is down would take minutes."""
        if not within(_NO_PATIENCE_S if _left else patience_s, self._release):
            _left.append(self.path)
        _held.remove(self.path)
        if not _held and _left:
            _log.warning(
                "the store does not answer, and so these locks are left: %s; runs on this machine take them over, runs "
                "on others find them stale in %.0f minutes and say how to remove them",
                ", ".join(map(shown, _left)), STALE_AFTER_S / 60,
            )  # fmt: skip
            _left.clear()

    def _release(self) -> None:
        """Remove the lock if it is ours."""
        self._ended.set()
        if self._renewing:
            self._renewing.join()
        try:
            if self._renewable() is not None:
                self._store.remove(self.path)
        except Exception as error:  # the run itself is over, and what it ended with counts
            _log.warning("%s could not be removed: %s; remove it", shown(self.path), error)


def _lock_of(folder: str) -> str:
    return f"{folder.rstrip('/')}/{LOCK}"


def _in_use(folder: str, owner: Owner | None, age: float | None) -> UserError:
    """Return the error that another run writes to a folder, or did; `age` is how long it was not heard of."""
    who = str(owner) if owner else "somebody"
    if age is None:
        return InUseError(
            f"another run is writing to {shown(folder)} ({who}); wait for it, or stop it; if it is dead, remove "
            f"{shown(_lock_of(folder))}"
        )
    if age < STALE_AFTER_S:
        return InUseError(
            f"another run is writing to {shown(folder)} ({who}, heard of {age:.0f} s ago); wait for it, or stop it"
        )
    return UserError(
        f"another run was writing to {shown(folder)} ({who}, last heard of {_long(age)} ago); if it is dead, "
        f"remove {shown(_lock_of(folder))} and run the same command again"
    )


def _is_interrupt(error: BaseException | None) -> bool:
    """Tell whether an error is an interrupt, or what one was made, as by Beam in a step."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _read(data: bytes) -> Owner | None:
    try:
        return msgspec.json.decode(data, type=Owner)
    except msgspec.MsgspecError:
        return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may have no name for its user
        return f"user {os.getuid()}"


def _process(pid: int) -> str | None:
    """Name a process for good: start of the machine, space of numbers, time of its own start; None if it is no more."""
    try:
        start = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - what it says is no path
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if stat[0] in ("Z", "X") else f"{socket.gethostname()} {start} {space} {stat[19]}"


def _long(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
