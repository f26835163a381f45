"""Small run directories without a run: what build_cc100 would leave of given documents."""

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from ccnet_pipeline.columns import OPTIONAL
from ccnet_pipeline.dedup.hashing import paragraph_hashes
from ccnet_pipeline.documents import Document, Reject, encode
from ccnet_pipeline.formats import JSONL, PARQUET, TEXT, write_parquet, write_text
from ccnet_pipeline.frames import write_lines
from ccnet_pipeline.ledger import Account, Balance
from ccnet_pipeline.observations.domains import Amounts
from ccnet_pipeline.observations.examples import Examples
from ccnet_pipeline.observations.merging import Merged
from ccnet_pipeline.observations.published import OBSERVATIONS, Observations
from ccnet_pipeline.observations.publishing import Damaged, published
from ccnet_pipeline.observations.reading import packed
from ccnet_pipeline.observations.repeated import Repeated, first_domains
from ccnet_pipeline.quality import Quality
from ccnet_pipeline.shards.published import FinalFile, LanguageBooks, Ledger, Manifest, SegmentBooks
from ccnet_pipeline.storage import write, write_json

SEGMENTS = ("a.wet.gz", "b.wet.gz", "c.wet.gz")


def document(number: int, language: str = "en", bucket: str = "head", segment: int = 0, **changes: Any) -> Document:
    """A document of two paragraphs that no other number has."""
    paragraphs = changes.pop("paragraphs", [f"The {_word(number)} paragraph.", f"And the {_word(number)} one more."])
    host = changes.pop("host", f"host-{_word(number)}.example")
    fields: dict[str, Any] = {
        "id": f"00000000-0000-0000-0000-{number:012d}",
        "text": "\n".join(paragraphs),
        "language": language,
        "language_score": 0.9,
        "perplexity": None if bucket == "all" else 100.5,
        "bucket": bucket,
        "url": f"https://{host}/page/{number}",
        "domain": host,
        "title": "A title",
        "date": "2026-01-12T07:29:55Z",
        "dump": "CC-MAIN-2026-04",
        "segment": SEGMENTS[segment],
        "offset": 100 * number,
        "digest": f"sha1:{number:032d}",
        "paragraph_ids": list(range(len(paragraphs))),
        "original_paragraphs": len(paragraphs) + 1,
        "original_characters": 1000,
    }
    kind = Reject if "reason" in changes else Document
    return kind(**{**fields, **changes})


