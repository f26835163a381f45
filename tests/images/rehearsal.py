"""Runs a Dockerfile without Docker: its stages in folders of this machine, its RUNs in them as roots.

What runs is the file itself. Its base images are Debian of their release, made anew by debootstrap, with Debian's
Python at the place that Docker's official images have it; and stand-ins for images that only a registry has. Needs
root, debootstrap, Debian's mirror and the package index.
"""

import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.images.recipes import Instruction, Settings, Stage

_MIRROR = "http://deb.debian.org/debian"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OF_THE_NETWORK = tuple(map(Path, ("/etc/hosts", "/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt")))
_TOLD_CHARACTERS = 5_000
# How this machine reaches the network is no part of an image.
_NETWORK = re.compile(r"(https?|no)_proxy|PIP_(CERT|INDEX_URL|DEFAULT_TIMEOUT)|SSL_CERT_FILE", re.IGNORECASE)


@dataclasses.dataclass(slots=True)
class Root:
    """A folder that is the root of a file system, and how programs run in it."""

    folder: Path
    settings: Settings

    def run(self, *command: str, binds: Mapping[Path, str] = {}, has_network: bool = True) -> str:
        """Run a command in it, as the settings have it, and return what it prints.

        Args:
            command: its words.
            binds: further folders of this machine, and where they are seen.
            has_network: whether it reaches more than itself.

        Raises:
            RuntimeError: it fails; with the end of what it printed.
        """
        user = self.settings.user
        apart = ["--mount", "--pid", "--fork", "--kill-child", *([] if has_network else ["--net"])]
        lo = [] if has_network else ["ip link set lo up"]
        script = "\n".join(["set -e", *lo, *self._mounts(binds), 'exec chroot "$@"'])
        as_user = [] if user == "0" else ["--userspec", f"{user}:{user}"]
        inside = ["/bin/sh", "-c", 'cd "$1"; shift; exec "$@"', "sh", self.settings.directory, *command]
        done = subprocess.run(
            ["unshare", *apart, "sh", "-c", script, "sh", *as_user, str(self.folder), *inside],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{shlex.join(command)}: status {done.returncode}\n{done.stdout[-_TOLD_CHARACTERS:]}")
        return done.stdout

    def _mounts(self, binds: Mapping[Path, str]) -> list[str]:
        """Return commands that let the root see processes, devices, and how this machine reaches the network."""
        commands = [f"mount -t proc proc {self.folder}/proc", f"mount --rbind /dev {self.folder}/dev"]
        for source, target in {**{path: str(path) for path in _OF_THE_NETWORK}, **binds}.items():
            place = self.folder / target.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                place.mkdir(exist_ok=True)
            else:
                place.touch()
            commands.append(f"mount --bind {source} {place}")
        return commands

    def _environment(self) -> dict[str, str]:
        network = {name: value for name, value in os.environ.items() if _NETWORK.fullmatch(name)}
        users = [line.split(":") for line in (self.folder / "etc/passwd").read_text().splitlines()]
        homes = {number: home for _, _, number, _, _, home, _ in users}
        return {"PATH": _PATH, "HOME": homes[self.settings.user], **network, **self.settings.environment}

    def num_bytes(self) -> int:
        """Return what it takes on disk."""
        done = subprocess.run(["du", "-sxB1", self.folder], capture_output=True, text=True, check=True)
        return int(done.stdout.split()[0])


def debian_with_python(release: str, folder: Path) -> None:
    """Make what stands for python:X-slim-RELEASE: Debian, and its Python as /usr/local/bin/python."""
    packages = "ca-certificates,netbase,python3-dev,python3-venv"
    command = ["debootstrap", "--variant=minbase", f"--include={packages}", release, str(folder), _MIRROR]
    subprocess.run(["unshare", "--mount", *command], check=True, stdout=subprocess.DEVNULL)
    root = Root(folder, Settings({}))
    # A virtual environment at /usr/local: there python, pip and packages lie where the official images have them.
    make_python = "python3 -m venv /usr/local && pip install --quiet --upgrade pip"
    root.run("/bin/sh", "-c", f"{make_python} && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb")


@dataclasses.dataclass(slots=True)
class Rehearsal:
    """The stages of a Dockerfile, being made."""

    context: Path  # the folder that COPY copies from
    roots: Path  # where the stages come to lie
    stand_ins: Mapping[str, Path]  # by image, a folder with what is copied from it
    tell: Callable[[str], None] = print
    made: dict[str, Root] = dataclasses.field(default_factory=dict)

    def build(self, stages: Sequence[Stage]) -> Root:
        """Make all stages; return the last."""
        for stage in stages:
            root = self.made[stage.name] = self._begin(stage)
            for instruction in stage.instructions:
                began = time.monotonic()
                self._do(root, instruction)
                words = shlex.join(instruction.values).replace("\\\n", " ")[:70]
                self.tell(f"{stage.name}: {instruction.name} {words} ({time.monotonic() - began:.1f} s)")
        return self.made[stages[-1].name]

    def _begin(self, stage: Stage) -> Root:
        folder = self.roots / stage.name
        shutil.rmtree(folder, ignore_errors=True)
        if stage.base in self.made:
            earlier = self.made[stage.base]
            _copy(earlier.folder, folder)
            return Root(folder, earlier.settings)
        if stage.base in self.stand_ins:
            _copy(self.stand_ins[stage.base], folder)
            return Root(folder, Settings({}))
        release = re.fullmatch(r"python:3\.\d+-slim-(\w+)", stage.base)
        if not release:
            raise ValueError(f"FROM {stage.base}: there is nothing here that could stand for it")
        base = self.roots / f"base-{release[1]}"
        if not (base / "usr/local/bin/pip").exists():  # it is kept from rehearsal to rehearsal
            shutil.rmtree(base, ignore_errors=True)
            base.mkdir(parents=True)
            debian_with_python(release[1], base)
        _copy(base, folder)
        return Root(folder, Settings({"PYTHON_VERSION": "3"}))

    def _do(self, root: Root, instruction: Instruction) -> None:
        settings, values = root.settings, instruction.values
        match instruction.name:
            case "RUN":
                command = values if instruction.is_list else ("/bin/sh", "-c", values[0])
                root.run(*command, binds=self._binds(instruction))
            case "COPY":
                self._copy_in(root, instruction)
            case "ENV":
                new = {name: settings.filled(value) for name, value in zip(values[::2], values[1::2], strict=True)}
                root.settings = dataclasses.replace(settings, environment={**settings.environment, **new})
            case "WORKDIR":
                directory = os.path.join(settings.directory, settings.filled(values[0]))  # noqa: PTH118 it is not here
                (root.folder / directory.lstrip("/")).mkdir(parents=True, exist_ok=True)
                root.settings = dataclasses.replace(settings, directory=directory)
            case "USER":
                root.settings = dataclasses.replace(settings, user=settings.filled(values[0]))
            case "ENTRYPOINT":
                root.settings = dataclasses.replace(settings, entrypoint=values)
            case other:
                raise ValueError(f"line {instruction.line}: no rehearsal of {other}")

    def _binds(self, instruction: Instruction) -> dict[Path, str]:
        if "mount" not in instruction.flags:
            return {}
        mount = dict(part.split("=", 1) for part in instruction.flags["mount"].split(","))
        return {self.made[mount["from"]].folder / mount["source"].lstrip("/"): mount["target"]}

    def _copy_in(self, root: Root, instruction: Instruction) -> None:
        *sources, target = map(root.settings.filled, instruction.values)
        origin = self.made[instruction.flags["from"]].folder if "from" in instruction.flags else self.context
        place = os.path.join(root.settings.directory, target)  # noqa: PTH118 it is not here
        into = root.folder / place.lstrip("/")
        for source in sources:
            path = origin / source.lstrip("/")
            if path.is_dir():
                _copy(path, into)
            else:
                file = into / path.name if target.endswith("/") or into.is_dir() else into
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, file)


def _copy(source: Path, target: Path) -> None:
    """Copy what is in a folder, with owners and modes; what Python left behind in a checkout stays."""
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", f"{source}/.", target], check=True)
