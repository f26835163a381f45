"""docs/differences.md: each line names a test that is there."""

import ast
import re
from collections.abc import Iterator

from tests.conftest import CHECKOUT

PAGE = (CHECKOUT / "docs" / "differences.md").read_text("utf-8")


def rows() -> Iterator[list[str]]:
    for line in PAGE.splitlines():
        if line.startswith("| ") and not line.startswith("| of |"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def names_in(file: str) -> set[str]:
    tree = ast.parse((CHECKOUT / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_difference_says_what_they_do_what_we_do_and_which_test_shows_it() -> None:
    lines = list(rows())
    assert len(lines) >= 35
    assert {line[0].split(",")[0].split(" (")[0] for line in lines} >= {"cc_net", "CC-100", "fairseq"}
    for line in lines:
        _, theirs, ours, _, shown = line
        assert theirs, line
        assert ours, line
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", shown)
        assert named, line
        for file, test in named:
            assert test in names_in(file), f"{file}::{test}"
