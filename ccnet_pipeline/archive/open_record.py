"""A record whose head is read, while its block is."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_pipeline.archive.blocks import before_line_ends, extent, may_lack_returns
from ccnet_pipeline.archive.records import Format, Head
from ccnet_pipeline.archive.text import Aside, Text, joined

KEPT_BYTES = 256 << 10  # of a block that is passed over: its end


@dataclass(slots=True)
class OpenRecord:
    """A record of which it is not known yet where its block ends. The block begins, or goes on, at `at` of the text."""

    form: Format
    head: Head
    offset: int  # as `Record.offset`
    start: int  # offset of its first line in the archive
    length: int  # of the block, as stated
    missing: int  # of it
    size: int = 0  # of the block in the text
    counted: int = 0  # what that is of its length
    aside: Aside | None = None  # of the block what is not in the text any more

    def is_complete(self, text: Text, *, over: bool) -> bool:
        """Say whether the block ends in the text by its length; `size` is then known. Over: no more text comes."""
        if not self.head.added:
            self.size = self.counted = min(self.missing, len(text.data) - text.at)
        else:
            self.size, self.counted = extent(text.data, text.at, self.missing, self.head.added, over=over)
        return self.counted == self.missing

    def put_aside(self, text: Text, most: int) -> None:
        """Take what there is of the block out of the text; of a block longer than `most`, only its end is kept."""
        if not self.size:
            return
        if self.aside is None:
            self.aside = Aside(None if self.length <= most else KEPT_BYTES)
        self.missing -= self.counted
        self.aside.add(text.put_aside(text.at + self.size))

    def put_back(self, text: Text) -> int:
        """Put into the text what was taken out of it; say how many bytes of text were joined for that."""
        if self.aside is None or not self.aside.size:
            return 0
        self.size += self.aside.size
        text.put_back(self.aside.take())
        return len(text.data)

    def block(self, text: Text, end: int, most: int) -> bytes | None:
        """Give the block, which ends in the text at `end`; None if it is not all there, or longer than `most`."""
        part = text.data[text.at : end]
        if self.aside is not None:
            if not self.aside.whole or self.aside.size + len(part) > most:
                return None
            part = joined(self.aside.take(), part)
        elif len(part) > most:
            return None
        return part.replace(self.head.added, b"\n") if self.head.added else part

    def end_before(self, text: Text, at: int) -> int | None:
        """Give where in the text the block ends if line ends close it before `at`; None: they do not, it was cut."""
        return before_line_ends(text.data, text.at, at, self.head.line_end, self.form.line_ends)

    def lacks_returns(self, text: Text, end: int) -> bool:
        """Say whether the block may lack what it lacks, up to `end`, because CR LF was made LF."""
        if self.head.line_end != b"\n" or (self.aside is not None and not self.aside.whole):
            return False
        return may_lack_returns(text.data[text.at : end], self.length - (end - text.at))

    def took_line_ends(self, text: Text, line: int) -> bool:
        """Say whether of the line ends before the next record at `line` the block took in some, for that reason."""
        if self.head.line_end != b"\n" or self.form.line_end == b"\n" or self.aside is not None:
            return False
        if line - text.at - self.size >= self.form.line_ends:
            return False
        end = self.end_before(text, line)
        return end is not None and self.lacks_returns(text, end)
