"""python -m beam_jobs.verify: each thing that can be wrong with a run directory is found, in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beam_jobs import verify
from ccnet_pipeline.documents import Document
from ccnet_pipeline.formats import FORMATS, JSONL, PARQUET, TEXT
from tests.corpora import changed, document, write_corpus

HEAD = "shards/en/head-00000.jsonl.zst"


def documents() -> list[Document]:
    return [
        document(1), document(2), document(3, segment=1), document(4, bucket="all", language="sw"),
        document(5, bucket="middle", segment=2), document(6, language="fr", segment=2),
        document(7, "en", "tail", reason="bucket_tail"), document(8, "und", "all", reason="not_language"),
    ]  # fmt: skip


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "out", documents(), formats=FORMATS)


def lines(output: Path, capsys: pytest.CaptureFixture[str], *flags: str, status: int = 1) -> list[str]:
    assert verify.main([str(output), "--workers=1", *flags]) == status
    return capsys.readouterr().out.splitlines()


def test_a_corpus_that_is_as_it_should_be_is_said_to_be_so(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [line] = lines(corpus, capsys, status=0)
    assert "is as its manifest and its ledger say: " in line
    assert "6 documents, 12 paragraphs" in line


Change = Callable[[list[Document]], list[Document]]


def one(number: int, **changes: Any) -> Change:
    """Change one of the documents, and nothing that speaks of it."""
    return lambda some: [
        changed(each, **(changes | {})) if index == number else each for index, each in enumerate(some)
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (one(0, language_score=1.5), "document 1 (00000000-0000-0000-0000-000000000001): language_score is 1.5"),
        (one(0, perplexity=None), "its bucket is 'head', and it has no perplexity"),
        (one(0, perplexity=-1.0), "perplexity is -1.0"),
        (one(0, offset=-1), "offset is -1"),
        (one(0, paragraph_ids=[0]), "1 paragraph_ids, and text of 2 lines"),
        (one(0, paragraph_ids=[1, 1]), "paragraph_ids are not ascending"),
        (one(0, paragraph_ids=[1, 3]), "paragraph_ids from 1 to 3 of 3 paragraphs"),
        (one(0, text="One.\n "), "a line of its text is blank, or begins or ends with white space"),
        (one(0, text="One.\n"), "a line of its text is blank, or begins or ends with white space"),
        (one(0, original_characters=3), "original_characters is 3, and its text has"),
        (one(0, segment="d.wet.gz"), "its segment 'd.wet.gz' is none of the inputs in run.json"),
        (one(0, offset=250), "document 2 (00000000-0000-0000-0000-000000000002): it stands after what comes from a"),
        (one(1, id="00000000-0000-0000-0000-000000000001"), f"its id stands also in {HEAD}, document 1"),
        (one(1, text="The aaa one.\nThe  AAB paragraph."), None),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_document_is_found(
    change: Change, expected: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = write_corpus(tmp_path / "out", change(documents()))
    if expected is None:
        lines(output, capsys, status=0)
    else:
        assert any(expected in line and line.startswith(HEAD) for line in lines(output, capsys))


def test_the_counts_are_those_of_the_json_report(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads("\n".join(lines(corpus, capsys, "--json", status=0)))
    assert (report["documents"], report["paragraphs"], report["differences"]) == (6, 12, 0)


@pytest.mark.parametrize("path", [HEAD, "shards/en/head-00000.parquet", "shards/en.txt.xz"])
@pytest.mark.parametrize("kind", ["flipped", "cut off", "missing"])
def test_damaged_files_are_differences(path: str, kind: str, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray((corpus / path).read_bytes())
    if kind == "missing":
        (corpus / path).unlink()
    else:
        data[len(data) // 2] ^= 0xFF
        (corpus / path).write_bytes(data[: len(data) // 2 + 1] if kind == "cut off" else data)
    found = [line for line in lines(corpus, capsys) if line.startswith(path)]
    wanted = "it is missing" if kind == "missing" else "sha256: "
    assert any(wanted in line for line in found)
    assert kind == "missing" or any("cannot be read" in line for line in found) or path.endswith(PARQUET)


_ = (JSONL, TEXT)
