"""The command line: what it means, and what a mistake gives: exit 2, one line, a remedy, nothing left behind."""

import dataclasses
import errno
import gzip
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from beam_jobs import job, preparation, run_directory
from beam_jobs.coverage import Coverage
from beam_jobs.options import parse
from beam_jobs.parser import make_parser
from beam_jobs.runners import execution
from ccnet_pipeline.errors import BalanceError, UserError
from ccnet_pipeline.fetch import FetchPolicy
from ccnet_pipeline.language import LEAST_SCORE
from ccnet_pipeline.listings import Pick
from ccnet_pipeline.recipe import CC100, CCNET, Configuration
from ccnet_pipeline.sample import crawl_directory, lm_directory
from ccnet_pipeline.segments import Selection
from ccnet_pipeline.storage.local import LocalStore
from tests.moments import PATIENCE_S
from tests.test_robots import capture

CHECKOUT = Path(__file__).resolve().parent.parent
GOLDEN_HELP = CHECKOUT / "tests" / "golden" / "help.txt"
ENTRY_POINT = [sys.executable, "-m", "beam_jobs.build_cc100"]
WET = sorted(crawl_directory().rglob("*.wet.gz"))[0]
GIVEN = ["--input", str(WET), "--output", "out"]

Mistake = Callable[..., str]


def names_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which we are in; models are looked for nowhere else."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("CC100_CACHE", str(tmp_path / "cache"))
    return place


@pytest.fixture
def mistake(here: Path, capsys: pytest.CaptureFixture[str]) -> Mistake:
    """`mistake("--input", ...)`: run, expect a mistake before any work, and return its line without the prefix."""

    def run(*argv: str) -> str:
        before = names_in(here)
        capsys.readouterr()
        assert job.main(argv) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("build_cc100: ")
        assert err.endswith("\n")
        assert err.count("\n") == 1, err
        assert "Traceback" not in err
        assert names_in(here) == before, "a mistake must leave nothing behind"
        return err.removeprefix("build_cc100: ").rstrip("\n")

    return run


# --- mistakes in the text of the command line: nothing is read, no model is asked for


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["--preset", "cc200"], r"--preset: invalid choice: 'cc200' \(choose from '?cc100'?, '?ccnet'?\)"),
        (["--dedup_keep", "last"], r"--dedup_keep: invalid choice: 'last' \(choose from '?none'?, '?first'?\)"),
        (["--count_copies"], "--count_copies: with --dedup_keep none, .* one record; give --dedup_keep first, too"),
        (["--dedup_keeep", "none"], "unknown option --dedup_keeep; did you mean --dedup_keep?"),
        (["--dedup_keeep=none"], "unknown option --dedup_keeep(=none)?; did you mean --dedup_keep?"),
        (["--ouput", "x"], "unknown option --ouput; did you mean --output?"),
        (["--dedup-keep", "none"], "unknown option --dedup-keep; did you mean --dedup_keep?"),
        (["--lang", "en"], "unknown option --lang"),  # no abbreviations: a later option would change their meaning
        (["--zzzzzzzz"], r"unknown option --zzzzzzzz \(see --help\)"),
        (["stray.wet.gz"], "unknown option stray.wet.gz"),
        (["--overwrite=yes"], "--overwrite: ignored explicit argument 'yes'"),
        (["--min_chars"], "--min_chars: expected one argument"),
        (["--input"], "--input: expected at least one argument"),
        (["--min_chars", "many"], "--min_chars: invalid int value: 'many'"),
        (["--min_chars", "-1"], "--min_chars must be 0 or more, not -1"),
        (["--min_language_score", "1.5"], r"--min_language_score must be in \[0, 1\], not 1.5"),
        (["--min_language_score", "-0.5"], r"--min_language_score must be in \[0, 1\], not -0.5"),
        (["--min_language_score", "nan"], r"--min_language_score must be in \[0, 1\], not nan"),
        (["--min_language_score", "high"], "--min_language_score: invalid float value: 'high'"),
        (["--dump", "../x"], "--dump '../x': want the name of a dump, such as CC-MAIN-2018-51"),
        (["--dump", "A B"], "--dump 'A B': want the name of a dump"),
        (["--kind", "wat"], "--kind: invalid choice: 'wat'"),
        *[
            (["--segments", value], f"--segments '{value}': want A:B with A < B, such as 0:40")
            for value in ("", "3", "3:3", "4:3", "a:b", ":0", "1:2:3")
        ],
        (["--sample", "0"], "--sample must be 1 or more, not 0"),
        (["--sample", "1", "--segments", "0:1"], "--segments and --sample exclude each other"),
        (["--request_interval", "-1"], "--request_interval must be 0 to 900 seconds, not -1.0"),
        (["--request_interval", "901"], "--request_interval must be 0 to 900 seconds, not 901.0"),
        *[
            ([option, ""], f"{option} is empty")
            for option in ("--base", "--input", "--cache", "--dump", "--robots", "--blocklist", "--decontaminate")
        ],
        (["--request_interval", "nan"], "--request_interval must be 0 to 900 seconds, not nan"),
        (["--decontaminate", "t.txt", "--decontaminate_ngram", "4"], "--decontaminate_ngram must be 5 or more, not 4"),
        (
            ["--decontaminate", "t.txt", "--decontaminate_fields", ","],
            "--decontaminate_fields ',': want names, separated",
        ),
        *[
            ([f"--decontaminate_{name}", value], f"--decontaminate_{name} says how .* give --decontaminate, too")
            for name, value in (("ngram", "13"), ("fields", "a"), ("except", "a.txt"))
        ],
        (["--extractor", "lynx"], "--extractor: invalid choice: 'lynx'"),
        (["--verify_digests", "loose"], "--verify_digests: invalid choice: 'loose'"),
        (["--workers", "-1"], "--workers must be 0 or more, not -1"),
        (["--workers", "two"], "--workers: invalid int value"),
        (["--dedup_buckets", "-1"], "--dedup_buckets must be 0 or more, not -1"),
        *[
            ([option, size], f"{option} '{re.escape(size)}': want a size in bytes, such as 1000000, 64M or 1G")
            for option in ("--shard_bytes", "--max_record_bytes")
            for size in ("0", "0M", "-1", "", "M", "1.5G", "1T", "64 potatoes", "1e6")
        ],
        *[
            (["--keep_buckets", value], "--keep_buckets .*: want some of head, middle, tail, all, separated by commas")
            for value in ("", ",", "best", "head,best", "head;tail")
        ],
        *[
            (["--formats", value], "--formats .*: want some of jsonl.zst, parquet, txt.xz, separated by commas")
            for value in ("", "csv", "parquet,csv", "jsonl")
        ],
        *[
            (["--dedup_scope", scope], '--dedup_scope must be "all" or "group:N" with N >= 1, not ')
            for scope in ("", "some", "group", "group:", "group:0", "group:-2", "group:x", "2000")
        ],
        pytest.param(["--direct_num_workers", "two"], "--direct_num_workers: invalid int value"),
        pytest.param(["--direct_running_mode", "fast"], "--direct_running_mode: invalid choice"),
        pytest.param(["--shard_bytes", "9" * 5000], "--shard_bytes"),
    ],
    ids=lambda value: "_".join(value)[:40] if isinstance(value, list) else "",
)
def test_what_cannot_be_understood(mistake: Mistake, argv: list[str], line: str) -> None:
    assert re.search(line, mistake(*GIVEN, *argv))


