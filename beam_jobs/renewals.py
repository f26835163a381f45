"""What people look at of a finished run: all that is made of its other files, and made anew when they change.

A run is complete without it.
"""

import sys
from collections.abc import Callable, Mapping

from ccnet_pipeline import dataset, report, storage
from ccnet_pipeline.errors import UserError

# Name in the run directory -> what writes it, given the run directory.
RENEWALS: Mapping[str, Callable[[str], object]] = {
    report.REPORT: report.write_report,
    dataset.CARD_FILE: dataset.write_card,
}


def renew(output: str, program: str, *, missing_only: bool = False) -> list[str]:
    """Write all of them; return the names of those that were written. One that fails is a line of the program."""
    written = []
    for name, write in RENEWALS.items():
        if missing_only and storage.exists(storage.join(output, name)):
            continue
        try:
            write(output)
        except Exception as error:
            why = str(error) if isinstance(error, UserError) else repr(error)
            print(f"{program}: {name} was not written: {why}", file=sys.stderr)
        else:
            written.append(name)
    return written
