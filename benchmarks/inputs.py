"""Inputs for benchmarks of whole runs, made of the records of others."""

import gzip
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.kernels import gzip_members
from ccnet_pipeline.errors import UserError

_PADDING_BYTES = 24 << 20
_PADDED_FILES = 6


def joined(archives: Sequence[Path], folder: Path, num_files: int, most_records: int | None = None) -> list[str]:
    """Write the records of archives into so many files of about as many each; return their paths.

    Args:
        archives: of gzip members, one a record.
        folder: is made.
        num_files: how many.
        most_records: take the first ones; None: all.

    Raises:
        UserError: there are fewer records than files.
    """
    members: list[bytes] = []
    for path in archives:
        if most_records is None or len(members) < most_records:
            members += gzip_members(path)
    members = members[:most_records]
    if len(members) < num_files:
        raise UserError(f"the input has {len(members)} records, too few for {num_files} segments; see --segments")
    folder.mkdir()
    paths = []
    for number in range(num_files):
        start, end = (len(members) * each // num_files for each in (number, number + 1))
        path = folder / f"{number:05d}.warc.wet.gz"
        path.write_bytes(b"".join(members[start:end]))
        paths.append(str(path))
    return paths


def padded(small: Path, folder: Path) -> list[str]:
    """Write some archives of the same few records and of many bytes; return their paths.

    A small input stays in one process. A record without text, which is passed over, makes it large and no more work.
    """
    folder.mkdir()
    noise = os.urandom(_PADDING_BYTES)
    head = f"WARC/1.0\r\nWARC-Type: metadata\r\nContent-Length: {len(noise)}\r\n\r\n".encode()
    padding = gzip.compress(head + noise + b"\r\n\r\n", compresslevel=0)
    paths = []
    for number in range(_PADDED_FILES):
        path = folder / f"{number}.warc.wet.gz"
        path.write_bytes(small.read_bytes() + padding)
        paths.append(str(path))
    return paths