def test_own_input_needs_an_output(mistake: Mistake) -> None:
    assert mistake("--input", str(WET)) == "--output is missing: the folder to write to"


def test_an_unknown_runner_is_known_before_any_work(mistake: Mistake, lid_model: Path) -> None:
    assert "NoSuchRunner" in mistake(*GIVEN, "--lid_model", str(lid_model), "--runner", "NoSuchRunner")


@pytest.mark.parametrize("name", ["directrunner", "direct", "DIRECTRUNNER"])
def test_no_spelling_of_the_direct_runner_is_beams_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Beam takes each of them for its DirectRunner, which downloads an engine at run time.
    try:
        arguments = parse(["--runner", name])
    except UserError:
        return
    assert arguments.runner in ("DirectRunner", "FnApiRunner")


# --- mistakes in the input


def a_listing(name: str, *lines: str) -> str:
    Path(name).write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return name


def test_input_that_is_missing(mistake: Mistake, here: Path) -> None:
    (here / "folder").mkdir()
    remedy = "matches no file; check the path, and quote a glob"
    for item in ("nothing.wet.gz", "no/where/*.wet.gz", "**/*.wet.gz", str(here / "nothing")):
        assert mistake("--input", item, "--output", "out") == f"--input {item} {remedy}"
    want = "--input folder is a directory without WET files (*.wet, *.wet.gz, *.wet.zst, *.wet.bz2, *.wet.xz)"
    assert mistake("--input", "folder", "--output", "out") == want


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_input_that_may_not_be_read(mistake: Mistake) -> None:
    Path("a.wet").touch(0)
    assert mistake("--input", "a.wet", "--output", "out") == "--input a.wet cannot be read; check its permissions"


def test_listings_that_lead_nowhere(mistake: Mistake) -> None:
    Path("broken.paths.gz").write_bytes(gzip.compress(b"crawl-data/a.wet.gz\n")[:-4])
    line = mistake("--input", "broken.paths.gz", "--output", "out")
    assert line.startswith("--input broken.paths.gz is not a listing that can be read: Compressed file ended")
    line = mistake("--input", a_listing("wet.paths.gz", "crawl-data/a.wet.gz", "b.wet.gz"), "--output", "out")
    assert re.fullmatch(
        r"--input wet\.paths\.gz: 2 of 2 files are missing, such as /.*/crawl-data/a\.wet\.gz; "
        "say with --base which folder holds crawl-data/",
        line,
    )
    assert "nothing to read: the listing is empty" in mistake("--input", a_listing("none.paths.gz"), "--output", "out")


def test_a_segment_given_twice(mistake: Mistake) -> None:
    line = mistake("--input", str(WET), str(crawl_directory()), "--output", "out")
    assert "stands twice" in line
    assert line.endswith("; give each segment once")


