"""The entry point: python -m beam_jobs.build_cc100.

Thin on purpose: it runs as `__main__`, and what is defined in `__main__` would travel to workers by value.
"""

from beam_jobs.job import main
from beam_jobs.runners.stopping import leave

if __name__ == "__main__":
    leave(main())
