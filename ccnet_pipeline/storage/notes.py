"""Values as JSON in files."""

from typing import Any, TypeVar

import msgspec

from ccnet_pipeline.storage.files import read, write

_T = TypeVar("_T")


def write_json(path: str, value: Any) -> None:
    """Write a value as JSON for people: indented, with a final line feed."""
    write(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def write_note(path: str, value: Any) -> None:
    """Write a value as JSON for the next stage: as short as it can be, for there are many."""
    write(path, msgspec.json.encode(value))


def read_json(path: str, kind: type[_T]) -> _T | None:
    """Return the value of a JSON file, or None if there is no such file."""
    try:
        data = read(path)
    except FileNotFoundError:
        return None
    return msgspec.json.decode(data, type=kind)


def read_note(path: str, kind: type[_T]) -> _T | None:
    """Return what `write_note` wrote, or None if it is not there, or damaged: then its stage is done again."""
    try:
        return read_json(path, kind)
    except msgspec.DecodeError:
        return None
