"""Stage 4, first step as a transform: what a group of segments has in one language and bucket comes to lie together.

So the files of a language are written from a few reads a group, and not from as many as there are segments. A run of
one group copies nothing on a disk: its rows say where the segments' own frames lie. What is noted of its segments for
the report becomes one note of the group.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from beam_jobs.elements import Block, Extent, Frame, Gathered, GatherNote, Place, Row
from beam_jobs.layout import Layout, relative_in_work
from beam_jobs.remains import Remains
from ccnet_pipeline import storage
from ccnet_pipeline.observations.archive import pack
from ccnet_pipeline.observations.archive import unpack as unpack_observed
from ccnet_pipeline.observations.merging import Merged

_Places = Mapping[Place, list[Block]]  # of each segment, in order
_Observed = Mapping[int, Frame]  # by segment, in order: where in its file that lies which is noted of it


def unpack(data: bytes) -> Gathered:
    """Return what was packed: there may be some hundred thousand of them."""
    return msgspec.msgpack.decode(data, type=Gathered)


def read_rows(gathered: Gathered, layout: Layout) -> list[Row]:
    """Return what each segment of a group has, in their order."""
    data = storage.read_range(layout.gathered(gathered.group, "rows"), *gathered.rows)
    return msgspec.msgpack.decode(data, type=list[Row])


class _GatherFn(beam.DoFn):
    def __init__(self, remains: Remains) -> None:
        self._remains = remains
        self._layout = remains.layout

    def process(self, element: tuple[int, Iterable[int]]) -> Iterator[tuple[Place, bytes]]:
        group, numbers = element[0], sorted(element[1])
        note = self._remains.gather_note(group) or self._gather(group, numbers)
        self._remains.free(self._unneeded(numbers, note))
        for each in note.gathered:
            yield (each.folder, each.name), msgspec.msgpack.encode(each)

    def _unneeded(self, numbers: list[int], note: GatherNote) -> Iterator[str]:
        if note.bytes:
            yield from (self._layout.mined(number, "blocks.zst") for number in numbers)
        if not self._remains.blocks.has_index:  # whose new parts may be asked for once more
            blocks = {self._remains.blocks.block_of(number) for number in numbers}
            kinds = self._remains.hash_kinds("table")
            yield from (self._layout.compacted(block, kind) for block in blocks.intersection(numbers) for kind in kinds)

    def _gather(self, group: int, numbers: list[int]) -> GatherNote:
        places, frames = self._contents(numbers)
        # In a store of objects every final file would be written from a request a segment.
        is_copied = not self._remains.blocks.is_one_group or not storage.is_local(self._layout.work)
        size, merged = self._copy(group, frames, places) if is_copied else (0, self._merged(frames))
        observed = pack(merged.cut())
        storage.write(self._layout.gathered(group, "observed"), observed)
        rows = []
        gathered: list[Gathered] = []
        offset = row_offset = 0
        for (folder, name), blocks in places.items():
            rows.append(msgspec.msgpack.encode(self._rows(group, blocks, offset if is_copied else None)))
            of_all = sum(block.size for block in blocks)
            gathered.append(
                Gathered(
                    folder,
                    name,
                    group,
                    documents=sum(block.documents for block in blocks),
                    paragraphs=sum(block.paragraphs for block in blocks),
                    characters=sum(block.characters for block in blocks),
                    extent=(self._relative(group), offset, of_all) if is_copied else None,
                    size=of_all,
                    rows=(row_offset, len(rows[-1])),
                )
            )
            offset += of_all
            row_offset += len(rows[-1])
        storage.write(self._layout.gathered(group, "rows"), b"".join(rows))
        note = GatherNote(size, row_offset, len(observed), gathered)
        storage.write_note(self._layout.gathered(group, "done.json"), note)
        return note

    def _contents(self, numbers: Iterable[int]) -> tuple[_Places, _Observed]:
        places: dict[Place, list[Block]] = defaultdict(list)
        observed = {}
        for number in numbers:
            mined = self._remains.mine_note(number)
            if mined is None:
                raise FileNotFoundError(self._layout.mined(number, "done.json"))
            for block in mined.blocks:
                places[block.folder, block.name].append(block)
            observed[number] = mined.observed
        return dict(sorted(places.items())), observed

    def _relative(self, group: int) -> str:
        return relative_in_work("gather", group, "frames.zst")

    def _rows(self, group: int, blocks: Iterable[Block], offset: int | None) -> list[Row]:
        """Return one row a segment; `offset` is where the first lies in the group's file, None: in the segments'."""
        rows = []
        for block in blocks:
            if offset is None:
                path = relative_in_work("mine", block.segment_number, "blocks.zst")
                extents: list[Extent] = [(path, frame.offset, frame.size) for frame in block.frames]
            else:
                extents = [(self._relative(group), offset, block.size)]
                offset += block.size
            rows.append(Row(block.segment_number, block.documents, block.paragraphs, block.characters, extents))
        return rows

    def _merged(self, observed: _Observed) -> Merged:
        """Return what is noted of the segments, in their order."""
        merged = Merged()
        for number, frame in observed.items():
            path = self._layout.mined(number, "blocks.zst")
            _add(merged, storage.read_range(path, frame.offset, frame.size), path)
        return merged

    def _copy(self, group: int, observed: _Observed, places: _Places) -> tuple[int, Merged]:
        """Write the frames of a group to one file, by language and bucket; return its size, and what is noted of all.

        Each segment's file is read once, in order, and what is written jumps.
        """
        frames: dict[int, list[tuple[Frame, int]]] = {number: [] for number in observed}
        size = 0
        for blocks in places.values():
            for block in blocks:
                for frame in block.frames:
                    frames[block.segment_number].append((frame, size))
                    size += frame.size
        with storage.writing(self._layout.gathered(group, "frames.zst")) as file:
            return size, self._fill(file, frames, observed)

    def _fill(self, file: BinaryIO, frames: Mapping[int, list[tuple[Frame, int]]], observed: _Observed) -> Merged:
        merged = Merged()
        for number, of_segment in frames.items():
            path = self._layout.mined(number, "blocks.zst")
            with storage.open_for_reading(path) as source:
                for frame, target in sorted(of_segment, key=lambda each: each[0].offset):
                    data = source.read(frame.size)
                    if len(data) != frame.size:
                        raise storage.damaged(path)
                    file.seek(target)
                    file.write(data)
                _add(merged, source.read(observed[number].size), path)
        return merged


def _add(merged: Merged, data: bytes, path: str) -> None:
    try:
        merged.add(unpack_observed(data))
    except ValueError as error:
        raise storage.damaged(path) from error


@dataclass
class Gather(beam.PTransform[Any, Any]):
    """PCollection[(group, segment number)] -> PCollection[(Place, packed Gathered)]."""

    remains: Remains

    def expand(self, input_or_inputs: PCollection[tuple[int, int]]) -> PCollection[tuple[Place, bytes]]:
        gather = beam.ParDo(_GatherFn(self.remains)).with_output_types(tuple[Place, bytes])
        return input_or_inputs | "GroupByGroup" >> beam.GroupByKey() | "GatherGroup" >> gather
