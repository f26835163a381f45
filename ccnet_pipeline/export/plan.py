"""Which files an export makes, and of which files of the run each is made."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ccnet_pipeline.fluency.buckets import BUCKETS
from ccnet_pipeline.formats import TEXT
from ccnet_pipeline.shards.published import SHARDS, FinalFile


@dataclass(frozen=True, slots=True)
class Conversion:
    """A file that is to be made."""

    path: str  # relative to the run directory, as the run itself would have named it
    language: str
    bucket: str  # several are joined by "+"
    format: str
    sources: tuple[FinalFile, ...]  # that hold its documents, in their order

    @property
    def bytes(self) -> int:
        """Return how much is read for it."""
        return sum(file.bytes for file in self.sources)

    @property
    def is_copy(self) -> bool:
        """Tell whether the run has the file as it is."""
        return [file.path for file in self.sources] == [self.path]

    @property
    def digest(self) -> str:
        """Return what changes with the content of the sources."""
        return hashlib.sha256("\n".join(file.sha256 for file in self.sources).encode()).hexdigest()


def plan(shards: Sequence[FinalFile], formats: Collection[str]) -> Iterator[Conversion]:
    """Yield the files that hold the documents of `shards`, which are of one format, in the wanted formats."""
    by_language = defaultdict(list)
    for file in shards:
        by_language[file.language].append(file)
        for kind in formats:
            if kind != TEXT:
                path = file.path.removesuffix(file.format) + kind
                yield Conversion(path, file.language, file.bucket, kind, (file,))
    if TEXT in formats:
        for language, files in sorted(by_language.items()):
            files.sort(key=lambda each: (BUCKETS.index(each.bucket), each.path))
            buckets = "+".join(dict.fromkeys(each.bucket for each in files))
            yield Conversion(f"{SHARDS}{language}.{TEXT}", language, buckets, TEXT, tuple(files))
