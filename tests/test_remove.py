"""python -m beam_jobs.remove: what is asked for goes from every file, for good, and the books still close."""

import gzip
import json
import lzma
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard

from beam_jobs import job, remove, renewals, verify
from ccnet_pipeline import sample, storage
from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.formats import FORMATS, JSONL, TEXT
from ccnet_pipeline.observations.published import OBSERVATIONS, Observations
from ccnet_pipeline.observations.reading import packed, read_observations
from ccnet_pipeline.shards import swapping
from ccnet_pipeline.storage.local import LocalStore
from tests.corpora import SEGMENTS, document, observations_of, write_corpus


def documents() -> list[Document]:
    page = "00000000-0000-0000-0000-00000000000a"
    return [
        document(1), document(2), document(3, segment=1), document(4, bucket="all", language="sw"),
        document(5, bucket="middle", segment=2), document(6, language="fr", segment=2, host="www.gone.example"),
        document(10, id=f"{page}/en", segment=1, host="gone.example"),
        document(10, "fr", id=f"{page}/fr", segment=1, host="gone.example", paragraphs=["Un.", "Deux.", "Trois."]),
        document(7, "en", "tail", reason="bucket_tail", host="gone.example"),
        document(8, "und", "all", reason="not_language"),
    ]  # fmt: skip


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(
        tmp_path / "out", documents(), formats=FORMATS, shard_of=lambda each: SEGMENTS.index(each.segment)
    )


@pytest.fixture
def gone(tmp_path: Path) -> str:
    """A list of hosts."""
    path = tmp_path / "hosts.txt"
    path.write_text("# of a request\ngone.example\n")
    return str(path)


def run(output: Path, *argv: str, status: int = 0) -> None:
    assert remove.main([str(output), "--workers=1", *argv]) == status


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as stream:
        yield from map(json.loads, stream.read().splitlines())


def content(output: Path) -> dict[str, list[str]]:
    """What is left, by format: ids, of text the first lines."""
    jsonl = [line["id"] for path in sorted(output.rglob("s*/*/*.jsonl.zst")) for line in lines_of(path)]
    rejects = [line["id"] for path in sorted(output.rglob("rejects/*/*.jsonl.zst")) for line in lines_of(path)]
    parquet = [str(name) for path in output.rglob("*.parquet") for name in pq.read_table(path)["id"].to_pylist()]
    texts = [lzma.decompress(path.read_bytes()).decode() for path in sorted(output.rglob("*.txt.xz"))]
    first = [text.partition("\n")[0] for whole in texts for text in whole.removesuffix("\n\n").split("\n\n")]
    return {"jsonl": sorted(jsonl), "parquet": sorted(parquet), "text": sorted(first), "rejects": rejects}


def result(output: Path) -> dict[str, bytes]:
    """Every byte, but for the records, which hold the time."""
    files = (path for path in output.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files if "removed" not in path.parts}


def is_whole(output: Path) -> bool:
    return verify.main([str(output), "--workers=1"]) == 0


def test_a_host_goes_with_its_subdomains_from_every_format_and_from_the_rejects(corpus: Path, gone: str) -> None:
    before = content(corpus)
    run(corpus, f"--hosts={gone}")
    after = content(corpus)
    left = [each for each in documents() if "gone" not in each.url]
    shards, rejects = [each for each in left if not hasattr(each, "reason")], [e for e in left if hasattr(e, "reason")]
    assert after["jsonl"] == after["parquet"] == sorted(each.id for each in shards)
    assert after["text"] == sorted(each.text.partition("\n")[0] for each in shards)
    assert after["rejects"] == [each.id for each in rejects] != before["rejects"]
    assert is_whole(corpus)


def test_the_books_say_how_much(corpus: Path, gone: str) -> None:
    before = json.loads((corpus / "ledger.json").read_bytes())
    run(corpus, f"--hosts={gone}")
    after = json.loads((corpus / "ledger.json").read_bytes())
    assert after["records"] == {"read": 10, "kept": 5, "dropped": {"empty": 3, "removed_later": 2}}
    assert after["paragraphs"]["dropped"] == {"removed_later": 7}
    assert after["paragraphs"]["read"] == before["paragraphs"]["read"]
    assert after["languages"]["fr"]["records"] == {"read": 2, "kept": 0, "dropped": {"removed_later": 2}}
    assert {name: after["languages"][name]["mean_score"] for name in after["languages"]} == {
        name: before["languages"][name]["mean_score"] for name in before["languages"]
    }


