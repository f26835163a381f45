"""All of an export: see what there is, make what is missing, see that the books close, publish."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import msgspec

from ccnet_pipeline import storage
from ccnet_pipeline.columns import optional_columns
from ccnet_pipeline.dataset import write_card
from ccnet_pipeline.dataset.facts import LanguageFacts, Size, read_ledger
from ccnet_pipeline.documents import SHARD_FORMAT
from ccnet_pipeline.errors import BalanceError, UserError
from ccnet_pipeline.export import state
from ccnet_pipeline.export.conversion import Convert
from ccnet_pipeline.export.plan import Conversion, plan
from ccnet_pipeline.export.state import ExportManifest
from ccnet_pipeline.formats import FORMATS
from ccnet_pipeline.over_files import over_files
from ccnet_pipeline.shards.published import FinalFile
from ccnet_pipeline.shards.published_run import MANIFEST_FILE, RUN_FILE, PublishedRun, located, open_run
from ccnet_pipeline.shards.swapping import is_pending


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for."""

    output: str  # the run directory
    formats: tuple[str, ...]
    target: str | None  # a folder of its own; None: the run directory
    languages: tuple[str, ...] | None  # None: all
    workers: int


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it: rows of the manifest."""

    files: list[FinalFile]  # all that were asked for
    new: list[FinalFile]  # of these and others, what was made now


def export(wanted: Wanted, program: str) -> Made:
    """Make the formats that are asked for, as far as they are not there.

    Args:
        wanted: what is asked for.
        program: begins every line of progress.

    Raises:
        UserError: there is no run that is complete, or the folder holds something else, or a shard is damaged.
        BalanceError: the files do not hold what the ledger says was kept.
    """
    _check_wanted(open_run(wanted.output), wanted)  # before a lock makes a folder
    with _locked(wanted):
        if is_pending(wanted.output):
            raise UserError(f"a removal from {wanted.output} was interrupted; run that beam_jobs.remove again first")
        run = open_run(wanted.output)
        if wanted.target is None:
            return _into_run(run, wanted, program)
        return _into_folder(run, wanted.target, wanted, program)


@contextlib.contextmanager
def _locked(wanted: Wanted) -> Iterator[None]:
    if wanted.target is None:
        with storage.locked(wanted.output):
            yield
    else:
        with storage.locked_for_reading(wanted.output), storage.locked(wanted.target):
            yield


def _into_run(run: PublishedRun, wanted: Wanted, program: str) -> Made:
    missing = [kind for kind in wanted.formats if kind not in run.formats]
    conversions = list(_conversions(run, missing))
    made = _make(run, run.output, conversions, wanted.workers, program)
    if made:
        _check(run, made)
        files = sorted([*run.manifest.files, *made], key=attrgetter("path"))
        storage.write_json(storage.join(run.output, MANIFEST_FILE), replace(run.manifest, files=files))
        write_card(run.output)
    state.finish(run.output)
    return Made([file for file in (*run.shards(), *made) if file.format in wanted.formats], made)


def _into_folder(run: PublishedRun, target: str, wanted: Wanted, program: str) -> Made:
    earlier = _earlier(run, target)
    known = {file.path: file for file in earlier.files}
    asked = {each.path for each in _conversions(run, wanted.formats) if _is_wanted(each, wanted)}
    # What an earlier export made there is kept true, too: what it was made of may have changed.
    conversions = {each.path: each for each in _conversions(run, FORMATS) if each.path in asked | known.keys()}
    stale = [each for path, each in conversions.items() if earlier.sources.get(path) != each.digest]
    made = {file.path: file for file in _make(run, target, stale, wanted.workers, program)}
    for path in known.keys() - conversions.keys():
        storage.remove_file(located(target, path))
    files = [made.get(path) or known[path] for path in sorted(conversions)]
    _check(run, files)
    sources = {path: conversions[path].digest for path in sorted(conversions)}
    manifest = ExportManifest(SHARD_FORMAT, run.manifest.fingerprint, files, sources)
    storage.write_json(storage.join(target, MANIFEST_FILE), manifest)
    write_card(run.output, target, manifest)
    state.finish(target)
    return Made([file for file in files if file.path in asked], list(made.values()))


def _conversions(run: PublishedRun, formats: Sequence[str]) -> Iterator[Conversion]:
    if not run.formats or not formats:
        return iter(())
    kind = run.format_of_documents
    if kind is None:
        raise UserError(
            f"the shards of {run.output} are text alone, of which no other format can be made; build it with --formats "
            "jsonl.zst,txt.xz"
        )
    return plan(run.shards(kind), formats)


def _is_wanted(conversion: Conversion, wanted: Wanted) -> bool:
    return wanted.languages is None or conversion.language in wanted.languages


def _earlier(run: PublishedRun, target: str) -> ExportManifest:
    """Return what lies in a folder that is an export's own, or will be.

    Raises:
        UserError: it is none.
    """
    if storage.exists(storage.join(target, RUN_FILE)):
        raise UserError(f"--output {target} is a run directory; choose an empty or new folder, or leave out --output")
    try:
        earlier = storage.read_json(storage.join(target, MANIFEST_FILE), ExportManifest)
    except msgspec.DecodeError as error:
        raise UserError(f"{target}/{MANIFEST_FILE} is damaged; choose another --output") from error
    fingerprint = earlier.fingerprint if earlier else state.fingerprint_of(target)
    if fingerprint is None and not storage.is_empty(target):
        raise UserError(f"--output {target} exists and holds no export; choose an empty or new folder")
    if fingerprint not in (None, run.manifest.fingerprint):
        raise UserError(f"--output {target} holds an export of another run; choose another folder")
    return earlier or ExportManifest(SHARD_FORMAT, run.manifest.fingerprint, [])


def _make(
    run: PublishedRun, target: str, conversions: Sequence[Conversion], workers: int, program: str
) -> list[FinalFile]:
    """Make files, but those that an interrupted export has made already."""
    if not conversions:
        return []
    state.begin(target, run.manifest.fingerprint, [each.path for each in conversions])
    made = [file for each in conversions if (file := state.done(target, each))]
    there = {file.path for file in made}
    convert = Convert(run.output, target, optional_columns(run.run.configuration))
    left = [each for each in conversions if each.path not in there]
    with over_files(program, "convert", convert, left, workers) as results:
        made += results
    return made


def _check(run: PublishedRun, files: Sequence[FinalFile]) -> None:
    """See that each language has in each format what the ledger says was kept; raises BalanceError."""
    ledger = read_ledger(run.output)
    held: dict[tuple[str, str], Size] = defaultdict(Size)
    for file in files:
        held[file.format, file.language].add(file)
    for (kind, language), size in held.items():
        kept = ledger.languages.get(language, LanguageFacts())
        for unit, balance in (
            ("documents", kept.records), ("paragraphs", kept.paragraphs), ("characters", kept.characters)
        ):  # fmt: skip
            if balance.kept != getattr(size, unit):
                raise BalanceError(
                    f"{kind} of {language} holds {getattr(size, unit):,} {unit}, but {balance.kept:,} were kept"
                )


def _check_wanted(run: PublishedRun, wanted: Wanted) -> None:
    there = sorted({file.language for file in run.shards()})
    if unknown := [code for code in wanted.languages or () if code not in there]:
        raise UserError(f"--languages {','.join(unknown)}: {run.output} has {', '.join(there) or 'no language'}")
    if wanted.target is not None:
        _earlier(run, wanted.target)
