"""The last step as a transform: check the balance of every segment and of all, write the ledger, then manifest.json.

What was noted for the report is written between the two.

The accounts of segments stay in the notes of stage 3. Each part of the ledger is written from the notes of its
segments, and only the parts' sums go on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import msgspec

from beam_jobs import clock
from beam_jobs.books import Sums, close_books, segment_books
from beam_jobs.earlier_dumps import EarlierDumps, PartNote
from beam_jobs.elements import ALL, MineNote
from beam_jobs.layout import LEDGER_PART_SEGMENTS, Layout
from ccnet_pipeline import storage
from ccnet_pipeline.documents import SHARD_FORMAT
from ccnet_pipeline.errors import BalanceError, FilterError, UserError
from ccnet_pipeline.frames import write_lines
from ccnet_pipeline.hash_index.union import total_of
from ccnet_pipeline.observations.archive import unpack
from ccnet_pipeline.observations.merging import Merged
from ccnet_pipeline.observations.published import OBSERVATIONS, TIMES
from ccnet_pipeline.observations.publishing import published
from ccnet_pipeline.observations.reading import packed
from ccnet_pipeline.recipe import Configuration
from ccnet_pipeline.shards.published import FinalFile, Manifest

_LEVEL = 3  # of zstd


class SumFn(beam.CombineFn):
    """Adds up the sums of parts, and checks that the whole closes."""

    def create_accumulator(self) -> Sums:
        return Sums()

    def add_input(self, accumulator: Sums, part: Sums) -> Sums:
        accumulator.add(part)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Sums]) -> Sums:
        merged = Sums()
        for accumulator in accumulators:
            merged.add(accumulator)
        return merged

    def extract_output(self, accumulator: Sums) -> Sums:
        accumulator.account.check("the run")
        return accumulator


class _WritePartFn(beam.DoFn):
    """Writes the balance of each segment of a part."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def process(self, element: tuple[int, Iterable[int]]) -> Iterator[tuple[int, Sums]]:
        part, numbers = element
        sums = Sums()
        with storage.writing(self._layout.ledger_part(part)) as file:
            write_lines(self._lines(sorted(numbers), sums), file, _LEVEL)
        yield ALL, sums

    def _lines(self, numbers: Iterable[int], sums: Sums) -> Iterator[bytes]:
        for number in numbers:
            note = storage.read_note(self._layout.mined(number, "done.json"), MineNote)
            if note is None:
                raise FileNotFoundError(self._layout.mined(number, "done.json"))
            sums.count(note.segment, note.account)
            sums.count_time(note.pages, note.extract_cpu_s, note.cpu_s)
            yield msgspec.json.encode(segment_books(note.segment, note.account))


class _PublishFn(beam.DoFn):
    def __init__(
        self, layout: Layout, configuration: Configuration, earlier: EarlierDumps | None, groups: range, began: str
    ) -> None:
        self._layout = layout
        self._configuration = configuration
        self._earlier = earlier
        self._groups = groups
        self._began = began

    def process(self, element: tuple[int, Iterable[FinalFile | Sums | PartNote]]) -> Iterator[None]:
        gathered = list(element[1])
        [sums] = (each for each in gathered if isinstance(each, Sums))
        ordered = sorted((each for each in gathered if isinstance(each, FinalFile)), key=lambda file: file.path)
        notes = [each for each in gathered if isinstance(each, PartNote)]
        additions = total_of(note.additions for note in notes)
        try:
            ledger = close_books(sums, ordered, self._configuration.num_segments)
        except (BalanceError, FilterError, UserError):
            storage.remove_folder(self._layout.ledger_folder)  # nothing of such a run is published
            raise
        if self._earlier:
            # Where the first copy stays, it stays where it is right.
            is_wrong = self._configuration.recipe.dedup_keep == "none"
            ledger = replace(ledger, index_duplicates_published=additions.come_again if is_wrong else 0)
        storage.write_json(self._layout.ledger_file, ledger)
        self._write_observations(sums)
        if self._earlier:
            self._earlier.publish([note.part for note in notes], additions)
        # Last: a run is complete when it has its manifest.
        storage.write_json(self._layout.manifest_file, Manifest(SHARD_FORMAT, self._configuration.fingerprint, ordered))
        yield None

    def _write_observations(self, sums: Sums) -> None:
        """Write what the report is made of, beside the ledger."""
        merged = Merged()
        for group in self._groups:
            path = self._layout.gathered(group, "observed")
            try:
                merged.add(unpack(storage.read(path)))
            except ValueError as error:
                raise storage.damaged(path) from error
        observations = published(merged, sums.account.quality, sums.damaged)
        storage.write(self._layout.final(OBSERVATIONS), packed(observations))
        storage.write_json(self._layout.final(TIMES), sums.times(self._began, clock.now()))


def _by_part(element: tuple[int, int]) -> tuple[int, int]:
    _, number = element
    return number // LEDGER_PART_SEGMENTS, number


@dataclass
class Publish(beam.PTransform[Any, Any]):
    """Three PCollections -> PCollection[None], one element.

    They are PCollection[(ALL, FinalFile)], PCollection[(group, segment number)], and PCollection[(ALL, PartNote)],
    which is empty where there is no index.
    """

    layout: Layout
    configuration: Configuration
    earlier: EarlierDumps | None
    groups: range  # of segments
    began: str  # ISO 8601, UTC

    def expand(self, input_or_inputs: Any) -> Any:  # Beam cannot check a pair of collections
        files, mined, extended = input_or_inputs
        sums = (
            mined
            | "KeyByPart" >> beam.Map(_by_part).with_output_types(tuple[int, int])
            | "GroupByPart" >> beam.GroupByKey()
            | "WritePart" >> beam.ParDo(_WritePartFn(self.layout)).with_output_types(tuple[int, Sums])
            | "SumParts" >> beam.CombinePerKey(SumFn()).with_output_types(tuple[int, Sums])
        )
        # As a CoGroupByKey, in fewer steps.
        return (
            (files, sums, *([extended] if self.earlier else []))
            | "FilesAndSums" >> beam.Flatten().with_output_types(tuple[int, Any])
            | "GatherAll" >> beam.GroupByKey()
            | "Publish"
            >> beam.ParDo(_PublishFn(self.layout, self.configuration, self.earlier, self.groups, self.began))
        )
