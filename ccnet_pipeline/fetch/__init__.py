"""Reading files wherever they lie: this machine, HTTP(S), S3, Google Cloud Storage. Whole, or a clear error.

    files.py       what the other packages call: open an archive, fetch a file, read a listing, ask for a size
    policy.py      the settings of all that, picklable
    resume.py      a stream that goes on where it broke off, and verifies its end
    retry.py       which failures may pass, and how long to wait before the next attempt
    error_page.py  HTML or XML where a file was asked for
    ranges.py      the headers Content-Range and Content-Length
    patient_body.py    the bytes of a response, with an end to patience
    http.py        source of bytes: HTTP(S), with requests
    http_failures.py   what its failures mean
    objects.py     source of bytes: object stores, with the clients of `storage`
    hdfs.py        source of bytes: HDFS
    pacing.py      the least time between two requests to one host, over all processes of the machine
    cache.py       whole files in a folder, written atomically, verified before use

What a path says stands in `storage.paths`.
A further place to read from is one more `resume.Source`: what must be right under faults stands in resume.py only.
"""

from ccnet_pipeline.fetch.files import Readable, fetch_file, open_archive, read_small, size_of, state_of
from ccnet_pipeline.fetch.policy import LONGEST_INTERVAL_S, FetchPolicy
from ccnet_pipeline.fetch.retry import tell_of_waits
from ccnet_pipeline.storage.paths import is_remote, local_path, shown

__all__ = [
    "LONGEST_INTERVAL_S",
    "FetchPolicy",
    "Readable",
    "fetch_file",
    "is_remote",
    "local_path",
    "open_archive",
    "read_small",
    "shown",
    "size_of",
    "state_of",
    "tell_of_waits",
]
