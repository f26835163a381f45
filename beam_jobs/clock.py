"""The time of day, as files of a run say it."""

import datetime


def now() -> str:
    """Return the time: ISO 8601, UTC, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
