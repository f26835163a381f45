"""Filters that tests name, as a user would name one of a module of their own."""

from collections.abc import Iterator
from functools import partial

from ccnet_pipeline.documents import Document


def odd(document: Document) -> str | None:
    """Drop documents with an odd number of characters, with a reason for each number of paragraphs."""
    return f"paragraphs_{len(document.paragraph_ids)}" if len(document.text) % 2 else None


def with_letter(document: Document, letter: str) -> str | None:
    """Drop documents that have a letter."""
    return letter if letter in document.text else None


with_g = partial(with_letter, letter="g")
with_g.version = "g 1"  # type: ignore[attr-defined]


def raises(document: Document) -> str | None:
    """Fail on what holds a z."""
    if "z" in document.text:
        raise ValueError("no\nz, please")
    return None


def leaves(document: Document) -> str | None:
    """End the program."""
    raise SystemExit(3)


def is_good(document: Document) -> bool:
    """Answer yes and no, as filters elsewhere do."""
    return "good" in document.text


def as_path(document: Document) -> str:
    """Give a reason that would be a path."""
    return "../../x"


def empty(document: Document) -> str:
    """Give an empty reason."""
    return ""


def by_id(document: Document) -> str:
    """Give a reason of its own to each document."""
    return f"id_{document.id}"


def clears(document: Document) -> None:
    """Change the document."""
    document.paragraph_ids.clear()


async def later(document: Document) -> str | None:
    """Answer when it is awaited."""
    return None


def one_by_one(document: Document) -> Iterator[str]:
    """Answer when it is iterated over."""
    yield "x"


def nothing() -> None:
    """Take no document."""


class Judge:
    """No filter: one has to make one of it."""


number = 3
versioned = partial(with_letter, letter="x")
versioned.version = 2  # type: ignore[attr-defined]
