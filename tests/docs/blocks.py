"""The blocks of code in the pages that people read, and how each is tested: by a tag behind the language of the block.

```sh fast                    run in every `make test`: seconds at most
```sh slow                    run by `make docs-test`
```python skip: needs a GPU   not run; why is said
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import CHECKOUT

PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
TESTED = ("sh", "python")  # what is in another language is no command
_FENCE = re.compile(r"^ *```(?P<language>[\w-]*) *(?P<tag>[\w-]*):? *(?P<reason>.*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences."""

    page: str  # relative to the checkout
    line: int  # of the first fence, from 1
    language: str
    tag: str  # `fast`, `slow`, `skip`; empty where there is none
    reason: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The commands of a shell, without comments; one that goes on in the next line is one."""
        if self.language != "sh":
            return []
        lines = (line.partition("  #")[0].strip() for line in self.text.replace("\\\n", " ").splitlines())
        return [" ".join(line.split()) for line in lines if line and not line.startswith("#")]


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page, in order."""
    return list(_read(page.relative_to(CHECKOUT).as_posix(), page.read_text("utf-8")))


def without_blocks(text: str) -> str:
    """Return a page's text with its blocks left out."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def _read(page: str, text: str) -> Iterator[Block]:
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        if opening := _FENCE.match(line):
            inside = []
            for _, line_inside in lines:
                if line_inside.strip() == "```":
                    break
                inside.append(line_inside)
            yield Block(page, number, opening["language"], opening["tag"], opening["reason"], "\n".join(inside))
