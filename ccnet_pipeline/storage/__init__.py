"""Files wherever they lie, by name: on a local disk, in an object store, in HDFS. Written whole, or not there.

    files.py         what the others call: read, write, ask for sizes, remove, by any path
    folders.py       the same of folders: move, remove, lock, see that one can be written to
    paths.py         what a path says: its kind of place, how it is shown without secrets
    stores.py        what a place for files must be able to do
    local.py         the disks of this machine's file tree
    objects.py       object stores: s3://, gs://, az:// and abfss://; web servers for reading
    streams.py       a remote file that is read forward
    joined.py        ranges that are read together
    clients.py       their clients, one a bucket and process
    credentials.py   who asks, and which settings the environment has
    answers.py       what their errors mean, and the remedy
    hdfs.py          HDFS, over WebHDFS
    webhdfs.py       requests to it, and what its answers mean
    locks.py         folders that one program at a time writes to, by flock
    leases.py        the same where there are no locks: a file that only one can create
    notes.py         values as JSON in files
    remedies.py      errors of disks that the user can mend
    waiting.py       waits that Ctrl-C ends

A path is a name here, and never a pattern: `[`, `?` and `*` stand for themselves. A further kind of place is one more
`stores.Store`.
"""

from ccnet_pipeline.storage.files import (
    absolute,
    damaged,
    exists,
    has_threads,
    join,
    mapped,
    open_for_reading,
    ranges_of,
    read,
    read_many,
    read_range,
    remove_file,
    remove_files,
    size,
    sizes,
    versions,
    write,
    writing,
)
from ccnet_pipeline.storage.folders import (
    check_place,
    folder_exists,
    is_empty,
    locked,
    locked_for_reading,
    move_folder,
    names,
    remove_folder,
    remove_if_empty,
    remove_leftovers,
)
from ccnet_pipeline.storage.local import TEMPORARY_PREFIX
from ccnet_pipeline.storage.notes import read_json, read_note, write_json, write_note
from ccnet_pipeline.storage.paths import folder, is_local, is_remote, local_path, shown
from ccnet_pipeline.storage.remedies import explained
from ccnet_pipeline.storage.waiting import TIDYING_S, within

__all__ = [
    "TEMPORARY_PREFIX",
    "TIDYING_S",
    "absolute",
    "check_place",
    "damaged",
    "exists",
    "explained",
    "folder",
    "folder_exists",
    "has_threads",
    "is_empty",
    "is_local",
    "is_remote",
    "join",
    "local_path",
    "locked",
    "locked_for_reading",
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
    "shown",
    "size",
    "sizes",
    "versions",
    "within",
    "write",
    "write_json",
    "write_note",
    "writing",
]
