"""Files that every worker reaches, by name: on a local disk or in an object store. Written whole, or not there.

    files.py     what the others call: read, write, ask for sizes, remove, by any path
    stores.py    what a place for files must be able to do
    local.py     the disks of this machine's file tree
    objects.py   object stores: s3://, gs://, az://
    notes.py     values as JSON in such files
    locks.py     folders that one program at a time writes to

A path is a name here, and never a pattern: `[`, `?` and `*` stand for themselves. A further kind of place is one more
`stores.Store`.
"""

from ccnet_pipeline.storage.files import (
    absolute,
    check_place,
    damaged,
    exists,
    explained,
    folder_exists,
    has_threads,
    is_empty,
    is_local,
    join,
    locked,
    mapped,
    move_folder,
    names,
    open_for_reading,
    ranges_of,
    read,
    read_many,
    read_range,
    remove_file,
    remove_files,
    remove_folder,
    remove_if_empty,
    remove_leftovers,
    size,
    sizes,
    write,
    writing,
)
from ccnet_pipeline.storage.local import TEMPORARY_PREFIX
from ccnet_pipeline.storage.notes import read_json, read_note, write_json, write_note

__all__ = [
    "TEMPORARY_PREFIX",
    "absolute",
    "check_place",
    "damaged",
    "exists",
    "explained",
    "folder_exists",
    "has_threads",
    "is_empty",
    "is_local",
    "join",
    "locked",
    "mapped",
    "move_folder",
    "names",
    "open_for_reading",
    "ranges_of",
    "read",
    "read_json",
    "read_many",
    "read_note",
    "read_range",
    "remove_file",
    "remove_files",
    "remove_folder",
    "remove_if_empty",
    "remove_leftovers",
    "size",
    "sizes",
    "write",
    "write_json",
    "write_note",
    "writing",
]
