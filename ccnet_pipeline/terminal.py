"""Where output goes: to a terminal, a log or a notebook; how wide it is, and whether bars can move there.

Colours are rich's own choice, and with NO_COLOR (no-color.org) there are no escapes at all but those that move a bar.
FORCE_COLOR, which many programs that keep logs set, gives colours, and makes no terminal of a log.
"""

import os
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.console import RenderableType

LOG_WIDTH = 160  # of what has no width
_NOTEBOOKS = ("JPY_PARENT_PID", "COLAB_RELEASE_TAG")  # environment variables of the programs that a notebook starts


def output_console(log_width: int = LOG_WIDTH) -> Console:
    """Return a console for standard output, which has this width where it goes to a file."""
    console = _console(stderr=False)
    if not _is_tty(console) and not console.is_jupyter:
        console.width = log_width
    return console


def error_console() -> Console:
    """Return a console for standard error."""
    return _console(stderr=True)


def can_move(console: Console) -> bool:
    """Tell whether a bar can be drawn over again.

    A log would keep every state of it; a terminal without abilities (TERM=dumb) has no way back to the line; and a
    notebook shows a program that it started as if it were a terminal, but knows little of what terminals do.
    """
    in_notebook = console.is_jupyter or any(map(os.environ.get, _NOTEBOOKS))
    return _is_tty(console) and not console.is_dumb_terminal and not in_notebook


def printed(console: Console, renderable: "RenderableType") -> str:
    """Return what a console would print, without blanks at the ends of lines.

    Printing itself would end the program where the reader has left.
    """
    with console.capture() as capture:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _console(*, stderr: bool) -> Console:
    return Console(stderr=stderr, highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


def _is_tty(console: Console) -> bool:
    return console.is_terminal and console.file.isatty()
