"""What a run needs, found and checked before any work: a mistake is one line, and leaves nothing behind."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from beam_jobs import storage
from beam_jobs.options import Arguments
from ccnet_pipeline import sample
from ccnet_pipeline.blocklist import Blocklist
from ccnet_pipeline.checksums import sha256_of
from ccnet_pipeline.fluency import CUTOFFS_FILE, FluencyModel, find_models, languages_of_model
from ccnet_pipeline.language import FastTextScorer, languages_without_label, parse_languages
from ccnet_pipeline.models import find_model
from ccnet_pipeline.recipe import Configuration, Input, digest_of_inputs
from ccnet_pipeline.robots import Compiled, compile_archives
from ccnet_pipeline.segments import Segment, estimate_bytes, find_segments
from ccnet_pipeline.web import version_of

PACKAGE = "cc100-xlmr"


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a run reads."""

    segments: list[Segment]
    size: int  # of all of them, about, in bytes as stored
    lid_model: Path
    lm_dir: Path | None
    blocklist: Path | None
    robots: Compiled | None
    languages_without_label: list[str]  # wanted ones
    configuration: Configuration

    def remarks(self) -> Iterator[str]:
        """Give lines about what will be missing from the result."""
        if self.languages_without_label:
            names = ", ".join(self.languages_without_label)
            yield f"{self.lid_model.name} has no label for {names}: nothing will be filed there"
        if self.robots and self.robots.damage.reasons:
            places, lost = sum(self.robots.damage.reasons.values()), self.robots.damage.bytes
            yield f"--robots: damaged places: {places:,}; bytes lost: {lost:,}; the rules in them are not known"


def prepare(arguments: Arguments) -> Prepared:
    """Find and check what the arguments name.

    Raises:
        UserError: something is missing, broken, or cannot be reached.
    """
    storage.check_place(arguments.output, "--output")
    if arguments.work_dir:
        storage.check_place(arguments.work_dir, "--work_dir")
    segments = find_segments(arguments.selection, arguments.fetch)
    lid_model = find_model(arguments.lid_model)
    lm_dir = Path(arguments.lm_dir) if arguments.lm_dir else sample.lm_directory() if arguments.is_sample else None
    models, without_label = _checked_models(arguments, lid_model, lm_dir)
    blocklist = Path(arguments.blocklist) if arguments.blocklist else None
    if blocklist:
        Blocklist.load(blocklist)
    robots = _compiled(arguments)
    configuration = Configuration(
        package_version=importlib.metadata.version(PACKAGE),
        recipe=arguments.recipe,
        formats=arguments.formats,
        shard_bytes=arguments.shard_bytes,
        keep_rejects=arguments.keep_rejects,
        models={path.name: sha256_of(path) for path in models},
        blocklist_sha256=sha256_of(blocklist) if blocklist else None,
        robots_sha256=robots.sha256 if robots else None,
        extractor_version=version_of(arguments.recipe.extractor),
        inputs_sha256=digest_of_inputs([Input(segment.name, segment.size) for segment in segments]),
        num_segments=len(segments),
    )
    size = estimate_bytes(segments, arguments.fetch)
    return Prepared(segments, size, lid_model, lm_dir, blocklist, robots, without_label, configuration)


def _checked_models(arguments: Arguments, lid_model: Path, lm_dir: Path | None) -> tuple[list[Path], list[str]]:
    """Load every model in use once.

    Returns:
        Their files, and the wanted languages for which `lid_model` has no label.
    """
    labels = FastTextScorer(lid_model).labels()
    wanted = parse_languages(arguments.recipe.languages, known=labels)
    files = [lid_model]
    if lm_dir:
        files.append(lm_dir / CUTOFFS_FILE)
        for name, model in find_models(lm_dir).items():
            if wanted is None or wanted & languages_of_model(name):
                FluencyModel(model, arguments.recipe.normalization)
                files += [model.pieces, model.ngrams]
    return files, languages_without_label(wanted, labels, lid_model.name)


def _compiled(arguments: Arguments) -> Compiled | None:
    """Return what --robots disallows."""
    if not arguments.robots.inputs:
        return None
    archives = find_segments(arguments.robots, arguments.fetch)
    return compile_archives([archive.path for archive in archives], arguments.fetch)
