"""What a Flink cluster says and does when it is asked, by its REST interface (Flink 1.19 to 2.2 have the same)."""

from typing import Any, NamedTuple, TypeVar

import msgspec
import requests

from ccnet_pipeline.errors import ClusterError

_PATIENCE_S = 10.0
_SERVER_ERROR = 500
_MOST_FAILURES = 5  # of a job, that are asked for: each is some kB of traces
_ENDED = ("FINISHED", "FAILED", "CANCELED")
_T = TypeVar("_T")


class UnansweredError(ClusterError):
    """The cluster was asked and did not answer; another time it may."""


class Overview(msgspec.Struct, rename="kebab"):
    """What a cluster has."""

    taskmanagers: int
    slots_total: int
    slots_available: int
    flink_version: str

    @property
    def release(self) -> str:
        """The Flink release whose programs it runs, such as 1.19."""
        return ".".join(self.flink_version.split(".")[:2])


class FlinkJob(msgspec.Struct):
    """A job as the cluster's list of jobs has it."""

    jid: str
    name: str
    state: str
    start_time: int = msgspec.field(name="start-time")  # milliseconds, by the cluster's clock
    tasks: dict[str, int] = {}

    @property
    def has_ended(self) -> bool:
        return self.state in _ENDED


class _Jobs(msgspec.Struct):
    jobs: list[FlinkJob]


class _Setting(msgspec.Struct):
    key: str
    value: str


class Failure(NamedTuple):
    """Something that went wrong in a job."""

    time_ms: int  # by the cluster's clock
    traces: list[str]  # the inner ones first


class _Thrown(msgspec.Struct):
    """An exception in the history of a job, with those that came at the same time."""

    timestamp: int = 0  # milliseconds, by the cluster's clock
    stacktrace: str = ""
    concurrent: list["_Thrown"] = msgspec.field(default_factory=list, name="concurrentExceptions")

    def texts(self) -> list[str]:
        return [text for each in self.concurrent for text in each.texts()] + [self.stacktrace]


class _History(msgspec.Struct):
    entries: list[_Thrown] = []


class _Exceptions(msgspec.Struct):
    root: str | None = msgspec.field(default=None, name="root-exception")
    history: _History = msgspec.field(default_factory=_History, name="exceptionHistory")


class _Counts(msgspec.Struct, rename="kebab"):
    read_records: int | None = 0
    write_records: int | None = 0


class _Vertex(msgspec.Struct):
    metrics: _Counts


class _Vertices(msgspec.Struct):
    vertices: list[_Vertex]


class FlinkCluster:
    """A cluster by the address of its REST interface, with or without a scheme."""

    def __init__(self, address: str) -> None:
        self.url = (address if "://" in address else f"http://{address}").rstrip("/")

    def overview(self) -> Overview:
        """Return what the cluster has.

        Raises:
            ClusterError: here and below: it does not answer, or not as a Flink cluster does.
        """
        return self._get("overview", Overview)

    def settings(self) -> dict[str, str]:
        """Return the configuration of its JobManager."""
        return {each.key: each.value for each in self._get("jobmanager/config", list[_Setting])}

    def find(self, name: str) -> FlinkJob | None:
        """Return the latest job of a name."""
        named = [job for job in self._get("jobs/overview", _Jobs).jobs if job.name == name]
        return max(named, key=lambda job: job.start_time, default=None)

    def records(self, job: str) -> int:
        """Return how many elements the tasks of a job have read and written, all together."""
        counts = [vertex.metrics for vertex in self._get(f"jobs/{job}", _Vertices).vertices]
        return sum((each.read_records or 0) + (each.write_records or 0) for each in counts)

    def failures(self, job: str) -> list[Failure]:
        """Return what went wrong in a job, the latest first."""
        found = self._get(f"jobs/{job}/exceptions?maxExceptions={_MOST_FAILURES}", _Exceptions)
        failures = [Failure(entry.timestamp, entry.texts()) for entry in found.history.entries]
        return failures or ([Failure(0, [found.root])] if found.root else [])

    def cancel(self, job: str) -> None:
        """Cancel a job; the cluster takes a moment for it."""
        self._ask("PATCH", f"jobs/{job}?mode=cancel")

    def watch_url(self, job: str) -> str:
        """Return the page of its web interface that shows a job."""
        return f"{self.url}/#/job/running/{job}/overview"

    def how_to_cancel(self, job: str) -> str:
        """Return a shell command that cancels a job."""
        return f"curl -X PATCH '{self.url}/jobs/{job}?mode=cancel'"

    def _get(self, path: str, kind: type[_T]) -> _T:
        try:
            return msgspec.json.decode(self._ask("GET", path), type=kind)
        except msgspec.DecodeError as error:
            raise ClusterError(f"{self.url} answers, but not as a Flink cluster does; is the port right?") from error

    def _ask(self, method: str, path: str) -> bytes:
        try:
            answer: Any = requests.request(method, f"{self.url}/{path}", timeout=_PATIENCE_S)
        except requests.RequestException as error:
            raise UnansweredError(f"{self.url} does not answer ({_innermost(error)})") from error
        if not answer.ok:
            kind = UnansweredError if answer.status_code >= _SERVER_ERROR else ClusterError
            raise kind(
                f"{self.url} answers {answer.status_code} to {method} /{path.partition('?')[0]}; is the port right?"
            )
        return bytes(answer.content)


def _innermost(error: BaseException) -> str:
    """Return what the system said, out of what the libraries made of it."""
    reason: Any = error
    while (inner := getattr(reason, "reason", None) or (reason.args[0] if reason.args else None)) is not None:
        if not isinstance(inner, BaseException):
            break
        reason = inner
    text = getattr(reason, "strerror", None) or str(reason)
    return text.rpartition(": ")[2] or type(reason).__name__
