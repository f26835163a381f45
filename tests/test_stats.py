"""`python -m ccnet_pipeline.stats`, and the end of a run, which shows the beginning of the same tables."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beam_jobs.layout import Layout
from beam_jobs.summary import print_summary
from ccnet_pipeline.ledger import Balance, DamageTally
from ccnet_pipeline.shards.published import LanguageBooks
from ccnet_pipeline.stats.__main__ import main
from ccnet_pipeline.storage import write_json
from tests.finished_runs import FILE, write_finished_run, write_ledger, write_run_file

LANGUAGES = [f"l{number:02d}" for number in range(12)]
MANY = [
    replace(FILE, path=f"shards/{code}/all-00000.jsonl.zst", language=code, characters=100 - number)
    for number, code in enumerate(LANGUAGES)
]
Printed = Callable[..., str]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def printed(out: Path, capsys: pytest.CaptureFixture[str]) -> Printed:
    """`printed("--json")`: what the command prints of the run directory `out`."""

    def run(*flags: str) -> str:
        assert main([str(out), *flags]) == 0
        return capsys.readouterr().out

    return run


def test_the_end_of_a_run_shows_ten_languages_and_says_how_to_see_the_others(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_finished_run(out, *MANY)
    print_summary(Layout(str(out), ""))
    shown = capsys.readouterr().out
    assert re.findall(r"│ (l\d\d) ", shown) == LANGUAGES[:10]
    assert f"\nand 2 more: python -m ccnet_pipeline.stats {out}\n" in shown
    assert "│ all 12 " in shown


def test_stats_show_every_language(out: Path, printed: Printed) -> None:
    write_finished_run(out, *MANY)
    shown = printed()
    assert re.findall(r"│ (l\d\d) ", shown) == LANGUAGES
    assert "more:" not in shown


def test_the_json_has_the_figures_of_the_tables(out: Path, printed: Printed) -> None:
    books = {unit: Balance(9, 5, {"too_short": 4}) for unit in ("records", "paragraphs", "characters")}
    language = LanguageBooks(**books, mean_score=0.9, median_perplexity=40.0, head_share=0.5)
    files = [
        replace(FILE, path=f"shards/en/{bucket}-00000.{form}", bucket=bucket, format=form, documents=2, characters=5)
        for bucket in ("head", "middle")
        for form in ("jsonl.zst", "parquet")
    ]
    damage = DamageTally(7, 1, {"truncated_member": 1})
    write_finished_run(out, *files, **books, languages={"en": language}, damage=damage)
    balance = {"read": 9, "kept": 5, "dropped": {"too_short": 4}}
    assert json.loads(printed("--json")) == {
        "version": 1,
        "output": str(out),
        "complete": True,
        "unfinished": [],
        "segments": 1,
        "languages": {
            "en": {
                "documents": 4, "paragraphs": 2, "characters": 10, "bytes": 198, "buckets": {"head": 2, "middle": 2},
                "mean_score": 0.9, "median_perplexity": 40.0, "head_share": 0.5,
            }
        },
        "records": balance,
        "paragraphs": balance,
        "characters": balance,
        "damage": {"bytes": 7, "members": 1, "reasons": {"truncated_member": 1}},
        "remarks": ["Damage: 7 bytes of the archives could not be read (truncated_member 1)."],
    }  # fmt: skip


def lost(**dropped: int) -> LanguageBooks:
    """Return the books of a language of which nothing was kept."""
    records = Balance(sum(dropped.values()), 0, dropped)
    return LanguageBooks(records=records, paragraphs=Balance(), characters=Balance())


def test_a_language_of_which_nothing_was_kept_is_named_with_its_reason(out: Path, printed: Printed) -> None:
    few = {code: lost(too_bad=20) for code in LANGUAGES[:7]}
    write_finished_run(
        out, FILE, languages={
            "sw": lost(bucket_tail=60, contaminated=9), "en": lost(bucket_tail=4004),
            "fr": lost(language_unwanted=999), "ha": lost(bucket_tail=19), **few,
        },
    )  # fmt: skip
    calibrate = "the cut-offs may be those of other text: python -m ccnet_pipeline.fluency calibrate"
    remarks = [
        f"Nothing was kept of en (4,004 documents), sw (69): mostly bucket_tail; {calibrate}.",
        "Nothing was kept of l00 (20 documents), l01 (20), l02 (20), l03 (20), l04 (20), and 2 more: too_bad.",
    ]
    assert json.loads(printed("--json"))["remarks"] == remarks
    assert printed().splitlines()[-2:] == remarks


# --- what is not finished


def test_a_run_that_was_interrupted_says_how_far_it_came(out: Path, printed: Printed) -> None:
    work = "work/ab"
    write_run_file(out, inputs=[{"name": f"{n}.wet", "size": 1} for n in range(3)], work=[work])
    for stage, numbers in (("extract", "012"), ("mine", "1")):
        for number in numbers:
            write_json(str(out / work / stage / "000" / f"00000{number}.done.json"), {})
    (out / work / "mine" / "000" / ".writing-000002.done.json").touch()
    write_json(str(out / work / "failures.json"), [{"segment": "2.wet", "reason": "2.wet: 503", "tried": True}])
    said = [
        "The run is not complete, it has no manifest.json and ledger.json: run the same build_cc100 command again to "
        "go on.",
        "3 of 3 archives are read.",
        "1 of 3 archives are through language and fluency.",
        "1 archives could not be read, the first: 2.wet: 503",
    ]
    assert printed().splitlines() == said
    found = json.loads(printed("--json"))
    assert (found["complete"], found["unfinished"], found["segments"]) == (False, said, 3)
    assert (found["languages"], found["records"]) == ({}, None)


def test_a_run_that_ended_before_its_manifest_shows_its_balance(out: Path, printed: Printed) -> None:
    write_run_file(out)
    write_ledger(out, records=Balance(3, 3))
    assert "The run is not complete, it has no manifest.json:" in printed()
    assert "The balance\n" in printed()


def test_an_interrupted_removal_is_named(out: Path, printed: Printed) -> None:
    write_finished_run(out, FILE)
    write_json(str(out / "removed" / "pending.json"), {"folder": "00001", "swaps": []})
    assert printed().startswith("A removal of documents was interrupted: run the same beam_jobs.remove command again.")
    assert json.loads(printed("--json"))["complete"] is False


def test_a_run_that_kept_nothing_has_its_tables(out: Path, printed: Printed) -> None:
    write_finished_run(out)
    assert "│ all 0 " in printed()


def test_a_ledger_of_an_earlier_version_is_read(out: Path, printed: Printed) -> None:
    write_finished_run(out, FILE)
    ledger = json.loads((out / "ledger.json").read_bytes())
    balance = {"read": 1, "kept": 1, "dropped": {}}
    ledger["languages"] = {"en": {"records": balance, "paragraphs": balance, "characters": balance}}
    (out / "ledger.json").write_text(json.dumps(ledger))
    assert "│ en " in printed()


@pytest.mark.parametrize("name", ["run.json", "manifest.json", "ledger.json"])
def test_a_damaged_file_is_a_line(name: str, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_finished_run(out, FILE)
    (out / name).write_text("{")
    assert main([str(out)]) == 2
    assert capsys.readouterr().err.startswith(f"stats: {out / name} is damaged: ")


def test_a_folder_that_is_no_run_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"stats: {tmp_path} is no run directory: it has no run.json;")


# --- the width


def shown_at(width: int, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a terminal of some width shows."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main([str(out)]) == 0
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert "…" not in shown
    assert max(len(line) for line in shown.splitlines() if line[0] in "│┃") <= width
    return shown


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in re.split("[│┃]", line)[1:-1]]


@pytest.mark.parametrize(
    ("width", "headings", "units"),
    [
        (
            160,
            "documents,paragraphs,characters,file bytes,head,middle,all,score,perplexity,in head",
            "records,paragraphs,characters",
        ),
        (80, "documents,characters,head,middle,score", "records,characters"),
        (50, "documents,head,middle", "records"),
    ],
)
def test_a_narrow_terminal_goes_without_columns_that_it_has_no_room_for_and_says_so(
    width: int, headings: str, units: str,
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = replace(FILE, language="zh-Hans", documents=1_234_567, paragraphs=12_345_678, characters=1_234_567_890)
    files = [
        replace(file, path=f"shards/zh-Hans/{bucket}-00000.jsonl.zst", bucket=bucket, bytes=2_345_678_901)
        for bucket in ("head", "middle", "all")
    ]
    balances = {"records": Balance(12_345_678, 12_345_678), "paragraphs": Balance(12_345_678, 12_345_678)}
    balances["characters"] = Balance(12_345_678, 1, {"gopher_repetition.duplicate_paragraphs": 12_345_677})
    books = LanguageBooks(**balances, mean_score=0.987, median_perplexity=1300.0, head_share=0.25)
    write_finished_run(out, *files, **balances, languages={"zh-Hans": books})
    shown = shown_at(width, out, monkeypatch, capsys)
    table, _, balance = shown.partition("The balance")
    assert cells_of(table.splitlines()[2]) == ["language", *headings.split(",")]
    assert cells_of(balance.splitlines()[2])[1::2] == units.split(",")
    notes = re.findall(r"\(narrow terminal: without (.*)\)", shown)
    everything = ["documents,paragraphs,characters,file bytes,head,middle,all,score,perplexity,in head".split(",")]
    everything.append(["records", "paragraphs", "characters"])
    seen = (headings.split(","), units.split(","))
    lacking = [", ".join(x for x in given if x not in left) for given, left in zip(everything, seen, strict=True)]
    assert notes == [each for each in lacking if each]
    # A reason that has counts only in a column that is gone has its line, and a long one is folded.
    assert "".join(cells_of(line)[0] for line in balance.splitlines()[4:] if line[0] == "│") == (
        "readkeptdroppedgopher_repetition.duplicate_paragraphs"
    )


def test_qualities_that_no_language_has_are_no_columns(out: Path, printed: Printed) -> None:
    balances: dict[str, Any] = {unit: Balance(1, 1) for unit in ("records", "paragraphs", "characters")}
    write_finished_run(out, FILE, **balances, languages={"en": LanguageBooks(**balances, mean_score=0.9)})
    shown = printed()
    assert cells_of(shown.splitlines()[2])[-2:] == ["all", "score"]
    assert "\nscore: of documents before any is dropped for its bucket\n" in shown


@pytest.mark.parametrize(
    ("documents", "dropped", "said"),
    [
        (1, {}, []),
        (1, {"c4.few_words": 1}, ["A record counts as dropped only if nothing of it is left."]),
        (
            1264,
            {},
            [
                "A page can give a document in each of its languages, so 1 records gave 1,264 documents; "
                "a record counts as dropped only if nothing of it is left."
            ],
        ),
    ],
    ids=["alike", "filters", "several_languages"],
)
def test_why_records_and_documents_differ_is_said_where_they_do(
    documents: int, dropped: dict[str, int], said: list[str], out: Path, printed: Printed
) -> None:
    paragraphs = Balance(1 + len(dropped), 1, dropped)
    write_finished_run(out, replace(FILE, documents=documents), records=Balance(1, 1), paragraphs=paragraphs)
    assert [line for line in printed().splitlines() if "nothing of it is left" in line] == said
