"""observations.json.zst and times.json of a run directory, as those read them who did not make it, and how they lie."""

from typing import TypeVar

import msgspec
import zstandard

from ccnet_pipeline import storage
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.frames import compressor
from ccnet_pipeline.observations.published import OBSERVATIONS, TIMES, VERSION, Observations, Times

_LEVEL = 3  # of zstd
_T = TypeVar("_T")


class _Version(msgspec.Struct):
    """What is read first."""

    version: int


def packed(observations: Observations) -> bytes:
    """Return the bytes of observations.json.zst: one frame of zstd, in it JSON."""
    return compressor(_LEVEL).compress(msgspec.json.encode(observations) + b"\n")


def read_observations(output: str) -> Observations | None:
    """Return what a run noted; None: it has no such file, as runs of older versions.

    Raises:
        UserError: it is damaged, or of a version that this program does not know.
    """
    return _read(output, OBSERVATIONS, Observations)


def read_times(output: str) -> Times | None:
    """Return what the stages of a run took; the rest as of `read_observations`."""
    return _read(output, TIMES, Times)


def _read(output: str, name: str, kind: type[_T]) -> _T | None:
    path = storage.join(output, name)
    try:
        data = storage.read(path)
        if name.endswith(".zst"):
            data = zstandard.ZstdDecompressor().decompress(data)
        version = msgspec.json.decode(data, type=_Version).version
        if version != VERSION:
            raise UserError(f"{path} is of version {version}, and this program knows {VERSION}; use that which made it")
        return msgspec.json.decode(data, type=kind)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, zstandard.ZstdError) as error:
        raise UserError(f"{path} is damaged: {error}; restore it from a copy, or remove it") from error
