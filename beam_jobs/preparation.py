"""What a run needs, found and checked before any work: a mistake is one line, and leaves nothing behind."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from beam_jobs import run_directory
from beam_jobs.coverage import Coverage
from beam_jobs.earlier_dumps import FoundIndex, find_index, hashing_of
from beam_jobs.options import Arguments
from ccnet_pipeline import sample, storage
from ccnet_pipeline.checksums import Memory, sha256_of
from ccnet_pipeline.extractors import version_of
from ccnet_pipeline.filters import Filtering, find_filters
from ccnet_pipeline.fluency import (
    CUTOFFS_FILE,
    FluencyModel,
    ModelFiles,
    Normalization,
    find_models,
    languages_of_model,
)
from ccnet_pipeline.hash_index.directory import check_hashing
from ccnet_pipeline.language import CARD_SUFFIX, LidModels, languages_not_offered, load, parse_languages, with_second
from ccnet_pipeline.local_copies import local_copy, local_folder
from ccnet_pipeline.masking.kinds import VERSION
from ccnet_pipeline.models import find_model, memory
from ccnet_pipeline.recipe import CC100, Configuration, Decontamination, Input, digest_of_inputs
from ccnet_pipeline.segments import Segment, estimate_bytes, find_segments

if TYPE_CHECKING:
    from ccnet_pipeline.blocklist import Compiled as CompiledBlocklist
    from ccnet_pipeline.decontamination.compiling import Compiled as CompiledTests
    from ccnet_pipeline.robots import Compiled as CompiledRobots

PACKAGE = "cc100-xlmr"
_CHECK = "fluency model, 1"  # to be counted on when more is asked of one


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a run reads."""

    segments: list[Segment]
    size: int  # of all of them, about, in bytes as stored
    lid_models: LidModels  # these three: of this machine
    lm_dir: Path | None
    blocklist: CompiledBlocklist | None
    filter_thresholds: Path | None
    robots: CompiledRobots | None
    test_runs: CompiledTests | None
    index: FoundIndex | None
    coverage: Coverage
    configuration: Configuration

    def remarks(self) -> Iterator[str]:
        """Give lines about what to expect of the result."""
        yield from self.coverage.lines()
        if self.index and not self.index.current.generation:
            yield f"--hash_index {self.index.folder}: nothing is in it yet; this run is the first"
        if self.blocklist:
            yield from self.blocklist.remarks()
        if self.robots and self.robots.damage.reasons:
            places, lost = sum(self.robots.damage.reasons.values()), self.robots.damage.bytes
            yield f"--robots: damaged places: {places:,}; bytes lost: {lost:,}; the rules in them are not known"
        if self.test_runs:
            yield from self.test_runs.remarks()


def prepare(arguments: Arguments) -> Prepared:
    """Find and check what the arguments name.

    Raises:
        UserError: something is missing or broken.
        FetchError: something cannot be reached.
    """
    storage.check_place(arguments.output, "--output")
    if arguments.work_dir:
        storage.check_place(arguments.work_dir, "--work_dir")
    segments = find_segments(arguments.selection, arguments.fetch)
    lid_models = _lid_models(arguments)
    given = arguments.lm_dir
    lm_dir = local_folder(given, "--lm_dir") if given else sample.lm_directory() if arguments.is_sample else None
    known = memory()
    files, coverage = _checked_models(arguments, lid_models, lm_dir, known)
    blocklist = _compiled_blocklist(arguments)
    filtering, thresholds = _filtering(arguments)
    robots = _compiled_robots(arguments)
    decontamination, test_runs = _compiled_test_files(arguments)
    inputs_sha256 = digest_of_inputs([Input(segment.name, segment.size) for segment in segments])
    index = _index(arguments, inputs_sha256)
    configuration = Configuration(
        package_version=importlib.metadata.version(PACKAGE),
        recipe=arguments.recipe,
        formats=arguments.formats,
        shard_bytes=arguments.shard_bytes,
        keep_rejects=arguments.keep_rejects,
        keep_labels=arguments.keep_labels,
        count_copies=arguments.count_copies,
        lid_models=coverage.lid_models,
        models={path.name: known.sha256_of(path) for path in files},
        blocklist_sha256=blocklist.sha256 if blocklist else None,
        robots_sha256=robots.sha256 if robots else None,
        filtering=filtering,
        masking_version=VERSION if arguments.recipe.masks else None,
        decontamination=decontamination,
        extractor_version=version_of(arguments.recipe.extractor),
        inputs_sha256=inputs_sha256,
        hash_index=index.base_digest if index else None,
        num_segments=len(segments),
    )
    size = estimate_bytes(segments, arguments.fetch)
    return Prepared(
        segments, size, lid_models, lm_dir, blocklist, thresholds, robots, test_runs, index, coverage, configuration
    )


