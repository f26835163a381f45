"""What must hold of each document of a file, beyond the types of its fields."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import ge

from msgspec import UNSET

from ccnet_pipeline.documents import Document, Reject
from ccnet_pipeline.fluency.buckets import BUCKETS
from ccnet_pipeline.shards.published import REJECTS, FinalFile


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of the documents of one file."""

    file: FinalFile  # as the manifest has it
    segments: Container[str]  # names of the archives that the run read
    keeps_labels: bool  # of the language models
    counts_copies: bool

    def faults(self, document: Document, paragraphs: Sequence[str]) -> Iterator[str]:
        """Yield what is wrong with a document, most often nothing; `paragraphs` are the lines of its text."""
        yield from self._of_place(document)
        yield from _of_text(document, paragraphs)
        yield from _of_numbers(document)
        if (document.languages is UNSET, document.language_model is UNSET) != (not self.keeps_labels,) * 2:
            has = "lacks" if self.keeps_labels else "has"
            yield f"it {has} languages or language_model, which are in all documents of --keep_labels, and in no other"

        yield from self._of_copies(document)

    def _of_copies(self, document: Document) -> Iterator[str]:
        """How many copies there were cannot be counted again: most of them were dropped."""
        if isinstance(document.n_copies, int):
            if not self.counts_copies:
                yield "it has n_copies, which is in documents of --count_copies alone"
            if document.n_copies < 1:
                yield f"n_copies is {document.n_copies}"
        # Of rejects, it is in those that were documents, and in no page that was dropped whole.
        elif self.counts_copies and not self.file.path.startswith(REJECTS):
            yield "it lacks n_copies, which is in all documents of --count_copies"

    def _of_place(self, document: Document) -> Iterator[str]:
        if document.language != self.file.language:
            yield f"its language is {document.language!r}, that of the file is {self.file.language!r}"
        if self.file.path.startswith(REJECTS):
            reason = document.reason if isinstance(document, Reject) else getattr(document, "reason", "")
            if reason != self.file.bucket:
                yield f"its reason is {reason!r}, that of the file is {self.file.bucket!r}"
            if document.bucket not in BUCKETS:
                yield f"its bucket is {document.bucket!r}"
        elif document.bucket != self.file.bucket:
            yield f"its bucket is {document.bucket!r}, that of the file is {self.file.bucket!r}"
        if document.segment not in self.segments:
            yield f"its segment {document.segment!r} is none of the inputs in run.json"


def _of_text(document: Document, paragraphs: Sequence[str]) -> Iterator[str]:
    ids = document.paragraph_ids
    if len(ids) != len(paragraphs):
        yield f"{len(ids)} paragraph_ids, and text of {len(paragraphs)} lines"
    if any(map(ge, ids, ids[1:])):
        yield "paragraph_ids are not ascending"
    if ids and not 0 <= ids[0] <= ids[-1] < document.original_paragraphs:
        yield f"paragraph_ids from {ids[0]} to {ids[-1]} of {document.original_paragraphs} paragraphs"
    if not all(paragraphs) or [*map(str.strip, paragraphs)] != paragraphs:
        yield "a line of its text is blank, or begins or ends with white space"
    if len(document.text) > document.original_characters:
        yield f"original_characters is {document.original_characters}, and its text has {len(document.text)}"


def _of_numbers(document: Document) -> Iterator[str]:
    if not document.id:
        yield "its id is empty"
    if not 0 <= document.language_score <= 1:
        yield f"language_score is {document.language_score}, not in [0, 1]"
    if document.perplexity is None and document.bucket != "all":
        yield f"its bucket is {document.bucket!r}, and it has no perplexity"
    if document.perplexity is not None and document.perplexity < 0:
        yield f"perplexity is {document.perplexity}"
    if document.offset < 0:
        yield f"offset is {document.offset}"


def faults_of_order(places: Sequence[tuple[str, int]]) -> Iterator[int]:
    """Yield the index of each place, (segment, offset), that stands after a greater one."""
    for index, (before, place) in enumerate(pairwise(places), 1):
        if place < before:
            yield index
