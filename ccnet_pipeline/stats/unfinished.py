"""What of a run is not finished, in sentences."""

from collections.abc import Iterator, Sequence

import msgspec

from ccnet_pipeline import storage
from ccnet_pipeline.shards import swapping
from ccnet_pipeline.shards.published_run import LEDGER_FILE, MANIFEST_FILE, RunFile, read_part, work_folder

_DONE = ".done.json"  # ends the name of the note that a stage leaves of a segment
_STAGES = {"extract": "read", "mine": "through language and fluency"}  # folders of notes
_FAILURES = "failures.json"


class _Failure(msgspec.Struct, frozen=True):
    """What is needed of a segment that could not be read."""

    reason: str  # names the file


def unfinished_of(output: str, run: RunFile, *, has_manifest: bool, has_ledger: bool) -> Iterator[str]:
    """Yield what is not finished, and what to do; nothing of a complete run.

    Args:
        output: the run directory.
        run: what its run.json says.
        has_manifest: there is a manifest.json.
        has_ledger: there is a ledger.json.
    """
    if swapping.is_pending(output):
        yield "A removal of documents was interrupted: run the same beam_jobs.remove command again."
    if has_manifest and has_ledger:
        return
    missing = MANIFEST_FILE if has_ledger else LEDGER_FILE if has_manifest else f"{MANIFEST_FILE} and {LEDGER_FILE}"
    yield f"The run is not complete, it has no {missing}: run the same build_cc100 command again to go on."
    works = [work_folder(output, folder) for folder in run.work]
    if not any(map(storage.folder_exists, works)):
        return
    for stage, done in _STAGES.items():
        count = sum(_notes(storage.join(work, stage)) for work in works)
        yield f"{count:,} of {len(run.inputs):,} archives are {done}."
    yield from _failures(works)


def _notes(folder: str) -> int:
    """Return how many segments a stage is done with; the folder may change meanwhile."""
    return sum(
        name.endswith(_DONE) and not name.startswith(".")
        for thousand in storage.names(folder)
        for name in storage.names(storage.join(folder, thousand))
    )


def _failures(works: Sequence[str]) -> Iterator[str]:
    for work in works:
        if failures := read_part(storage.join(work, _FAILURES), list[_Failure]):
            yield f"{len(failures):,} archives could not be read, the first: {failures[0].reason}"
