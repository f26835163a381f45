"""Where output goes: colours only where they are wanted, bars only where they can move, lines elsewhere."""

import builtins
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from beam_jobs import progress
from beam_jobs.layout import Layout
from ccnet_pipeline import byte_progress
from ccnet_pipeline.stats.__main__ import main as stats
from ccnet_pipeline.storage import write_json
from ccnet_pipeline.terminal import LOG_WIDTH, can_move, error_console, output_console
from model import terminal as of_model
from tests.finished_runs import FILE, write_finished_run

ESCAPE = "\x1b"
_ASKED = (
    "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "JPY_PARENT_PID", "COLAB_RELEASE_TAG", "COLUMNS",
)  # fmt: skip
Screen = Callable[..., io.StringIO]


class _Stream(io.StringIO):
    def __init__(self, *, is_tty: bool) -> None:
        super().__init__()
        self._is_tty = is_tty

    def isatty(self) -> bool:
        return self._is_tty


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """`screen(is_tty=True, NO_COLOR="1")`: from now on both outputs are this; what is written there."""

    def of(*, is_tty: bool, **environment: str) -> io.StringIO:
        for name in _ASKED:
            monkeypatch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm-256color", **environment}.items():
            monkeypatch.setenv(name, value)
        stream = _Stream(is_tty=is_tty)
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return of


@pytest.mark.parametrize(
    ("is_tty", "environment", "moves"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"JPY_PARENT_PID": "1"}, False),
        (True, {"COLAB_RELEASE_TAG": "x"}, False),
        (False, {}, False),
        (False, {"FORCE_COLOR": "1"}, False),
    ],
    ids=["terminal", "no_colour", "dumb", "notebook", "colab", "log", "log_with_colours"],
)
def test_bars_move_only_on_a_terminal(
    is_tty: bool, environment: dict[str, str], moves: bool, screen: Screen, tmp_path: Path
) -> None:
    stream = screen(is_tty=is_tty, **environment)
    assert can_move(error_console()) is moves
    assert of_model.can_move(of_model.error_console()) is moves
    with byte_progress.shown("verify", "read", 100) as advance:
        advance(50)
    with of_model.Bar("encode", 100) as bar:
        bar.advance(50)
    with progress.shown(Layout(str(tmp_path), str(tmp_path / "work")), 1, 0):
        write_json(str(tmp_path / "work" / "extract" / "000" / "000000.done.json"), {"pages": 3})
    written = stream.getvalue()
    assert (ESCAPE in written) is moves
    if not moves:
        assert re.fullmatch(r"build_cc100: read and hash: 1/1 segments, 3 documents(, .+ documents/s)?\n", written)


class ZMQInteractiveShell:
    """What IPython has in a notebook, by its name."""


def test_a_notebook_gets_tables_of_its_width_and_lines_for_bars(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stream = screen(is_tty=False)
    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    monkeypatch.setattr(ZMQInteractiveShell, "__module__", "ipykernel.zmqshell")
    assert output_console().is_jupyter
    assert output_console().width < LOG_WIDTH
    assert not can_move(error_console())
    assert not of_model.can_move(of_model.error_console())
    write_finished_run(tmp_path / "out", FILE)
    assert stats([str(tmp_path / "out")]) == 0
    assert "│ en " in stream.getvalue()


@pytest.mark.parametrize(
    ("environment", "is_tty", "has_escapes"),
    [({}, True, True), ({"NO_COLOR": "1"}, True, False), ({"NO_COLOR": ""}, True, True), ({}, False, False)],
    ids=["terminal", "no_colour", "empty", "log"],
)
def test_tables_have_no_escapes_where_nobody_wants_them(
    environment: dict[str, str], is_tty: bool, has_escapes: bool, screen: Screen, tmp_path: Path
) -> None:
    stream = screen(is_tty=is_tty, **environment)
    write_finished_run(tmp_path / "out", FILE)
    assert stats([str(tmp_path / "out")]) == 0
    assert (ESCAPE in stream.getvalue()) is has_escapes
    stream.truncate(0)
    of_model.error_console().print("[bold red]x")
    assert (ESCAPE in stream.getvalue()) is has_escapes


def test_a_log_with_colours_is_as_wide_as_any_log(screen: Screen) -> None:
    screen(is_tty=False, FORCE_COLOR="1")
    assert output_console().width == LOG_WIDTH
    assert of_model.error_console().width == LOG_WIDTH


def test_a_log_hears_of_bytes_now_and_then(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, now = screen(is_tty=False), [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with of_model.Bar("encode", 3_000_000) as bar:
        for now[0] in (10.0, 20.0, 25.0, 40.0):
            bar.advance(500_000)
    assert stream.getvalue().splitlines() == [
        "encode: 1.0 MB of 3.0 MB, 0:00:40 left",
        "encode: 2.0 MB of 3.0 MB, 0:00:20 left",
    ]
