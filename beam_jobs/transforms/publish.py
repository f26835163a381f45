"""The last step as a transform: check the balance, then write ledger.json and manifest.json, in this order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from msgspec import UNSET

from beam_jobs import storage
from beam_jobs.elements import SHARDS, Books, FinalFile, LanguageBooks, Ledger, Manifest, enumerated
from beam_jobs.layout import Layout
from ccnet_pipeline.documents import SHARD_FORMAT
from ccnet_pipeline.errors import BalanceError, UserError
from ccnet_pipeline.formats import JSONL, PARQUET, TEXT
from ccnet_pipeline.ledger import Account, total
from ccnet_pipeline.recipe import Configuration


def close_books(accounts: dict[str, Account], files: list[FinalFile], num_segments: int) -> Ledger:
    """Return the ledger of a run.

    Raises:
        BalanceError: a segment is missing, a balance does not close, or the files do not hold what was kept.
        UserError: there is not one record in all archives.
    """
    if len(accounts) != num_segments:
        raise BalanceError(f"{len(accounts)} of {num_segments} segments came to the end")
    segments = dict(sorted(accounts.items()))  # they arrive in any order, which must not show
    for name, account in segments.items():
        account.check(name)
    run = total(segments.values())
    run.check("the run")
    for kind in (JSONL, PARQUET, TEXT):
        written = [file for file in files if file.format == kind and file.path.startswith(SHARDS)]
        if not written:
            continue
        for unit, kept, held in (
            ("paragraphs", run.tally.paragraphs.kept, sum(file.paragraphs for file in written)),
            ("characters", run.tally.characters.kept, sum(file.characters for file in written)),
        ):
            if kept != held:
                raise BalanceError(f"the {kind} shards hold {held} {unit}, but {kept} were kept")
    ledger = Ledger(**_books(run), segments={name: Books(**_books(each)) for name, each in segments.items()})
    if not ledger.records.read:
        raise UserError(
            f"there is no record in {enumerated(ledger.without_record())}; an input is a WARC or WET file, or a list "
            "of them, one path a line, named *.paths; with the right --input start anew with --overwrite"
        )
    return ledger


def _books(account: Account) -> dict[str, Any]:
    return {
        "records": account.tally.records,
        "paragraphs": account.tally.paragraphs,
        "characters": account.tally.characters,
        "languages": {code: _language_books(account, code) for code in sorted(account.languages)},
        "damage": account.damage,
        "main_text": account.main_text if account.main_text.found_by else UNSET,
    }


def _language_books(account: Account, code: str) -> LanguageBooks:
    tally, quality = account.languages[code], account.quality_of(code)
    return LanguageBooks(
        records=tally.records,
        paragraphs=tally.paragraphs,
        characters=tally.characters,
        mean_score=quality.mean_score,
        median_perplexity=quality.median_perplexity,
        head_share=quality.head_share,
    )


class _PublishFn(beam.DoFn):
    def __init__(self, layout: Layout, configuration: Configuration) -> None:
        self._layout = layout
        self._configuration = configuration

    def process(
        self, element: tuple[None, tuple[Iterable[FinalFile], Iterable[tuple[str, Account]]]]
    ) -> Iterator[None]:
        files, accounts = element[1]
        ordered = sorted(files, key=lambda file: file.path)
        storage.write_json(
            self._layout.ledger_file, close_books(dict(accounts), ordered, self._configuration.num_segments)
        )
        # Last: a run is complete when it has its manifest.
        storage.write_json(self._layout.manifest_file, Manifest(SHARD_FORMAT, self._configuration.fingerprint, ordered))
        yield None


@dataclass
class Publish(beam.PTransform[Any, Any]):
    """(PCollection[FinalFile], PCollection[(segment name, Account)]) -> PCollection[None], one element."""

    layout: Layout
    configuration: Configuration

    def expand(self, input_or_inputs: Any) -> Any:  # Beam cannot check a pair of collections
        files, accounts = input_or_inputs
        return (
            (
                files | "KeyFiles" >> beam.Map(lambda file: (None, file)),
                accounts | "KeyAccounts" >> beam.Map(lambda account: (None, account)),
            )
            | "GatherAll" >> beam.CoGroupByKey()
            | "Publish" >> beam.ParDo(_PublishFn(self.layout, self.configuration))
        )
