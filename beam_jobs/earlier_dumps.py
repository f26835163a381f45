"""The hash index of a run (`--hash_index`): what earlier dumps had, and the generation that the run makes.

The parts of the new generation are written into the folder of the index while the run goes on, and nothing speaks of
them before the new index.json is put in place, when everything else is published (docs/hash_index.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from beam_jobs.layout import JOB_FILE
from beam_jobs.listings import Listings
from ccnet_pipeline import storage
from ccnet_pipeline.dedup.sorting import Table
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.hash_index.cells import CellWriter
from ccnet_pipeline.hash_index.directory import (
    INDEX_FILE,
    PART_SUFFIX,
    IndexReader,
    check_is_new,
    check_sizes,
    folder_of,
    is_unneeded,
    part_file,
)
from ccnet_pipeline.hash_index.index import Entry, Hashing, Index, Part, decode, empty, encode, make_index
from ccnet_pipeline.hash_index.union import Additions
from ccnet_pipeline.recipe import Configuration, Recipe
from ccnet_pipeline.segments import Segment

# Of the distinct paragraphs of a run: the share in the index from which on it is told. Two dumps in a row have less in
# common, and a list of archives that overlaps one of an earlier run has more.
_SUSPICIOUS = 0.9


@dataclass(frozen=True, slots=True)
class PartNote:
    """Written when the new index is finished in one range of hashes."""

    part: Part
    additions: Additions


@dataclass(frozen=True, slots=True)
class FoundIndex:
    """An index as a run finds it."""

    folder: str
    current: Index
    run: str  # whose run directory is written to: its id, "" if it is a new one

    @property
    def has_run(self) -> bool:
        """Whether the run is in the index already."""
        return self.current.entry_of(self.run) is not None

    @property
    def base_digest(self) -> str:
        """Return the digest of the index without what the run has added."""
        entry = self.current.entry_of(self.run)
        return entry.base if entry else self.current.digest

    def base(self) -> Index:
        """Return the index without what the run has added.

        Raises:
            UserError: more was added since.
        """
        entry = self.current.entry_of(self.run)
        if entry is None:
            return self.current
        *earlier, last = self.current.history
        if entry != last:
            raise UserError(
                f"--hash_index {self.folder}: run {last.run} was added after this one, run {self.run}, which therefore "
                "cannot be done again: all that it reads would be duplicates of itself; take another index"
            )
        if not earlier:
            return empty()
        return _read(self.folder, storage.join(self.folder, folder_of(earlier[-1].generation, earlier[-1].run)))

    def check(self, inputs_sha256: str, *, overwrite: bool) -> None:
        """See that a run over these inputs can be added.

        Raises:
            UserError: its inputs are there already, by another run; or what is to be overwritten cannot be taken back.
        """
        check_is_new(self.current, inputs_sha256, self.run, f"--hash_index {self.folder}")
        if overwrite:
            self.base()

    def for_run(
        self, run: str, configuration: Configuration, segments: Sequence[Segment], base_file: str
    ) -> "EarlierDumps":
        """Write what workers read of the index, and return what the graph needs to know.

        Args:
            run: the id of the run; another than before if that was overwritten.
            configuration: of the run.
            segments: that it reads.
            base_file: where workers find the index as it was.
        """
        base = replace(self, run=run, current=find_index(self.folder, run).current).base()
        storage.write(base_file, encode(base))
        entry = Entry(
            run=run,
            fingerprint=configuration.fingerprint,
            inputs_sha256=configuration.inputs_sha256,
            dumps=sorted({segment.dump for segment in segments} - {""}),
            segments=len(segments),
        )
        return EarlierDumps(
            folder=storage.absolute(self.folder),
            base_file=base_file,
            generation=base.generation + 1,
            hashing=hashing_of(configuration.recipe),
            entry=entry,
        )

    def take_back(self) -> None:
        """Make the index what it was before the run, which is about to be removed."""
        if self.has_run:
            storage.write(storage.join(self.folder, INDEX_FILE), encode(self.base()))
        elif self.run:  # what it left of a generation that never came to be
            storage.remove_folder(storage.join(self.folder, folder_of(self.current.generation + 1, self.run)))

    def remove_unneeded(self) -> None:
        """Remove generations that nothing can need any more, and parts that a run has made and then cut otherwise."""
        current = find_index(self.folder, "").current
        for name in storage.names(self.folder):
            if is_unneeded(name, current):
                storage.remove_folder(storage.join(self.folder, name))
        in_use = {storage.join(self.folder, *part.file.split("/")) for part in current.parts if part.file}
        for generation in {part.file.partition("/")[0] for part in current.parts if part.file}:
            folder = storage.join(self.folder, generation)
            storage.remove_leftovers(folder)
            parts = {storage.join(folder, name) for name in storage.names(folder) if name.endswith(PART_SUFFIX)}
            storage.remove_files(parts - in_use)


def remark_on(folder: str, run: str) -> str | None:
    """Return what there is to say of what a run has added, if hardly anything of it was new."""
    entry = find_index(folder, run).current.entry_of(run)
    share = entry.known / max(entry.known + entry.added, 1) if entry else 0.0
    if share <= _SUSPICIOUS:
        return None
    return (
        f"--hash_index {folder} had {share:.1%} of the paragraphs of this run already: were some of its archives read "
        "by an earlier run? If so, give the others alone, to the same command with --overwrite, which takes back what "
        "was added"
    )


def hashing_of(recipe: Recipe) -> Hashing:
    """Return what the paragraphs of a run are."""
    return Hashing(normalization=recipe.normalization, title_is_paragraph=recipe.title_is_paragraph)


def check_folder(folder: str, output: str) -> None:
    """See that a folder can hold an index, and that neither it nor that of the run is in the other.

    Raises:
        UserError: it cannot, or it is.
    """
    storage.check_place(folder, "--hash_index")
    index, run = (f"{storage.absolute(place).rstrip('/')}/" for place in (folder, output))
    if index.startswith(run):
        raise UserError(
            f"--hash_index {folder} is in --output {output}; later runs want it, too: choose another folder"
        )
    if run.startswith(index):
        raise UserError(f"--output {output} is in --hash_index {folder}; choose another folder")


def find_index(folder: str, run: str) -> FoundIndex:
    """Return the index in a folder; where there is nothing, one without hashes.

    Args:
        folder: of the index.
        run: whose it is to be: its id.

    Raises:
        UserError: the folder holds something else, or the index is damaged, or of a newer version, or its index.json
            is lost: beginning anew would remove the generations that are there.
    """
    if storage.exists(storage.join(folder, INDEX_FILE)):
        return FoundIndex(folder, _read(folder, folder), run)
    generations = [name for name in storage.names(folder) if name != JOB_FILE]
    if not all(is_unneeded(name, None) for name in generations):
        raise UserError(f"--hash_index {folder} is no hash index, and not empty; choose a new folder")
    # A first run that is killed just before the index gets its name leaves one of its own.
    places = [storage.join(folder, name, INDEX_FILE) for name in generations if name != folder_of(1, run)]
    copies = [place for place in places if storage.exists(place)]
    if copies:
        raise UserError(
            f"--hash_index {folder} has lost its {INDEX_FILE}; copy {max(copies)} to {folder}, or choose a new folder"
        )
    return FoundIndex(folder, empty(), run)


def _read(folder: str, place: str) -> Index:
    """Return the index that an index.json of a folder, or of a folder in it, describes; its files are there."""
    path = storage.join(place, INDEX_FILE)
    try:
        index = decode(storage.read(path), path)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; restore the index from a copy, or take another one") from error
    listings = Listings()
    check_sizes(index, folder, lambda part: listings.listed(part, folder))
    return index


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierDumps:
    """What the graph needs to know of an index."""

    folder: str
    base_file: str  # index.json as it was before the run: too long for the graph itself
    generation: int  # that the run makes
    hashing: Hashing
    entry: Entry  # of the run, without what it has added

    @property
    def _target(self) -> str:
        return folder_of(self.generation, self.entry.run)

    def _base(self) -> Index:
        return decode(storage.read(self.base_file), self.base_file)

    def reader(self, first: int, stop: int) -> IndexReader:
        """Return a reader of some cells of the index as it was; `stop` is behind the last."""
        return IndexReader(self._base(), self.folder, first, stop)

    def has(self, note: PartNote) -> bool:
        """Tell whether the file of a part is there."""
        return storage.size(storage.join(self.folder, *note.part.file.split("/"))) == note.part.size

    def write_part(self, first: int, stop: int, tables: Iterable[Table]) -> Part:
        """Write some cells of the new generation, whose hashes come in order; `stop` is behind the last."""
        file = part_file(self._target, first, stop)
        with storage.writing(storage.join(self.folder, *file.split("/"))) as stream:
            writer = CellWriter(stream, first, stop)
            for table in tables:
                writer.add(table)
            return Part(file, first, writer.finish())

    def publish(self, parts: Sequence[Part], additions: Additions) -> None:
        """Put the new generation in place.

        Raises:
            UserError: the index is not what it was when the run began.
        """
        found, base = find_index(self.folder, self.entry.run), self._base()
        if found.has_run:  # the run was killed behind this point, or is done again
            return
        if found.current.digest != base.digest:
            raise UserError(
                f"--hash_index {self.folder} was changed while this run was going on; give it to one run at a time, "
                "and start this one anew with --overwrite"
            )
        entry = replace(
            self.entry,
            base=base.digest,
            added=additions.added,
            known=additions.known,
            come_again=additions.come_again,
        )
        data = encode(make_index(self.generation, self.hashing, parts, [*base.history, entry]))
        for place in (storage.join(self.folder, self._target), self.folder):
            storage.write(storage.join(place, INDEX_FILE), data)
