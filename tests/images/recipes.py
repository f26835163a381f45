"""A Dockerfile as data: its stages, and what each instruction says, read by Docker's own parser."""

from dataclasses import dataclass
from pathlib import Path
from string import Template

import dockerfile


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a Dockerfile."""

    name: str  # RUN, COPY, ...
    values: tuple[str, ...]
    flags: dict[str, str]  # such as from, mount
    is_list: bool  # written as a list of words, not for a shell
    line: int


@dataclass(frozen=True, slots=True)
class Stage:
    """What lies between two FROMs."""

    base: str  # an image, or the name of an earlier stage
    name: str
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What an image says of how programs run in it."""

    environment: dict[str, str]
    directory: str = "/"
    user: str = "0"
    entrypoint: tuple[str, ...] = ()

    def filled(self, text: str) -> str:
        """Return a text with the variables that it names."""
        return Template(text).safe_substitute(self.environment)


def read(path: Path) -> list[Stage]:
    """Return the stages of a Dockerfile, in its order."""
    stages: list[Stage] = []
    for command in dockerfile.parse_file(str(path)):
        if command.cmd.upper() == "FROM":
            base, *named = command.value
            stages.append(Stage(base, named[1] if named else str(len(stages)), ()))
            continue
        flags = dict(flag.removeprefix("--").split("=", 1) for flag in command.flags)
        instruction = Instruction(command.cmd.upper(), command.value, flags, command.json, command.start_line)
        last = stages.pop()
        stages.append(Stage(last.base, last.name, (*last.instructions, instruction)))
    return stages
