"""Whose fault it is decides what happens.

The user's mistake is a `UserError`: one line that names the remedy, exit status 2, before any work starts. Bad bytes of
the crawl are no exception at all: they are counted (`ccnet_pipeline.ledger`) and reading goes on. What the network does
not give, after all attempts, is a `FetchError`: it fails one segment, and a later run may have more luck. What another
run is writing is an `InUseError`, with a status of its own: a schedule that started a run twice has made no mistake. A
filter of one's own that fails is a `FilterError`: it ends the run, and what is done stays. Anything else is a defect of
ours and may show its traceback.
"""


class UserError(Exception):
    """Something the user can mend. The message is one line and says how."""


class InUseError(UserError):
    """Another run is at work there. The message is one line and says where."""


class BalanceError(Exception):
    """What was read is not what was kept plus what was dropped: a defect, the run must not be published."""


class FetchError(Exception):
    """A remote file that could not be read. The message is one line: which file, and why."""


class UnreachableError(FetchError):
    """One for which all attempts failed: another file of the same place may fare no better."""


class FilterError(Exception):
    """A filter that raised, or gave no answer. The message is one line: which, about which document, and why."""


class ClusterError(Exception):
    """A job on a cluster failed, was cancelled, or cannot be asked about. The message is one line with the cause."""