def test_the_record_says_who_asked_for_what_and_no_text(corpus: Path, gone: str) -> None:
    run(corpus, f"--hosts={gone}", "--by=A. Reader", "--why=request 17")
    data = (corpus / "removed" / "00001.json").read_text()
    record = json.loads(data)
    assert (record["by"], record["why"], record["kind"], record["entries"]) == ("A. Reader", "request 17", "hosts", 1)
    assert (record["records"], record["documents"], record["paragraphs"], record["rejects"]) == (2, 3, 7, 1)
    assert {file["path"]: file["documents"] for file in record["files"]}["rejects/en/bucket_tail-00000.jsonl.zst"] == 1
    assert not [each for each in documents() if each.text in data or each.url in data]


@pytest.mark.parametrize(
    ("kind", "entry", "ids"),
    [
        ("urls", "http://user@HOST-AAB.example:80/page/1#part", [1]),
        ("urls", "host-aab.example/page/1", [1]),
        ("urls", "https://host-aab.example/page", []),
        ("urls", "https://host-aab.example/page/%31", [1]),
        ("urls", "host-aab.example/page//1", []),
        ("urls", "host-aab.example/?u=http://host-aab.example/page/1", []),
        ("digests", f"sha1:{2:032d}", [2]),
        ("digests", f"{2:032d}", [2]),
        ("hosts", "*.host-aad.example", [3]),
        ("hosts", "aad.example", []),
    ],
)
def test_what_a_list_means(kind: str, entry: str, ids: list[int], corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "list.gz").write_bytes(gzip.compress(f"\n{entry}   # why\n".encode()))
    before = content(corpus)["jsonl"]
    run(corpus, f"--{kind}={tmp_path / 'list.gz'}")
    assert [int(each[-12:]) for each in before if each not in content(corpus)["jsonl"]] == ids


