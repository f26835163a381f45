"""A run with every path in an object store against the same on a disk: CPU of the whole tree, and every request.

    python benchmarks/remote.py --dump CC-MAIN-2018-30 --base crawl --lid_model lid.176.ftz --lm_dir models --workers 2

The store is moto's S3 server, in a process of its own on this machine, whose time does not count. The crawl and the
models are put there first. Both runs must leave the same bytes before anything else counts. Then the same command is
given again. Exit status: 0, 1 (other bytes), 2 (a mistake).
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.measuring import Run, run_program, spread  # noqa: E402
from ccnet_pipeline import storage  # noqa: E402

_BUCKET = "s3://bench"
_STAGES = 9  # of the graph: docs/design.md, The graph
_MOST_REQUESTS = 12  # a segment and stage
_MOST_CPU = 1.5  # times that of the local run
_KINDS = {"PUT": "write", "POST": "delete", "DELETE": "delete", "GET": "read", "HEAD": "look"}
# Serves until it is killed; a line a request goes to the file that is named.
_SERVER = """
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple

class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_request(self, *_): pass

answer, log = DomainDispatcherApplication(create_backend_app), open(sys.argv[2], "a", buffering=1)

def application(environ, start_response):
    log.write(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}\\n")
    return answer(environ, start_response)

run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True, request_handler=Quiet)
"""


@contextlib.contextmanager
def s3_server(log: Path) -> Iterator[None]:
    """Run a server with an empty bucket, known to this process and its children by their environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([sys.executable, "-c", _SERVER, str(port), str(log)], stderr=subprocess.DEVNULL)
    os.environ |= {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    try:
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(urllib.request.Request(f"{url}/bench", method="PUT")).close()
                break
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def stage_of(request: str) -> tuple[str, str]:
    """Return what a request is about, a stage by the folder that it leaves its files in; and its kind."""
    method, _, path = request.partition(" ")
    path, _, query = path.partition("?")
    about = path + query.replace("%2F", "/")
    found = re.search(r"work/[0-9a-f]+-\w+/(extract|compact|resolve|scatter|mine|gather|regroup)/", about)
    if found:
        where = found[1]
    else:
        names = {"/crawl/": "extract", "/shards/": "regroup, final files", "/ledger": "publish", "manifest": "publish"}
        where = next((stage for name, stage in names.items() if name in about), "start and end")
    kind = "list" if method == "GET" and "list-type" in query else _KINDS[method]
    return where, kind


def upload(folder: Path, target: str) -> None:
    """Put the files of a folder, and of those below it, into the store."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        storage.write(f"{target}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def results(output: str) -> dict[str, str]:
    """Return the sha256 of what must be the same, by name."""
    found = {}
    for name in storage.sizes(output):
        data = storage.read(storage.join(output, name))
        if name == "manifest.json":  # the fingerprint differs: of remote inputs the sizes are not known
            data = json.dumps(json.loads(data)["files"]).encode()
        found[name] = hashlib.sha256(data).hexdigest()
    found.pop("run.json")
    return found


def command_of(options: argparse.Namespace, place: str, crawl: str, lid_model: str, lm_dir: str) -> list[str]:
    """Return the command that reads and writes below a place."""
    return [
        *(sys.executable, "-m", "beam_jobs.build_cc100", "--dump", options.dump, "--base", crawl),
        *("--output", f"{place}/out", "--work_dir", f"{place}/work", "--workers", str(options.workers)),
        *("--lid_model", lid_model, "--lm_dir", lm_dir),
    ]


def show(console: Console, title: str, requests: list[str], segments: int) -> None:
    """Print how often each kind of request came, by stage."""
    counts = Counter(map(stage_of, requests))
    kinds = ("write", "read", "look", "list", "delete")
    table = Table(title=title, title_justify="left", box=box.MARKDOWN)
    for heading in ("", *kinds, "all", "a segment"):
        table.add_column(heading, justify="right" if heading else "left")
    for stage in [*sorted({stage for stage, _ in counts}), "all"]:
        values = [sum(n for (of, as_), n in counts.items() if as_ == kind and stage in (of, "all")) for kind in kinds]
        table.add_row(stage, *map(str, values), str(sum(values)), f"{sum(values) / segments:.1f}")
    console.print(table)


def main() -> int:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dump", required=True, help="name of the dump below --base")
    parser.add_argument("--base", type=Path, required=True, help="folder with crawl-data/, as CommonCrawl has it")
    parser.add_argument("--lid_model", type=Path, required=True)
    parser.add_argument("--lm_dir", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, in turn")
    options = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "requests")
        log.touch()
        os.environ["CC100_CACHE"] = f"{folder}/cache"
        with s3_server(log):
            return compare(options, folder, log, console)


def compare(options: argparse.Namespace, folder: str, log: Path, console: Console) -> int:
    """Run here, there, and there again."""
    local = command_of(options, folder, str(options.base), str(options.lid_model), str(options.lm_dir))
    upload(options.base, f"{_BUCKET}/crawl")
    upload(options.lm_dir, f"{_BUCKET}/lm")
    storage.write(f"{_BUCKET}/{options.lid_model.name}", options.lid_model.read_bytes())
    remote = command_of(options, _BUCKET, f"{_BUCKET}/crawl", f"{_BUCKET}/{options.lid_model.name}", f"{_BUCKET}/lm")
    pairs = []
    for number in range(options.repeat):
        if number:
            storage.remove_folder(f"{folder}/out")
            storage.remove_folder(f"{_BUCKET}/out")
        here, _ = run_program(local)
        there, fresh = _counted(remote, log)
        pairs.append((here.cpu_s, there.cpu_s))
    expected, found = results(f"{folder}/out"), results(f"{_BUCKET}/out")
    if wrong := sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name)):
        console.print(f"the run in the object store left other bytes than the one on a disk: {', '.join(wrong[:5])}")
        return 1
    segments = len(json.loads(storage.read(f"{_BUCKET}/out/run.json"))["inputs"])
    show(console, "A run", fresh, segments)
    _, again = _counted(remote, log)
    show(console, "The same command again", again, segments)
    share = len(fresh) / segments / _STAGES
    console.print(
        f"{segments} segments, the same bytes. CPU s: {spread([here for here, _ in pairs])} on a disk, "
        f"{spread([there for _, there in pairs])} in the store, {spread([there / here for here, there in pairs])} "
        f"times (bar: {_MOST_CPU}). Requests: {len(fresh)}, {share:.1f} a segment and "
        f"stage of {_STAGES} (bar: {_MOST_REQUESTS}); of a finished run again: {len(again)}."
    )
    return 0


def _counted(command: list[str], log: Path) -> tuple[Run, list[str]]:
    """Run a program; return what it cost, and its requests."""
    before = len(log.read_text().splitlines())
    run, _ = run_program(command)
    return run, log.read_text().splitlines()[before:]


if __name__ == "__main__":
    sys.exit(main())
