"""Run directories by hand: what a run leaves for its report."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from ccnet_pipeline.ledger import Balance, DamageTally
from ccnet_pipeline.observations.published import (
    OBSERVATIONS,
    TIMES,
    DamagedArchive,
    DomainBooks,
    Example,
    LanguageShape,
    Observations,
    RepeatedParagraph,
    StageTime,
    Times,
)
from ccnet_pipeline.quality import SCORE_BINS
from ccnet_pipeline.shards.published import FinalFile, LanguageBooks, Ledger, Manifest


def write(folder: Path, name: str, value: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    data = msgspec.json.encode(value)
    (folder / name).write_bytes(zstandard.compress(data) if name.endswith(".zst") else data)


def example(language: str, bucket: str, number: int, **changes: Any) -> Example:
    return replace(
        Example(
            id=f"{number:08}",
            language=language,
            bucket=bucket,
            reason=None,
            language_score=0.98,
            perplexity=41.5,
            url=f"https://example.org/{number}",
            domain="example.org",
            title=f"Title {number}",
            text=f"Text {number} of {language}.\nIts second paragraph.",
            paragraphs=2,
            characters=37,
        ),
        **changes,
    )


def shape(perplexities: dict[str, int], cutoffs: tuple[float, float] | None = (30.0, 60.0)) -> LanguageShape:
    scores = [0] * SCORE_BINS
    scores[-1], scores[40] = max(sum(perplexities.values()) - 1, 0), 1
    return LanguageShape(scores=scores, perplexities=perplexities, cutoffs=cutoffs)


def repeated(text: str, *domains: str, more: bool = False) -> RepeatedParagraph:
    return RepeatedParagraph(hash="0" * 16, text=text, records=1234, segments=3, domains=[*domains], more_domains=more)


def domain(name: str) -> DomainBooks:
    return DomainBooks(domain=name, records_read=9, records_kept=6, characters_read=900, characters_kept=450)


def damaged(segment: str, reasons: dict[str, int]) -> DamagedArchive:
    return DamagedArchive(segment=segment, damage=DamageTally(bytes=4000, members=2, reasons=reasons))


def observations(languages: dict[str, LanguageShape], examples: list[Example], **changes: Any) -> Observations:
    return replace(
        Observations(
            languages=languages,
            examples=examples,
            repeated=[repeated("Accept all cookies")],
            domains=[domain("example.org")],
            damaged=[damaged("a.warc.gz", {"bad_crc": 1})],
            num_damaged=1,
        ),
        **changes,
    )


TIME = Times(
    began="2026-11-27T01:00:00Z",
    ended="2026-11-27T02:00:00Z",
    stages=[
        StageTime(stage="extract", cpu_s=50.0, documents=1000),
        StageTime(stage="mine", cpu_s=20.0, documents=1000),
    ],
)


def file_of(language: str, bucket: str, documents: int) -> FinalFile:
    return FinalFile(
        path=f"shards/{language}/{bucket}-00000.jsonl.zst",
        language=language,
        bucket=bucket,
        format="jsonl.zst",
        documents=documents,
        paragraphs=3 * documents,
        characters=400 * documents,
        bytes=100 * documents,
        sha256="0" * 64,
    )


def manifest(files: list[FinalFile]) -> Manifest:
    return Manifest(1, "75d8eaf3914fc96f", files)


def books(documents: int, dropped: int = 0, **changes: Any) -> LanguageBooks:
    def balance(unit: int) -> Balance:
        read = documents + dropped
        return Balance(read * unit, documents * unit, {"bucket_tail": dropped * unit} if dropped else {})

    return replace(
        LanguageBooks(
            records=balance(1),
            paragraphs=balance(3),
            characters=balance(400),
            mean_score=0.9,
            median_perplexity=41.0,
            head_share=0.5,
        ),
        **changes,
    )


def ledger(languages: dict[str, LanguageBooks], **changes: Any) -> Ledger:
    total = {unit: Balance() for unit in ("records", "paragraphs", "characters")}
    for each in languages.values():
        for unit, balance in total.items():
            balance.add(getattr(each, unit))
    values: dict[str, Any] = {
        **total,
        "languages": languages,
        "damage": DamageTally(),
        "num_segments": 1,
        "num_without_record": 0,
        "without_record": [],
    } | changes
    return Ledger(**values)


RUN = {
    "shard_format": 1,
    "id": "a68e954c",
    "fingerprint": "75d8eaf3914fc96f",
    "preset": "cc100",
    "configuration": {
        "package_version": "0.2",
        "recipe": {"preset": "cc100", "min_chars": 300, "keep_buckets": ["head", "middle", "all"]},
        "models": {"lid.176.ftz": "8f" * 32},
        "blocklist_sha256": None,
    },
    "engine": {"runner": "DirectRunner", "python": "3.11.7"},
    "inputs": [{"name": "crawl-data/CC-MAIN-2026-04/segments/1/wet/a.warc.wet.gz", "size": 83874}],
}


def a_run(folder: Path, **changes: Any) -> Path:
    """Write a run of two languages; `changes` replace what a file holds, None: it is not there."""
    contents: dict[str, Any] = {
        "run": RUN,
        "manifest": Manifest(
            1, "75d8eaf3914fc96f", [file_of("en", "head", 3), file_of("en", "middle", 2), file_of("fa", "all", 1)]
        ),
        "ledger": ledger({"en": books(5, 2), "fa": books(1, median_perplexity=None, head_share=None)}),
        "observations": observations(
            {"en": shape({"12": 2, "41": 3, "98": 2}), "fa": shape({}, None)},
            [
                *(example("en", "head", number) for number in range(3)),
                example("fa", "all", 9, perplexity=None, text="یک متن"),
            ],
        ),
        "times": TIME,
    } | changes
    names = {"observations": OBSERVATIONS, "times": TIMES}
    for name, value in contents.items():
        if value is not None:
            write(folder, names.get(name, f"{name}.json"), value)
    return folder
