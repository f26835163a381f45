"""Sizes of files, of which a store of objects is asked for whole folders at a time."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ccnet_pipeline import storage


@dataclass(frozen=True, slots=True)
class Listings:
    """Sizes of files: of local ones as they are now, of remote ones as of the first question about their folder."""

    _of_folders: dict[str, dict[str, int]] = field(default_factory=dict)

    def listed(self, path: str, folder: str | None = None) -> int | None:
        """Return the size of a file, None if there is none; a remote one may have come or gone since.

        Args:
            path: of the file.
            folder: above it, which is listed with all that is below it; None: the one that it lies in.
        """
        if storage.is_local(path):
            return storage.size(path)
        folder = path.rpartition("/")[0] if folder is None else folder.rstrip("/")
        if folder not in self._of_folders:
            self._of_folders[folder] = storage.sizes(folder)
        return self._of_folders[folder].get(path[len(folder) + 1 :])

    def size(self, path: str) -> int | None:
        """Return the size of a file, None if there is none; a remote one may have gone since it was listed."""
        listed = self.listed(path)
        return storage.size(path) if listed is None and not storage.is_local(path) else listed

    def vouch_for(self, path: str) -> bool:
        """Tell whether a file is remote, hence whole, and was listed."""
        return not storage.is_local(path) and self.listed(path) is not None

    def present(self, paths: Iterable[str]) -> list[str]:
        """Return the paths without those of remote files that were not listed."""
        return [path for path in paths if storage.is_local(path) or self.listed(path) is not None]