def _lid_models(arguments: Arguments) -> LidModels:
    """Return the files of the language identification models; remote ones are copied to this machine."""
    path, second = arguments.lid_model, arguments.second_lid_model
    general = find_model(str(local_copy(path, "--lid_model")) if storage.is_remote(path) else path)
    by_default = arguments.recipe.preset == CC100.preset
    if second is None or not storage.is_remote(second):
        return with_second(general, second, added_by_default=by_default)
    card_url = second.rpartition(".")[0] + CARD_SUFFIX
    copy, card = (local_copy(each, "--second_lid_model") for each in (second, card_url))
    return replace(with_second(general, str(copy), added_by_default=by_default), card=card)


def _checked_models(
    arguments: Arguments, lid_models: LidModels, lm_dir: Path | None, known: Memory
) -> tuple[list[Path], Coverage]:
    """See that every model in use can be loaded; return their files, and what they can give."""
    recipe = arguments.recipe
    offers = load(lid_models).offers(tells_zawgyi=recipe.judgement.tells_zawgyi)
    wanted = parse_languages(recipe.languages, known=[label for offer in offers for label in offer.languages])
    missing = languages_not_offered(wanted, offers)
    files = list(lid_models.files)
    with_lm: set[str] = set()
    if lm_dir:
        files.append(lm_dir / CUTOFFS_FILE)
        for name, model in find_models(lm_dir).items():
            if wanted is None or wanted & languages_of_model(name):
                _check(model, recipe.normalization, known)
                files += [model.pieces, model.ngrams]
                with_lm |= languages_of_model(name)
    return files, Coverage(wanted, tuple(offers), frozenset(with_lm), tuple(missing))


def _check(model: ModelFiles, normalization: Normalization, known: Memory) -> None:
    """Load a language model, unless it has been loaded as it is before."""
    contents = known.sha256_of(model.pieces), known.sha256_of(model.ngrams)
    if not known.is_sound(_CHECK, *contents):
        FluencyModel(model, normalization)
        known.note_sound(_CHECK, *contents)


def _compiled_blocklist(arguments: Arguments) -> CompiledBlocklist | None:
    """Return what is on the lists of --blocklist. Of a remote folder only what lies in itself is there."""
    if not arguments.blocklist:
        return None
    from ccnet_pipeline.blocklist import compile_lists

    option = "--blocklist"
    paths = [(local_folder if path.endswith("/") else local_copy)(path, option) for path in arguments.blocklist]
    return compile_lists(paths, arguments.blocklist_categories)


def _filtering(arguments: Arguments) -> tuple[Filtering | None, Path | None]:
    """Return what --filters asks for, and the thresholds on this machine."""
    asked = arguments.filters
    if not asked.names:
        return None, None
    thresholds = local_copy(asked.thresholds, "--filter_thresholds") if asked.thresholds else None
    versions = {each.choice.name: each.choice.version for each in find_filters(asked.names, thresholds)}
    return Filtering(asked.names, versions, sha256_of(thresholds) if thresholds else None), thresholds


def _compiled_robots(arguments: Arguments) -> CompiledRobots | None:
    """Return what --robots disallows."""
    if not arguments.robots.inputs:
        return None
    from ccnet_pipeline.robots import compile_archives

    archives = find_segments(arguments.robots, arguments.fetch)
    return compile_archives([archive.path for archive in archives], arguments.fetch)


def _compiled_test_files(arguments: Arguments) -> tuple[Decontamination | None, CompiledTests | None]:
    """Return what --decontaminate asks for, and the runs of words of its files."""
    asked, option = arguments.decontaminate, "--decontaminate"
    if not asked.files:
        return None, None
    from ccnet_pipeline.decontamination.compiling import compile_test_files
    from ccnet_pipeline.decontamination.test_files import find_test_files

    files = find_test_files(asked.files, option)
    excepted = find_test_files(asked.excepted, f"{option}_except") if asked.excepted else None
    compiled = compile_test_files(files, excepted, asked.num_words, asked.fields, option)
    made = Decontamination(
        files=dict(files.sha256),
        excepted=dict(excepted.sha256) if excepted else {},
        num_words=asked.num_words,
        fields=asked.fields,
    )
    return made, compiled


def _index(arguments: Arguments, inputs_sha256: str) -> FoundIndex | None:
    """Return the hash index, to which a run over the inputs can be added."""
    if arguments.hash_index is None:
        return None
    index = find_index(arguments.hash_index, run_directory.run_of(arguments.output))
    check_hashing(index.current, hashing_of(arguments.recipe), f"--hash_index {index.folder}")
    index.check(inputs_sha256, overwrite=arguments.overwrite)
    return index
