"""The least time between the beginnings of two requests to one host, over all processes of the machine.

Per host there is a file with the time of the next free slot. Whoever wants to ask locks the file, takes the slot, puts
the next one behind it, unlocks, and only then sleeps until its turn. Nobody sleeps with the lock in hand, so one who
is killed holds up nobody.

The time is that of the wall clock, the one clock that all processes share on every system. It may jump, and the file
may hold anything: a slot further off than HORIZON_S is taken for junk. Where the file cannot be had (no room, no
right), a process only keeps its own distance.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import math
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ccnet_pipeline.fetch.policy import LONGEST_INTERVAL_S

HORIZON_S = 2 * LONGEST_INTERVAL_S
_MAX_TEXT = 64


def is_paced(host: str) -> bool:
    """Tell whether requests to the host are spaced out: all but those to this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def wait_turn(host: str, interval_s: float) -> None:
    """Sleep until it is this process's turn to ask the host."""
    if interval_s <= 0 or not is_paced(host):
        return
    try:
        with _next_slot(host) as slot:
            now = time.time()
            turn = slot.read(now)
            slot.write(turn + interval_s)
        time.sleep(turn - now)
    except OSError:
        time.sleep(interval_s)


def hold_back(host: str, seconds: float) -> None:
    """Let no process ask the host before so many seconds from now: it said that it has too much to do."""
    if not is_paced(host):
        return
    with contextlib.suppress(OSError), _next_slot(host) as slot:
        now = time.time()
        slot.write(max(slot.read(now), now + min(seconds, HORIZON_S / 2)))


class _Slot:
    def __init__(self, file: int) -> None:
        self._file = file

    def read(self, now: float) -> float:
        try:
            at = float(os.pread(self._file, _MAX_TEXT, 0))
        except ValueError:
            return now
        return at if math.isfinite(at) and now < at <= now + HORIZON_S else now

    def write(self, at: float) -> None:
        text = f"{at:.6f}".encode()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text, 0)


@contextlib.contextmanager
def _next_slot(host: str) -> Iterator[_Slot]:
    folder = Path(tempfile.gettempdir()) / f"cc100-pacing-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = folder.lstat()
    if not stat.S_ISDIR(owner.st_mode) or owner.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    name = re.sub(r"[^a-z0-9.-]", "_", host.lower())[:200]
    file = os.open(folder / f"{name}.slot", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield _Slot(file)
    finally:
        os.close(file)
