"""How files are fetched."""

from dataclasses import dataclass

LONGEST_INTERVAL_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """The settings of fetching; picklable, so that they travel to the workers."""

    request_interval_s: float = 0.5  # least time between the beginnings of two requests to one host (pacing.py)
    attempts: int = 8  # failures in a row without a new byte before giving up
    max_wait_s: float = 120.0  # longest single wait; a longer Retry-After is cut to it
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0  # longest silence of a server; a body slower than 4 KiB in that time counts as silent
    cache: str | None = None  # folder for whole files (cache.py)
