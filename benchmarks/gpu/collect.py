"""Everything that benchmarks/gpu.sh found, in one file, and the goals of docs/design.md beside it.

python benchmarks/gpu/collect.py OUT
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]  # of the JSON of benchmarks/pretrain.py


def read_steps(out: Path) -> list[dict[str, Any]]:
    """Return what each step said, how it ended, and what it measured."""
    steps = []
    for line in (out / "steps.tsv").read_text("utf-8").splitlines():
        name, status, seconds = line.split("\t")
        said = (out / f"{name}.log").read_text("utf-8", errors="replace").splitlines()
        figures = out / f"{name}.json"
        found = json.loads(figures.read_text("utf-8")) if figures.is_file() else None
        ended = {"name": name, "passed": status == "0", "status": int(status), "seconds": int(seconds)}
        steps.append({**ended, "last_line": said[-1] if said else "", "figures": found})
    return steps


def goals(rows: Sequence[Row]) -> Iterator[tuple[str, float, bool]]:
    """Yield each goal that can be judged with its figure and whether it is met.

    A CPU's say nothing of them. Of the others those count that have the recipe as it is published, which the first of
    them has: other dropout, other precision is other work.
    """
    rows = [row for row in rows if row["job"]["device"] == "cuda"]
    recipe = [(row["job"]["attention_dropout"], row["job"]["precision"]) for row in rows]
    rows = [row for row, of_row in zip(rows, recipe, strict=True) if of_row == recipe[0]]
    ours = [row for row in rows if row["job"]["program"] == "ours"]
    if shares := [row["mfu"] for row in ours if row["mfu"] is not None]:
        yield "MFU of base at least 45 %", max(shares), max(shares) >= 0.45
    if waits := [result["loader_wait"] for row in ours for result in row["results"]]:
        yield "loader wait below 1 %", max(waits), max(waits) < 0.01
    for name, least in (("Trainer", 2.0), ("Trainer-masked", 1.5)):
        theirs = [row["tokens_per_second"] for row in rows if row["job"]["program"] == name]
        if ours and theirs:
            ratio = max(row["tokens_per_second"] for row in ours) / max(theirs)
            yield f"best of ours at least {least} times the best of {name}", ratio, ratio >= least


def main(out: Path) -> int:
    """Write results.json, print the goals, return 1 if a step failed; a goal that is not met is no failure."""
    steps = read_steps(out)
    found = [step["figures"]["rows"] for step in steps if step["figures"] and "rows" in step["figures"]]
    rows = [row for group in found for row in group if not any(result["failure"] for result in row["results"])]
    judged = [{"goal": name, "found": figure, "met": met} for name, figure, met in goals(rows)]
    for goal in judged:
        print(f"goal {'met' if goal['met'] else 'NOT met'}: {goal['goal']}: {goal['found']:.4g}")
    whole = {"passed": bool(steps) and all(step["passed"] for step in steps), "goals": judged, "steps": steps}
    (out / "results.json").write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    print(f"{sum(step['passed'] for step in steps)} of {len(steps)} steps passed; {out / 'results.json'}")
    return 0 if whole["passed"] else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
