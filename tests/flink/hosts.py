"""A Flink session cluster of several hosts on one machine, for tests: each host is a network namespace of its own.

A host has one TaskManager and one Beam worker pool on its port 50000, as a pod has. Needs root and iproute2.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tests.moments import wait_for

JAVA = (
    "java", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
    "--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED",
)  # fmt: skip
_BRIDGE, _SUBNET = "cc100br0", "10.79.13"
HOST = f"{_SUBNET}.1"  # of whoever runs the tests, as the hosts see it
ADDRESS = f"{HOST}:8081"
POOL = "localhost:50000"
# All of a TaskManager's memory is named, because the scripts that would work it out are not used.
_MEMORY = {
    "framework.heap.size": "128m", "framework.off-heap.size": "128m", "task.heap.size": "512m",
    "task.off-heap.size": "64m", "network.min": "256m", "network.max": "256m", "managed.size": "256m",
    "jvm-metaspace.size": "256m", "jvm-overhead.min": "192m", "jvm-overhead.max": "192m", "process.size": "1792m",
}  # fmt: skip
_CONFIGURATION = f"""\
jobmanager.rpc.address: {_SUBNET}.1
jobmanager.bind-host: 0.0.0.0
jobmanager.memory.process.size: 1g
rest.address: {_SUBNET}.1
rest.bind-address: {_SUBNET}.1
rest.port: 8081
web.submit.enable: true
heartbeat.timeout: 10000
heartbeat.interval: 2000
cluster.evenly-spread-out-slots: true
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 3
restart-strategy.fixed-delay.delay: 2 s
"""


class Hosts:
    """The cluster; everything that it started is gone after `stop`."""

    def __init__(self, folder: Path, jar: Path, slots: int) -> None:
        self._folder, self._jar, self._slots = folder, jar, slots
        self._configuration = folder / "conf"
        self._configuration.mkdir(parents=True)
        places = f"web.upload.dir: {folder}/upload\nio.tmp.dirs: {folder}/tmp\nweb.tmpdir: {folder}/web\n"
        (self._configuration / "flink-conf.yaml").write_text(_CONFIGURATION + places)
        for name in ("upload", "tmp", "web"):
            (folder / name).mkdir()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._namespaces: list[str] = []

    def start(self, hosts: int) -> None:
        self._remove_network()
        _ip("link", "add", _BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{_SUBNET}.1/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        self._run("jobmanager", self._java("org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"))
        for number in range(hosts):
            self._add_namespace(number)
            self.start_taskmanager(number)
            self.start_pool(number)
        wait_for(lambda: f'"taskmanagers":{hosts},' in _get("overview"), f"{hosts} TaskManagers")

    def start_taskmanager(self, number: int) -> None:
        memory = (f"-Dtaskmanager.memory.{name}={size}" for name, size in _MEMORY.items())
        command = self._java(
            "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
            *(f"-Dtaskmanager.host={_SUBNET}.{10 + number}", f"-Dtaskmanager.numberOfTaskSlots={self._slots}"),
            *(f"-Dtaskmanager.cpu.cores={self._slots}.0", *memory),
        )
        self._run(f"taskmanager{number}", [*inside(number), *command])

    def start_pool(
        self, number: int, path: Sequence[Path] = (), environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Start a worker pool; what is in the folders of `path` stands in for what its Python has."""
        pool = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", "--service_port=50000"]
        # The pool starts its workers as `python`.
        found = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        modules = ":".join(map(str, (*path, Path(__file__).parents[2])))
        self._run(f"pool{number}", [*inside(number), *pool], {"PATH": found, "PYTHONPATH": modules, **environment})

    def kill_taskmanager(self, number: int) -> None:
        self._kill(f"taskmanager{number}")

    def kill_pool(self, number: int) -> None:
        self._kill(f"pool{number}")

    def stop(self) -> None:
        for name in list(self._processes):
            self._kill(name)
        self._remove_network()

    def _java(self, main: str, *more: str) -> list[str]:
        return [*JAVA, "-cp", str(self._jar), main, "--configDir", str(self._configuration), *more]

    def _run(self, name: str, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that a pool is killed together with its workers
            )

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _add_namespace(self, number: int) -> None:
        name = _namespace(number)
        _ip("netns", "add", name)
        _ip("link", "add", f"cc100v{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", f"cc100v{number}", "master", _BRIDGE, "up")
        _ip("-n", name, "addr", "add", f"{_SUBNET}.{10 + number}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            _ip("-n", name, "link", "set", link, "up")

    def _remove_network(self) -> None:
        for number in range(4):
            # The kernel frees the links of a namespace late: they go first.
            _ip("link", "del", f"cc100v{number}", check=False)
            _ip("netns", "del", _namespace(number), check=False)
        _ip("link", "del", _BRIDGE, check=False)


def _namespace(number: int) -> str:
    return f"cc100host{number}"


def inside(number: int) -> tuple[str, ...]:
    """What runs a command on a host."""
    return ("ip", "netns", "exec", _namespace(number))


def _ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=check, capture_output=True)


def _get(path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}/{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""
