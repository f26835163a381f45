"""Where in the shards something stands: a second look at files that are known to hold it."""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import chain

from ccnet_pipeline import storage
from ccnet_pipeline.dedup.hashing import paragraph_hashes
from ccnet_pipeline.documents import Document
from ccnet_pipeline.formats import JSONL, PARQUET
from ccnet_pipeline.shards.published_run import PublishedRun
from ccnet_pipeline.shards.reading import (
    Batch,
    DamagedFileError,
    HashedFile,
    read_jsonl,
    read_parquet,
    read_texts,
    seekable,
)
from ccnet_pipeline.shards.recount import Difference, hashes_of
from ccnet_pipeline.shards.twice import Twice


def places_of_ids(run: PublishedRun, found: Sequence[Twice]) -> Iterator[Difference]:
    """Yield the ids that stand twice; of some, only their 64 bits may be the same, and these are left out."""
    wanted = {each.hash for each in found}
    places: dict[str, list[tuple[str, int]]] = {}
    for path in _files(found):
        for number, document in _documents(run, path):
            if int(hashes_of([document.id])[0]) in wanted:
                places.setdefault(document.id, []).append((path, number))
    for name, of_name in places.items():
        if len(of_name) > 1:
            (before, at), (path, number) = of_name[:2]
            yield Difference(path, number, name, f"its id stands also in {before}, document {at:,}")


def places_of_paragraphs(run: PublishedRun, found: Sequence[Twice], scope: int) -> Iterator[Difference]:
    """Yield the paragraphs of a scope that stand twice, or in a shard and in the hash index."""
    size = run.run.configuration.recipe.group_size
    numbers = {each.name: number for number, each in enumerate(run.run.inputs)}
    places: dict[int, list[tuple[str, int, str, int]]] = {each.hash: [] for each in found}
    for path in _files(found):
        for number, segment, name, lines in _texts(run, path):
            if size and numbers.get(segment, 0) // size != scope:
                continue
            for line, value in enumerate(paragraph_hashes(lines).tolist(), 1):
                if value in places and len(places[value]) < 2:
                    places[value].append((path, number, name, line))
    for of_hash in filter(None, places.values()):
        path, number, name, line = of_hash[min(1, len(of_hash) - 1)]
        where = "the hash index of earlier runs"
        if len(of_hash) > 1:
            before, at, _, line_there = of_hash[0]
            where = f"{before}, document {at:,}, paragraph {line_there}"
        yield Difference(path, number, name, f"its paragraph {line} stands also in {where}")


def _files(found: Sequence[Twice]) -> list[str]:
    return sorted({source for each in found for source in each.sources if "/" in source})


def _texts(run: PublishedRun, path: str) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield of each document its number, segment, id and paragraphs."""
    if path.endswith((JSONL, PARQUET)):
        for number, document in _documents(run, path):
            yield number, document.segment, document.id, document.text.split("\n")
        return
    with contextlib.suppress(DamagedFileError), storage.open_for_reading(run.path(path)) as file:
        texts = chain.from_iterable(read_texts(HashedFile(file), _ignore))
        for number, lines in enumerate(texts, 1):
            yield number, "", "", lines


def _documents(run: PublishedRun, path: str) -> Iterator[tuple[int, Document]]:
    """Yield the documents of a file, each with its number, as far as it can be read."""
    with contextlib.suppress(DamagedFileError):
        for batch in _batches(run, path):
            yield from enumerate(batch.documents, batch.first)


def _batches(run: PublishedRun, path: str) -> Iterator[Batch]:
    if path.endswith(PARQUET):
        with seekable(run.path(path), lambda _: None) as (file, _, _):
            yield from read_parquet(file, _ignore)
        return
    with storage.open_for_reading(run.path(path)) as stream:
        yield from read_jsonl(HashedFile(stream), _ignore, is_reject=False)


def _ignore(number: int | None, what: str) -> None:
    """What is wrong with the file was told when it was read first."""
