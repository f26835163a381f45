"""Which documents of a run directory are meant by a list: one pass over the files of one format, and the rejects."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.hashing import Hashes
from ccnet_pipeline.documents import Document
from ccnet_pipeline.formats import PARQUET
from ccnet_pipeline.frames import read_frames
from ccnet_pipeline.processes import Advance
from ccnet_pipeline.shards.asked import Asked, Signs
from ccnet_pipeline.shards.published import FinalFile
from ccnet_pipeline.shards.reading import parquet_documents, sound_file
from ccnet_pipeline.shards.recount import Counts, hashes_of, shared_page
from ccnet_pipeline.shards.removal_observations import Noted

Numbers = npt.NDArray[np.int64]  # of documents in a file, from 0, ascending

_decode_signs = msgspec.json.Decoder(Signs).decode_lines
_decode = msgspec.json.Decoder(Document).decode


@dataclass(frozen=True, slots=True)
class Found:
    """What is meant in one file."""

    file: FinalFile
    numbers: Numbers
    amount: Counts
    by_segment: dict[str, Counts] = field(default_factory=dict)
    pages: dict[str, Hashes] = field(default_factory=dict)  # by segment: 64 bits of the record of each document
    noted: Noted = field(default_factory=Noted)  # what of the documents stands in the observations of the run


@dataclass(frozen=True, slots=True)
class Find:
    """Looks into files of a run directory."""

    output: str
    asked: Asked
    noted: Noted = field(default_factory=Noted)  # what stands in the observations of the run

    def __call__(self, file: FinalFile, advance: Advance) -> Found:
        """Return what is meant in a file.

        Raises:
            UserError: it is not what its row of the manifest says.
        """
        numbers, amount, by_segment, pages = list[int](), Counts(), dict[str, Counts](), dict[str, list[str]]()
        met = Noted()
        with sound_file(self.output, file, advance) as stream:
            for number, document in self._meant(stream, file.format):
                numbers.append(number)
                amount.count(document)
                by_segment.setdefault(document.segment, Counts()).count(document)
                page = f"{document.offset} {shared_page(document) or document.id}"
                pages.setdefault(document.segment, []).append(page)
                met |= self.noted.met(document)
        hashes = {segment: hashes_of(names) for segment, names in pages.items()}
        return Found(file, np.array(numbers, np.int64), amount, by_segment, hashes, met)

    def _meant(self, stream: BinaryIO, kind: str) -> Iterator[tuple[int, Document]]:
        """Yield the documents that are meant, each with its number."""
        is_meant = self.asked.matcher()
        if kind == PARQUET:
            documents = enumerate(parquet_documents(stream))
            yield from ((at, each) for at, each in documents if is_meant(Signs(each.url, each.digest)))
            return
        number = 0
        for frame in read_frames(stream):
            signs = _decode_signs(frame)
            meant = [at for at, each in enumerate(signs) if is_meant(each)]
            lines = frame.split(b"\n") if meant else []
            yield from ((number + at, _decode(lines[at])) for at in meant)
            number += len(signs)
