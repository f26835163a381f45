"""Run directories that no run has written: what their three files say is made up."""

from pathlib import Path
from typing import Any

from ccnet_pipeline.documents import SHARD_FORMAT
from ccnet_pipeline.ledger import Balance, DamageTally
from ccnet_pipeline.shards.published import FinalFile, Ledger, Manifest
from ccnet_pipeline.storage import write_json

FILE = FinalFile("shards/en/all-00000.jsonl.zst", "en", "all", "jsonl.zst", 1, 1, 5, 99, "")


def write_run_file(output: Path, **fields: Any) -> None:
    """Write a run.json with what readers need of it."""
    needed = {"id": "", "fingerprint": "", "configuration": {"recipe": {}, "formats": ["jsonl.zst"]}, "inputs": []}
    write_json(str(output / "run.json"), {"shard_format": SHARD_FORMAT, **needed, **fields})


def write_ledger(output: Path, **fields: Any) -> None:
    """Write a ledger.json of one archive."""
    balances = {"records": Balance(), "paragraphs": Balance(), "characters": Balance()}
    archives = {"num_segments": 1, "num_without_record": 0, "without_record": []}
    books = {**balances, **archives, "languages": {}, "damage": DamageTally(), **fields}
    write_json(str(output / "ledger.json"), Ledger(**books))


def write_finished_run(output: Path, *files: FinalFile, **fields: Any) -> None:
    """Write the three files; `fields` are those of ledger.json."""
    write_run_file(output, inputs=[{"name": "a.wet", "size": 1}])
    write_json(str(output / "manifest.json"), Manifest(SHARD_FORMAT, "", list(files)))
    write_ledger(output, **fields)