def test_input_from_the_network(mistake: Mistake) -> None:
    for url in ("https://host/folder/", "s3://bucket/*.wet.gz"):
        line = mistake("--input", url, "--output", "out")
        assert line == f"--input {url}: a remote folder cannot be searched; give URLs of files, or of a *.paths.gz"
    assert "ftp://host/x.wet" in mistake("--input", "ftp://host/x.wet", "--output", "out")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("s3:/bucket/out", "s3://bucket/out"),
        ("GS:bucket/out", "gs://bucket/out"),
        ("hdfs:/data/out", "hdfs://data/out"),
        ("file:/data/out", "file:///data/out"),
    ],
)
@pytest.mark.parametrize("option", ["--output", "--work_dir", "--hash_index"])
def test_a_url_that_lacks_a_slash_makes_no_folder(typed: str, meant: str, option: str, mistake: Mistake) -> None:
    line = mistake(*GIVEN, "--output", "out", option, typed)
    assert line.endswith(f"{typed}: write {meant}, or ./{typed} for a local path of that name")


def test_a_dump_that_is_not_there(mistake: Mistake) -> None:
    line = mistake("--dump", "CC-MAIN-2018-99", "--base", "mirror", "--output", "out")
    path = "mirror/crawl-data/CC-MAIN-2018-99/wet.paths.gz"
    assert line == f"there is no {path}; check the name of the dump and --base"


def test_choosing_where_there_is_no_listing(mistake: Mistake) -> None:
    remedy = "--segments and --sample choose from a listing: give --dump, or a *.paths.gz as --input"
    assert mistake(*GIVEN, "--sample", "3") == mistake(*GIVEN, "--segments", "3:") == remedy
    assert mistake("--base", "x") == "--base x: what is to be read from there? give --dump, too"


def test_a_block_list_that_is_none(mistake: Mistake, lid_model: Path) -> None:
    assert "nothing.txt" in mistake(*GIVEN, "--lid_model", str(lid_model), "--blocklist", "nothing.txt")


def test_archives_of_robots_txt_that_are_none(mistake: Mistake, lid_model: Path) -> None:
    given = [*GIVEN, "--lid_model", str(lid_model), "--robots"]
    assert (
        mistake(*given, "nothing.warc.gz")
        == "--robots nothing.warc.gz matches no file; check the path, and quote a glob"
    )
    assert mistake(*given, a_listing("r.paths.gz", "a.warc.gz")).startswith(
        "--robots r.paths.gz: 1 of 1 files are missing"
    )
    assert mistake(*given, str(WET)).startswith(f"--robots {WET} holds no robots.txt: give archives of them")
    Path("robots.txt").write_text("User-agent: *\n")
    assert mistake(*given, "robots.txt").startswith("--robots robots.txt ")


# --- mistakes in the models


def test_a_language_model_that_is_absent(mistake: Mistake) -> None:
    line = mistake(*GIVEN, "--lid_model", "lid.177.bin")
    assert line.startswith("--lid_model lid.177.bin: no such file, and not one of lid.176.bin, lid.176.ftz, ")


@pytest.mark.parametrize("content", [b"", b"x", b"no model " * 1000])
def test_a_language_model_that_is_none(mistake: Mistake, content: bytes) -> None:
    Path("model.bin").write_bytes(content)
    assert mistake(*GIVEN, "--lid_model", "model.bin").startswith("--lid_model model.bin is not a fastText model")


def test_a_language_model_in_the_cache_that_is_not_the_one(mistake: Mistake, tmp_path: Path) -> None:
    cached = tmp_path / "cache" / "lid.176.ftz"
    cached.parent.mkdir()
    cached.write_bytes(b"cut off")
    want = f"{cached} has the wrong sha256; delete it, and it is fetched anew"
    assert mistake(*GIVEN, "--lid_model", "lid.176.ftz") == want


@pytest.mark.parametrize("size", [100, 930_000])
def test_a_language_model_that_is_cut_off(mistake: Mistake, lid_model: Path, size: int) -> None:
    # It must not be loaded at all: fastText takes what stands behind the end for sizes.
    Path("lid.176.ftz").write_bytes(lid_model.read_bytes()[:size])
    line = mistake(*GIVEN, "--lid_model", "lid.176.ftz")
    assert line.startswith("--lid_model lid.176.ftz is not the published lid.176.ftz: ")


@pytest.mark.parametrize("value", ["xx", "en,klingon", "", "EN", "en;sw"])
def test_unknown_languages(mistake: Mistake, lid_model: Path, value: str) -> None:
    line = mistake(*GIVEN, "--lid_model", str(lid_model), "--languages", value)
    assert line.startswith(f"--languages {value!r}: unknown language ")
    assert 'use codes of CC-100 or labels of the model such as "en,sw,zh-Hans", or "cc100", or "all"' in line


@pytest.fixture
def fluency(here: Path, lid_model: Path, mistake: Mistake) -> Mistake:
    """`fluency(change)`: the mistake that a changed copy of the sample's models is."""

    def run(change: Callable[[Path], object]) -> str:
        shutil.copytree(lm_directory(), "lm")
        change(here / "lm")
        return mistake(*GIVEN, "--lid_model", str(lid_model), "--lm_dir", "lm")

    return run


