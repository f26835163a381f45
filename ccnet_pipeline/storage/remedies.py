"""Errors of this machine's disks that the user can mend, and what to do about them."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.storage.local import TEMPORARY_PREFIX

REMEDIES = {
    errno.ENOSPC: "the disk is full; free some room (or put --work_dir elsewhere) and run the same command again",
    errno.EDQUOT: "the disk quota is used up; free some room and run the same command again",
    errno.EACCES: "no permission to write there; choose another --output or mend the permissions",
    errno.EPERM: "no permission to write there; choose another --output or mend the permissions",
    errno.EROFS: "the file system is read-only; choose another --output",
    errno.ENOTDIR: "this is below something that is no folder; choose another place",
    errno.EEXIST: "this is below something that is no folder; choose another place",
    errno.ENOENT: "no such folder can be made; choose another place",
    errno.EFBIG: "the file is larger than this machine allows; raise the limit (ulimit -f) and run again",
}


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn a full disk, missing permission and the like into a UserError about `path`."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0)
        if remedy is None or not _is_about(error, path):
            raise
        raise UserError(f"{path}: {remedy}") from error


def _is_about(error: OSError, path: str) -> bool:
    """Tell whether an error is about a file, a folder above it, or what is written before it gets its name."""
    if error.filename is None:
        return True
    name = Path(str(error.filename))
    is_aside = name.name.startswith(TEMPORARY_PREFIX + Path(path).name) and name.parent == Path(path).parent
    return is_aside or path.startswith(str(error.filename))
