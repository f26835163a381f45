"""Runs of programs, and what they cost: CPU time and memory of the whole process tree."""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from ccnet_pipeline.checksums import sha256_of
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.formats import JSONL
from ccnet_pipeline.segments import Segment
from ccnet_pipeline.shards.published import SHARDS, Manifest

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20
_SAMPLE_EVERY_S = 0.05
_SAMPLE_SHARES_EVERY_S = 1.0  # the kernel looks at every page for it


@dataclass(frozen=True, slots=True)
class Setup:
    """What is run on."""

    inputs: list[str]
    segments: list[Segment]
    lid_model: Path
    lm_dir: Path

    @property
    def archives(self) -> list[Path]:
        return [Path(segment.path) for segment in self.segments]


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a program cost."""

    cpu_s: float  # user and system, of the whole tree
    wall_s: float
    peak_rss: int  # bytes; resident pages that processes share count once for each
    peak_pss: int  # bytes; they are divided among them; 0: not seen in so short a run
    processes: int  # at most at one time


@dataclass(frozen=True, slots=True)
class Held:
    """What the shards of a run hold."""

    documents: int
    paragraphs: int
    characters: int


def run_program(command: Sequence[str]) -> tuple[Run, str]:
    """Run a program; return what it cost, and the last line that it printed.

    Raises:
        UserError: it failed; with its last line.
    """
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path})
        run, status = _watch(process.pid, began)
        process.returncode = status
        log.seek(0)
        said = log.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
    if status:
        raise UserError(f"{' '.join(command[:3])} ended with status {status}: {said}")
    return run, said


def run_pipeline(
    setup: Setup,
    output: Path,
    *options: str,
    inputs: Sequence[str] | None = None,
    program: Sequence[str] = ("-m", "beam_jobs.build_cc100"),
) -> Run:
    """Run build_cc100, or a program that takes its options, in a process of its own."""
    command = [sys.executable, *program, "--input", *(inputs or setup.inputs), "--output", str(output)]
    command += ["--lid_model", str(setup.lid_model), "--lm_dir", str(setup.lm_dir), *options]
    return run_program(command)[0]


def _watch(pid: int, began: float) -> tuple[Run, int]:
    """Sample a process tree until it ends; return its cost and its exit status."""
    root, peak, peak_pss, most = psutil.Process(pid), 0, 0, 0
    look_at_shares = began + _SAMPLE_SHARES_EVERY_S
    seen_s: dict[int, float] = {}  # CPU of each process, for those that are killed and that nobody waits for
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            break
        resident = processes = 0
        with contextlib.suppress(psutil.Error):
            for each in [root, *root.children(recursive=True)]:
                resident += each.memory_info().rss
                processes += 1
                seen_s[each.pid] = sum(each.cpu_times()[:2])
        peak, most = max(peak, resident), max(most, processes)
        if time.perf_counter() >= look_at_shares:
            with contextlib.suppress(psutil.Error):
                tree = [root, *root.children(recursive=True)]
                peak_pss = max(peak_pss, sum(each.memory_full_info().pss for each in tree))
            look_at_shares = time.perf_counter() + _SAMPLE_SHARES_EVERY_S
        time.sleep(_SAMPLE_EVERY_S)
    cpu_s = max(usage.ru_utime + usage.ru_stime, sum(seen_s.values()))
    run = Run(cpu_s, time.perf_counter() - began, peak, peak_pss, most)
    return run, os.waitstatus_to_exitcode(status)


def shards_of(output: Path) -> dict[str, str]:
    """Return the sha256 of every shard by its name."""
    files = sorted(path for path in (output / "shards").rglob("*") if path.is_file())
    return {str(path.relative_to(output)): sha256_of(path) for path in files}


def require_same(expected: Mapping[str, str], output: Path) -> None:
    """Raise SystemExit unless a run wrote the same shards as another one."""
    found = shards_of(output)
    if found != expected:
        wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        raise SystemExit(f"shards differ between runs: {', '.join(wrong[:5])} ({len(wrong)} in all)")


def held_by(output: Path) -> Held:
    """Return what the shards of a run hold, as its manifest says."""
    manifest = msgspec.json.decode((output / "manifest.json").read_bytes(), type=Manifest)
    files = [file for file in manifest.files if file.path.startswith(SHARDS) and file.format == JSONL]
    return Held(
        sum(file.documents for file in files),
        sum(file.paragraphs for file in files),
        sum(file.characters for file in files),
    )


def spread(values: Sequence[float], form: str = "{:.2f}") -> str:
    """Return the median of values, and the lowest and the highest in brackets if there are several."""
    median, low, high = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{median} [{low} .. {high}]" if len(values) > 1 else median
