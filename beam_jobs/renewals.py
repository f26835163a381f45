"""What is made of the files of a finished run, for people, and made anew when they change: all of it is listed here."""

from collections.abc import Callable, Mapping

from ccnet_pipeline import storage

# Name in the run directory -> what writes it; it takes the run directory.
RENEWALS: Mapping[str, Callable[[str], object]] = {}


def renew(output: str) -> None:
    """Write all of them."""
    for write in RENEWALS.values():
        write(output)


def renew_missing(output: str) -> None:
    """Write those that are not there, as after a removal that was interrupted behind its last step."""
    for name, write in RENEWALS.items():
        if not storage.exists(storage.join(output, name)):
            write(output)
