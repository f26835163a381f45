"""What people look at of a finished run: all that is made of its other files, and made anew when they change.

A run is complete without it.
"""

import sys
from collections.abc import Callable, Mapping

from ccnet_pipeline import report

# Name in the run directory -> what writes it, given the run directory.
RENEWALS: Mapping[str, Callable[[str], object]] = {report.REPORT: report.write_report}


def renew(output: str, program: str) -> list[str]:
    """Write all of them; return the names of those that were written. One that fails is a line of the program."""
    written = []
    for name, write in RENEWALS.items():
        try:
            write(output)
        except Exception as error:
            print(f"{program}: {name} was not written: {error!r}", file=sys.stderr)
        else:
            written.append(name)
    return written
