"""What the tests of fetching share: a policy without long waits, files to serve, reading to the end."""

from __future__ import annotations

import random
from pathlib import Path

from ccnet_pipeline.fetch import FetchPolicy, open_archive

# Time-outs that even a busy machine keeps, and attempts for connections that are reset before anything was read: where
# a test is about one of them, it sets it.
FAST = FetchPolicy(max_wait_s=0.01, attempts=30, connect_timeout_s=60, read_timeout_s=60)


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that look like a gzip file and differ from place to place."""
    return (b"\x1f\x8b\x08" + random.Random(seed).randbytes(size))[:size]


def put(folder: Path, name: str, content: bytes) -> bytes:
    """Write a file below the folder, and return its content."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return content


def read_all(path: str, policy: FetchPolicy = FAST, *, start: int = 0, size: int = 50_000) -> bytes:
    """Read a file to its end, in pieces."""
    content = bytearray()
    with open_archive(path, policy, start=start) as stream:
        while chunk := stream.read(size):
            assert len(chunk) <= size
            content += chunk
        assert stream.read(size) == b""
    return bytes(content)
