"""What is noted of one archive while stage 3 judges it. Nothing of a page is decoded only for it, but for its URL."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from ccnet_pipeline.documents import Document, Reject
from ccnet_pipeline.frames import compressor
from ccnet_pipeline.observations.domains import Amounts, Domains
from ccnet_pipeline.observations.examples import Examples, Numbered, Place
from ccnet_pipeline.observations.repeated import Repeated, RepeatedParagraphs
from ccnet_pipeline.pages.stored import Chunk

CutoffPair = tuple[float, float]  # the most of head, and of middle
_LEVEL = 3  # of zstd


class Observed(msgspec.Struct, frozen=True, array_like=True):
    """What is noted of an archive, or of many."""

    examples: dict[Place, list[Numbered]]
    repeated: dict[int, Repeated]  # by hash
    domains: dict[str, Amounts]
    cutoffs: dict[str, CutoffPair]  # of the fluency models in use, by language


_decode = msgspec.msgpack.Decoder(Observed).decode


def pack(observed: Observed) -> bytes:
    """Return what stands between two stages: a frame of zstd."""
    return compressor(_LEVEL).compress(msgspec.msgpack.encode(observed))


def unpack(data: bytes) -> Observed:
    """Return what was packed.

    Raises:
        ValueError: it is damaged.
    """
    try:
        return _decode(zstandard.ZstdDecompressor().decompress(data))
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error


@dataclass(slots=True)
class Observer:
    """Watches one archive."""

    table: npt.NDArray[np.uint32]  # `SegmentHashes.paragraphs`
    mask: Callable[[str], str] = str  # what becomes of a paragraph before it is noted; documents come masked
    _examples: Examples = field(default_factory=Examples)
    _domains: Domains = field(default_factory=Domains)
    _repeated: RepeatedParagraphs = field(init=False)

    def __post_init__(self) -> None:
        self._repeated = RepeatedParagraphs(self.table, self.mask)

    def watched(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Yield all chunks of the archive, each when it was looked at."""
        for chunk in chunks:
            self._repeated.see(chunk, self._domains.see_pages(chunk))
            yield chunk

    def see(self, document: Document) -> None:
        """Take a document, kept or dropped."""
        self._examples.see(document)
        if not isinstance(document, Reject):
            self._domains.see_kept(document)

    def observed(self, cutoffs: Mapping[str, CutoffPair]) -> Observed:
        """Return what was seen."""
        return Observed(
            examples=self._examples.of_place,
            repeated=dict(self._repeated.found(self._domains.names)),
            domains=self._domains.found(),
            cutoffs=dict(cutoffs),
        )
