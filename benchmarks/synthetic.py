"""Segments that were never read: stages 1 and 3 of the graph that write files of the right kind and of little in them.

Half of a segment's hashes are its own, the other half are those of one other segment, far away: what a segment may
keep is known, and is looked at.
"""

import functools
from dataclasses import dataclass

import numpy as np

from beam_jobs.elements import Block, ExtractNote, Frame, MineNote
from beam_jobs.layout import Layout
from ccnet_pipeline import storage
from ccnet_pipeline.dedup.hashing import Hashes
from ccnet_pipeline.dedup.tables import packed_table
from ccnet_pipeline.language.codes import LANGUAGES
from ccnet_pipeline.ledger import Account
from ccnet_pipeline.observations.archive import Observed, pack
from ccnet_pipeline.segments import Segment
from ccnet_pipeline.shards.published import SHARDS

HASHES = 200  # distinct ones of a segment, a paragraph each
_CHARACTERS = 10
_SCORED_LANGUAGES, _OTHER_LANGUAGES = 15, 45  # three buckets each, and one
NUM_PLACES = 3 * _SCORED_LANGUAGES + _OTHER_LANGUAGES
_FRAME = b"\x28\xb5\x2f\xfd\x04\x50\x01\x00\x00\x99\xe9\xd8\x51"  # of zstd, and empty


@dataclass(frozen=True, slots=True)
class SyntheticExtract:
    """Leaves of a segment what stage 1 leaves."""

    layout: Layout
    num_segments: int

    def __call__(self, segment: Segment) -> ExtractNote:
        hashes = _hashes(segment.number, self.num_segments)
        account = Account()
        account.tally.read(HASHES, HASHES, HASHES * _CHARACTERS)
        storage.write(self.layout.extracted(segment.number, "pages.zst"), _FRAME)
        table = packed_table((hashes, np.zeros(HASHES, np.bool_)))
        storage.write(self.layout.extracted(segment.number, "hashes"), table)
        paragraphs = np.arange(HASHES, dtype="<u4").tobytes()
        storage.write(self.layout.extracted(segment.number, "paragraphs"), paragraphs)
        note = ExtractNote(
            segment=segment.name,
            account=account,
            dump="CC-MAIN-2018-30",
            bytes=1,
            pages=HASHES,
            hashes=HASHES,
            paragraphs=HASHES,
            cpu_s=0.0,
        )
        storage.write_json(self.layout.extracted(segment.number, "done.json"), note)
        return note


def _hashes(number: int, num_segments: int) -> Hashes:
    half = HASHES // 2
    shared = number % max(1, num_segments // 2)
    parts = [np.random.default_rng([which, seed]) for which, seed in ((0, number), (1, shared))]
    values = [each.integers(0, 1 << 64, half, np.uint64, endpoint=False) for each in parts]
    return np.sort(np.concatenate(values))


@dataclass(frozen=True, slots=True)
class SyntheticMine:
    """Leaves of a segment what stage 3 leaves: a small frame for each of many languages and buckets."""

    layout: Layout

    def __call__(self, number: int, may_keep: np.ndarray, copies: None = None) -> MineNote:
        if may_keep.sum() != HASHES // 2:
            raise ValueError(f"segment {number} may keep {may_keep.sum()} of its hashes, not {HASHES // 2}")
        extracted = storage.read_json(self.layout.extracted(number, "done.json"), ExtractNote)
        assert extracted is not None
        storage.read_range(self.layout.extracted(number, "paragraphs"), 0, HASHES * 4)
        storage.read_range(self.layout.extracted(number, "pages.zst"), 0, len(_FRAME))
        places = _places()
        observed = pack(Observed({}, {}, {}, {}))
        storage.write(self.layout.mined(number, "blocks.zst"), _FRAME * len(places) + observed)
        blocks = [
            Block(SHARDS + language, bucket, number, [Frame(index * len(_FRAME), len(_FRAME))], 1, 1, _CHARACTERS)
            for index, (language, bucket) in enumerate(places)
        ]
        account = extracted.account
        account.tally.keep(len(places), len(places), len(places) * _CHARACTERS)
        lost = HASHES - len(places)
        account.tally.drop("duplicate", lost, lost, lost * _CHARACTERS)
        for language, _ in places:
            account.language(language).read(1, 1, _CHARACTERS)
            account.language(language).keep(1, 1, _CHARACTERS)
        note = MineNote(
            segment=extracted.segment,
            account=account,
            blocks=blocks,
            observed=Frame(len(places) * len(_FRAME), len(observed)),
            pages=HASHES,
            documents=len(places),
            cpu_s=0.0,
            extract_cpu_s=0.0,
        )
        storage.write_json(self.layout.mined(number, "done.json"), note)
        return note


@functools.cache
def _places() -> list[tuple[str, str]]:
    """Return the languages and buckets that a segment has documents in."""
    codes = sorted(LANGUAGES)
    scored, others = codes[:_SCORED_LANGUAGES], codes[_SCORED_LANGUAGES : _SCORED_LANGUAGES + _OTHER_LANGUAGES]
    places = [(language, bucket) for language in scored for bucket in ("head", "middle", "tail")]
    return sorted([*places, *((language, "all") for language in others)])
