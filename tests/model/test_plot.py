"""Curves: what is drawn is what the log says."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.lines import Line2D

from model.plot import History, draw, main, read_history

LINES: list[dict[str, object]] = [
    {"event": "unigram", "step": 0, "loss": 6.5, "languages": {"en": 7.0, "sw": 6.0}},
    {"event": "step", "step": 10, "mean_loss": 9.0},
    {"event": "step", "step": 20, "mean_loss": 5.0},
    {"event": "validation", "step": 20, "loss": 4.5, "languages": {"en": 5.0, "sw": 4.0}},
    {"event": "stop", "step": 20, "reason": "interrupted"},
]


def write_log(run: Path, lines: list[dict[str, object]]) -> Path:
    run.mkdir()
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


def test_what_is_drawn_is_what_was_logged(tmp_path: Path) -> None:
    history = read_history(write_log(tmp_path / "run", LINES))
    assert history == History({10: 9.0, 20: 5.0}, {20: {"en": 5.0, "sw": 4.0}}, {"en": 7.0, "sw": 6.0})
    by_step, by_language = draw(history, "title").axes
    assert [points(line) for line in by_step.get_lines()[:2]] == [([10, 20], [9.0, 5.0]), ([20], [4.5])]
    assert set(points(by_step.get_lines()[2])[1]) == {6.5}
    assert [label.get_text() for label in by_language.get_yticklabels()] == ["en", "sw"]
    assert [points(line)[0] for line in by_language.get_lines()] == [[7.0, 6.0], [5.0, 4.0]]


def points(line: Line2D) -> tuple[list[float], list[float]]:
    return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_picture_at_any_time_of_a_run(tmp_path: Path, count: int) -> None:
    run, picture = write_log(tmp_path / "run", LINES[:count]), tmp_path / "docs" / "curves.png"
    assert main(["--run", str(run), "--output", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_log_of_a_run_that_was_killed_or_broke(tmp_path: Path) -> None:
    run = write_log(tmp_path / "run", [*LINES, {"event": "validation", "step": 30, "languages": {"en": None}}])
    with (run / "log.jsonl").open("a") as log:
        log.write('{"event": "step", "st')
    assert main(["--run", str(run), "--output", str(tmp_path / "curves.PNG")]) == 0


def test_a_run_without_held_out_text(tmp_path: Path) -> None:
    run = write_log(tmp_path / "run", [line for line in LINES if line["event"] == "step"])
    assert main(["--run", str(run), "--output", str(tmp_path / "curves.svg")]) == 0


@pytest.mark.parametrize(
    ("lines", "name", "message"),
    [
        (None, "curves.png", "no "),
        (LINES[:1], "curves.png", "has no step yet"),
        ([{"step": 1}], "curves.png", "is damaged"),
        (LINES, "curves.txt", "must end in .png"),
    ],
)
def test_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[dict[str, object]] | None, name: str, message: str
) -> None:
    if lines is not None:
        write_log(tmp_path / "run", lines)
    assert main(["--run", str(tmp_path / "run"), "--output", str(tmp_path / name)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / name).exists()