def _word(number: int) -> str:
    """A number in letters: digits are all the same to deduplication."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number:03d}")


def write_corpus(
    output: Path,
    documents: Sequence[Document],
    *,
    formats: Sequence[str] = (JSONL,),
    recipe: dict[str, str] | None = None,
    shard_of: Callable[[Document], int] = lambda _: 0,
    optional: Sequence[str] = (),
) -> Path:
    """Write a run directory; the documents of a file stand in the order that is given."""
    shards = [each for each in documents if not isinstance(each, Reject)]
    files = [file for kind in formats if kind != TEXT for file in _files(output, shards, kind, shard_of, optional)]
    files += _files(output, [each for each in documents if isinstance(each, Reject)], JSONL, lambda _: 0)
    if TEXT in formats:
        files += _text_files(output, shards)
    write_json(str(output / "manifest.json"), Manifest(1, "f" * 16, sorted(files, key=lambda file: file.path)))
    _write_books(output, shards)
    write(str(output / OBSERVATIONS), packed(observations_of(documents)))
    run = {
        "shard_format": 1, "id": "abcd1234", "fingerprint": "f" * 16, "work": [], "hash_index": None,
        "configuration": {
            "recipe": {"dedup_scope": "all", "dedup_keep": "none", **(recipe or {})}, "hash_index": None,
            "formats": formats, "num_segments": len(SEGMENTS), "inputs_sha256": "0" * 64,
            **{setting: set(names) <= set(optional) for setting, names in OPTIONAL.items()},
        },
        "inputs": [{"name": name, "size": None} for name in SEGMENTS],
    }  # fmt: skip
    write_json(str(output / "run.json"), run)
    return output


def observations_of(documents: Sequence[Document], *repeated: tuple[str, Sequence[str]]) -> Observations:
    """What a run notes of documents, and of paragraphs that stood in many records, given with their domains."""
    examples, quality, domains = Examples(), dict[str, Quality](), dict[str, Amounts]()
    for each in documents:
        examples.see(each)
        if not isinstance(each, Reject):
            quality.setdefault(each.language, Quality()).count(each.language_score, each.perplexity, each.bucket)
        domains[each.domain] = (1, 1, 100, len(each.text))
    hashes = paragraph_hashes([text for text, _ in repeated]).tolist()
    noted = {
        hashed: Repeated(text, hashed, 2, 1, *first_domains(names))
        for hashed, (text, names) in zip(hashes, repeated, strict=True)
    }
    return published(Merged(examples, noted, domains), quality, Damaged())


def _place(document: Document) -> tuple[str, str, str]:
    if isinstance(document, Reject):
        return "rejects", document.language, document.reason
    return "shards", document.language, document.bucket


def _files(
    output: Path,
    documents: Sequence[Document],
    kind: str,
    shard_of: Callable[[Document], int],
    optional: Sequence[str] = (),
) -> list[FinalFile]:
    def key(document: Document) -> tuple[tuple[str, str, str], int]:
        return _place(document), shard_of(document)

    files = []
    for ((folder, language, name), number), group in groupby(sorted(documents, key=key), key):
        some, data = list(group), io.BytesIO()
        if kind == PARQUET:
            write_parquet(some, data, optional)
        else:
            for _, of_segment in groupby(some, lambda each: each.segment):
                write_lines(map(encode, of_segment), data, 3)
        files.append(write_file(output, f"{folder}/{language}/{name}-{number:05d}.{kind}", some, data.getvalue(), name))
    return files


def _text_files(output: Path, documents: Sequence[Document]) -> list[FinalFile]:
    files = []
    for language in sorted({each.language for each in documents}):
        some = [each for bucket in ("head", "middle", "tail", "all") for each in documents if each.bucket == bucket]
        some = [each for each in some if each.language == language]
        data = io.BytesIO()
        write_text(some, data)
        buckets = "+".join(dict.fromkeys(each.bucket for each in some))
        files.append(write_file(output, f"shards/{language}.{TEXT}", some, data.getvalue(), buckets))
    return files


def write_file(output: Path, path: str, documents: Sequence[Document], data: bytes, bucket: str) -> FinalFile:
    """Write one file, and return its row of the manifest."""
    (output / path).parent.mkdir(parents=True, exist_ok=True)
    (output / path).write_bytes(data)
    return FinalFile(
        path=path,
        language=path.split("/")[1].removesuffix(f".{TEXT}"),
        bucket=bucket,
        format=next(kind for kind in (JSONL, PARQUET, TEXT) if path.endswith(kind)),
        documents=len(documents),
        paragraphs=sum(len(each.paragraph_ids) for each in documents),
        characters=sum(len(each.text) - each.text.count("\n") for each in documents),
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def replace_file(output: Path, path: str, data: bytes, **counts: int) -> None:
    """Give a file other bytes, of which the manifest knows; `counts` are of its row, too."""
    (output / path).write_bytes(data)
    row = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), **counts}
    change_json(output / "manifest.json", lambda manifest: _row(manifest, path).update(row))


def change_json(path: Path, change: Callable[[Any], object]) -> None:
    """Change the value of a JSON file."""
    value = json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value))


def _row(manifest: Any, path: str) -> dict[str, Any]:
    return next(row for row in manifest["files"] if row["path"] == path)


def frames(*lines: bytes) -> bytes:
    """Return lines in a frame."""
    data = io.BytesIO()
    write_lines(lines, data, 3)
    return data.getvalue()


def _write_books(output: Path, documents: Sequence[Document]) -> None:
    """Write the ledger of a crawl of which, beside what was kept, one record of each segment was empty."""
    books = [_books([each for each in documents if each.segment == name]) for name in SEGMENTS]
    lines = [SegmentBooks(segment=name, **of_segment) for name, of_segment in zip(SEGMENTS, books, strict=True)]
    (output / "ledger").mkdir(parents=True)
    with (output / "ledger" / "segments-00000.jsonl.zst").open("wb") as file:
        write_lines(map(msgspec.json.encode, lines), file, 3)
    total = _books(documents, empty=len(SEGMENTS))
    write_json(
        str(output / "ledger.json"),
        Ledger(**total, num_segments=len(SEGMENTS), num_without_record=0, without_record=[]),
    )


def _books(documents: Sequence[Document], empty: int = 1) -> dict[str, Any]:
    records = len({each.id.partition("/")[0] for each in documents})
    return {
        **_balances(documents, records, empty),
        "languages": {
            language: LanguageBooks(
                **_balances(some := [each for each in documents if each.language == language], len(some), 0),
                mean_score=0.9,
                median_perplexity=100.0,
                head_share=1.0,
            )
            for language in sorted({each.language for each in documents})
        },
        "damage": Account().damage,
    }


def _balances(documents: Sequence[Document], records: int, empty: int) -> dict[str, Balance]:
    paragraphs = sum(len(each.paragraph_ids) for each in documents)
    characters = sum(len(each.text) - each.text.count("\n") for each in documents)
    return {
        "records": Balance(records + empty, records, {"empty": empty} if empty else {}),
        "paragraphs": Balance(paragraphs, paragraphs),
        "characters": Balance(characters, characters),
    }


def changed(document: Document, **changes: Any) -> Document:
    """The same with other values."""
    return dataclasses.replace(document, **changes)