def edit(name: str, old: str, new: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


def cut(name: str, size: int) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def junk(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(b"no model\n" * 9)


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (shutil.rmtree, "^--lm_dir lm is not a directory"),
        (empty, r"^--lm_dir lm holds no <language>\.sp\.model; leave the option out to go without models"),
        (lambda f: (f / "cutoffs.csv").unlink(), r"^--lm_dir lm lacks cutoffs\.csv; .*fluency fetch --cutoffs"),
        (lambda f: (f / "en.arpa.bin").unlink(), r"^lm/en\.sp\.model has no en\.arpa\.bin beside it"),
        pytest.param(
            lambda f: (f / "en.sp.model").unlink(), r"en\.sp\.model"
        ),
        (edit("cutoffs.csv", "en,", "eo,"), r"^lm/cutoffs\.csv has no row for en, .* there; add one, or"),
        (edit("cutoffs.csv", "head", "kopf"), r"^lm/cutoffs\.csv: 'head' .*want the columns language,head,middle"),
        (edit("cutoffs.csv", "9.4", "low"), r"^lm/cutoffs\.csv: .*'low' .*want the columns language,head,middle"),
        (edit("cutoffs.csv", "mended", "nfc"), r"^lm/cutoffs\.csv: normalization 'nfc' .*want the columns"),
        pytest.param(cut("en.arpa.bin", 0), r"lm/en\.arpa\.bin"),
        pytest.param(cut("en.arpa.bin", 20_000), r"lm/en\.arpa\.bin"),
        pytest.param(junk("en.arpa.bin"), r"lm/en\.arpa\.bin"),
        pytest.param(cut("en.sp.model", 0), r"lm/en\.sp\.model"),
        pytest.param(cut("en.sp.model", 5_000), r"lm/en\.sp\.model"),
        pytest.param(junk("en.sp.model"), r"lm/en\.sp\.model"),
    ],
    ids=["missing", "empty", "no cutoffs", "no n-grams", "no pieces", "no row", "no column", "no number",
         "no such form", "n-grams: nothing", "n-grams: cut off", "n-grams: junk", "pieces: nothing",
         "pieces: cut off", "pieces: junk"],
)  # fmt: skip
def test_fluency_models_that_cannot_be_used(fluency: Mistake, change: Callable[[Path], object], line: str) -> None:
    assert re.search(line, fluency(change))


# --- mistakes in the output


