"""What all command lines do alike: errors, characters that the output lacks, a reader that leaves."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from beam_jobs.layout import Layout
from beam_jobs.summary import print_summary, where_it_lies
from ccnet_pipeline import command, inspect
from ccnet_pipeline.errors import BalanceError, FetchError, FilterError, UserError
from ccnet_pipeline.fluency import __main__ as fluency
from ccnet_pipeline.language import __main__ as language
from ccnet_pipeline.ledger import Balance, MainTextTally
from ccnet_pipeline.shards.published import Ledger
from ccnet_pipeline.storage import read_json, write_json
from tests.archive.archives import wet
from tests.conftest import CHECKOUT
from tests.finished_runs import FILE, write_finished_run
from tests.moments import PATIENCE_S

STRANGE = "€ ñ ━ 日 \udce9"  # the last: a byte of a file name that is not UTF-8


def raising(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError("mend it"), 2, "tool: mend it\n"),
        (FetchError("https://h/x: 404"), 1, "tool: https://h/x: 404\n"),
        (FilterError("it raised"), 1, "tool: it raised\n"),
        (BalanceError("9 of 10"), 1, "tool: 9 of 10; this is a defect, please report it; nothing was published\n"),
        (KeyboardInterrupt(), 130, "\ntool: interrupted\n"),
        (OSError(errno.ENOSPC, "No space left"), 2, "tool: No space left; make room and run it again\n"),
        (OSError(errno.EROFS, "Read-only", "x"), 2, "tool: x: Read-only; choose another place\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_error_is_a_line_and_an_exit_status(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run("tool", raising(error)) == status
    assert capsys.readouterr() == ("", line)


def test_a_defect_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        command.run("tool", raising(ZeroDivisionError()))


def test_help_is_a_success_and_a_misspelt_option_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    parser = command.Parser(prog="tool")
    assert command.run("tool", lambda: print(parser.parse_args(["--help"]))) == 0
    assert command.run("tool", lambda: print(parser.parse_args(["--x"]))) == 2
    assert capsys.readouterr().err == "tool: unrecognized arguments: --x (see --help)\n"


def test_what_the_package_says_by_the_way_is_a_line_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run("tool", lambda: logging.getLogger("ccnet_pipeline.models").info("from %s", "there")) == 0
    assert capsys.readouterr() == ("", "tool: from there\n")


# --- characters


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Callable[..., io.BytesIO]:
    """`output("ascii")`: from now on standard output has this encoding; what comes out of it."""

    def of(encoding: str, errors: str = "strict") -> io.BytesIO:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors=errors))
        return raw

    return of


@pytest.mark.parametrize(
    ("encoding", "errors", "shown"),
    [
        ("ascii", "strict", r"\u20ac \xf1 \u2501 \u65e5 \udce9"),
        ("ascii", "surrogateescape", r"\u20ac \xf1 \u2501 \u65e5 \udce9"),  # what the locale C gives
        ("latin-1", "strict", "\\u20ac ñ \\u2501 \\u65e5 \\udce9"),
        ("utf-8", "strict", "€ ñ ━ 日 \\udce9"),
        ("ascii", "replace", "? ? ? ? ?"),  # as the user wants it
    ],
)
def test_what_the_output_cannot_show_is_escaped(
    output: Callable[..., io.BytesIO], encoding: str, errors: str, shown: str
) -> None:
    raw = output(encoding, errors)
    assert command.run("tool", lambda: print(STRANGE)) == 0
    assert raw.getvalue().decode(encoding) == f"{shown}\n"


@pytest.fixture
def run_directory(tmp_path: Path) -> Layout:
    """A finished run of one file, with a name of its own."""
    layout = Layout(output=str(tmp_path / "out"), work=str(tmp_path / "work"))
    file = replace(FILE, path="shards/日/all-00000.jsonl.zst", language="日")
    records = {"records": Balance(1, 1), "num_without_record": 1, "without_record": ["é\n€.wet (empty)"]}
    write_finished_run(tmp_path / "out", file, **records)
    return layout


def test_the_summary_names_languages_that_give_little_main_text(
    run_directory: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = read_json(run_directory.ledger_file, Ledger)
    assert ledger is not None
    main_text = MainTextTally(shares={"en": [0] * 8 + [30, 0], "th": [30] + [0] * 9})
    write_json(run_directory.ledger_file, replace(ledger, main_text=main_text))
    print_summary(run_directory)
    assert "\nMain text of th: half of its pages give about 5% of their text or less, in other languages 85%;" in (
        capsys.readouterr().out
    )


def test_a_run_that_kept_nothing_names_no_shards() -> None:
    reject = replace(FILE, path="rejects/en/too_short-00000.jsonl.zst")
    assert where_it_lies("out", [FILE]).startswith("Shards: out/shards ")
    assert where_it_lies("out", [reject]).startswith("No document was kept, so there are no shards.\n")


def show(layout: Layout) -> None:
    print_summary(layout)


@pytest.mark.parametrize(("encoding", "border"), [("ascii", "+"), ("latin-1", "+"), ("utf-8", "┏")])
def test_the_summary_can_be_printed_in_any_encoding(
    output: Callable[..., io.BytesIO], run_directory: Layout, encoding: str, border: str
) -> None:
    raw = output(encoding)
    assert command.run("build_cc100", lambda: show(run_directory)) == 0
    text = raw.getvalue().decode(encoding)
    assert text.splitlines()[1].startswith(border)
    assert ("日" if encoding == "utf-8" else r"\u65e5") in text
    assert "1 of 1 archives gave no record: " in text


def test_pages_can_be_printed_in_any_encoding(output: Callable[..., io.BytesIO], tmp_path: Path) -> None:
    (tmp_path / "x.wet").write_bytes(wet(1, "Ñandú – 日本\n".encode() * 40))
    raw = output("ascii")
    assert inspect.main([str(tmp_path / "x.wet")]) == 0
    assert rb"\xd1and\xfa \u2013 \u65e5\u672c" in raw.getvalue()


# --- a reader that leaves


def test_the_end_is_quiet_where_the_reader_has_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run_directory: Layout
) -> None:
    for work in (lambda: print("x" * 100_000), lambda: show(run_directory)):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as stdout, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stdout)
            assert command.run("tool", work) == 0
            stdout.flush()  # as Python does at its end
    assert capsys.readouterr().err == ""


def test_another_pipe_that_breaks_is_no_success() -> None:
    with pytest.raises(BrokenPipeError):
        command.run("tool", raising(BrokenPipeError(errno.EPIPE, "Broken pipe")))


def test_a_disk_that_takes_no_output_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w") as stdout, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        assert command.run("tool", lambda: print("x")) == 2
    assert capsys.readouterr().err == "tool: standard output: No space left on device\n"


def test_head_as_a_process(tmp_path: Path) -> None:
    """All of it once as a user has it: a long answer, an output without Unicode, `| head`."""
    archive = tmp_path / "x.wet"
    archive.write_bytes(wet(1, "Ñandú\n".encode() * 40_000))
    line = f"{sys.executable} -m ccnet_pipeline.inspect {archive} --record 0 | head -c 5; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, check=False, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout) == 5


@pytest.mark.parametrize("of_package", [fluency.main, language.main])
def test_the_help_of_a_command_fits_a_narrow_terminal(
    of_package: Callable[[list[str]], int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    of_package(["--help"])
    for name in re.findall("^    ([a-z]+)", capsys.readouterr().out, re.MULTILINE):
        of_package([name, "--help"])
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []
