"""What cc_net and datatrove are run with, and whether their output is ours."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.measuring import ROOT, Held, Run, Setup, run_program
from benchmarks.peers.builds import sha256_of_module
from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.formats import decode_document
from ccnet_pipeline.frames import read_lines
from ccnet_pipeline.language.fasttext_kernels import kernel_name

# Between our normal form of a paragraph and datatrove's, which leaves punctuation out, too.
DATATROVE_MAY_DIFFER = 0.05
_BEFORE_COMPARISON = ("record_type", "empty", "too_short")


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What one run of another program cost, and what it says of itself."""

    run: Run
    held: Held
    versions: dict[str, str]
    compared: tuple[int, int] | None = None  # documents and paragraphs in which duplicates were sought


class _Said(msgspec.Struct):
    """The last line that a program of this folder prints."""

    documents: int
    paragraphs: int
    characters: int
    versions: dict[str, str]
    fasttext_build: str
    compared_documents: int | None = None
    compared_paragraphs: int | None = None


def run_peer(name: str, python: Path, setup: Setup, output: Path) -> PeerRun:
    """Run `run_<name>.py` with the Python of its environment.

    Raises:
        SystemExit: it has another build of fastText than we.
        UserError: we would use another program for the same models.
    """
    command = [str(python), str(ROOT / "benchmarks" / "peers" / f"run_{name}.py"), "--input", *map(str, setup.archives)]
    command += ["--lid_model", str(setup.lid_model), "--lm_dir", str(setup.lm_dir), "--output", str(output)]
    run, line = run_program(command)
    said = msgspec.json.decode(line, type=_Said)
    if said.fasttext_build != (ours := sha256_of_module("fasttext_pybind")):
        raise SystemExit(f"{name} runs another build of fastText ({said.fasttext_build[:12]}, ours {ours[:12]})")
    if (taken := kernel_name()) != (wanted := f"fasttext {said.versions['fasttext']}"):
        raise UserError(f"we would run {taken}, {name} runs {wanted}; compare without the extra fast installed")
    compared = None
    if said.compared_documents is not None and said.compared_paragraphs is not None:
        compared = (said.compared_documents, said.compared_paragraphs)
    return PeerRun(run, Held(said.documents, said.paragraphs, said.characters), said.versions, compared)


def compared_by(output: Path) -> tuple[int, int]:
    """Return the documents and the paragraphs of a run among which duplicates were sought."""
    ledger = json.loads((output / "ledger.json").read_bytes())
    documents, paragraphs = (
        ledger[unit]["read"] - sum(ledger[unit]["dropped"].get(reason, 0) for reason in _BEFORE_COMPARISON)
        for unit in ("records", "paragraphs")
    )
    return documents, paragraphs


def require_same_documents(ours: Path, cc_net: Path) -> int:
    """Return how many documents both outputs hold; raise SystemExit if one has a document that the other lacks."""
    mine, theirs = sorted(map(_digest, _our_documents(ours))), sorted(map(_digest, _cc_net_documents(cc_net)))
    if mine != theirs:
        only = len(set(mine) - set(theirs)), len(set(theirs) - set(mine))
        raise SystemExit(
            f"documents differ: {only[0]} of {len(mine)} only here, {only[1]} of {len(theirs)} only in cc_net"
        )
    return len(mine)


def _digest(document: tuple[Any, ...]) -> bytes:
    return hashlib.sha1(repr(document).encode("utf-8", "surrogatepass")).digest()


def _our_documents(output: Path) -> Iterator[tuple[Any, ...]]:
    for path in (output / "shards").rglob("*.jsonl.zst"):
        with path.open("rb") as file:
            yield from map(_as_cc_net_has_it, map(decode_document, read_lines(file)))


def _as_cc_net_has_it(document: Document) -> tuple[Any, ...]:
    # Its labels do not part the two scripts of Chinese.
    language = "zh" if document.language.startswith("zh-") else document.language
    score, perplexity = round(document.language_score, 2), document.perplexity
    return document.url, document.digest, language, score, perplexity, document.bucket, document.text


def _cc_net_documents(output: Path) -> Iterator[tuple[Any, ...]]:
    """Yield the documents of cc_net without the blank lines that it keeps."""
    for path in output.glob("*.json.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for each in map(json.loads, file):
                text = "\n".join(filter(None, each["raw_content"].split("\n")))
                score, perplexity = round(each["language_score"], 2), each.get("perplexity")
                yield each["url"], each["digest"], each["language"], score, perplexity, each["bucket"], text
