"""The entry point: python -m beam_jobs.build_cc100.

Thin on purpose: it runs as `__main__`, and what is defined in `__main__` would travel to workers by value.
"""

import os
import sys

from beam_jobs.job import main
from ccnet_pipeline.command import INTERRUPTED

if __name__ == "__main__":
    status = main()
    if status == INTERRUPTED:
        # Threads of Beam's may still wait for workers that are gone, and an ordinary exit would wait for them.
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)
