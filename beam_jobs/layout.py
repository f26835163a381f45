"""Where everything of a run lies. The outer part is design (docs/design.md, The run directory), the inner is ours."""

from dataclasses import dataclass

from ccnet_pipeline.shards.published_run import LEDGER_FILE, LEDGER_FOLDER, MANIFEST_FILE, RUN_FILE
from ccnet_pipeline.storage import TEMPORARY_PREFIX, join

READING = "reading"
JOB_FILE = "job.json"  # of a run directory, and of a hash index: the job on a cluster that writes there
LEDGER_PART_SEGMENTS = 1000
_FOLDER_SIZE = 1000  # segments whose files share a folder


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one run."""

    output: str  # the run directory
    work: str  # intermediates of this configuration and no other

    @property
    def run_file(self) -> str:
        return join(self.output, RUN_FILE)

    @property
    def manifest_file(self) -> str:
        return join(self.output, MANIFEST_FILE)

    @property
    def ledger_file(self) -> str:
        return join(self.output, LEDGER_FILE)

    def final(self, relative: str) -> str:
        """Return the path of a final file such as `shards/en/head-00000.jsonl.zst`."""
        return join(self.output, *relative.split("/"))

    @property
    def blocklist_file(self) -> str:
        """What is on the lists of --blocklist, compiled."""
        return join(self.work, "blocklist")

    @property
    def robots_file(self) -> str:
        """What --robots disallows, compiled."""
        return join(self.work, "robots")

    @property
    def test_runs_file(self) -> str:
        """The runs of words of --decontaminate's test files, compiled."""
        return join(self.work, "test_runs")

    def extracted(self, segment_number: int, kind: str) -> str:
        """Return the path of what stage 1 leaves of a segment: pages.zst, hashes, counts, paragraphs, or done.json."""
        return self._of_segment("extract", segment_number, kind)

    def reading(self, segment_number: int) -> str:
        """Return the path of the note of how far an archive has been read, which goes when it has."""
        return join(
            self.work, "extract", _folder_of(segment_number), f"{TEMPORARY_PREFIX}{segment_number:06d}.{READING}"
        )

    def compacted(self, block: int, kind: str) -> str:
        """Return the path of what is left of a block's hashes: table, counts, owners, or done.json."""
        return self._of_segment("compact", block, kind)

    def resolved(self, scope: int, first_cell: int, stop_cell: int, kind: str = "bits") -> str:
        """Return the path of the answers for one range of hashes: bits, or copies."""
        return join(self.work, "resolve", _folder_of(scope), f"{scope:06d}-{first_cell:03d}-{stop_cell:03d}.{kind}")

    def extended(self, first_cell: int, stop_cell: int) -> str:
        """Return the path of the note of the new hash index in one range of hashes."""
        return join(self.work, "resolve", f"{first_cell:03d}-{stop_cell:03d}.index.json")

    @property
    def failures_file(self) -> str:
        """Return the path of the list of segments that could not be read; where there is one, the run has failed."""
        return join(self.work, "failures.json")

    @property
    def base_index_file(self) -> str:
        """The hash index as it was before the run."""
        return join(self.work, "hash_index.json")

    def scattered(self, block: int, kind: str = "bits") -> str:
        """Return the path of the answers for the segments of a block: bits, or copies."""
        return self._of_segment("scatter", block, kind)

    def mined(self, segment_number: int, kind: str) -> str:
        """Return the path of what stage 3 leaves of a segment: blocks.zst or done.json."""
        return self._of_segment("mine", segment_number, kind)

    def gathered(self, group: int, kind: str) -> str:
        """Return the path of what is left of a group of segments: frames.zst, rows, observed or done.json."""
        return self._of_segment("gather", group, kind)

    def finished(self, relative: str) -> str:
        """Return the path of the note that final files are finished."""
        return join(self.work, "regroup", relative.replace("/", "+") + ".json")

    @property
    def ledger_folder(self) -> str:
        return join(self.output, LEDGER_FOLDER)

    def ledger_part(self, part: int) -> str:
        """Return the path of the balance of some segments, each for itself."""
        return join(self.ledger_folder, f"segments-{part:05d}.jsonl.zst")

    @staticmethod
    def ledger_parts(num_segments: int) -> range:
        """Return the numbers of the parts of the ledger."""
        return range(-(-num_segments // LEDGER_PART_SEGMENTS))

    def in_work(self, relative: str) -> str:
        """Return the path of a file below the work folder."""
        return join(self.work, *relative.split("/"))

    def _of_segment(self, stage: str, number: int, kind: str) -> str:
        return self.in_work(relative_in_work(stage, number, kind))


def relative_in_work(stage: str, number: int, kind: str) -> str:
    """Return the path below the work folder of what a stage leaves of a segment, or of a block named by its first."""
    return f"{stage}/{_folder_of(number)}/{number:06d}.{kind}"


def _folder_of(number: int) -> str:
    return f"{number // _FOLDER_SIZE:03d}"
