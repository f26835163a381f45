"""Folders that one program at a time writes to."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ccnet_pipeline.errors import InUseError


@contextlib.contextmanager
def locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Keep others from writing to a folder while the block runs; not shared: from reading, too.

    Raises:
        InUseError: it is being written.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUseError(f"another run is writing to {folder}; wait for it, or stop it") from error
        yield
    finally:
        os.close(descriptor)
