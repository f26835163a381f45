"""Which final files there are, and what each is made of: a plan that no order of arrival changes."""

from collections.abc import Callable, Iterable, Sequence

from beam_jobs.elements import Extent, FilePlan, Gathered, Place, Row
from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.formats import JSONL, TEXT
from ccnet_pipeline.shards.published import REJECTS

RowsOf = Callable[[Gathered], list[Row]]  # reads what each segment of a group has


class _OpenFile:
    """A final file while it is planned."""

    def __init__(self) -> None:
        self.size = 0
        self._buckets: set[str] = set()
        self._documents = self._paragraphs = self._characters = 0
        self._extents: list[Extent] = []

    def add(self, bucket: str, part: Gathered | Row, extents: Iterable[Extent]) -> None:
        self._buckets.add(bucket)
        self._documents += part.documents
        self._paragraphs += part.paragraphs
        self._characters += part.characters
        self.size += part.size
        for path, offset, size in extents:
            if self._extents:
                last_path, last_offset, last_size = self._extents[-1]
                if (path, offset) == (last_path, last_offset + last_size):
                    self._extents[-1] = path, last_offset, last_size + size
                    continue
            self._extents.append((path, offset, size))

    def plan(self, path: str, kind: str) -> FilePlan:
        return FilePlan(
            path=path,
            format=kind,
            buckets=sorted(self._buckets, key=_bucket_order),
            documents=self._documents,
            paragraphs=self._paragraphs,
            characters=self._characters,
            extents=self._extents,
        )


def plan_shards(
    place: Place, gathered: Iterable[Gathered], shard_bytes: int, formats: Sequence[str], rows_of: RowsOf
) -> list[FilePlan]:
    """Cut what one language and bucket has into shards of at least `shard_bytes`, the last one excepted.

    The order is that of the segments, and a cut is at the end of one, so neither depends on how things arrive or are
    gathered. The segments of a group are looked at one by one only where a cut may fall among them.
    """
    folder, name = place
    shards = [_OpenFile()]
    for group in sorted(gathered, key=lambda each: each.group):
        if group.extent and shards[-1].size + group.size < shard_bytes:
            shards[-1].add(name, group, [group.extent])
            continue
        for row in rows_of(group):
            if shards[-1].size >= shard_bytes:
                shards.append(_OpenFile())
            shards[-1].add(name, row, row.extents)
    kinds = [JSONL] if folder.startswith(REJECTS) else [kind for kind in formats if kind != TEXT]
    return [
        shard.plan(f"{folder}/{name}-{number:05d}.{kind}", kind)
        for number, shard in enumerate(shards)
        for kind in kinds
    ]


def plan_text(folder: str, gathered: Iterable[Gathered], rows_of: RowsOf) -> FilePlan:
    """Return the plan of a language's text file: its buckets one after the other, the most fluent first."""
    file = _OpenFile()
    for group in sorted(gathered, key=lambda each: (_bucket_order(each.name), each.group)):
        extents = [group.extent] if group.extent else [extent for row in rows_of(group) for extent in row.extents]
        file.add(group.name, group, extents)
    return file.plan(f"{folder}.{TEXT}", TEXT)


def _bucket_order(name: str) -> int:
    return list(BUCKETS).index(name) if name in BUCKETS else len(BUCKETS)
