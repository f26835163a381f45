"""What a run noted for its report, against its manifest and its ledger: only what costs no look into the shards."""

from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from ccnet_pipeline import storage
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.observations.published import OBSERVATIONS, TIMES, Example, Observations
from ccnet_pipeline.observations.reading import read_observations, read_times
from ccnet_pipeline.shards.published import REJECTS, SHARDS, LanguageBooks, Ledger
from ccnet_pipeline.shards.published_run import LEDGER_FILE, PublishedRun
from ccnet_pipeline.shards.recount import Difference

Place = tuple[str, str]  # folder and language, bucket or reason


def check_observations(run: PublishedRun) -> Iterator[Difference]:
    """Yield what is wrong with observations.json.zst and times.json, which older runs do not have."""
    try:
        read_times(run.output)
    except UserError as error:
        yield Difference(TIMES, None, "", str(error))
    try:
        observations = read_observations(run.output)
    except UserError as error:
        yield Difference(OBSERVATIONS, None, "", str(error))
        return
    if observations is not None:
        yield from _of_examples(run, observations.examples)
        yield from _of_languages(observations, _languages(run))


def _place_of(example: Example) -> Place:
    if example.reason is None:
        return SHARDS + example.language, example.bucket
    return REJECTS + example.language, example.reason


def _of_examples(run: PublishedRun, examples: list[Example]) -> Iterator[Difference]:
    kind = run.format_of_documents
    documents = Counter[Place]()
    for file in [*(run.shards(kind) if kind else []), *run.rejects()]:
        documents[file.path.rpartition("/")[0], file.bucket] += file.documents
    for place, count in sorted(Counter(map(_place_of, examples)).items()):
        is_told = kind is not None or place[0].startswith(REJECTS)  # text alone has no buckets
        if is_told and count > documents[place]:
            what = f"{count} examples of {'/'.join(place)}, which has {documents[place]:,} documents"
            yield Difference(OBSERVATIONS, None, "", what)


def _languages(run: PublishedRun) -> Mapping[str, LanguageBooks]:
    try:
        ledger = storage.read_json(run.path(LEDGER_FILE), Ledger)
    except (msgspec.DecodeError, OSError):  # which is told elsewhere
        return {}
    return ledger.languages if ledger else {}


def _of_languages(observations: Observations, languages: Mapping[str, LanguageBooks]) -> Iterator[Difference]:
    for code, books in languages.items():
        shape = observations.languages.get(code)
        scored = sum(shape.scores) if shape else 0
        if scored != books.records.read:
            what = f"{code}: scores of {scored:,} documents, and {books.records.read:,} were read by {LEDGER_FILE}"
            yield Difference(OBSERVATIONS, None, "", what)