def test_the_same_list_again_finds_nothing_to_do(corpus: Path, gone: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(corpus, f"--hosts={gone}")
    files = {str(path): path.read_bytes() for path in corpus.rglob("*") if path.is_file()}
    capsys.readouterr()
    run(corpus, f"--hosts={gone}")
    assert "nothing to do" in capsys.readouterr().out
    assert {str(path): path.read_bytes() for path in corpus.rglob("*") if path.is_file()} == files


def test_a_dry_run_changes_nothing(corpus: Path, gone: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = result(corpus)
    run(corpus, f"--hosts={gone}", "--dry_run")
    assert "3 documents and 1 rejects in " in capsys.readouterr().out
    assert result(corpus) == before
    assert not (corpus / "removed").exists()


def test_frames_without_such_a_document_are_copied_as_they_are(tmp_path: Path) -> None:
    output = write_corpus(tmp_path / "out", [document(1), document(2, segment=1), document(3, segment=1)])
    path = output / "shards/en/head-00000.jsonl.zst"
    before = path.read_bytes()
    (tmp_path / "list").write_text(document(3).digest)
    run(output, f"--digests={tmp_path / 'list'}")
    first = zstandard.ZstdDecompressor().decompressobj()
    first.decompress(before)
    assert path.read_bytes().startswith(before[: len(before) - len(first.unused_data)])


# --- what was noted for the report


@pytest.fixture
def renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that is quickly made."""

    def write_report(output: str) -> None:
        storage.write(f"{output}/report.html", storage.read(f"{output}/{OBSERVATIONS}"))

    monkeypatch.setattr(renewals, "RENEWALS", {"report.html": write_report})


def noted(output: Path) -> Observations:
    found = read_observations(str(output))
    assert found is not None
    return found


def note(output: Path, *repeated: tuple[str, Sequence[str]]) -> None:
    storage.write(f"{output}/{OBSERVATIONS}", packed(observations_of(documents(), *repeated)))


def remove_by(kind: str, entry: str, output: Path) -> None:
    (output.parent / "list").write_text(entry)
    run(output, f"--{kind}={output.parent / 'list'}")


@pytest.mark.parametrize(
    ("kind", "entry", "gone"),
    [
        ("hosts", "gone.example", {6, 7, 10}),
        ("urls", "host-aab.example/page/1", {1}),
        ("digests", f"{2:032d}", {2}),
        ("urls", "host-aai.example/page/8", {8}),  # of the rejects
    ],
)
def test_an_example_goes_with_its_document(kind: str, entry: str, gone: set[int], corpus: Path) -> None:
    before = {each.id for each in noted(corpus).examples}
    remove_by(kind, entry, corpus)
    left = {each.id for each in noted(corpus).examples}
    removed = {each.id for each in documents() if each.offset // 100 in gone}
    assert left == before - removed != before
    assert is_whole(corpus)


MANY = [*(f"{name}.example" for name in "abcdefgh"), "www.gone.example"]  # the last one is not noted


@pytest.mark.parametrize(
    ("kind", "entry", "left"),
    [
        ("hosts", "gone.example", ["on many", "THE AAB PARAGRAPH.", "on host-aab"]),
        ("urls", "host-aab.example/page/1", ["on many", "on gone", "on both", "on www.gone"]),
        ("digests", f"{1:032d}", ["on many", "on gone", "on both", "on www.gone"]),
        ("urls", "gone.example/never/kept", ["on many", "THE AAB PARAGRAPH.", "on host-aab", "on www.gone"]),
        ("urls", "www.gone.example/page/6", ["on many", "THE AAB PARAGRAPH.", "on gone", "on host-aab"]),
        ("hosts", "nowhere.example", [
            "on many", "THE AAB PARAGRAPH.", "on gone", "on both", "on host-aab", "on www.gone",
        ]),
    ],
)  # fmt: skip
def test_a_repeated_paragraph_goes_that_may_be_of_a_removed_page(
    kind: str, entry: str, left: list[str], corpus: Path
) -> None:
    repeated = [
        ("on many", MANY), ("THE AAB PARAGRAPH.", MANY), ("on gone", ["gone.example:8080"]),
        ("on host-aab", ["host-aab.example"]), ("on www.gone", ["www.gone.example"]),
        ("on both", ["a.example", "gone.example", "www.gone.example"]),
    ]  # fmt: skip
    note(corpus, *repeated)
    remove_by(kind, entry, corpus)
    assert sorted(each.text for each in noted(corpus).repeated) == sorted(left)


def test_a_host_leaves_the_domains_and_a_page_does_not(corpus: Path) -> None:
    remove_by("urls", "gone.example/page/10", corpus)
    assert "gone.example" in {each.domain for each in noted(corpus).domains}
    remove_by("hosts", "gone.example", corpus)
    assert not [each.domain for each in noted(corpus).domains if "gone" in each.domain]


def test_a_host_of_which_nothing_was_kept_leaves_the_observations(corpus: Path) -> None:
    note(corpus, ("Call me at home", ["lost.example"]))
    before = content(corpus)
    remove_by("hosts", "lost.example", corpus)
    assert noted(corpus).repeated == []
    assert content(corpus) == before
    record = json.loads((corpus / "removed" / "00001.json").read_bytes())
    assert (record["documents"], record["noted"], record["files"]) == (0, 1, [])
    assert is_whole(corpus)


def built(archive: Path, lid: str, hosts: Sequence[str], line: str, *flags: str) -> Path:
    """Build a corpus of pages that have a line in common."""
    pages = b""
    for number, host in enumerate(hosts):
        letter = chr(ord("a") + number)
        own = [f"The people of village {letter * 9} went to the river, {letter * times}." for times in range(4, 9)]
        body = "\n".join([f"Title {letter}", line, *own]).encode()
        head = f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://{host}/page\r\n"
        pages += f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"
    archive.write_bytes(gzip.compress(pages))
    output = archive.parent / "out"
    command = [f"--input={archive}", f"--output={output}", f"--lid_model={lid}", "--workers=1", "--keep_rejects"]
    assert job.main([*command, *flags]) == 0
    return output


@pytest.mark.parametrize(("kind", "entry"), [("hosts", "one.example"), ("urls", "www.one.example/page")])
def test_a_paragraph_on_two_hosts_of_one_site_goes_with_it(kind: str, entry: str, lid: str, tmp_path: Path) -> None:
    line = "If you want to know more about the garden please write to jane.roe@person.example today."
    output = built(tmp_path / "a.wet.gz", lid, ["one.example", "www.one.example"], line)
    assert line in [each.text for each in noted(output).repeated]
    remove_by(kind, entry, output)
    assert line not in [each.text for each in noted(output).repeated]
    assert line not in (output / "report.html").read_text()


def test_a_masked_paragraph_goes_with_the_document_that_has_it(lid: str, tmp_path: Path) -> None:
    hosts = ["z.example", *MANY]  # of the first page, which keeps the paragraph, the host is not noted
    line = "If you want to know more about the garden please write to {} today."
    flags = ["--mask=email", "--dedup_keep=first"]
    output = built(tmp_path / "a.wet.gz", lid, hosts, line.format("jane.roe@person.example"), *flags)
    [paragraph] = [each for each in noted(output).repeated if each.text == line.format("[mail]")]
    assert paragraph.domains == MANY[:8]
    remove_by("urls", "z.example/page", output)
    assert line.format("[mail]") not in [each.text for each in noted(output).repeated]


def test_a_run_that_noted_nothing_is_dealt_with_as_before(corpus: Path, gone: str) -> None:
    (corpus / OBSERVATIONS).unlink()
    run(corpus, f"--hosts={gone}")
    assert not (corpus / OBSERVATIONS).exists()
    assert is_whole(corpus)


@pytest.mark.usefixtures("renewed")
def test_the_report_is_made_anew(corpus: Path, gone: str) -> None:
    (corpus / "report.html").write_text("Un. Deux. Trois.")
    run(corpus, f"--hosts={gone}")
    assert (corpus / "report.html").read_bytes() == (corpus / OBSERVATIONS).read_bytes()
    (corpus / "report.html").unlink()  # as if it had ended before its last step
    run(corpus, f"--hosts={gone}")
    assert (corpus / "report.html").exists()


@pytest.mark.parametrize(
    ("error", "told"), [(UserError("too old; use another"), "too old; use another"), (KeyError("x"), "KeyError('x')")]
)
def test_what_is_not_made_anew_is_a_line(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(_: str) -> None:
        raise error

    monkeypatch.setattr(renewals, "RENEWALS", {"report.html": write})
    assert renewals.renew("out", "remove") == []
    assert capsys.readouterr().err == f"remove: report.html was not written: {told}\n"


# --- interrupted, and beside others


class CrashError(Exception):
    """A run that ends where it is."""


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the n-th step that changes a file be the last one: one that writes it, moves it, or removes it."""
    steps: list[tuple[Any, str, Any]] = [
        (LocalStore, name, getattr(LocalStore, name)) for name in ("writing", "remove", "remove_folder")
    ]
    steps.append((swapping, "_move", swapping._move))

    def arm(number: int) -> None:
        count = 0

        def counted(step: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any) -> Any:
                nonlocal count
                count += 1
                if count == number:
                    raise CrashError
                return step(*arguments)

            return call

        for owner, name, step in steps:
            monkeypatch.setattr(owner, name, counted(step))

    return arm


@pytest.mark.usefixtures("renewed")
def test_a_crash_at_every_step_is_survived(
    tmp_path: Path, gone: str, crash_at: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    some = [each for each in documents() if each.language != "sw" and each.bucket != "middle"]
    whole = write_corpus(tmp_path / "whole" / "out", some, formats=[JSONL, TEXT])

    def corpus(name: str) -> Path:
        return Path(shutil.copytree(whole, tmp_path / name / "out"))

    def bytes_of(output: Path) -> dict[str, bytes]:
        return {str(Path(path).relative_to(output)): data for path, data in result(output).items()}

    wanted = corpus("wanted")
    run(wanted, f"--hosts={gone}")
    crashes = 0
    while True:
        output = corpus(f"crashed-{crashes}")
        crash_at(crashes + 1)
        try:
            run(output, f"--hosts={gone}")
        except CrashError:
            crash_at(0)
            crashes += 1
        else:
            break
        is_begun = swapping.is_pending(str(output))
        assert not is_begun or not is_whole(output)
        if (output / "removed" / "00001.json").exists() and not is_begun:
            assert "gone.example" not in {each.domain for each in noted(output).domains}
        run(output, f"--hosts={gone}")
        assert bytes_of(output) == bytes_of(wanted), crashes
        assert [path.name for path in (output / "removed").iterdir()] == ["00001.json"]
    assert crashes > 12
    assert "what an interrupted removal had begun is done" in capsys.readouterr().out


def test_what_is_being_written_is_left_alone(corpus: Path, gone: str, capsys: pytest.CaptureFixture[str]) -> None:
    with storage.locked(str(corpus)):
        run(corpus, f"--hosts={gone}", status=75)
    assert "another run is writing to" in capsys.readouterr().err


def test_what_a_job_on_a_cluster_may_be_writing_is_left_alone(
    corpus: Path, gone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    note = {"runner": "FlinkRunner", "master": "http://localhost:8081", "name": "cc100-1", "host": "elsewhere"}
    (corpus / "job.json").write_text(json.dumps(note))
    before = result(corpus)
    run(corpus, f"--hosts={gone}", status=2)
    assert f"a job on a cluster may still write to {corpus} (cc100-1)" in capsys.readouterr().err
    assert result(corpus) == before


def test_what_was_removed_does_not_come_back(lid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"

    def build(*flags: str) -> int:
        segment = sorted(map(str, sample.crawl_directory().rglob("*.wet.gz")))[0]
        return job.main([f"--input={segment}", f"--output={output}", f"--lid_model={lid}", "--workers=1", *flags])

    assert build("--keep_work") == 0
    (tmp_path / "hosts").write_text("thegreenbench.example")
    run(output, f"--hosts={tmp_path / 'hosts'}")
    assert not (output / "work").exists()  # there it was, too
    capsys.readouterr()
    assert build() == 0
    printed = capsys.readouterr().out
    assert "is complete already" in printed
    assert "│   removed_later " in printed
    next((output / "shards" / "en").iterdir()).unlink()
    for flags in ([], ["--overwrite"]):
        assert build(*flags) == 2
        assert "would bring them back" in capsys.readouterr().err


# --- mistakes


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("urls", "https:///page", "line 1: not a URL: 'https:///page'"),
        ("urls", "a.example/x\na b", "line 2: not a URL: 'a b'"),
        ("digests", "\nsha1:", "line 2: not a digest: 'sha1:'"),
        ("hosts", "https://a.example/x", "is more than a host; --urls takes pages"),
        ("hosts", "a host", "--hosts {list}, line 1: neither a host nor a URL: 'a host'"),
        ("hosts", "# nothing\n", "is empty"),
        ("urls", None, "cannot be read: No such file or directory"),
    ],
)
def test_a_list_that_is_none_is_one_line(
    kind: str, text: str | None, told: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "list"
    if text is not None:
        path.write_text(text)
    run(corpus, f"--{kind}={path}", status=2)
    [line] = capsys.readouterr().err.splitlines()
    assert told.format(list=path) in line


def test_text_alone_does_not_say_from_where_it_is(
    tmp_path: Path, gone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = write_corpus(tmp_path / "out", documents()[:3], formats=[TEXT])
    run(output, f"--hosts={gone}", status=2)
    assert "does not say from where it is" in capsys.readouterr().err


def test_a_damaged_file_ends_it_before_anything_changes(
    corpus: Path, gone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = corpus / "shards/en/head-00001.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    before = result(corpus)
    run(corpus, f"--hosts={gone}", status=2)
    assert f"{path} cannot be read" in capsys.readouterr().err
    assert result(corpus) == before


@pytest.mark.parametrize("name", ["en/head-00001.jsonl.zst", "en.txt.xz"])
def test_a_file_that_is_not_that_of_the_manifest_is_not_written_anew(
    name: str, corpus: Path, gone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = corpus / "shards" / name
    path.write_bytes(path.read_bytes() * 2)  # can be read, and holds all twice
    before = result(corpus)
    run(corpus, f"--hosts={gone}", status=2)
    assert f"{path} cannot be read: its sha256 is not that in manifest.json" in capsys.readouterr().err
    assert result(corpus) == before


def test_the_run_directory_may_stand_anywhere_and_be_named_as_it_was_before(
    corpus: Path, gone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for output in ([str(corpus)], [corpus.as_uri()], ["--output", str(corpus)], [f"--output={corpus}/"]):
        for argv in ([*output, f"--hosts={gone}"], [f"--hosts={gone}", "--workers=1", *output]):
            assert remove.main([*argv, "--dry_run"]) == 0
            assert "would be removed" in capsys.readouterr().out
    for argv in ([], ["x", "--output=y"]):
        assert remove.main([f"--hosts={gone}", *argv]) == 2
    err = capsys.readouterr().err
    assert "the following arguments are required: OUT" in err
    assert err.count("\n") == 2
