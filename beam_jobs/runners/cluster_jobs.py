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


def write_notes(folders: Sequence[str], note: JobNote) -> None:
    """Leave a note of a job in the folders that it writes to."""
    for folder in folders:
        storage.write_json(storage.join(folder, JOB_FILE), replace(note, host=socket.gethostname()))


def remove_notes(folders: Sequence[str]) -> None:
    """Remove the notes of a job that has ended."""
    for folder in folders:
        storage.remove_file(storage.join(folder, JOB_FILE))


def refuse_if_running(*folders: str) -> list[str]:
    """See that no job on a cluster writes to folders; return those with the note of a job that has ended.

    Raises:
        InUseError: one does.
        UserError: its cluster does not say.
    """
    noted = []
    for folder in folders:
        path = storage.join(folder, JOB_FILE)
        try:
            note = storage.read_json(path, JobNote)
        except msgspec.DecodeError as error:
            raise UserError(f"{path} is damaged; if no job on a cluster writes to {folder}, remove it") from error
        if note:
            _refuse_if_running(folder, path, note)
            noted.append(folder)
    return noted


def _refuse_if_running(folder: str, path: str, note: JobNote) -> None:
    try:
        found = _running(note)
    except ClusterError as error:
        raise UserError(
            f"a job on a cluster may still write to {folder} ({note.name}), and {error}; if that cluster is gone, "
            f"remove {path}"
        ) from error
    if found:
        state, remedy = found
        raise InUseError(f"a job on a cluster writes to {folder} ({note.name}, {state.lower()}); {remedy}")


def _running(note: JobNote) -> tuple[str, str] | None:
    """Return the state of a job, and what can be done about it; None if it has ended."""
    # Imported at use: most runs find no note.
    from beam_jobs.runners.flink_rest import FlinkCluster
    from beam_jobs.runners.portable_jobs import running_state

    if urlsplit(f"//{note.master.rpartition('//')[2]}").hostname in _OF_ITS_HOST and note.host != socket.gethostname():
        raise ClusterError(f"{note.master} is an address of {note.host}, where it can be asked")
    if note.runner != FLINK:
        state = running_state(note.master, note.name)
        return (state, f"wait for it, or cancel it where the job server at {note.master} runs it") if state else None
    cluster = FlinkCluster(note.master)
    job = cluster.find(note.name)
    if job is None or job.has_ended:
        return None
    return job.state, f"wait for it ({cluster.watch_url(job.jid)}) or cancel it: {cluster.how_to_cancel(job.jid)}"
