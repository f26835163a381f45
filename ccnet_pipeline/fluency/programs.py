"""KenLM's command-line programs, which its Python package lacks: where they are, and how they are run."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ccnet_pipeline.errors import UserError

VARIABLE = "KENLM_BIN"
BUILT = Path(__file__).parents[2] / ".venv" / "kenlm" / "bin"  # where `make kenlm` puts them


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the two that training wants."""

    lmplz: str
    build_binary: str


def find_programs(directory: Path | None = None) -> Programs:
    """Return KenLM's programs, each as `find_program` finds it.

    Raises:
        UserError: one of them is not there.
    """
    return Programs(find_program("lmplz", directory), find_program("build_binary", directory))


def find_program(name: str, directory: Path | None = None) -> str:
    """Return a program of KenLM's: from a directory, else $KENLM_BIN, else PATH, else as `make kenlm` built it.

    Raises:
        UserError: it is not there.
    """
    given = directory or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    for place in [str(given)] if given else [os.environ.get("PATH", os.defpath), str(BUILT)]:
        if program := shutil.which(name, path=place):
            return program
    raise UserError(f"no {name} in {given or 'PATH'}; `make kenlm` builds it, or say with --kenlm_bin DIR where it is")


def run_program(*command: object) -> None:
    """Run a program to its end.

    Raises:
        UserError: it failed; with the last line that it said.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2]
        raise UserError(f"{Path(words[0]).name} ended with status {done.returncode}: {said}")
