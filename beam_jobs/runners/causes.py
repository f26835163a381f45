"""Why a job on a cluster failed, in one line, out of the traces of Java and Python that come with it."""

import re
from collections.abc import Iterable

from ccnet_pipeline.errors import BalanceError, ClusterError, FetchError, FilterError, UnreachableError, UserError

# A worker raises them as they are to be told.
_OURS = (UserError, FetchError, FilterError, UnreachableError, BalanceError)
_KINDS = {kind.__name__: kind for kind in _OURS}
_OUR_LINE = re.compile(rf"\b({'|'.join(_KINDS)}): (.+?)(?: \[while running|\\n|\n|$)")
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_NOT_THERE = re.compile(r"ImportError: cannot import name '(\w+)' from '([\w.]+)'")
_NO_POOL = re.compile(r"Connection refused: ?(\S+)")
_PYTHON_END = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit)\b.*$", re.MULTILINE)
_JAVA_CAUSE = re.compile(r"^(?:Caused by: )?([\w.$]+(?:Exception|Error)(?::.*)?)$", re.MULTILINE)
_WORKERS = "; the workers' image or environment must have what this one has"
_LONGEST = 300  # characters of what others say

# What Flink says, in words that tell what to do.
_OF_FLINK = (
    ("NoResourceAvailableException", "the cluster has not enough free slots for the job"),
    ("RecipientUnreachableException", "a TaskManager cannot be reached any more"),
    ("Heartbeat of TaskManager", "a TaskManager does not answer any more"),
    ("TaskManagerLostException", "a TaskManager was lost"), ("RemoteTransportException", "a TaskManager was lost"),
    ("Insufficient number of network buffers", "a TaskManager has too little network memory "
     "(taskmanager.memory.network.min: 256 MB are enough, more where --parallelism is large)"),
)  # fmt: skip


def of_ours(texts: Iterable[str]) -> Exception | None:
    """Return the error of ours that traces tell of, if one does: to try again would be of no use."""
    for text in texts:
        if found := _OUR_LINE.search(text):
            return _KINDS[found[1]](found[2])
        if found := _MISSING.search(text):
            if found[1].startswith(("beam_jobs", "ccnet_pipeline")):
                return UserError(f"a worker has another version of this package (no module {found[1]}){_WORKERS}")
            return UserError(f"a worker cannot import {found[1]}{_WORKERS}")
        if found := _NOT_THERE.search(text):
            return UserError(f"a worker has another version of {found[2]} (without {found[1]}){_WORKERS}")
    return None


def cause_of(texts: Iterable[str]) -> Exception:
    """Return an error with the one line that says why a job failed; `texts` are traces, the most telling first."""
    texts = [text.replace("\\n", "\n").replace("\\t", "\t") for text in texts]  # as they stand in JSON
    if ours := of_ours(texts):
        return ours
    for text in texts:
        if found := _NO_POOL.search(text):
            return ClusterError(
                f"nobody answers at {found[1]}, where a TaskManager looks for its Python workers "
                "(--environment_config); is the worker pool up beside every TaskManager?"
            )
        for sign, meaning in _OF_FLINK:
            if sign in text:
                return ClusterError(meaning)
    return ClusterError(_root(texts[0]) if texts else "the cluster gives no reason")


def _root(text: str) -> str:
    """Return the innermost message of a trace: of Python's, where it has one, else of Java's."""
    python = text.partition("Traceback (most recent call last):")[2]
    lines = (
        _PYTHON_END.findall(python)
        or [line for line in _JAVA_CAUSE.findall(text) if not line.endswith("Exception")]
        or text.strip().splitlines()[:1]
    )
    return lines[-1].partition(" [while running")[0].strip()[:_LONGEST]
