"""Reading files wherever they lie: this machine, HTTP(S), S3, Google Cloud Storage. Whole, or a clear error.

    files.py       what the other packages call: open an archive, fetch a file, read a listing, ask for a size
    policy.py      the settings of all that, picklable
    paths.py       what a path says: its scheme, the local file that it means, how it is shown without secrets
    resume.py      a stream that goes on where it broke off, and verifies its end
    retry.py       which failures may pass, and how long to wait before the next attempt
    error_page.py  HTML or XML where a file was asked for
    ranges.py      the headers Content-Range and Content-Length
    raw_body.py    the bytes of a response, and what its failures mean
    http.py        source of bytes: HTTP(S), with requests
    gcs.py         the same for gs://, over http.py
    s3.py          source of bytes: S3, with boto3
    pacing.py      the least time between two requests to one host, over all processes of the machine
    cache.py       whole files in a folder, written atomically, verified before use

A further place to read from is one more `resume.Source`: what must be right under faults stands in resume.py only.
"""

from ccnet_pipeline.fetch.files import Readable, fetch_file, open_archive, read_small, size_of
from ccnet_pipeline.fetch.paths import is_remote, local_path, shown
from ccnet_pipeline.fetch.policy import LONGEST_INTERVAL_S, FetchPolicy
from ccnet_pipeline.fetch.retry import tell_of_waits

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
    "tell_of_waits",
]
