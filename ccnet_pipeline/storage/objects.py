"""Object stores: s3://, gs:// and az://, each with the credentials and settings that its environment has.

An object is uploaded when its content is whole: until then it is in memory, or in a temporary file of this machine. So
an upload that breaks off, or an exception while the content is made, leaves nothing. A large one goes in parts, which
become an object when all are there.

Reading forward is one request a file; where it breaks off the library goes on from there, and only with the same
version of the object. Web servers are read in the same way, and not written to.
"""

import contextlib
import io
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import obstore
from obstore.exceptions import AlreadyExistsError, GenericError, PreconditionError
from obstore.store import ObjectStore

from ccnet_pipeline.storage import clients
from ccnet_pipeline.storage.answers import Refusal, explained, refuse_writing
from ccnet_pipeline.storage.joined import read_joined
from ccnet_pipeline.storage.leases import LOCK
from ccnet_pipeline.storage.stores import Range, Ranges
from ccnet_pipeline.storage.streams import Pieces, RemoteFile
from ccnet_pipeline.storage.waiting import TIDYING_S, heard, within

if TYPE_CHECKING:
    from obstore import GetResult

_IN_MEMORY_BYTES = 16 << 20
_PART_BYTES = 16 << 20  # of an upload
_PARTS_AT_ONCE = 4
_PIECE_BYTES = 1 << 20  # of a stream
_LEAST_PIECE_BYTES = 256 << 10  # smaller ones cost a fifth more
_LISTED_AT_ONCE = 1000


def _located(path: str) -> tuple[ObjectStore, str]:
    """Return the client and the key of a path."""
    root, key = clients.root_and_key(path)
    return clients.client(root), key


