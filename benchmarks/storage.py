"""What a call to an object store costs: CPU time of the asking process, and requests, by library.

    python benchmarks/storage.py                       # those that are installed
    python benchmarks/storage.py --libraries obstore boto3 --rounds 200

The store is moto's S3 server, in a process of its own on this machine, whose time does not count. Each library runs in
a process of its own, too; it is asked for everything once before it is measured. `storage` is our own layer, which
stands on obstore. docs/design.md says what was chosen.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

_BUCKET = "bench"
_SMALL = b"x" * 4096
_LARGE_BYTES = 32 << 20
_RANGES = [(start * 40_000, 4096) for start in range(20)]
_LISTED = 300
Calls = dict[str, Callable[[], object]]
# Serves until it is killed; a byte a request goes to the file that is named.
_SERVER = """
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_request(self, *_): pass

answer, asked = DomainDispatcherApplication(create_backend_app), open(sys.argv[1], "ab", buffering=0)

def application(environ, start_response):
    asked.write(b".")
    return answer(environ, start_response)

server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
print(server.server_port, flush=True)
server.serve_forever()
"""


def _of_storage() -> Calls:
    from ccnet_pipeline import storage

    root = f"s3://{_BUCKET}"

    def stream() -> None:
        with storage.open_for_reading(f"{root}/large") as file:
            while file.read(1 << 20):
                pass

    return {
        "write 4 KiB": lambda: storage.write(f"{root}/new", _SMALL),
        "read 4 KiB": lambda: storage.read(f"{root}/small"),
        "a range of 4 KiB": lambda: storage.read_range(f"{root}/large", 1 << 20, 4096),
        "20 ranges side by side": lambda: storage.read_many(f"{root}/large", _RANGES),
        "size": lambda: storage.size(f"{root}/small"),
        "list 300": lambda: storage.sizes(f"{root}/many"),
        "read 32 MiB": stream,
    }


def _of_obstore() -> Calls:
    import obstore
    from obstore.store import S3Store

    store = S3Store(_BUCKET, client_options={"allow_http": True})
    starts, sizes = zip(*_RANGES, strict=True)
    return {
        "write 4 KiB": lambda: obstore.put(store, "new", _SMALL),
        "read 4 KiB": lambda: bytes(obstore.get(store, "small").bytes()),
        "a range of 4 KiB": lambda: obstore.get_range(store, "large", start=1 << 20, length=4096),
        "20 ranges side by side": lambda: obstore.get_ranges(store, "large", starts=starts, lengths=sizes),
        "size": lambda: obstore.head(store, "small")["size"],
        "list 300": lambda: obstore.list(store, "many", chunk_size=1000).collect(),
        "read 32 MiB": lambda: [len(piece) for piece in obstore.get(store, "large").stream()],
    }


def _of_boto3() -> Calls:
    import boto3

    client = boto3.client("s3")

    def ranged(start: int, size: int) -> bytes:
        wanted = f"bytes={start}-{start + size - 1}"
        data: bytes = client.get_object(Bucket=_BUCKET, Key="large", Range=wanted)["Body"].read()
        return data

    def small() -> bytes:
        data: bytes = client.get_object(Bucket=_BUCKET, Key="small")["Body"].read()
        return data

    def stream() -> None:
        body = client.get_object(Bucket=_BUCKET, Key="large")["Body"]
        while body.read(1 << 20):
            pass

    return {
        "write 4 KiB": lambda: client.put_object(Bucket=_BUCKET, Key="new", Body=_SMALL),
        "read 4 KiB": small,
        "a range of 4 KiB": lambda: ranged(1 << 20, 4096),
        "20 ranges side by side": lambda: [ranged(*each) for each in _RANGES],
        "size": lambda: client.head_object(Bucket=_BUCKET, Key="small")["ContentLength"],
        "list 300": lambda: client.list_objects_v2(Bucket=_BUCKET, Prefix="many/")["Contents"],
        "read 32 MiB": stream,
    }


def _of_s3fs() -> Calls:
    import s3fs

    files = s3fs.S3FileSystem(use_listings_cache=False)
    starts = [start for start, _ in _RANGES]
    ends = [start + size for start, size in _RANGES]

    def stream() -> None:
        with files.open(f"{_BUCKET}/large") as file:
            while file.read(1 << 20):
                pass

    return {
        "write 4 KiB": lambda: files.pipe_file(f"{_BUCKET}/new", _SMALL),
        "read 4 KiB": lambda: files.cat_file(f"{_BUCKET}/small"),
        "a range of 4 KiB": lambda: files.cat_file(f"{_BUCKET}/large", start=1 << 20, end=(1 << 20) + 4096),
        "20 ranges side by side": lambda: files.cat_ranges([f"{_BUCKET}/large"] * len(starts), starts, ends),
        "size": lambda: files.info(f"{_BUCKET}/small", refresh=True)["size"],
        "list 300": lambda: files.find(f"{_BUCKET}/many", refresh=True),
        "read 32 MiB": stream,
    }


def _of_pyarrow() -> Calls:
    from pyarrow import fs

    files = fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"), scheme="http")

    def write() -> None:
        with files.open_output_stream(f"{_BUCKET}/new") as file:
            file.write(_SMALL)

    def ranges(wanted: Sequence[tuple[int, int]]) -> None:
        with files.open_input_file(f"{_BUCKET}/large") as file:
            for start, size in wanted:
                file.seek(start)
                file.read(size)

    def read(name: str) -> None:
        with files.open_input_stream(f"{_BUCKET}/{name}") as file:
            while file.read(1 << 20):
                pass

    return {
        "write 4 KiB": write,
        "read 4 KiB": lambda: read("small"),
        "a range of 4 KiB": lambda: ranges([(1 << 20, 4096)]),
        "20 ranges side by side": lambda: ranges(_RANGES),
        "size": lambda: files.get_file_info(f"{_BUCKET}/small").size,
        "list 300": lambda: files.get_file_info(fs.FileSelector(f"{_BUCKET}/many")),
        "read 32 MiB": lambda: read("large"),
    }


LIBRARIES = {
    "storage": (_of_storage, "obstore"),
    "obstore": (_of_obstore, "obstore"),
    "boto3": (_of_boto3, "boto3"),
    "s3fs": (_of_s3fs, "s3fs"),
    "pyarrow.fs": (_of_pyarrow, "pyarrow"),
}


def measure(library: str, rounds: int, asked: Path) -> dict[str, tuple[float, float]]:
    """Return milliseconds of CPU and requests of each call; `start` is imports, client, and each call once."""
    began, before = time.process_time(), asked.stat().st_size
    calls = LIBRARIES[library][0]()
    for call in calls.values():
        call()
    found = {"start": (1000 * (time.process_time() - began), float(asked.stat().st_size - before))}
    for name, call in calls.items():
        count = max(1, rounds // (20 if name == "read 32 MiB" else 1))
        began, before = time.process_time(), asked.stat().st_size
        for _ in range(count):
            call()
        cpu = time.process_time() - began
        found[name] = (1000 * cpu / count, (asked.stat().st_size - before) / count)
    return found


@contextlib.contextmanager
def _server(asked: Path) -> Iterator[str]:
    """Run the server; give its address."""
    asked.touch()
    process = subprocess.Popen([sys.executable, "-c", _SERVER, str(asked)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def _fill(address: str) -> None:
    import requests

    with requests.Session() as session:
        session.put(f"{address}/{_BUCKET}").raise_for_status()
        for name, data in (("small", _SMALL), ("large", bytes(_LARGE_BYTES))):
            session.put(f"{address}/{_BUCKET}/{name}", data=data).raise_for_status()
        for number in range(_LISTED):
            session.put(f"{address}/{_BUCKET}/many/{number:04}", data=b"x").raise_for_status()


def main(argv: list[str]) -> int:
    """Measure, and print the table; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=list(LIBRARIES))
    parser.add_argument("--rounds", type=int, default=100, metavar="N", help="calls of each kind (%(default)s)")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)  # in the process of one library
    options = parser.parse_args(argv)
    if options.one:
        print(json.dumps(measure(options.libraries[0], options.rounds, options.one)))
        return 0
    libraries = [name for name in options.libraries if importlib.util.find_spec(LIBRARIES[name][1])]
    results = _measure_each(libraries, options.rounds)
    table = Table("milliseconds of CPU (requests) a call", *libraries, box=box.MARKDOWN)
    for name in results[libraries[0]]:
        table.add_row(name, *("{:.2f} ({:g})".format(*results[library][name]) for library in libraries))
    Console(width=120).print(table)
    return 0


def _measure_each(libraries: Sequence[str], rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder, "asked")
        with _server(asked) as address:
            _fill(address)
            settings = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
            environment = {**os.environ, **settings, "AWS_DEFAULT_REGION": "us-east-1"}
            results = {}
            for library in libraries:
                command = [sys.executable, __file__, "--libraries", library, f"--rounds={rounds}", "--one", str(asked)]
                done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
                results[library] = json.loads(done.stdout)
    return results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
