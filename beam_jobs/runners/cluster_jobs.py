"""Jobs on a cluster, which outlive the process that submitted them: a note of each lies where it writes to.

The lock of a folder goes with the process that holds it. So the note says where and by which name the job can be asked
for, is written before it is submitted (for a job server of Beam's, which names it itself, at once after), and goes when
the job has ended.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import msgspec

from beam_jobs.layout import JOB_FILE
from ccnet_pipeline import storage
from ccnet_pipeline.errors import ClusterError, InUseError, UserError

FLINK = "FlinkRunner"
_OF_ITS_HOST = ("localhost", "127.0.0.1", "::1")  # addresses that mean another machine on another machine


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNote:
    """A job that was, or is about to be, submitted."""

    runner: str
    master: str  # the address of the cluster's REST interface, or of a job server of Beam's
    name: str  # no other job has it
    id: str = ""  # of the cluster's; "" until it is known
    host: str = ""  # that submitted it


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A job whose note still lies in a folder: nobody was there when it ended."""

    folder: str
    name: str
    error: str | None  # why it did not finish; "": it did; None: nobody knows


def write_notes(folders: Sequence[str], note: JobNote) -> None:
    """Leave a note of a job in the folders that it writes to."""
    for folder in folders:
        storage.write_json(storage.join(folder, JOB_FILE), replace(note, host=socket.gethostname()))


def remove_notes(folders: Sequence[str]) -> None:
    """Remove the notes of a job that has ended."""
    for folder in folders:
        storage.remove_file(storage.join(folder, JOB_FILE))


def refuse_if_running(*folders: str) -> list[EndedJob]:
    """See that no job on a cluster writes to folders; return those jobs of which there is a note, and that have ended.

    Raises:
        InUseError: one does.
        UserError: its cluster does not say.
    """
    ended = []
    for folder in folders:
        path = storage.join(folder, JOB_FILE)
        try:
            note = storage.read_json(path, JobNote)
        except msgspec.DecodeError as error:
            raise UserError(f"{path} is damaged; if no job on a cluster writes to {folder}, remove it") from error
        if note:
            ended.append(_ended(folder, path, note))
    return ended


def _ended(folder: str, path: str, note: JobNote) -> EndedJob:
    """Return what is known of the end of a job."""
    try:
        return EndedJob(folder, note.name, _error_of(folder, note))
    except ClusterError as error:
        raise UserError(
            f"a job on a cluster may still write to {folder} ({note.name}), and {error}; if that cluster is gone, "
            f"remove {path}"
        ) from error


def _error_of(folder: str, note: JobNote) -> str | None:
    """Return why a job that has ended did not finish; "" if it did, None if nobody knows.

    Raises:
        ClusterError: its cluster does not say whether it has ended.
        InUseError: it has not.
    """
    # Imported at use: most runs find no note.
    from beam_jobs.runners.flink_rest import FlinkCluster
    from beam_jobs.runners.portable_jobs import running_state
    from beam_jobs.runners.watching import error_of

    if urlsplit(f"//{note.master.rpartition('//')[2]}").hostname in _OF_ITS_HOST and note.host != socket.gethostname():
        raise ClusterError(f"{note.master} is an address of {note.host}, where it can be asked")
    if note.runner != FLINK:
        if state := running_state(note.master, note.name):
            remedy = f"wait for it, or cancel it where the job server at {note.master} runs it"
            raise _still_writes(folder, note, state, remedy)
        return None
    cluster = FlinkCluster(note.master)
    job = cluster.find(note.name)
    if job is None:
        return None
    if not job.has_ended:
        remedy = f"wait for it ({cluster.watch_url(job.jid)}) or cancel it: {cluster.how_to_cancel(job.jid)}"
        raise _still_writes(folder, note, job.state, remedy)
    try:
        return str(error_of(cluster, job) or "")
    except ClusterError:
        return None


def _still_writes(folder: str, note: JobNote, state: str, remedy: str) -> InUseError:
    return InUseError(f"a job on a cluster writes to {folder} ({note.name}, {state.lower()}); {remedy}")
