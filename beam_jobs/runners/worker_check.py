"""Workers elsewhere are looked at before they read the first segment: they must have what this machine has."""

import functools
import importlib
import platform
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

from beam_jobs.elements import ExtractNote
from beam_jobs.graph import Plan
from beam_jobs.mine_segment import FilterPlaces, MineSegment
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.segments import Segment

_PACKAGES = ("cc100-xlmr", "apache-beam")
# What later stages import when they need it; without one of them they would fail after hours.
_MODULES = ("beam_jobs.graph", "ccnet_pipeline.frames", "fasttext", "kenlm", "obstore", "sentencepiece", "zstandard")


@dataclass(frozen=True, slots=True)
class Installed:
    """What a machine has."""

    python: str
    packages: tuple[tuple[str, str], ...]

    @classmethod
    def here(cls) -> "Installed":
        return cls(".".join(platform.python_version_tuple()[:2]), tuple((name, _version(name)) for name in _PACKAGES))


@dataclass(frozen=True, slots=True)
class Checked:
    """Extracts a segment, on a worker that has what it needs."""

    extract_segment: Callable[[Segment], ExtractNote]
    wanted: Installed
    filters: FilterPlaces | None = None

    def __call__(self, segment: Segment) -> ExtractNote:
        check(self.wanted)
        if self.filters:
            self.filters.judge()
        return self.extract_segment(segment)


def added(plan: Plan) -> Plan:
    """Return a plan that looks at its workers first."""
    filters = plan.mine_segment.filters if isinstance(plan.mine_segment, MineSegment) else None
    return replace(plan, extract_segment=Checked(plan.extract_segment, Installed.here(), filters))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(none)"


@functools.cache
def check(wanted: Installed) -> None:
    """Compare this machine with the one that submitted the job, once a process.

    Raises:
        UserError: it lacks something, or has another version.
    """
    host, found = socket.gethostname(), Installed.here()
    rest = "; the workers' image or environment must have what the machine has that submits the job"
    for name, has, wants in [
        ("Python", found.python, wanted.python),
        *((name, has, wants) for (name, has), (_, wants) in zip(found.packages, wanted.packages, strict=True)),
    ]:
        if has != wants:
            raise UserError(f"the worker on {host} has {name} {has}, not {wants}{rest}")
    for module in _MODULES:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise UserError(f"the worker on {host} cannot import {module} ({error}){rest}") from error
