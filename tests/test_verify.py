"""python -m beam_jobs.verify: each thing that can be wrong with a run directory is found, in one line."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from msgspec import UNSET

from beam_jobs import verify
from ccnet_pipeline import over_files
from ccnet_pipeline.dedup.hashing import paragraph_hashes
from ccnet_pipeline.dedup.tables import in_memory
from ccnet_pipeline.documents import Document, encode
from ccnet_pipeline.formats import FORMATS, PARQUET, TEXT
from ccnet_pipeline.frames import read_lines
from ccnet_pipeline.observations.published import OBSERVATIONS
from ccnet_pipeline.observations.reading import packed
from ccnet_pipeline.reasons import REASONS
from ccnet_pipeline.shards.published_run import open_run
from ccnet_pipeline.shards.verification import Verification
from tests.conftest import CHECKOUT
from tests.corpora import SEGMENTS, change_json, changed, document, frames, observations_of, replace_file, write_corpus

HEAD, MIDDLE = "shards/en/head-00000.jsonl.zst", "shards/en/middle-00000.jsonl.zst"
REJECTED = "rejects/en/bucket_tail-00000.jsonl.zst"
PAGE = "00000000-0000-0000-0000-00000000000a"
FIRST = "00000000-0000-0000-0000-000000000001"
Change = Callable[[Path], object]


def documents() -> list[Document]:
    return [
        document(1), document(2), document(3, segment=1), document(4, bucket="all", language="sw"),
        document(9, id=f"{PAGE}/en", segment=1), document(9, "fr", id=f"{PAGE}/fr", segment=1, paragraphs=["Un."]),
        document(5, bucket="middle", segment=2), document(6, language="fr", segment=2),
        document(7, "en", "tail", reason="bucket_tail"), document(8, "und", "all", reason="not_language"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("corpus") / "out"
    return write_corpus(output, documents(), formats=FORMATS)


@pytest.fixture
def corpus(unchanged: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(unchanged, tmp_path / "out"))


def told(output: Path, capsys: pytest.CaptureFixture[str], *flags: str, status: int = 1) -> list[str]:
    assert verify.main([str(output), "--workers=1", *flags]) == status
    return capsys.readouterr().out.splitlines()


def test_a_corpus_that_is_as_it_should_be_is_said_to_be_so(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [line] = told(corpus, capsys, status=0)
    assert "is as its manifest and its ledger say: " in line
    assert "8 documents, 15 paragraphs" in line


def test_the_result_as_json_holds_the_counts(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verdict = json.loads("\n".join(told(corpus, capsys, "--json", status=0)))
    assert (verdict["documents"], verdict["paragraphs"], verdict["differences"]) == (8, 15, 0)


def test_several_processes_find_the_same(
    corpus: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(over_files, "SMALL_BYTES", 0)
    (corpus / HEAD).unlink()
    alone = told(corpus, capsys)
    assert told(corpus, capsys, "--workers=2") == alone


# --- documents


def one(number: int, **changes: Any) -> list[Document]:
    """Change one of the documents."""
    return [changed(each, **changes) if index == number else each for index, each in enumerate(documents())]


@pytest.mark.parametrize(
    ("some", "expected"),
    [
        (one(0, language_score=1.5), f"document 1 ({FIRST}): language_score is 1.5"),
        (one(0, perplexity=None), "its bucket is 'head', and it has no perplexity"),
        (one(0, perplexity=-1.0), "perplexity is -1.0"),
        (one(0, offset=-1), "offset is -1"),
        (one(0, id=""), "document 1: its id is empty"),
        (one(0, paragraph_ids=[0]), "1 paragraph_ids, and text of 2 lines"),
        (one(0, paragraph_ids=[1, 1]), "paragraph_ids are not ascending"),
        (one(0, paragraph_ids=[1, 3]), "paragraph_ids from 1 to 3 of 3 paragraphs"),
        (one(0, paragraph_ids=[-1, 0]), "paragraph_ids from -1 to 0 of 3 paragraphs"),
        (one(0, text="One.\n "), "a line of its text is blank, or begins or ends with white space"),
        (one(0, text="One.\n"), "a line of its text is blank, or begins or ends with white space"),
        (one(0, original_characters=3), "original_characters is 3, and its text has"),
        (one(0, segment="d.wet.gz"), "its segment 'd.wet.gz' is none of the inputs in run.json"),
        (one(0, offset=250), "document 2 (00000000-0000-0000-0000-000000000002): it stands after what comes from a"),
        (one(1, id=FIRST), f"document 2 ({FIRST}): its id stands also in {HEAD}, document 1"),
        (
            one(1, text="One.\nTHE AAB PARAGRAPH."),
            "its paragraph 2 stands also in shards/en/head",
        ),
        (one(1, text="One more 1.\nOne MORE 2."), f"its paragraph 2 stands also in {HEAD}, document 2, paragraph 1"),
    ],
)
def test_what_is_wrong_with_a_document_is_found(
    some: list[Document], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = told(write_corpus(tmp_path / "out", some), capsys)
    assert any(expected in line and line.startswith(HEAD) for line in lines), lines


@pytest.mark.parametrize(
    ("copies", "optional", "expected"),
    [
        (2, ["n_copies"], []),
        (0, ["n_copies"], ["n_copies is 0"]),
        (UNSET, ["n_copies"], ["it lacks n_copies, which is in all documents of --count_copies"]),
        (2, [], ["it has n_copies, which is in documents of --count_copies alone"]),
    ],
)
def test_copies_are_in_all_documents_of_a_run_that_counts_them(
    copies: Any, optional: list[str], expected: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole_page = document(9, "und", "all", reason="not_language")
    corpus = write_corpus(tmp_path / "out", [*one(0, n_copies=copies)[:1], whole_page], optional=optional)
    lines = told(corpus, capsys, status=int(bool(expected)))
    found = [line.removeprefix(f"{HEAD}, document 1 ({FIRST}): ") for line in lines if line.startswith(HEAD)]
    assert found == expected


def lines_of(path: str, *others: bytes) -> Change:
    """Put other lines in the place of a file."""
    return lambda output: replace_file(output, path, frames(*others))


FIELDS: dict[str, Any] = msgspec.json.decode(encode(document(1)))


def line(**changes: Any) -> bytes:
    return json.dumps({**FIELDS, **changes}).encode()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lines_of(HEAD, line(), b"{"), "document 2: not as the format has it: Input data was truncated"),
        (lines_of(HEAD, line(offset="1")), "document 1: not as the format has it: Expected `int`, got `str`"),
        (lines_of(HEAD, line(more=1)), "document 1: not as the format has it: Object contains unknown field `more`"),
        (lines_of(HEAD, line(language_model="m")), "it has languages or language_model, which are in all"),
        (
            lambda output: replace_file(output, HEAD, zstandard.compress(line() + b"\n")),
            "document 1: the frame that begins with it has no checksum",
        ),
        (lines_of(HEAD, b'{"id":"a"}'), "document 1: not as the format has it: Object missing required field `text`"),
        (lines_of(HEAD, b'{"id":"\xff"}'), "document 1: not as the format has it: "),
        (lines_of(HEAD, line(language="fr")), "its language is 'fr', that of the file is 'en'"),
        (lines_of(HEAD, line(bucket="middle")), "its bucket is 'middle', that of the file is 'head'"),
        (lines_of(REJECTED, line(reason="blank")), "its reason is 'blank', that of the file is 'bucket_tail'"),
        (lines_of(REJECTED, line(reason="bucket_tail", bucket="tall")), "its bucket is 'tall'"),
        (lines_of(REJECTED, line()), "not as the format has it: Object missing required field `reason`"),
        (
            lambda output: replace_file(output, HEAD, zstandard.compress(line())),
            "document 1: its line does not end in its frame",
        ),
    ],
)
def test_a_line_that_is_no_document_of_its_file_is_found(
    change: Change, expected: str, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(corpus)
    assert any(expected in each for each in told(corpus, capsys))


def test_only_the_first_ten_of_many_are_shown(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace_file(corpus, HEAD, frames(*[b"{}"] * 99))
    *shown, last = told(corpus, capsys)
    assert len(shown) == 10
    assert shown[9].startswith(f"{HEAD}, document 10: ")
    assert "; the first 10 are shown" in last


# --- what stands twice


@pytest.mark.parametrize(
    ("recipe", "status"),
    [
        ({"dedup_keep": "none"}, 1),
        ({"dedup_keep": "first"}, 1),
        ({"dedup_scope": "group:1"}, 0),
        ({"dedup_scope": "group:2"}, 1),
    ],
)
def test_a_paragraph_may_stand_twice_in_two_scopes_only(
    recipe: dict[str, str], status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some = [document(1), document(2, "fr", segment=1, paragraphs=["Number two.", "the aab PARAGRAPH."])]
    output = write_corpus(tmp_path / "out", some, recipe=recipe)
    lines = told(output, capsys, status=status)
    wanted = f"shards/fr/head-00000.jsonl.zst, document 1 ({some[1].id}): its paragraph 2 stands also in {HEAD}"
    assert lines[0].startswith(wanted) is (status == 1)


def test_a_paragraph_of_an_earlier_run_is_found(corpus: Path, tmp_path: Path) -> None:
    hashes = paragraph_hashes(["And the aaf one more.", "of no document"])
    hashes.sort()
    verification = Verification(open_run(str(corpus)), str(tmp_path), in_memory((hashes, hashes > 0)))
    recount = verification.recount()
    for file in verification.run.manifest.files:
        verification.take(recount(file))
    verdict = verification.verdict()
    assert [str(each) for each in verdict.first] == [
        f"{MIDDLE}, document 1 ({documents()[6].id}): its paragraph 2 stands also in the hash index of earlier runs"
    ]


# --- files


@pytest.mark.parametrize("path", [HEAD, "shards/en/head-00000.parquet", "shards/en.txt.xz", REJECTED])
@pytest.mark.parametrize("kind", ["flipped", "cut off", "missing"])
def test_damaged_files_are_differences(path: str, kind: str, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray((corpus / path).read_bytes())
    if kind == "missing":
        (corpus / path).unlink()
    else:
        data[len(data) // 2] ^= 0xFF
        (corpus / path).write_bytes(data[: len(data) // 2 + 1] if kind == "cut off" else data)
    found = [line.removeprefix(path) for line in told(corpus, capsys) if line.startswith(path)]
    if kind == "missing":
        assert found == [": it is missing"]
    else:
        assert any(each.startswith(": sha256: ") for each in found)
        assert any("from here on the file cannot be read: " in each for each in found) or path.endswith(PARQUET)


@pytest.mark.parametrize("name", ["bytes", "sha256", "documents", "paragraphs", "characters"])
@pytest.mark.parametrize("path", [HEAD, "shards/en/head-00000.parquet", "shards/en.txt.xz", REJECTED])
def test_counts_of_the_manifest_are_compared(
    name: str, path: str, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = "0" if name == "sha256" else 99
    change_json(
        corpus / "manifest.json",
        lambda manifest: [row.update({name: wrong}) for row in manifest["files"] if row["path"] == path],
    )
    [line] = [each for each in told(corpus, capsys) if each.startswith(path)]
    assert line.startswith(f"{path}: {name}: ")
    assert line.endswith(f", and {wrong} in manifest.json")


def of_manifest(**changes: Any) -> Change:
    return lambda output: change_json(output / "manifest.json", lambda manifest: manifest.update(changes))


def of_row(**changes: Any) -> Change:
    return lambda output: change_json(output / "manifest.json", lambda manifest: manifest["files"][0].update(changes))


def of_rows(change: Callable[[list[Any]], object]) -> Change:
    return lambda output: change_json(output / "manifest.json", lambda manifest: change(manifest["files"]))


def without_a_row(output: Path) -> None:
    change_json(output / "manifest.json", lambda manifest: manifest["files"].pop(0))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (of_manifest(fingerprint="0" * 16), "manifest.json: its fingerprint is not that of run.json"),
        (of_row(language="xx"), "manifest.json: rejects/en/bucket_tail-00000.jsonl.zst: its path does not say xx, "),
        (of_row(bucket="x"), "its path does not say en, x, jsonl.zst"),
        (of_rows(lambda rows: rows.append(rows[0])), "manifest.json: it names a file twice"),
        (
            of_rows(lambda rows: rows.remove(next(row for row in rows if row["format"] == "parquet"))),
            "shards/en/head-00000.parquet: it is not in manifest.json",
        ),
        (
            of_rows(lambda rows: rows.__setitem__(slice(None), [row for row in rows if row["format"] != "parquet"])),
            "manifest.json: it names no file of the format parquet, as run.json does",
        ),
        (without_a_row, "rejects/en/bucket_tail-00000.jsonl.zst: it is not in manifest.json"),
        (lambda output: (output / "shards/en/x").touch(), "shards/en/x: it is not in manifest.json"),
        (lambda output: (output / HEAD).unlink() or (output / HEAD).mkdir(), f"{HEAD}: it cannot be read: Is a direct"),
        (
            lambda output: (output / "ledger.json").unlink() or (output / "ledger.json").mkdir(),
            "cannot be read: Is a d",
        ),
        (lambda output: change_json(output / "run.json", lambda run: run.update(inputs=[])), "none of the inputs in"),
        (
            lambda output: (output / "removed").mkdir() or (output / "removed/00001.json").write_text("{}"),
            "removed/00001.json: it is damaged: ",
        ),
        (
            lambda output: (output / "removed").mkdir() or (output / "removed/pending.json").write_text("{}"),
            "removed/pending.json: a removal was interrupted",
        ),
    ],
)
def test_what_is_wrong_with_the_manifest_is_found(
    change: Change, expected: str, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(corpus)
    assert any(expected in each for each in told(corpus, capsys))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"text": "The abb paragraph.\nAnd the aab one more."}, "texts"),  # of the same lengths: every count is right
        ({"url": "https://other.example/"}, "fields of documents"),
    ],
)
def test_formats_that_hold_other_documents_are_found(
    change: dict[str, str], what: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = one(0, **change)
    write_corpus(tmp_path / "other", other, formats=[PARQUET])
    data = (tmp_path / "other/shards/en/head-00000.parquet").read_bytes()
    replace_file(corpus, "shards/en/head-00000.parquet", data)
    assert f"shards/en: parquet does not hold the same {what} as jsonl.zst" in told(corpus, capsys)


def test_a_segment_in_two_shards_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some = [document(1), document(2), document(3, segment=1)]
    output = write_corpus(tmp_path / "out", some, shard_of=lambda each: int(each.id[-1]) // 2)
    lines = told(output, capsys)
    assert lines[0] == f"shards/en/head-00001.jsonl.zst: it begins with a.wet.gz, and {HEAD} ends with a.wet.gz"


@pytest.mark.parametrize("kind", [TEXT, PARQUET])
def test_a_format_alone_is_recounted(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = write_corpus(tmp_path / "out", documents(), formats=[kind])
    told(output, capsys, status=0)
    twice = write_corpus(tmp_path / "twice", one(1, text="One.\nThe AAB paragraph."), formats=[kind])
    assert any("its paragraph 2 stands also in shards/en" in each for each in told(twice, capsys))


# --- the books


def of_ledger(change: Callable[[Any], object]) -> Change:
    return lambda output: change_json(output / "ledger.json", change)


def of_part(change: Callable[[list[Any]], object]) -> Change:
    def change_part(output: Path) -> None:
        path = output / "ledger/segments-00000.jsonl.zst"
        with path.open("rb") as file:
            lines = list(map(msgspec.json.decode, read_lines(file)))
        change(lines)
        path.write_bytes(frames(*map(msgspec.json.encode, lines)))

    return change_part


def moved(books: Any, count: int = 1) -> None:
    """Say that more was kept, and less dropped."""
    books["kept"] += count
    books["dropped"]["empty"] = books["dropped"].get("empty", 0) - count


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (of_ledger(lambda books: books["records"].update(read=1)), "ledger.json: 1 records read are not 7 kept and 3"),
        (of_ledger(lambda books: moved(books["records"])), "ledger.json: 8 records kept, and the shards hold 7"),
        (
            of_ledger(lambda books: moved(books["characters"])),
            "ledger.json: 277 characters kept, and the shards hold 276",
        ),
        (
            of_ledger(lambda books: moved(books["languages"]["fr"]["records"])),
            "ledger.json: fr: 3 records kept, and the shards hold 2",
        ),
        (of_ledger(lambda books: books["languages"].pop("fr")), "ledger.json: fr: 0 records kept, and the shards hold"),
        (
            of_ledger(lambda books: books["records"]["dropped"].update(removed_later=1, empty=2)),
            "ledger.json: 1 records removed_later, and 0 in the records in removed/",
        ),
        (lambda output: (output / "ledger.json").unlink(), "ledger.json: it is missing"),
        (lambda output: (output / "ledger.json").write_text("{"), "ledger.json: it is damaged: "),
        (lambda output: shutil.rmtree(output / "ledger"), "ledger: 0 segments, and 3 in run.json, 3 in ledger.json"),
        (
            of_part(lambda lines: moved(lines[0]["languages"]["en"]["paragraphs"])),
            f"ledger/segments-00000.jsonl.zst: {SEGMENTS[0]}, en: 5 paragraphs kept, and the shards hold 4",
        ),
        (of_part(lambda lines: lines[0]["records"].update(read=9)), f"{SEGMENTS[0]}: 9 records read are not 3 kept"),
        (of_part(lambda lines: moved(lines[0]["records"])), "the records of its segments together are not those of"),
        (of_part(lambda lines: lines.reverse()), f"{SEGMENTS[2]} is not segment 0 of run.json"),
        (
            lambda output: (output / "ledger/segments-00000.jsonl.zst").write_bytes(b"no frame"),
            "ledger/segments-00000.jsonl.zst: it is damaged: ",
        ),
    ],
)
def test_what_is_wrong_with_the_books_is_found(
    change: Change, expected: str, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(corpus)
    lines = told(corpus, capsys)
    assert any(expected in each for each in lines), lines


def test_every_reason_of_the_ledger_is_explained_where_operators_read() -> None:
    page = (CHECKOUT / "docs" / "operations.md").read_text("utf-8")
    explained = re.findall(r"`([a-z_]+(?:\.\.\.)?)`", page)
    beginnings = tuple(name[:-3] for name in explained if name.endswith("..."))
    names = [reason.name.rstrip(".*") for reason in REASONS]
    assert [each for each in names if each not in explained and not each.startswith(beginnings)] == []


# --- what was noted for the report


def noting(*more: Document) -> Change:
    """Observations of the documents and of others that are not there."""
    data = packed(observations_of([*documents(), *more]))
    return lambda output: (output / OBSERVATIONS).write_bytes(data)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda output: (output / OBSERVATIONS).write_bytes(b"x"), f"{OBSERVATIONS}: "),
        (lambda output: (output / "times.json").write_text("{}"), "times.json: "),
        (noting(document(50, "sw")), "1 examples of shards/sw/head, which has 0 documents"),
        (noting(document(50, reason="bucket_tail")), "2 examples of rejects/en/bucket_tail, which has 1 documents"),
        (noting(document(50, "sw", "all")), "sw: scores of 2 documents, and 1 were read by ledger.json"),
    ],
)
def test_what_is_wrong_with_the_observations_is_found(
    change: Change, expected: str, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(corpus)
    assert any(expected in each for each in told(corpus, capsys))


def test_a_run_without_observations_is_an_older_one(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus / OBSERVATIONS).unlink()
    told(corpus, capsys, status=0)


# --- mistakes


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda output: (output / "run.json").unlink(), "is no run directory: it has no run.json"),
        (lambda output: (output / "run.json").write_text("{}"), "run.json is damaged: "),
        (lambda output: (output / "manifest.json").unlink(), "holds a run that is not complete"),
        (lambda output: (output / "manifest.json").write_text("{"), "manifest.json is damaged: "),
        (
            lambda output: change_json(output / "run.json", lambda run: run.update(shard_format=2)),
            "run.json: the shards are of format 2, and this program knows 1; use the release that made them",
        ),
    ],
)
def test_what_cannot_be_verified_at_all_is_one_line(
    change: Change, expected: str, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(corpus)
    assert verify.main([str(corpus), "--workers=1"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert expected in line


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("s3://", "s3:///run.json: write s3://bucket/key"),
        ("hdfs://", "hdfs:///run.json: write hdfs://namenode/path, or set CC100_WEBHDFS to http://namenode:9870"),
    ],
)
def test_a_place_without_a_host_gets_none_from_the_name_of_a_file(
    place: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC100_WEBHDFS", raising=False)
    assert verify.main([place]) == 2
    assert capsys.readouterr().err == f"verify: {expected}\n"


def test_options_that_make_no_sense_are_one_line(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--workers=-1"], ["--tables=/nowhere"], ["--workers=x"]):
        assert verify.main([str(corpus), *argv]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