class ObjectStores:
    """Objects by URL."""

    def open(self, path: str) -> BinaryIO:
        store, key = _located(path)
        with explained(path):
            found = heard(obstore.get, store, key)
        e_tag = {"if_match": found.meta["e_tag"]} if found.meta["e_tag"] else {}

        def again(place: int) -> Pieces:
            options: Any = {"range": {"offset": place}, **e_tag}
            with explained(path):
                return _pieces(path, heard(obstore.get, store, key, options=options))

        return io.BufferedReader(RemoteFile(path, found.meta["size"], again, _pieces(path, found)), _PIECE_BYTES)

    def read(self, path: str) -> bytes:
        store, key = _located(path)
        with explained(path):
            return bytes(heard(heard(obstore.get, store, key).bytes))

    @contextlib.contextmanager
    def ranges(self, path: str) -> Iterator[Ranges]:
        yield lambda start, size: self.read_many(path, [(start, size)])[0]

    def read_many(self, path: str, ranges: Sequence[Range]) -> list[bytes]:
        store, key = _located(path)

        def read(spans: list[Range]) -> list[bytes]:
            starts, sizes = zip(*spans, strict=True)
            with explained(path):  # the library would join them, too, and panics where the object ends before
                try:
                    found = heard(obstore.get_ranges, store, key, starts=starts, lengths=sizes, coalesce=0)
                    return [bytes(each) for each in found]
                except GenericError as error:
                    if Refusal.of(error).is_behind_the_end:
                        return [b""] * len(spans)
                    raise

        return read_joined(ranges, read)

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        refuse_writing(path)
        store, key = _located(path)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
            yield file  # type: ignore[misc]
            file.seek(0)
            with explained(path):
                heard(obstore.put, store, key, file, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)

    def size(self, path: str) -> int | None:
        store, key = _located(path)
        if not key:
            return None
        try:
            with explained(path):
                return heard(obstore.head, store, key)["size"]
        except FileNotFoundError:
            return None

    def sizes(self, folder: str) -> dict[str, int]:
        return {name: meta["size"] for name, meta in _listed(folder) if name != LOCK}

    def versions(self, folder: str) -> dict[str, str]:
        return {name: f"{meta['e_tag'] or meta['last_modified']} {meta['size']}" for name, meta in _listed(folder)}

    def names(self, folder: str) -> list[str]:
        store, key = _located(folder)
        with explained(folder):
            listed = heard(obstore.list_with_delimiter, store, key or None)
        paths = [*(each["path"] for each in listed["objects"]), *listed["common_prefixes"]]
        return [path.rpartition("/")[2] for path in paths]

    def remove(self, path: str) -> None:
        refuse_writing(path)
        store, key = _located(path)
        with contextlib.suppress(FileNotFoundError), explained(path):
            heard(obstore.delete, store, key)

    def remove_many(self, paths: Sequence[str]) -> None:
        by_root: dict[str, list[str]] = {}
        for path in paths:
            root, key = clients.root_and_key(path)
            by_root.setdefault(root, []).append(key)
        for root, keys in by_root.items():
            store = clients.client(root)
            with explained(root):
                try:
                    heard(obstore.delete, store, keys)
                except FileNotFoundError:  # some stores say so, and leave the rest
                    for key in keys:
                        with contextlib.suppress(FileNotFoundError):
                            heard(obstore.delete, store, key)

    def remove_folder(self, folder: str) -> None:
        root, key = clients.root_and_key(folder)
        self.remove_many([f"{root}/{key}/{name}" if key else f"{root}/{name}" for name in self.sizes(folder)])

    def remove_if_empty(self, folder: str) -> None:
        """Do nothing: a folder is there only while an object is."""

    def remove_leftovers(self, folder: str) -> None:
        """Do nothing: there is no object that is not whole."""

    def check(self, folder: str) -> None:
        """Write and remove a small object: nothing else tells whether that is allowed."""
        refuse_writing(folder)
        root, key = clients.root_and_key(folder)
        store = clients.client(root, clients.FOR_A_LOOK)
        probe = "/".join(filter(None, (key, f".writing-probe-{uuid.uuid4().hex}")))
        with explained(folder):
            with contextlib.suppress(AlreadyExistsError, PreconditionError):  # repeated: no answer came to the first
                heard(obstore.put, store, probe, b"", mode="create")
            heard(obstore.delete, store, probe)

    def create(self, path: str, data: bytes) -> object:
        return self._put(path, data, "create")

    def replace(self, path: str, data: bytes, version: object) -> object:
        return self._put(path, data, version)

    def _put(self, path: str, data: bytes, mode: Any) -> object:
        refuse_writing(path)
        store, key = _located(path)
        with explained(path):
            try:
                return _version_of(heard(obstore.put, store, key, data, mode=mode))
            except (AlreadyExistsError, PreconditionError):
                raise FileExistsError(path) from None
            except FileNotFoundError as error:  # some stores say so where the version to be replaced is gone
                if mode == "create" or Refusal.of(error).code == "NoSuchBucket":
                    raise
                raise FileExistsError(path) from None

    def look(self, path: str) -> tuple[bytes, float, object]:
        store, key = _located(path)
        with explained(path):
            found = heard(obstore.get, store, key)
            return bytes(heard(found.bytes)), found.meta["last_modified"].timestamp(), _version_of(found.meta)

    def now(self, folder: str) -> float:
        store, key = _located(f"{folder.rstrip('/')}/.writing-clock-{uuid.uuid4().hex}")
        with explained(folder):
            heard(obstore.put, store, key, b"")
            try:
                return heard(obstore.head, store, key)["last_modified"].timestamp()
            finally:
                within(TIDYING_S, lambda: obstore.delete(store, key))


def _pieces(path: str, found: "GetResult") -> Pieces:
    """Give the bytes of an answer; where it breaks off, the library asks for the rest of the same version."""
    with explained(path):
        pieces = iter(found.stream(min_chunk_size=_LEAST_PIECE_BYTES))
        while piece := heard(next, pieces, None):
            yield piece


def _version_of(stated: Any) -> dict[str, str]:
    """Return what a condition can be on: what the store says of a version, without what it does not say."""
    return {name: stated[name] for name in ("e_tag", "version") if stated[name] is not None}


def _listed(folder: str) -> Iterator[tuple[str, Any]]:
    """Give the objects below a folder: their names from there, and what the store says of them."""
    store, key = _located(folder)
    prefix = key + "/" if key else ""
    with explained(folder):
        listing = iter(obstore.list(store, prefix, chunk_size=_LISTED_AT_ONCE))
        while some := heard(next, listing, None):
            for each in some:
                yield each["path"].removeprefix(prefix), each
