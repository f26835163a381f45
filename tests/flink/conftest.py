"""What the tests on Flink need: Java, Beam's job server, a cluster, and a web server that holds an answer back."""

from __future__ import annotations

import hashlib
import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ccnet_pipeline import sample
from tests.conftest import CHECKOUT
from tests.flink.hosts import ADDRESS, HOST, POOL, Hosts
from tests.moments import PATIENCE_S, wait_for

# Not quite the whole time that a test may take, so that what it started is ended by the test itself.
LONGEST_S = 240
_OPENS = tuple(
    f"--job_server_jvm_properties=--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("util", "lang")
)


@pytest.fixture(scope="session")
def jar() -> Path:
    """$CC100_FLINK_JAR, by default the job server in ../shared/flink beside the checkout; skips without it or Java."""
    given = os.environ.get("CC100_FLINK_JAR")
    folder = CHECKOUT.parent / "shared" / "flink"
    found = Path(given) if given else next(folder.glob("beam-runners-flink-*-job-server-*.jar"), None)
    if found is None or not found.is_file():
        pytest.skip(f"no job server of Beam's for Flink at {given or folder}: set CC100_FLINK_JAR to its jar")
    if shutil.which("java") is None:
        pytest.skip("no Java, which Flink needs")
    return found.resolve()


@pytest.fixture(scope="session")
def hosts(jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """A session cluster of two hosts with two slots each."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("hosts of a cluster are network namespaces, which need root and iproute2")
    cluster = Hosts(tmp_path_factory.mktemp("cluster"), jar, slots=2)
    try:
        cluster.start(2)
        yield cluster
    finally:
        cluster.stop()


class Gate(http.server.ThreadingHTTPServer):
    """Serves a folder to the hosts, and holds back or refuses the files that it is told to."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.held = self.missing = ""  # a part of the path
        self.waiting = threading.Event()  # somebody asks for what is held
        self.opened = threading.Event()
        self.asked: set[str] = set()  # the files that hosts have asked for

        class Handler(http.server.SimpleHTTPRequestHandler):
            server: Gate

            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments, directory=str(folder))

            def do_GET(self) -> None:
                if self.client_address[0] != HOST:
                    self.server.asked.add(Path(self.path).name)
                if self.client_address[0] != HOST and self.server.held and self.server.held in self.path:
                    self.server.waiting.set()
                    self.server.opened.wait(LONGEST_S)
                if self.server.missing and self.server.missing in self.path:
                    return self.send_error(404)
                return super().do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self.server_address[1]}/"

    def handle_error(self, *_: Any) -> None:
        """Keep quiet where somebody hangs up."""

    def hold(self, name: str) -> None:
        self.held = name
        self.waiting.clear()
        self.opened.clear()

    def open(self) -> None:
        self.held = ""
        self.opened.set()


@pytest.fixture
def gate(hosts: Hosts) -> Iterator[Gate]:
    """The sample crawl behind a gate."""
    server = Gate(sample.crawl_directory())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.open()
        server.shutdown()
        server.server_close()
        thread.join()


class Driver:
    """The command as a user starts it; what it prints is in a file."""

    def __init__(self, folder: Path, words: list[str], inside: tuple[str, ...] = ()) -> None:
        self._printed = folder / "printed.txt"
        with self._printed.open("ab") as file:
            self.process = subprocess.Popen(
                [*inside, sys.executable, "-m", "beam_jobs.build_cc100", *words],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def printed(self) -> str:
        return self._printed.read_text()

    def says(self, text: str) -> None:
        """Wait until it has printed something."""

        def there() -> bool:
            return text in self.printed() or self.process.poll() is not None

        wait_for(there, f"{text!r} to be printed")
        assert text in self.printed(), self.printed()

    def ended(self) -> tuple[int, str]:
        """Wait for its end; return the status, and what it printed."""
        self.process.wait(LONGEST_S)
        return self.process.returncode, self.printed()

    def kill(self) -> None:
        """End it as a machine that loses power ends it, with what it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_S)


@pytest.fixture
def drive(jar: Path, lid: str, tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    """`drive(output, *more, by="uber", inside=())`: start the command; none is left when the test ends."""
    started: list[Driver] = []

    def start(output: Path | str, *more: str, by: str = "uber", inside: tuple[str, ...] = ()) -> Driver:
        words = [f"--output={output}", f"--lid_model={lid}", *runner_options(jar, by), *more]
        (folder := tmp_path / f"driver{len(started)}").mkdir()
        started.append(Driver(folder, words, inside))
        return started[-1]

    yield start
    for driver in started:
        if driver.process.poll() is None:
            driver.kill()


def runner_options(jar: Path, by: str) -> list[str]:
    """The options that submit to the cluster as a jar ("uber") or by a job server ("server"), or need none ("here")."""
    common = ["--runner=FlinkRunner", "--flink_version=1.19", f"--flink_job_server_jar={jar}", "--parallelism=2"]
    if by == "here":
        return [*common, "--flink_master=[local]", "--environment_type=LOOPBACK", *_OPENS]
    there = [f"--flink_master={ADDRESS}", "--environment_type=EXTERNAL", f"--environment_config={POOL}"]
    return [*common, *there, *(["--flink_submit_uber_jar"] if by == "uber" else _OPENS)]


def shards_of(output: Path) -> dict[str, str]:
    """The digest of each file of a corpus."""
    files = (path for path in (output / "shards").rglob("*") if path.is_file())
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="session")
def built_here(lid: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, str]]:
    """`built_here(*more)`: the shards as this machine alone builds them, of the sample or what is named."""
    known: dict[tuple[str, ...], dict[str, str]] = {}

    def build(*more: str) -> dict[str, str]:
        if more not in known:
            output = tmp_path_factory.mktemp("here") / "out"
            driver = Driver(tmp_path_factory.mktemp("driver"), [f"--output={output}", f"--lid_model={lid}", *more])
            assert driver.ended()[0] == 0, driver.printed()
            known[more] = shards_of(output)
        return known[more]

    return build
