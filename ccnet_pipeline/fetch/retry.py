"""Which failures may pass, and how long to wait before the next attempt."""

from __future__ import annotations

import datetime
import logging
import sys
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TextIO, TypeVar

from ccnet_pipeline.errors import UnreachableError
from ccnet_pipeline.fetch.policy import FetchPolicy

if TYPE_CHECKING:
    from tenacity import RetryCallState

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class TransientError(Exception):
    """A failure that may pass. The message is a phrase without the file's name."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s  # what the server asks for


def persist(policy: FetchPolicy, name: str, attempt: Callable[[], _T]) -> _T:
    """Return what `attempt` returns, calling it again, after a wait, while it raises TransientError.

    The wait is what the server asks for, else random up to a bound that doubles ("full jitter").

    Args:
        policy: how often, and the longest wait.
        name: of the file, as it may be shown.
        attempt: any other exception than TransientError goes through.

    Raises:
        UnreachableError: all attempts failed; with the reason of the last.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt
    from tenacity.wait import wait_random_exponential

    jitter = wait_random_exponential(multiplier=1, max=policy.max_wait_s)

    def wait(state: RetryCallState) -> float:
        told = _failure_of(state).retry_after_s
        return jitter(state) if told is None else min(told, policy.max_wait_s)

    def note(state: RetryCallState) -> None:
        seconds = state.next_action.sleep if state.next_action else 0
        tries = f"attempt {state.attempt_number} of {policy.attempts}"
        _log.info("%s: %s; %s, the next in %.1f s", name, _failure_of(state), tries, seconds)

    retrying = Retrying(
        stop=stop_after_attempt(policy.attempts),
        retry=retry_if_exception_type(TransientError),
        wait=wait,
        before_sleep=note,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except TransientError as error:
        count = f"{policy.attempts} attempts" if policy.attempts > 1 else "1 attempt"
        raise UnreachableError(f"{name}: {error} ({count})") from error


class _Teller(logging.Handler):
    def __init__(self, program: str, stream: TextIO | None) -> None:
        super().__init__()
        self._program = program
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        print(f"{self._program}: {record.getMessage()}", file=self._stream or sys.stderr, flush=True)


def tell_of_waits(program: str, stream: TextIO | None = None) -> None:
    """Say why something is tried again, and when, from now on; each line begins with the program's name.

    Args:
        program: its name.
        stream: where to; stderr, as it is at that time, if not given.
    """
    _log.handlers = [_Teller(program, stream)]
    _log.setLevel(logging.INFO)
    _log.propagate = False


def retry_after_s(value: str | None, now: datetime.datetime | None = None) -> float | None:
    """Give the seconds that a Retry-After header asks for (RFC 9110, section 10.2.3): a number, or a date.

    Returns:
        None where there is no such header, or one that cannot be read.

    >>> retry_after_s("120")
    120.0
    """
    value = (value or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=datetime.timezone.utc)
    now = now or datetime.datetime.now(datetime.timezone.utc)
    return max(0.0, (date - now).total_seconds())


def _failure_of(state: RetryCallState) -> TransientError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, TransientError)
    return error