@pytest.fixture(scope="module")
def built(lid_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """A finished run in few bytes: its command line without --output, and its run directory."""
    out = tmp_path_factory.mktemp("built") / "out"
    argv = ["--input", str(WET), "--lid_model", str(lid_model)]
    assert job.main([*argv, "--output", str(out)]) == 0
    return argv, out


def shards(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted((out / "shards").rglob("*.*"))}


def test_output_that_is_no_run_directory(mistake: Mistake, here: Path, lid_model: Path) -> None:
    (here / "photos").mkdir()
    (here / "photos" / "dog.jpg").touch()
    for more in ([], ["--overwrite"]):
        line = mistake("--input", str(WET), "--lid_model", str(lid_model), "--output", "photos", *more)
        assert line == "--output photos exists and is no run directory; choose an empty or new one"


@pytest.mark.parametrize("content", ["", "{", "[]", '"x"', '{"fingerprint": 3, "configuration": 3}'])
def test_output_with_a_broken_run_file(mistake: Mistake, here: Path, lid_model: Path, content: str) -> None:
    (here / "out").mkdir()
    (here / "out" / "run.json").write_text(content)
    line = mistake(*GIVEN, "--lid_model", str(lid_model))
    assert "out" in line
    assert "--overwrite" in line or "choose another --output" in line


@pytest.mark.parametrize("place", ["file.txt", "file.txt/x", "file.txt/x/y"])
@pytest.mark.parametrize("option", ["--output", "--work_dir"])
def test_a_place_below_a_file(mistake: Mistake, lid_model: Path, option: str, place: str) -> None:
    Path("file.txt").write_text("text")
    argv = ["--output", "out"] if option == "--work_dir" else []
    line = mistake("--input", str(WET), "--lid_model", str(lid_model), *argv, option, place)
    assert "file.txt" in line
    assert Path("file.txt").read_text() == "text"


@pytest.mark.parametrize("place", ["s3://bucket/out", "gs://bucket/out", "hdfs://host/out", "nosuch://x/out"])
def test_a_place_that_this_installation_cannot_reach(mistake: Mistake, lid_model: Path, place: str) -> None:
    assert place.partition(":")[0] in mistake("--input", str(WET), "--lid_model", str(lid_model), "--output", place)


@pytest.mark.parametrize(
    ("more", "changed"),
    [
        (["--dedup_keep", "first"], "recipe.dedup_keep was 'none', now 'first'"),
        (["--min_chars", "10"], "recipe.min_chars was 300, now 10"),
        (["--shard_bytes", "1M"], "shard_bytes was 536870912, now 1048576"),
        (["--keep_rejects"], "keep_rejects was False, now True"),
        (["--keep_labels"], "keep_labels was False, now True"),
        (["--languages", "en,fr"], "recipe.languages was 'cc100', now 'en,fr'"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_output_of_another_configuration_says_what_changed_and_nothing_else(
    mistake: Mistake, built: tuple[list[str], Path], more: list[str], changed: str
) -> None:
    argv, out = built
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert mistake(*argv, "--output", str(out), *more) == (
        f"--output {out} holds a run of another configuration ({changed}); "
        "choose another --output, or start anew with --overwrite"
    )
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_output_of_other_input_or_models_says_so(
    mistake: Mistake, built: tuple[list[str], Path], lid_model: Path, here: Path
) -> None:
    argv, out = built
    another = sorted(crawl_directory().rglob("*.wet.gz"))[1]
    line = mistake(*argv[2:], "--input", str(another), "--output", str(out))
    assert "inputs_sha256 was " in line
    line = mistake(*argv, "--output", str(out), "--lm_dir", str(lm_directory()))
    assert "models.en.sp.model was None, now " in line


def test_output_of_an_earlier_version_is_refused_in_a_line(
    mistake: Mistake, built: tuple[list[str], Path], here: Path
) -> None:
    """Its intermediate files have another form; of those that are older than the number of the form, too."""
    argv, out = built
    run = json.loads((out / "run.json").read_text("utf-8"))
    del run["configuration"]["work_format"]
    (here / "out").mkdir()
    (here / "out" / "run.json").write_text(json.dumps(run | {"fingerprint": "5c3abb045273621d"}), "utf-8")
    assert mistake(*argv, "--output", "out") == (
        "--output out holds a run of another configuration (its intermediate files are those of another version of "
        "this program); choose another --output, or start anew with --overwrite"
    )


def test_overwrite_starts_anew_and_a_finished_run_is_not_built_again(
    built: tuple[list[str], Path], here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    argv, out = built
    shutil.copytree(out, "out")
    (here / "out" / "shards" / "xx").mkdir()
    (here / "out" / "shards" / "xx" / "old-00000.jsonl.zst").touch()
    (here / "out" / "notes.txt").write_text("mine")
    argv = [*argv, "--output", "out", "--min_chars", "3000"]
    assert job.main([*argv, "--overwrite"]) == 0
    assert "xx" not in " ".join(shards(here / "out"))
    assert shards(here / "out") != shards(out)
    assert (here / "out" / "notes.txt").read_text() == "mine"
    assert json.loads((here / "out" / "run.json").read_text())["configuration"]["recipe"]["min_chars"] == 3000
    monkeypatch.setattr(execution, "execute", lambda *_: pytest.fail("was built again"))
    capsys.readouterr()
    assert job.main(argv) == 0
    assert "complete already" in capsys.readouterr().out


# --- what the machine refuses


def fail_at(monkeypatch: pytest.MonkeyPatch, pattern: str, code: int) -> None:
    """Let the creation of files whose path matches fail."""
    create = LocalStore._create

    def refuse(store: LocalStore, path: Path) -> Any:
        if re.search(pattern, str(path)):
            raise OSError(code, os.strerror(code), str(path))
        return create(store, path)

    monkeypatch.setattr(LocalStore, "_create", refuse)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "the disk is full; free some room"),
        (errno.EDQUOT, "the disk quota is used up; free some room"),
        (errno.EACCES, "no permission to write there; choose another --output or mend the permissions"),
        (errno.EPERM, "no permission to write there; choose another --output or mend the permissions"),
        (errno.EROFS, "the file system is read-only; choose another --output"),
    ],
    ids=errno.errorcode.get,
)
def test_output_that_cannot_be_written(
    mistake: Mistake, lid_model: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    fail_at(monkeypatch, "run.json", code)
    assert mistake(*GIVEN, "--lid_model", str(lid_model)).startswith(f"out/run.json: {remedy}")


def test_a_disk_that_fills_up_midway(
    here: Path,
    built: tuple[list[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv, whole = built
    # In the order in which a run comes by: each time it gets as far as the next.
    for place in (
        r"segments\.json", r"extract.*pages\.zst", "scatter", r"mine.*done\.json", "shards/", r"manifest\.json"
    ):  # fmt: skip
        with monkeypatch.context() as patch:
            fail_at(patch, place, errno.ENOSPC)
            assert job.main([*argv, "--output", "out"]) == 2
        err = capsys.readouterr().err
        assert "Traceback" not in err
        line = err.splitlines()[-1]
        assert re.fullmatch(rf"build_cc100: \S*{place}\S*: the disk is full; free some room .*", line)
        assert not (here / "out" / "manifest.json").exists()
        assert not list(here.rglob(".writing-*"))
    assert job.main([*argv, "--output", "out"]) == 0
    assert shards(here / "out") == shards(whole)


def test_a_limit_on_file_sizes(here: Path, built: tuple[list[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    argv, _ = built
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        status = job.main([*argv, "--output", "out"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    err = capsys.readouterr().err
    assert status == 2
    assert re.fullmatch(
        r"build_cc100: \S+/out/work/\S+: the file is larger than this machine allows; raise the limit .*",
        err.splitlines()[-1],
    )
    assert "Traceback" not in err
    assert not list(here.rglob(".writing-*"))


# --- what main makes of errors

OUR_FAULT = "this is a defect, please report it; nothing was published"


def raised(error: BaseException) -> Callable[..., NoReturn]:
    def run(*_: object) -> NoReturn:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (KeyboardInterrupt(), 130, "\nbuild_cc100: interrupted; the same command goes on where it stopped\n"),
        (
            RuntimeError("KeyboardInterrupt [while running 'Extract']"),
            130,
            "\nbuild_cc100: interrupted; the same command goes on where it stopped\n",
        ),
        (UserError("mend it"), 2, "build_cc100: mend it\n"),
        (RuntimeError("x UserError: mend it [while running 'Mine']"), 2, "build_cc100: mend it\n"),
        (RuntimeError("Traceback\nccnet_pipeline.errors.UserError: mend it\nmore"), 2, "build_cc100: mend it\n"),
        (RuntimeError("ccnet_pipeline.errors.UnreachableError: s3://b is down\n"), 1, "build_cc100: s3://b is down\n"),
        (BalanceError("9 of 10"), 1, f"build_cc100: 9 of 10; {OUR_FAULT}\n"),
    ],
)
def test_errors_become_lines_and_exit_codes(
    error: BaseException, status: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(job, "run", raised(error))
    assert job.main([]) == status
    assert capsys.readouterr().err == line


def test_a_mistake_is_found_behind_what_beam_wraps_around_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outer = RuntimeError("bundle failed")
    outer.__cause__ = UserError("mend it [while running 'Extract']")
    monkeypatch.setattr(job, "run", raised(outer))
    assert job.main([]) == 2
    assert capsys.readouterr().err == "build_cc100: mend it\n"


def test_a_defect_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "run", raised(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError):
        job.main([])


# --- as a process


def test_a_mistake_as_a_process(here: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    argv = [*ENTRY_POINT, "--input", "nothing", "--output", "out"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("build_cc100: --input nothing matches no file; ")
    assert done.stderr.count("\n") == 1
    assert names_in(here) == set()


# --- help


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_the_golden_one(
    here: Path, option: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    assert job.main([option]) == 0
    assert capsys.readouterr() == (GOLDEN_HELP.read_text(), ""), (
        f"if this is wanted: COLUMNS=100 python -m beam_jobs.build_cc100 --help > {GOLDEN_HELP.relative_to(CHECKOUT)}"
    )
    assert names_in(here) == set()


def test_every_option_is_explained_and_named_in_the_golden_help() -> None:
    golden = GOLDEN_HELP.read_text()
    for action in make_parser()._actions:
        assert action.help
        assert len(action.help) > 20, action.option_strings
        assert all(option in golden for option in action.option_strings)


def test_the_names_that_scripts_rely_on() -> None:
    ours = {option for action in make_parser()._actions for option in action.option_strings}
    assert ours >= {
        "--input", "--output", "--preset", "--workers", "--lid_model", "--lm_dir", "--dedup_scope", "--dedup_keep",
        "--keep_buckets", "--formats", "--keep_rejects", "--keep_work", "--work_dir", "--overwrite", "--runner",
    }  # fmt: skip


def test_the_help_states_the_true_defaults() -> None:
    text = " ".join(GOLDEN_HELP.read_text().split())
    for option, default in [
        ("--min_chars N drop", f"[{CC100.min_chars}]"),
        ("--max_record_bytes SIZE drop", f"[{CC100.max_record_bytes >> 20}M]"),
        ("--dedup_scope SCOPE compare", f"[{CC100.dedup_scope}]"),
        ("--dedup_keep {none,first} of", f"[{CC100.dedup_keep}]"),
        ("--min_language_score P drop", f"else {LEAST_SCORE} / {CCNET.min_language_score}]"),
        ("--languages LIST languages", f"[{CC100.languages} / {CCNET.languages}]"),
        ("--keep_buckets LIST of", f"[{','.join(CC100.keep_buckets)} / {','.join(CCNET.keep_buckets)}]"),
        ("--shard_bytes SIZE compressed", "512M"),
    ]:
        assert default in text.partition(option)[2][:260], option
    for name in ("min_chars", "max_record_bytes", "dedup_scope", "dedup_keep"):
        assert getattr(CC100, name) == getattr(CCNET, name), "one default is shown for both presets"


# --- what a command line means


def test_defaults_for_the_sample() -> None:
    arguments = parse([])
    assert arguments.is_sample
    assert arguments.selection == Selection(dumps=("CC-MAIN-2026-04",), base=str(crawl_directory()))
    assert (arguments.output, arguments.lid_model, arguments.lm_dir) == ("cc100-sample", "lid.176.ftz", None)
    assert arguments.recipe == CC100
    assert (arguments.formats, arguments.shard_bytes) == (("jsonl.zst",), 512 << 20)
    assert (arguments.runner, arguments.workers, arguments.dedup_buckets) == ("DirectRunner", os.cpu_count(), 0)
    flags = (arguments.keep_rejects, arguments.keep_labels, arguments.keep_work, arguments.overwrite)
    assert flags == (False, False, False, False)
    assert arguments.second_lid_model is None
    assert (arguments.work_dir, arguments.blocklist, arguments.beam) == (None, (), ())
    assert arguments.fetch == FetchPolicy()


def test_defaults_for_own_input() -> None:
    arguments = parse(["--input", "a", "b", "--output", "out"])
    assert arguments == dataclasses.replace(
        parse([]), selection=Selection(inputs=("a", "b")), is_sample=False, output="out", lid_model="lid.176.bin"
    )


def test_input_may_be_given_in_several_pieces_and_runs_do_not_share_it() -> None:
    argv = ["--input", "a", "b", "--output", "out", "--input", "c"]
    assert parse(argv).selection == parse(argv).selection == Selection(inputs=("a", "b", "c"))
    assert parse([]).selection.inputs == ()


@pytest.mark.parametrize(
    ("argv", "selection"),
    [
        (["--dump", "CC-MAIN-2018-51"], Selection(dumps=("CC-MAIN-2018-51",))),
        (["--dump", "A", "B", "--dump", "CC-NEWS/2024/05"], Selection(dumps=("A", "B", "CC-NEWS/2024/05"))),
        (["--dump", "A", "--kind", "warc", "--base", "s3://b"], Selection(dumps=("A",), kind="warc", base="s3://b")),
        (["--dump", "A", "--segments", "0:40"], Selection(dumps=("A",), pick=Pick(start=0, stop=40))),
        (["--dump", "A", "--segments", "7:"], Selection(dumps=("A",), pick=Pick(start=7))),
        (["--dump", "A", "--segments", ":7"], Selection(dumps=("A",), pick=Pick(stop=7))),
        (["--dump", "A", "--sample", "3"], Selection(dumps=("A",), pick=Pick(sample=3))),
        (["--dump", "A", "--sample", "3", "--sample_seed", "1"], Selection(dumps=("A",), pick=Pick(sample=3, seed=1))),
        (["--input", "x.paths", "--dump", "A"], Selection(inputs=("x.paths",), dumps=("A",))),
    ],
)
def test_what_is_selected(argv: list[str], selection: Selection) -> None:
    assert parse(["--output", "out", *argv]).selection == selection


def test_presets() -> None:
    assert parse(["--preset", "cc100"]).recipe == CC100
    assert parse(["--preset", "ccnet"]).recipe == CCNET
    assert (CC100.unit, CC100.title_is_paragraph) == ("paragraph", True)
    assert (CC100.languages, CC100.normalization) == ("cc100", "mended")
    assert CC100.keep_buckets == ("head", "middle", "all")
    assert (CCNET.unit, CCNET.title_is_paragraph) == ("document", False)
    assert (CCNET.languages, CCNET.normalization) == ("all", "ccnet")
    assert CCNET.keep_buckets == ("head", "middle", "tail", "all")
    assert (CC100.min_language_score, CCNET.min_language_score) == (None, 0.5)
    for preset in (CC100, CCNET):
        assert (preset.min_chars, preset.max_record_bytes) == (300, 16 << 20)
        assert (preset.dedup_scope, preset.dedup_keep) == ("all", "none")


@pytest.mark.parametrize("preset", [CC100, CCNET], ids=["cc100", "ccnet"])
@pytest.mark.parametrize(
    ("argv", "field", "value"),
    [
        (["--min_chars", "0"], "min_chars", 0),
        (["--max_record_bytes", "2m"], "max_record_bytes", 2 << 20),
        (["--dedup_scope", "group:20"], "dedup_scope", "group:20"),
        (["--dedup_keep", "first"], "dedup_keep", "first"),
        (["--min_language_score", "0"], "min_language_score", 0.0),
        (["--languages", "sw"], "languages", "sw"),
        (["--keep_buckets", "tail"], "keep_buckets", ("tail",)),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_everything_in_a_preset_can_be_overridden(preset: Any, argv: list[str], field: str, value: object) -> None:
    recipe = parse(["--preset", preset.preset, *argv]).recipe
    assert recipe == dataclasses.replace(preset, **{field: value})


@pytest.mark.parametrize(
    ("option", "field", "given"),
    [
        ("--work_dir", "work_dir", "w"), ("--lm_dir", "lm_dir", "l"),
        ("--lid_model", "lid_model", "m"), ("--runner", "runner", "FlinkRunner"),
    ],
)  # fmt: skip
def test_places_and_names(option: str, field: str, given: str) -> None:
    assert parse([option, given]) == dataclasses.replace(parse([]), **{field: given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "option",
    [
        "cache", "output", "work_dir", "lm_dir", "hash_index", "lid_model", "second_lid_model", "blocklist"
    ],
)  # fmt: skip
def test_a_file_url_is_the_path_that_it_means(option: str) -> None:
    assert parse([f"--{option}", "file:///a%20b"]) == parse([f"--{option}", "/a b"])
    with pytest.raises(UserError, match="not from ftp://"):
        parse([f"--{option}", "ftp://host/a"])


@pytest.mark.parametrize("flag", ["keep_rejects", "keep_labels", "keep_work", "overwrite"])
def test_flags(flag: str) -> None:
    assert parse([f"--{flag}"]) == dataclasses.replace(parse([]), **{flag: True})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("1000000", 1000000), ("64M", 64 << 20), ("64mb", 64 << 20), ("2 k", 2048), ("1G", 1 << 30), ("7b", 7)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse(["--shard_bytes", text]).shard_bytes == size
    assert parse(["--max_record_bytes", text]).recipe.max_record_bytes == size


@pytest.mark.parametrize(
    ("option", "one", "two"),
    [
        ("--formats", "jsonl.zst,parquet,txt.xz", " txt.xz, jsonl.zst,parquet,parquet,"),
        ("--keep_buckets", "head,all", "all, head"),
        pytest.param("--languages", "en,fr,zh-Hans", "zh-Hans, en,fr,en"),
    ],
)
def test_the_order_of_a_list_changes_nothing(option: str, one: str, two: str) -> None:
    assert parse([option, one]) == parse([option, two])


def test_workers_and_buckets() -> None:
    assert parse(["--workers", "3", "--dedup_buckets", "5"]) == dataclasses.replace(
        parse([]), workers=3, dedup_buckets=5
    )
    assert parse(["--workers", "0"]).workers == os.cpu_count()


def test_options_of_beam_are_passed_on() -> None:
    argv = ["--flink_master", "localhost:8081", "--direct_runner_bundle_repeat=1", "--experiments=x"]
    assert parse(["--min_chars", "3", *argv]).beam == tuple(argv)


# --- what decides the result, and what does not


@pytest.fixture
def fingerprint(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`fingerprint("--min_chars", "3")`: of the run that a command line begins, with a file for its models."""

    class BegunError(Exception):
        """The run would begin now."""

    begun: list[str] = []

    def claim(_: object, config: Configuration, *__: object, **___: object) -> NoReturn:
        begun.append(config.fingerprint)
        raise BegunError

    (here / "model").write_bytes(b"model")
    monkeypatch.setattr(preparation, "find_model", Path)
    no_models = Coverage(None, (), frozenset(), ())
    monkeypatch.setattr(preparation, "_checked_models", lambda *_: ([here / "model"], no_models))
    monkeypatch.setattr(execution, "make_pipeline", lambda *_: (1, None))
    monkeypatch.setattr(run_directory, "claim", claim)
    monkeypatch.setattr("beam_jobs.runners.job_server.require", lambda *_, **__: None)  # it would be fetched

    def of(*argv: str) -> str:
        with pytest.raises(BegunError):
            job.main(["--output", "out", *([] if "--input" in argv else ["--input", str(WET)]), *argv])
        return begun[-1]

    return of


@pytest.mark.parametrize(
    "argv",
    [
        ["--runner", "FlinkRunner"], ["--workers", "1"], ["--workers", "7"], ["--dedup_buckets", "9"],
        ["--work_dir", "elsewhere"], ["--keep_work"], ["--overwrite"], ["--output", "other"], ["--base", "x"],
        ["--direct_runner_bundle_repeat=1"], ["--preset", "cc100"], ["--cache", "x"], ["--request_interval", "3"],
        ["--min_chars", "300"], ["--formats", "jsonl.zst"], ["--keep_buckets", "all,middle,head"],
        ["--shard_bytes", "524288K"], ["--max_record_bytes", str(16 << 20)],
    ],
    ids="_".join,
)  # fmt: skip
def test_how_a_run_is_executed_is_not_in_its_fingerprint(fingerprint: Callable[..., str], argv: list[str]) -> None:
    assert fingerprint(*argv) == fingerprint()


def test_every_setting_of_the_method_is_in_the_fingerprint(fingerprint: Callable[..., str], here: Path) -> None:
    blocklist = here / "blocklist.txt"
    blocklist.write_text("example.org\n")
    robots = here / "robots.warc"
    robots.write_bytes(capture("http://example.org/robots.txt"))
    tests = here / "tests.jsonl"
    tests.write_text('{"a": "Where did the seven quick brown foxes and all wizards fly last night?"}\n')
    (here / "except.txt").write_text("Permission is granted\n")
    how: list[list[str]] = [
        *([], ["--decontaminate_ngram", "8"]),
        *(["--decontaminate_fields", "a"], ["--decontaminate_except", "except.txt"]),
    ]
    settings = [
        [],
        ["--preset", "ccnet"],
        ["--min_chars", "299"],
        ["--max_record_bytes", "15M"],
        ["--dedup_scope", "group:2"],
        ["--dedup_keep", "first"],
        ["--dedup_keep", "first", "--count_copies"],
        ["--min_language_score", "0.4"],
        ["--languages", "all"],
        ["--keep_buckets", "head"],
        ["--formats", "parquet"],
        ["--formats", "parquet,jsonl.zst"],
        ["--shard_bytes", "511M"],
        ["--keep_rejects"],
        ["--keep_labels"],
        ["--verify_digests"],
        ["--verify_digests", "strict"],
        ["--extractor", "trafilatura"],
        ["--ignore_opt_out"],
        ["--blocklist", str(blocklist)],
        ["--robots", str(robots)],
        *(["--decontaminate", str(tests), *more] for more in how),
    ]
    prints = [fingerprint(*argv) for argv in settings]
    assert len(set(prints)) == len(settings)


def test_the_order_and_the_place_of_the_input_are_not_in_the_fingerprint(
    fingerprint: Callable[..., str], here: Path
) -> None:
    shutil.copytree(crawl_directory(), "copy")
    wet = sorted(map(str, Path("copy").rglob("*.wet.gz")))

    def of(*inputs: str) -> str:
        return fingerprint("--input", *inputs)

    assert of("copy") == of(*wet) == of(*reversed(wet)) == of(str(crawl_directory()))
    assert of(*wet[1:]) != of(*wet)
