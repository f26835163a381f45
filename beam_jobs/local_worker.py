"""A worker process of the local runner: Beam's own, but quiet, and gone when its parent is gone."""

import logging
import os
import sys
import threading
import time

from apache_beam.runners.worker import sdk_worker_main

from beam_jobs import local

_LOOK_EVERY_S = 1.0


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os._exit(1)


def main() -> None:
    """Serve the runner that started this process; the argument is its process number.

    An argument, for the parent may be gone before this process can ask who it is.
    """
    local.redirect_stderr()
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    threading.Thread(target=_leave_with, args=(int(sys.argv[1]),), daemon=True).start()
    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
