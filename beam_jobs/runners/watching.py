"""A job on a Flink cluster is watched until it ends; what happens to it is said, and where nothing happens, that."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from beam_jobs.progress import QUIET_S
from beam_jobs.runners.causes import cause_of, of_ours
from beam_jobs.runners.flink_rest import FlinkCluster, FlinkJob, Overview, UnansweredError
from ccnet_pipeline.errors import ClusterError

_LOOK_EVERY_S = 2.0
_COUNT_EVERY_S = 30.0  # elements read and written, in an answer of some 1 kB a task
# Of a job of which no task runs, or a cluster that does not answer. Flink itself gives up a job without slots after
# five minutes, and starts tasks elsewhere some seconds after it noticed that their host is lost.
_PATIENCE_S = 600.0
_MOST_FAILURES = 10  # in a row, without anything done between them: some clusters restart a job for ever


@dataclass(slots=True)
class Quiet:
    """Notices when a job does not go on. It reads no clock and asks no cluster; all times are in seconds."""

    since: float  # when it was last seen to go on
    _state: Any = None
    _told: float = 0.0
    _ran: float | None = None  # when a task was last seen to run
    _slots: int = 0
    _most_slots: int = 0

    def see(self, now: float, job: FlinkJob, overview: Overview, state: Any) -> Iterator[str]:
        """Take what was seen; yield lines for the user.

        Args:
            now: the time.
            job: as the cluster lists it.
            overview: of the cluster.
            state: another than before if the job has gone on.

        Raises:
            ClusterError: no task has run for long.
        """
        self._most_slots = max(self._most_slots, overview.slots_total)
        seen = f"{overview.slots_total} of {self._most_slots} slots are there; the job is {job.state.lower()}"
        if overview.slots_total < self._slots:
            yield f"slots are lost: {seen}"
        self._slots = overview.slots_total
        if state != self._state:
            self._state, self.since, self._told = state, now, now
        elif now - self._told >= QUIET_S:
            self._told = now
            yield f"no progress for {now - self.since:.0f} s; {seen}"
        if self._ran is None or job.tasks.get("running", 0):
            self._ran = now
        elif now - self._ran >= _PATIENCE_S:
            raise ClusterError(f"no task of the job has run for {_PATIENCE_S / 60:.0f} minutes; {seen}")


class Watch:
    """Watches one job."""

    def __init__(self, cluster: FlinkCluster, name: str, say: Callable[[str], None], work: Callable[[], Any]) -> None:
        """Begin with no look.

        Args:
            cluster: where the job is.
            name: of the job; no other has it.
            say: tells the user a line.
            work: another value than before if something was done, as far as the work folder shows.
        """
        self._cluster, self._name, self._say, self._work = cluster, name, say, work
        self._failure_ms, self._failures, self._done = 0, 0, work()
        self._records, self._counted = 0, float("-inf")

    def wait(self) -> None:
        """Return when the job has finished.

        Raises:
            Exception: one of `ccnet_pipeline.errors`: it has not, or will not, for this reason.
        """
        quiet, silent = Quiet(time.monotonic()), _Silence(self._cluster.url)
        while True:
            now = time.monotonic()
            try:
                job, overview = self._cluster.find(self._name), self._cluster.overview()
                if job is None:
                    raise ClusterError(f"{self._cluster.url} knows the job no longer; was its JobManager restarted?")
                if job.has_ended:
                    return self._end(job)
                self._tell_failures(job)
                state = job.state, job.tasks, self._work(), self._count(job, now)
                lines = list(quiet.see(now, job, overview, state))
                silent.end()
            except UnansweredError as error:
                lines = list(silent.see(now, error))
            for line in lines:
                self._say(line)
            time.sleep(_LOOK_EVERY_S)

    def _count(self, job: FlinkJob, now: float) -> int:
        if now - self._counted >= _COUNT_EVERY_S:
            self._records, self._counted = self._cluster.records(job.jid), now
        return self._records

    def _end(self, job: FlinkJob) -> None:
        if error := error_of(self._cluster, job):
            raise error

    def _tell_failures(self, job: FlinkJob) -> None:
        """Tell what went wrong since the last look; raise it where another attempt is of no use."""
        failures = [each for each in self._cluster.failures(job.jid) if each.time_ms > self._failure_ms]
        if not failures:
            return
        self._failure_ms = failures[0].time_ms
        self._failures = 1 if self._work() != self._done else self._failures + 1
        self._done = self._work()
        traces = [trace for failure in failures for trace in failure.traces]
        if final := of_ours(traces) or (cause_of(traces) if self._failures >= _MOST_FAILURES else None):
            raise final
        self._say(f"a task failed, which Flink starts again: {cause_of(traces)}")


def error_of(cluster: FlinkCluster, job: FlinkJob) -> Exception | None:
    """Return why a job that has ended did not finish, as one of `ccnet_pipeline.errors`; None if it did.

    Raises:
        ClusterError: its cluster does not say.
    """
    if job.state == "FINISHED":
        return None
    if job.state == "CANCELED":
        return ClusterError("the job was cancelled on the cluster")
    return cause_of(trace for failure in cluster.failures(job.jid) for trace in failure.traces)


@dataclass(slots=True)
class _Silence:
    """A cluster that does not answer."""

    url: str
    _since: float | None = None
    _told: float = 0.0

    def end(self) -> None:
        self._since = None

    def see(self, now: float, error: ClusterError) -> Iterator[str]:
        if self._since is None:
            self._since = self._told = now
        if now - self._since >= _PATIENCE_S:
            raise ClusterError(f"{error}; the job may still run there") from error
        if now - self._told >= QUIET_S:
            self._told = now
            yield f"{error}, for {now - self._since:.0f} s"
