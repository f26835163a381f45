"""Head, middle and tail: the cut-offs of perplexity that part them, and the file that holds those of all models.

Source: Wenzek et al. 2020 (CCNet), sections 3.4 and 5.2; cc_net `perplexity.py` (docs/method.md, Fluency).
"""

import contextlib
import csv
import fcntl
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ccnet_pipeline.errors import UserError

Bucket = Literal["head", "middle", "tail", "all"]
BUCKETS: tuple[Bucket, ...] = get_args(Bucket)
Normalization = Literal["ccnet", "mended", "running"]
NORMALIZATIONS: tuple[Normalization, ...] = get_args(Normalization)

CUTOFFS_FILE = "cutoffs.csv"


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """Perplexities per piece that part head from middle and middle from tail: 0 <= head <= middle."""

    head: float
    middle: float
    normalization: Normalization | None = None  # of the text that the model was trained on; None: not stated

    def __post_init__(self) -> None:
        if not 0 <= self.head <= self.middle < math.inf:
            raise ValueError(f"head {self.head}, middle {self.middle}")


def bucket_of(value: float | None, cutoffs: Cutoffs | None) -> Bucket:
    """Return the bucket of a (rounded) perplexity; `all` without perplexity or cut-offs. Source: cc_net `get_bucket`.

    >>> [bucket_of(p, Cutoffs(340, 520)) for p in (339.9, 340.0, 520.0, None)]
    ['head', 'middle', 'tail', 'all']
    """
    if cutoffs is None or value is None or value < 0:
        return "all"
    return "head" if value < cutoffs.head else "middle" if value < cutoffs.middle else "tail"


def read_cutoffs(path: Path) -> dict[str, Cutoffs]:
    """Return the cut-offs by language of a file with the columns language, head, middle and (optional) normalization.

    Raises:
        UserError: the file is not of that form.
    """
    cutoffs = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # as spreadsheets write it
            for row in csv.DictReader(file):
                normalization = (row.get("normalization") or "").strip()
                if normalization not in ("", *NORMALIZATIONS):
                    raise ValueError(f"normalization {normalization!r}")
                cutoffs[row["language"]] = Cutoffs(
                    float(row["head"]),
                    float(row["middle"]),
                    normalization or None,  # type: ignore[arg-type]
                )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: {error} is not right; want the columns language,head,middle,normalization") from error
    return cutoffs


def write_cutoffs(directory: Path, rows: dict[str, Cutoffs]) -> None:
    """Add or replace rows of a directory's cut-offs, sorted by language; the others stay."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / CUTOFFS_FILE
    with _alone_with(path), tempfile.TemporaryDirectory(dir=directory, prefix=".cutoffs-") as name:
        table = ["language,head,middle,normalization"]
        for language, row in sorted((read_cutoffs(path) | rows).items()):
            table.append(f"{language},{row.head:.10g},{row.middle:.10g},{row.normalization or ''}")
        aside = Path(name, CUTOFFS_FILE)
        aside.write_text("\n".join(table) + "\n", encoding="utf-8")
        aside.replace(path)


@contextlib.contextmanager
def _alone_with(path: Path) -> Iterator[None]:
    """Let no other command replace a file meanwhile: two may each add a row. The file is made if it is not there."""
    while True:
        file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            with contextlib.suppress(OSError):  # not every file system locks files
                fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.samestat(path.stat(), os.fstat(file)):  # else it was replaced while we waited for the old one
                yield
                return
        finally:
            os.close(file)
