"""Other forms of the same documents, for people whose tools want them.

parquet   one row a document, the columns of shard format v1
txt.xz    the form of the CC-100 release: one paragraph a line, a blank line after each document
"""

import dataclasses
import lzma
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

import msgspec
from msgspec import UNSET

from ccnet_pipeline.documents import Document

if TYPE_CHECKING:
    import pyarrow as pa

JSONL, PARQUET, TEXT = "jsonl.zst", "parquet", "txt.xz"
FORMATS = (JSONL, PARQUET, TEXT)

decode_document = msgspec.json.Decoder(Document).decode

ROWS_PER_GROUP = 4096
_OPTIONAL = ("n_copies", "languages", "language_model")


def write_parquet(documents: Iterable[Document], stream: BinaryIO) -> None:
    """Write documents as Parquet, compressed with zstd. All have the same fields: those that the first one has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = iter(documents)
    group = list(islice(rows, ROWS_PER_GROUP))
    unset = [name for name in _OPTIONAL if not group or getattr(group[0], name) is UNSET]
    schema = pa.schema([field for field in _arrow_schema() if field.name not in unset])
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        while group:
            plain = msgspec.to_builtins(group)  # pyarrow takes no dataclass for a struct
            arrays = [pa.array([row[field.name] for row in plain], field.type) for field in schema]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            group = list(islice(rows, ROWS_PER_GROUP))


def parquet_columns(schema: "pa.Schema") -> str | None:
    """Return the columns of a file in words if they are not those that `write_parquet` writes, else None."""
    fields = [field for field in _arrow_schema() if field.name in schema.names or field.name not in _OPTIONAL]
    # What a list holds is called element in the file, and item in memory.
    wanted, found = (
        [f"{each.name}: {each.type}".replace("element", "item") for each in these] for these in (fields, schema)
    )
    return None if wanted == found else ", ".join(found)


def _arrow_schema() -> "pa.Schema":
    import pyarrow as pa

    types: dict[str, pa.DataType] = {
        "language_score": pa.float64(),
        "perplexity": pa.float64(),
        "offset": pa.int64(),
        "paragraph_ids": pa.list_(pa.int32()),
        "original_paragraphs": pa.int64(),
        "original_characters": pa.int64(),
        "n_copies": pa.int64(),
        "languages": pa.list_(pa.struct([("model", pa.string()), ("label", pa.string()), ("score", pa.float64())])),
    }
    return pa.schema([(field.name, types.get(field.name, pa.string())) for field in dataclasses.fields(Document)])


def write_text(documents: Iterable[Document], stream: BinaryIO) -> None:
    """Write the text of documents in the form of the CC-100 release."""
    write_texts((document.text for document in documents), stream)


def write_texts(texts: Iterable[str], stream: BinaryIO) -> None:
    """Write texts in the form of the CC-100 release; line feeds end their paragraphs."""
    with lzma.open(stream, "wb") as compressed:
        for text in texts:
            compressed.write(f"{text}\n\n".encode())
