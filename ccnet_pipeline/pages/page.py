"""The text of one record, as the stages pass it on."""

import uuid
from collections.abc import Sequence

import msgspec


# Not a dataclass: there is one a record, and it is made and decoded in a tenth of the time.
class Page(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The text of one record. Its lines are stripped."""

    id: str
    url: str
    date: str
    digest: str
    offset: int  # bytes, of the record's gzip member in its archive
    title: str  # the first line, or what the page itself calls its title
    lines: list[str]  # after the title, blank ones included
    reason: str | None = None  # why the record leaves before any comparison; None: it goes on
    main_share: float | None = None  # of a web page: its main text in all text; None: too little to tell

    def paragraphs(self, *, title_is_paragraph: bool) -> list[str]:
        """Return the paragraphs by position; the title is number 0, or not among them."""
        if self.reason == "empty":
            return []
        return [self.title, *self.lines] if title_is_paragraph else self.lines

    @property
    def text(self) -> str:
        """The lines after the title, with line feeds between them."""
        return "\n".join(self.lines)


def text_length(lines: Sequence[str]) -> int:
    """Return the code points of lines with line feeds between them."""
    return sum(map(len, lines)) + max(len(lines) - 1, 0)


def record_id(header: str, segment: str, offset: int, number: int) -> str:
    """Return the uuid of a WARC-Record-ID such as `<urn:uuid:...>`; a stable one of our own where there is none.

    Args:
        header: the field, or "".
        segment: the name of the archive.
        offset: of the record in it.
        number: among the records of that offset, from 1.
    """
    stated = header.strip("<> ").removeprefix("urn:uuid:")
    place = f"{segment}#{offset}" if number == 1 else f"{segment}#{offset}:{number}"
    return stated or str(uuid.uuid5(uuid.NAMESPACE_URL, place))
