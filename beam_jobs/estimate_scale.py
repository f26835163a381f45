"""From what a few segments took to what all would take."""

from collections.abc import Mapping
from dataclasses import dataclass

from beam_jobs.blocks import Blocks, block_size
from beam_jobs.estimate import Kept, Measured
from beam_jobs.estimate_shuffle import Shuffled, shuffled
from ccnet_pipeline.recipe import Recipe

# CPU seconds of what the sample does not do as a run does it (benchmarks/results.md).
_COMPARE_S = 0.5e-6  # a hash: sorted by blocks, compared, handed back
_WRITE_S = 5e-9  # a byte of the shards: gathered, joined, its sha256
_GRAPH_S = 1.0  # a process: what Beam needs to begin
_PARALLEL = 0.92  # of what more processes would ideally save
_DRIVER_BYTES = 100e6  # beside its workers, and what it shares with them


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What is to be built."""

    segments: int
    bytes: int  # of all archives
    recipe: Recipe
    formats: int  # of the shards
    shard_bytes: int
    has_index: bool

    @property
    def compared(self) -> int:
        """How many segments are compared with each other."""
        return min(self.recipe.group_size or self.segments, self.segments)

    @property
    def blocks(self) -> Blocks:
        """How its segments are cut."""
        group_size = self.recipe.group_size
        return Blocks(
            num_segments=self.segments,
            scope_segments=group_size,
            block_segments=block_size(group_size or self.segments),
            has_index=self.has_index,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What it would take, and what would come of it."""

    sampled: int  # segments
    segments: int
    bytes: float  # to fetch
    records: float
    pages: float
    paragraphs: float
    characters: float
    hashes: float  # distinct in each segment
    languages: Mapping[str, Kept]
    sampled_documents: Mapping[str, int]  # by language
    cpu_s: Mapping[str, float]  # by stage
    start_cpu_s: float  # of each process
    waiting_s: float  # for the network, of one process that does everything
    work_bytes: float
    output_bytes: float
    process_bytes: float  # memory of a worker
    shared_bytes: float  # of these, those that all workers share
    shuffled: Shuffled
    known_share: float  # of what would stay of a dump alone, in characters: what earlier dumps had
    compared: int  # segments, with each other
    staying: tuple[float, float]  # share of the characters that stay where the sample is compared, and where these are

    def wall_s(self, processes: int) -> float:
        """Return the time from begin to end with so many processes, each with a core of its own."""
        shared = (sum(self.cpu_s.values()) + self.waiting_s) / processes
        return self.start_cpu_s + shared / (_PARALLEL if processes > 1 else 1.0)

    def memory_bytes(self, processes: int) -> float:
        """Return the memory of all processes together."""
        own_bytes = (self.process_bytes - self.shared_bytes) * processes
        return self.shared_bytes + own_bytes + (_DRIVER_BYTES if processes > 1 else 0.0)


def scale(measured: Measured, whole: Whole) -> Estimate:
    """Return the estimate for all of what a part was measured of."""
    times = whole.bytes / max(measured.bytes, 1)
    scope, keep, growth = times * whole.compared / whole.segments, whole.recipe.dedup_keep, measured.growth
    is_new = 1 - measured.known_share
    of_characters = times * is_new * growth.characters.growth(scope, keep)
    of_documents = times * is_new * growth.documents.growth(scope, keep)
    languages = {
        code: Kept(kept.documents * of_documents, kept.characters * of_characters, kept.bytes * of_characters)
        for code, kept in measured.languages.items()
    }
    kept_bytes = sum(kept.bytes for kept in languages.values())
    rejected_bytes = times * (measured.judged_bytes - sum(kept.bytes for kept in measured.languages.values()))
    output_bytes = kept_bytes * whole.formats + rejected_bytes
    tally = measured.account.tally
    files = measured.buckets * whole.formats + round(output_bytes / whole.shard_bytes)
    return Estimate(
        sampled=measured.segments,
        segments=whole.segments,
        bytes=whole.bytes,
        records=times * tally.records.read,
        pages=times * measured.pages,
        paragraphs=times * tally.paragraphs.read,
        characters=times * tally.characters.read,
        hashes=times * measured.hashes,
        languages=languages,
        sampled_documents={code: int(kept.documents) for code, kept in measured.languages.items()},
        cpu_s={
            "read and hash": times * measured.read_cpu_s,
            "duplicates": times * measured.hashes * _COMPARE_S,
            # It costs something a document and something a character: which is more depends on models and lengths.
            "language and fluency": (of_documents + of_characters) / 2 * measured.judge_cpu_s,
            "shards": output_bytes * _WRITE_S,
        },
        start_cpu_s=measured.start_cpu_s + _GRAPH_S,
        waiting_s=times * measured.waiting_s,
        work_bytes=times * measured.read_bytes,
        output_bytes=output_bytes,
        process_bytes=measured.memory_bytes,
        shared_bytes=measured.shared_bytes,
        shuffled=shuffled(whole.blocks, times * measured.hashes, measured.buckets, files),
        known_share=measured.known_share,
        compared=whole.compared,
        staying=(growth.characters.staying(1.0, keep), growth.characters.staying(scope, keep)),
    )
