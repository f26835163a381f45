"""What others read a corpus with: each loader finds the same documents and the same texts.

docs/formats.md shows these calls.
"""

import dataclasses
import json
import lzma
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, cast

import msgspec
import pyarrow as pa
import pytest

from ccnet_pipeline.columns import arrow_schema, column_types
from ccnet_pipeline.dataset import write_card
from ccnet_pipeline.documents import Document, LanguageLabel
from ccnet_pipeline.formats import FORMATS, JSONL, PARQUET, TEXT
from tests.corpora import document, write_corpus

# What some reader takes for the end of a line, of a document or of a file, or for markup.
HARD = "\u2028\u2029\x85 \x0b\x0c\x1c\x1a \x00 \r \ufeff 😀 \u202e , \" ' \\ </script> null"
LABELS = [LanguageLabel("lid.176.ftz", "sw", 0.61), LanguageLabel("added", "sw", 0.9)]
MORE: dict[str, Any] = {"n_copies": 3, "languages": LABELS, "language_model": "added"}  # in the optional columns


def documents() -> list[Document]:
    """In `no` no document has a perplexity, in `de` those of one bucket, and each file has several frames."""
    places = [("de", "head"), ("de", "all"), ("no", "all"), ("sw", "head"), ("sw", "tail"), ("zh-Hans", "middle")]
    made = [
        document(10 * place + segment, language, bucket, segment)
        for place, (language, bucket) in enumerate(places)
        for segment in range(3)
    ]
    made.append(document(90, "sw", "tail", 2, paragraphs=[HARD, "NaN", "1e999", "2026-01-12"], date=""))
    made.append(document(91, "en", reason="bucket_tail"))
    return made


@pytest.fixture(scope="module", params=[(), tuple(MORE)], ids=["plain", "all columns"])
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = [dataclasses.replace(each, **(MORE if request.param else {})) for each in documents()]
    output = tmp_path_factory.mktemp("corpus") / "out"
    write_corpus(output, made, formats=FORMATS, optional=request.param)
    write_card(str(output))
    return output


def texts(language: str | None = None) -> list[str]:
    return sorted(each.text for each in documents()[:-1] if language in (None, each.language))


def files(corpus: Path, kind: str) -> list[str]:
    return sorted(map(str, (corpus / "shards").rglob(f"*.{kind}")))


# --- each loader: the texts that it finds in all files of a format


def by_pandas_json(corpus: Path) -> list[str]:
    import pandas

    return [text for file in files(corpus, JSONL) for text in pandas.read_json(file, lines=True)["text"]]


def by_pandas_parquet(corpus: Path) -> list[str]:
    import pandas

    return [text for file in files(corpus, PARQUET) for text in pandas.read_parquet(file)["text"]]


def by_polars_json(corpus: Path) -> list[str]:
    import polars

    # Of several files, the first of which may have no perplexity, it takes the types of the first one.
    types = {"perplexity": polars.Float64}
    return polars.scan_ndjson(f"{corpus}/shards/*/*.jsonl.zst", schema_overrides=types).collect()["text"].to_list()


def by_polars_parquet(corpus: Path) -> list[str]:
    import polars

    return polars.scan_parquet(f"{corpus}/shards/*/*.parquet").collect()["text"].to_list()


def by_duckdb(corpus: Path, pattern: str) -> list[str]:
    import duckdb

    found = duckdb.connect().execute(f"select text from '{corpus}/shards/{pattern}'").fetchall()
    return [text for (text,) in found]


def by_pyarrow_json(corpus: Path) -> list[str]:
    import pyarrow
    import pyarrow.json

    found: list[Any] = []
    for file in files(corpus, JSONL):
        with pyarrow.input_stream(file, compression="zstd") as stream:
            found += pyarrow.json.read_json(cast("IO[bytes]", stream))["text"].to_pylist()
    return found


def by_pyarrow_parquet(corpus: Path) -> list[str]:
    import pyarrow.dataset

    found: list[Any] = pyarrow.dataset.dataset(files(corpus, PARQUET)).to_table(["text"])["text"].to_pylist()
    return found


def by_datatrove_json(corpus: Path) -> list[str]:
    from datatrove.pipeline.readers import JsonlReader

    reader = JsonlReader(f"{corpus}/shards", glob_pattern="*/*.jsonl.zst", compression="zstd")
    return [found.text for found in reader()]


def by_datatrove_parquet(corpus: Path) -> list[str]:
    from datatrove.pipeline.readers import ParquetReader

    return [found.text for found in ParquetReader(f"{corpus}/shards", glob_pattern="*/*.parquet")()]


