"""Which documents were dropped for which test file and run of words, as counts; and a phrase that drops too many."""

from dataclasses import dataclass, field

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.quality import add_counts

NUM_WORDS = 13  # of a run. Source: GPT-3, appendix C
LEAST_RUN = 5  # shorter ones stand everywhere
MOST_TOLD = 100  # runs in ledger.json
# A run that drops more of an archive than this is no sign of a test set, but a phrase of many pages.
_MOST_DOCUMENTS, _MOST_SHARE = 100, 0.01


@dataclass(frozen=True, slots=True)
class Finding:
    """What a document shares with a test file."""

    file: str  # name of the test file; of several the first by name
    words: str  # the first run of the document that stands there


@dataclass(slots=True)
class ContaminationTally:
    """How many documents were dropped for what."""

    files: dict[str, int] = field(default_factory=dict)  # name of a test file -> documents
    words: dict[str, int] = field(default_factory=dict)  # run of words -> documents of which it is the first

    def count(self, finding: Finding) -> None:
        """Count a document."""
        self.files[finding.file] = self.files.get(finding.file, 0) + 1
        self.words[finding.words] = self.words.get(finding.words, 0) + 1

    def add(self, other: "ContaminationTally") -> None:
        add_counts(self.files, other.files)
        for words, count in other.words.items():
            self.words[words] = self.words.get(words, 0) + count

    def most_frequent(self) -> dict[str, int]:
        """Return the runs that dropped most documents, these first."""
        return dict(sorted(self.words.items(), key=lambda item: (-item[1], item[0]))[:MOST_TOLD])

    def check(self, segment: str, documents: int) -> None:
        """See that no run alone drops much of a segment.

        Args:
            segment: its name.
            documents: so many would have been kept.

        Raises:
            UserError: one does.
        """
        for words, count in self.most_frequent().items():
            if count > _MOST_DOCUMENTS and count > documents * _MOST_SHARE:
                raise UserError(
                    f"--decontaminate: {words!r} stands in {count:,} of {documents:,} documents of {segment}: a phrase "
                    "of many pages, not a test; put it into a text file and name that with --decontaminate_except"
                )
