"""The command line as a Flex Template of Dataflow: its parameters, and what its launcher gives for them.

`python -m beam_jobs.flex_template > docker/metadata.json` renews what Google's tools know of the parameters.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from beam_jobs.job import main
from beam_jobs.parser import make_parser

# On Dataflow they have no meaning, or another way.
_NOT_OFFERED = ("help", "runner", "workers", "detach", "estimate")
_REQUIRED = ("output",)
_IMAGE = {
    "name": "sdk_container_image",
    "label": "SDK container image",
    "helpText": "the image that this template is made of: its workers run in it, too",
    "isOptional": False,
    "paramType": "TEXT",
}


def metadata() -> dict[str, Any]:
    """Return the parameters of the template, in the form that `gcloud dataflow flex-template build` takes."""
    parser = make_parser()
    formatter = argparse.HelpFormatter(parser.prog)
    return {
        "name": "cc100-pipeline",
        "description": str(parser.description).partition("\n\n")[0].replace("\n", " "),
        "parameters": [_IMAGE, *(_parameter(action, formatter) for action in _offered(parser))],
    }


def command_line(given: Sequence[str]) -> list[str]:
    """Return the command line that parameters stand for; the launcher gives each as one word, --name=value.

    A switch is "true" or "false" there, several values are separated by blanks, and what is empty is not given.
    """
    ours = {action.option_strings[0]: action for action in _offered(make_parser())}
    words: list[str] = []
    for word in given:
        option, _, value = word.partition("=")
        action = ours.get(option)
        words += [word] if action is None else _words(action, option, value)
    return words


def _words(action: argparse.Action, option: str, value: str) -> list[str]:
    if not value or (_is_switch(action) and value.lower() == "false"):
        return []
    if _is_switch(action) and value.lower() == "true":
        return [option]
    return [option, *value.split()] if action.nargs == "+" else [f"{option}={value}"]


def _offered(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    return (action for action in parser._actions if action.dest not in _NOT_OFFERED)


def _is_switch(action: argparse.Action) -> bool:
    return action.nargs in (0, "?")


def _parameter(action: argparse.Action, formatter: argparse.HelpFormatter) -> dict[str, Any]:
    parameter = {
        "name": action.dest,
        "label": action.dest.replace("_", " ").capitalize(),
        "helpText": formatter._expand_help(action) + ("; several: separated by blanks" if action.nargs == "+" else ""),
        "isOptional": action.dest not in _REQUIRED,
        "paramType": _type(action),
    }
    if parameter["paramType"] == "ENUM":
        parameter["enumOptions"] = [{"value": choice} for choice in action.choices or ()]
    return parameter


def _type(action: argparse.Action) -> str:
    if action.choices:
        return "ENUM"
    if action.nargs == 0:
        return "BOOLEAN"
    return "NUMBER" if action.type in (int, float) else "TEXT"


def launch() -> int:
    """Run the job that the launcher's parameters ask for; return the exit status."""
    return main(command_line(sys.argv[1:]))


if __name__ == "__main__":
    print(json.dumps(metadata(), indent=2))
