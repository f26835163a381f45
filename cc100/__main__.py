"""The program `cc100`: `cc100 COMMAND ...` is `python -m MODULE ...`.

It imports the module of the one command that is asked for, under its own name. Run as `__main__`, as `python -m` does,
what is defined there would travel to worker processes by value.
"""

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

_PROGRAM = "cc100"
_DISTRIBUTION = "cc100-xlmr"
_OURS = ("beam_jobs", "ccnet_pipeline", "model")


@dataclass(frozen=True, slots=True)
class Command:
    """A command line of its own."""

    module: str  # `python -m` of it is the same
    extra: str  # what of the distribution has its packages
    help: str


COMMANDS = {
    "build": Command("beam_jobs.build_cc100", "beam", "build a corpus from CommonCrawl"),
    "stats": Command("ccnet_pipeline.stats", "pipeline", "what a run has built, as tables or JSON"),
    "report": Command("ccnet_pipeline.report", "pipeline", "write the report of a run again, or compare two"),
    "export": Command("ccnet_pipeline.export", "pipeline", "make further formats of the shards"),
    "verify": Command("beam_jobs.verify", "beam", "recount a run directory before it is published"),
    "get": Command("beam_jobs.get", "beam", "print a document by its id, or the record that it was made of"),
    "remove": Command("beam_jobs.remove", "beam", "take documents out of a run directory"),
    "inspect": Command("ccnet_pipeline.inspect", "pipeline", "look into an archive"),
    "language": Command("ccnet_pipeline.language", "pipeline", "list languages; train and evaluate identification"),
    "fluency": Command("ccnet_pipeline.fluency", "pipeline", "train, calibrate, try, fetch and list models of fluency"),
    "filters": Command("ccnet_pipeline.filters", "pipeline", "derive thresholds of filters from a corpus"),
    "hash_index": Command("ccnet_pipeline.hash_index", "pipeline", "show, merge and check hashes of earlier dumps"),
    "vocab": Command("model.vocab", "model", "train a SentencePiece vocabulary"),
    "encode": Command("model.encode", "model", "tokenise shards for training"),
    "pretrain": Command("model.pretrain", "model", "train an XLM-R"),
    "plot": Command("model.plot", "model", "draw the curves of trainings"),
    "fill_mask": Command("model.fill_mask", "model", "let a model fill in words"),
    "trim": Command("model.trim", "model", "cut a model's vocabulary down to some languages"),
    "export_model": Command("model.export", "finetune", "write a model for transformers, or to the hub"),
    "finetune": Command("model.finetune", "finetune", "fine-tune a model on a task"),
    "evaluate": Command("model.evaluate", "finetune", "evaluate a model, or a fine-tuned one"),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        sys.exit(_say(f"{message} (see --help)"))


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib import metadata  # it takes a third of the time of --help

        print(f"{_PROGRAM} {metadata.version(_DISTRIBUTION)}")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command; end with its exit status, which is 2 where there is no such command."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    name = given[0] if given and given[0] in COMMANDS else _parse(given)
    command = COMMANDS[name]
    try:
        found = importlib.import_module(_runnable(command.module))
    except ModuleNotFoundError as error:
        package, _, below = (error.name or "").partition(".")
        if package in _OURS and below:
            raise
        remedy = f"pip install '{_DISTRIBUTION}[{command.extra}]'"
        if package in _OURS:  # as in an image that holds a part of this project
            remedy = f"it is not in this installation; {remedy} elsewhere"
        sys.exit(_say(f"{name} needs {package}: {remedy}"))
    leave = getattr(found, "leave", sys.exit)
    leave(found.main(given[1:]))
    raise AssertionError(f"{command.module} did not end")


def _runnable(module: str) -> str:
    """Return the module that `python -m` runs."""
    spec = importlib.util.find_spec(module)
    return f"{module}.__main__" if spec and spec.submodule_search_locations is not None else module


def _parse(given: Sequence[str]) -> str:
    """Return the command; end with the help, the version or a mistake where there is none."""
    width = max(map(len, COMMANDS)) + 2
    commands = "\n".join(f"  {name:<{width}}{each.help}" for name, each in COMMANDS.items())
    parser = _Parser(
        prog=_PROGRAM,
        usage=f"{_PROGRAM} COMMAND ...",
        description="CommonCrawl to clean monolingual text, and an XLM-R on it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"commands:\n{commands}\n\n{_PROGRAM} COMMAND --help has the options of a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", nargs=0, action=_Version, help="print the version")
    parser.add_argument("command", metavar="COMMAND", help=argparse.SUPPRESS)
    name: str = parser.parse_args(given[:1]).command
    if name not in COMMANDS:
        import difflib  # only here: --help is to come at once

        near = difflib.get_close_matches(name, COMMANDS, n=1)
        parser.error(f"there is no command {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
    return name


def _say(line: str) -> int:
    print(f"{_PROGRAM}: {line}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