def by_zstd(corpus: Path) -> list[str]:
    lines = subprocess.run(["zstd", "-dcq", *files(corpus, JSONL)], capture_output=True, check=True).stdout.split(b"\n")
    return [json.loads(line)["text"] for line in lines[:-1]]


def by_xz(corpus: Path) -> list[str]:
    data = subprocess.run(["xz", "-dc", *files(corpus, TEXT)], capture_output=True, check=True).stdout
    return data.decode().removesuffix("\n\n").split("\n\n")


def by_python_xz(corpus: Path) -> list[str]:
    data = b"".join(lzma.decompress(Path(file).read_bytes()) for file in files(corpus, TEXT))
    return data.decode().removesuffix("\n\n").split("\n\n")


LOADERS: Mapping[str, Callable[[Path], list[str]]] = {
    "pandas, jsonl.zst": by_pandas_json,
    "pandas, parquet": by_pandas_parquet,
    "polars, jsonl.zst": by_polars_json,
    "polars, parquet": by_polars_parquet,
    "duckdb, jsonl.zst": lambda corpus: by_duckdb(corpus, "*/*.jsonl.zst"),
    "duckdb, parquet": lambda corpus: by_duckdb(corpus, "*/*.parquet"),
    "pyarrow, jsonl.zst": by_pyarrow_json,
    "pyarrow, parquet": by_pyarrow_parquet,
    "datatrove, jsonl.zst": by_datatrove_json,
    "datatrove, parquet": by_datatrove_parquet,
    "zstd": by_zstd,
    "xz": by_xz,
    "lzma": by_python_xz,
}


@pytest.mark.parametrize("name", LOADERS)
def test_a_loader_finds_every_text_as_it_is(corpus: Path, name: str) -> None:
    if name in ("zstd", "xz") and not shutil.which(name):
        pytest.skip(f"no program {name} here")
    assert sorted(LOADERS[name](corpus)) == texts()


# --- Hugging Face datasets


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Any]:
    import datasets

    datasets.disable_progress_bars()
    return lambda *arguments, **options: datasets.load_dataset(
        *map(str, arguments), split="train", cache_dir=str(tmp_path / "cache"), **options
    )


@pytest.fixture(params=FORMATS)
def only(request: pytest.FixtureRequest, corpus: Path, tmp_path: Path) -> tuple[Path, str]:
    """A copy of a corpus that has one format, at another place than where its card was written."""
    output = tmp_path / "copy"
    shutil.copytree(corpus, output)
    manifest = json.loads((output / "manifest.json").read_bytes())
    for row in manifest["files"]:
        if row["format"] != request.param and row["path"].startswith("shards/"):
            (output / row["path"]).unlink()
    manifest["files"] = [row for row in manifest["files"] if (output / row["path"]).exists()]
    (output / "manifest.json").write_text(json.dumps(manifest))
    write_card(str(output))
    return output.rename(tmp_path / "moved"), request.param


@pytest.mark.parametrize("streaming", [False, True])
def test_load_dataset_takes_a_language_by_its_code_and_without_one_all(
    only: tuple[Path, str], load: Callable[..., Any], streaming: bool
) -> None:
    output, kind = only
    for language in ("de", "no", "sw", None):
        found = list(load(*((output, language) if language else (output,)), streaming=streaming))
        # Its reader of text takes a carriage return for the end of a line, wherever the text is from.
        wanted = [text.replace("\r", "\n") if kind == TEXT else text for text in texts(language)]
        assert sorted(row["text"] for row in found) == sorted(wanted)


@pytest.mark.parametrize("only", [JSONL, PARQUET], indirect=True)
def test_load_dataset_gives_every_field_with_its_type(only: tuple[Path, str], load: Callable[..., Any]) -> None:
    output, kind = only
    has_more = json.loads((output / "run.json").read_bytes())["configuration"]["count_copies"]
    wanted = {}
    for each in documents()[:-1]:
        # What looks like a time is one to its reader of JSON, which writes it otherwise.
        date = each.date.replace("T", " ").removesuffix("Z") if kind == JSONL else each.date
        wanted[each.id] = msgspec.to_builtins(dataclasses.replace(each, date=date, **(MORE if has_more else {})))
    found = load(output, "de"), load(output, "no"), load(output, "sw")
    assert found[0].features == found[1].features == found[2].features
    schema = arrow_schema(column_types(tuple(MORE) if has_more else ()))
    assert found[0].features.type.equals(pa.struct(list(schema)))
    assert all(row == wanted[row["id"]] for rows in found[:2] for row in rows)
