"""Where everything of a run lies. The outer part is design (docs/design.md, The run directory), the inner is ours."""

from dataclasses import dataclass

from beam_jobs.storage import TEMPORARY_PREFIX, join

READING = "reading"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one run."""

    output: str  # the run directory
    work: str  # intermediates of this configuration and no other

    @property
    def run_file(self) -> str:
        return join(self.output, "run.json")

    @property
    def manifest_file(self) -> str:
        return join(self.output, "manifest.json")

    @property
    def ledger_file(self) -> str:
        return join(self.output, "ledger.json")

    def final(self, relative: str) -> str:
        """Return the path of a final file such as `shards/en/head-00000.jsonl.zst`."""
        return join(self.output, *relative.split("/"))

    @property
    def robots_file(self) -> str:
        """What --robots disallows, compiled."""
        return join(self.work, "robots")

    def extracted(self, segment_number: int, kind: str) -> str:
        """Return the path of what stage 1 leaves of a segment: pages.zst, hashes, paragraphs, or done.json."""
        return join(self.work, "extract", f"{segment_number:06d}.{kind}")

    def reading(self, segment_number: int) -> str:
        """Return the path of the note of how far an archive has been read, which goes when it has."""
        return join(self.work, "extract", f"{TEMPORARY_PREFIX}{segment_number:06d}.{READING}")

    def resolved(self, scope: int, bucket: int, num_buckets: int) -> str:
        """Return the path of the answers for one range of hashes."""
        return join(self.work, "resolve", f"{scope:06d}-{bucket:05d}-of-{num_buckets:05d}.bits")

    def mined(self, segment_number: int, kind: str) -> str:
        """Return the path of what stage 3 leaves of a segment: blocks.zst or done.json."""
        return join(self.work, "mine", f"{segment_number:06d}.{kind}")

    def finished(self, relative: str) -> str:
        """Return the path of the note that a final file is finished."""
        return join(self.work, "regroup", relative.replace("/", "+") + ".json")
