"""What the command line says at the end of a run: a short table, the balance, and where all of it lies."""

from collections.abc import Sequence

from beam_jobs.layout import Layout
from ccnet_pipeline import storage
from ccnet_pipeline.shards.published import SHARDS, FinalFile, Manifest
from ccnet_pipeline.stats.figures import figures_of
from ccnet_pipeline.stats.tables import shown

_MOST_LANGUAGES = 10


def print_summary(layout: Layout) -> list[FinalFile]:
    """Print the first languages and the balance of a complete run; return the files of its manifest."""
    manifest = storage.read_json(layout.manifest_file, Manifest)
    if manifest is None:
        raise FileNotFoundError(layout.manifest_file)
    print(shown(figures_of(layout.output), _MOST_LANGUAGES))
    return manifest.files


def where_it_lies(output: str, files: Sequence[FinalFile]) -> str:
    """Return where a run directory has its shards, if it has any, and its ledger: some lines."""
    rest = f"Where the rest went: {storage.join(output, 'ledger.json')}"
    if not any(file.path.startswith(SHARDS) for file in files):
        return f"No document was kept, so there are no shards.\n{rest}"
    manifest = storage.join(output, "manifest.json")
    return f"Shards: {storage.join(output, 'shards')}   every file with its sha256: {manifest}\n{rest}"
