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
    """Return KenLM's programs: from a directory, else from $KENLM_BIN, else from PATH, else as `make kenlm` built them.

    Raises:
        UserError: one of them is not there.
    """
    given = directory or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    places = [str(given)] if given else [os.environ.get("PATH", os.defpath), str(BUILT)]
    found = []
    for name in ("lmplz", "build_binary"):
        program = next(filter(None, (shutil.which(name, path=place) for place in places)), None)
        if program is None:
            where = given or "PATH"
            raise UserError(f"no {name} in {where}; `make kenlm` builds it, or say with --kenlm_bin DIR where it is")
        found.append(program)
    return Programs(*found)


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
