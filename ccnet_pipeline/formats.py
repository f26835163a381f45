"""Other forms of the same documents, for people whose tools want them.

parquet   one row a document, the columns of shard format v1
txt.xz    the form of the CC-100 release: one paragraph a line, a blank line after each document
"""

import lzma
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from ccnet_pipeline.columns import OPTIONAL, arrow_schema, column_types
from ccnet_pipeline.documents import Document
from ccnet_pipeline.frames import SHARD_LEVEL

if TYPE_CHECKING:
    import pyarrow as pa

JSONL, PARQUET, TEXT = "jsonl.zst", "parquet", "txt.xz"
FORMATS = (JSONL, PARQUET, TEXT)

decode_document = msgspec.json.Decoder(Document).decode

# A row group is what a reader of a stream waits for, and what several readers share out: a few MB as stored.
GROUP_BYTES = 16 << 20  # of text and the rest: the document that reaches it is the last of its row group
_REST_BYTES = 400  # of a row, on average: all but the text
ROWS_AT_ONCE = 4096  # that a reader takes
# Columns in which the same values come again and again; of the others a dictionary would be begun in vain.
_REPEATED = (
    "language", "bucket", "domain", "dump", "segment", "language_model",
    "languages.list.element.model", "languages.list.element.label",
)  # fmt: skip
_ALL_OPTIONAL = tuple(name for names in OPTIONAL.values() for name in names)


def write_parquet(documents: Iterable[Document], stream: BinaryIO, optional: Collection[str]) -> None:
    """Write documents as Parquet, compressed with zstd.

    Args:
        documents: each has all columns.
        stream: where they go.
        optional: the optional columns that the file has (`columns.optional_columns`).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = arrow_schema(column_types(optional))
    options: Any = {"use_dictionary": list(_REPEATED), "compression_level": SHARD_LEVEL}  # its stubs know no list
    with pq.ParquetWriter(stream, schema, compression="zstd", **options) as writer:
        for group in _row_groups(documents):
            plain = msgspec.to_builtins(group)  # pyarrow takes no dataclass for a struct
            arrays = [pa.array([row[field.name] for row in plain], field.type) for field in schema]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=len(group))


def _row_groups(documents: Iterable[Document]) -> Iterator[list[Document]]:
    group, size = list[Document](), 0
    for document in documents:
        group.append(document)
        size += len(document.text.encode("utf-8", "surrogatepass")) + _REST_BYTES
        if size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def parquet_columns(schema: "pa.Schema") -> str | None:
    """Return the columns of a file in words if they are not those that `write_parquet` writes, else None."""
    # What a list holds is called element in the file, and item in memory.
    wanted, found = (
        [f"{each.name}: {each.type}".replace("element", "item") for each in these]
        for these in (arrow_schema(column_types(optional_in(schema))), schema)
    )
    return None if wanted == found else ", ".join(found)


def optional_in(schema: "pa.Schema") -> tuple[str, ...]:
    """Return the optional columns that a Parquet file has."""
    return tuple(name for name in _ALL_OPTIONAL if name in schema.names)


def write_text(documents: Iterable[Document], stream: BinaryIO, _: Collection[str] = ()) -> None:
    """Write the text of documents in the form of the CC-100 release, which has no columns."""
    write_texts((document.text for document in documents), stream)


def write_texts(texts: Iterable[str], stream: BinaryIO) -> None:
    """Write texts in the form of the CC-100 release; line feeds end their paragraphs."""
    with lzma.open(stream, "wb") as compressed:
        for text in texts:
            compressed.write(f"{text}\n\n".encode())


# What writes each format but that of the shards, given the documents, where they go, and the optional columns.
WRITERS: Mapping[str, Callable[[Iterable[Document], BinaryIO, Collection[str]], None]] = {
    PARQUET: write_parquet,
    TEXT: write_text,
}
