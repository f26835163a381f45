"""The command lines of this project, by what is typed: which module runs, and which options it knows."""

import argparse
import contextlib
import importlib
import io
import shlex
from collections.abc import Callable, Sequence
from functools import cache

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

from cc100.__main__ import COMMANDS

Main = Callable[[Sequence[str]], int]
OURS = ("beam_jobs", "ccnet_pipeline", "model")


def split(command: str) -> tuple[str, list[str]] | None:
    """Return the module and the arguments of a command that runs one of our programs alone; None for any other.

    >>> split("python -m model.plot --run 'a b'")
    ('model.plot', ['--run', 'a b'])
    >>> split("cc100 verify corpus")
    ('beam_jobs.verify', ['corpus'])
    >>> split("python -m pip install x")
    """
    words = shlex.split(command)
    if len(words) > 2 and words[:2] == ["python", "-m"] and words[2].split(".")[0] in OURS:
        return words[2], words[3:]
    if len(words) > 1 and words[0] == "cc100" and words[1] in COMMANDS:
        return COMMANDS[words[1]].module, words[2:]
    return None


def find_main(module: str) -> Main:
    """Return what a module runs as a program."""
    found = importlib.import_module(module)
    if hasattr(found, "__path__"):
        found = importlib.import_module(f"{module}.__main__")
    main: Main = found.main
    return main


@cache
def options_of(module: str) -> frozenset[str]:
    """Return every long option that a program has, those of its subcommands and of Beam included."""
    found: set[str] = {"--help"}
    add = argparse._ActionsContainer.add_argument

    def note(self: argparse._ActionsContainer, *names: str, **settings: object) -> argparse.Action:
        action = add(self, *names, **settings)  # type: ignore[arg-type]
        found.update(name for name in action.option_strings if name.startswith("--"))
        return action

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setattr(argparse._ActionsContainer, "add_argument", note)
        with contextlib.suppress(SystemExit):
            find_main(module)(["--help"])
        if module == "beam_jobs.build_cc100":
            for options in _all_below(PipelineOptions):
                options._add_argparse_args(_BeamArgumentParser(conflict_handler="resolve"))
    return frozenset(found)


def _all_below(kind: type[PipelineOptions]) -> list[type[PipelineOptions]]:
    below = [*kind.__subclasses__()]
    return below + [each for child in below for each in _all_below(child)]
