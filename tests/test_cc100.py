"""The program `cc100`: each of its commands is a module's command line, from a checkout or an installed wheel."""

import ast
import importlib.util
import os
import resource
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from beam_jobs import job
from beam_jobs.runners.local import Processes
from cc100.__main__ import COMMANDS, main
from tests.conftest import CHECKOUT
from tests.moments import PATIENCE_S

PACKAGES = ("beam_jobs", "cc100", "ccnet_pipeline", "model")
# Run by developers, or by other programs.
NOT_COMMANDS = {
    "beam_jobs.flex_template",
    "cc100",
    "ccnet_pipeline.language.fasttext_training",
    "ccnet_pipeline.sample",
}
_MAIN = "__name__ == '__main__'"


@pytest.fixture(autouse=True)
def no_run_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a command end as in a process of its own: after a run with workers it would end this one at once."""
    monkeypatch.setattr(Processes, "were_started", False)


def ended(arguments: Sequence[str]) -> int:
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    return int(leaving.value.code or 0)


def ends_of_modules() -> dict[str, str]:
    """Return what each module does that `python -m` can run, by its name."""
    ends = {}
    for path in (path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py")):
        last = ast.parse(path.read_text("utf-8")).body[-1:]
        if last and isinstance(last[0], ast.If) and ast.unparse(last[0].test) == _MAIN:
            module = ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
            ends[module.removesuffix(".__main__")] = "\n".join(map(ast.unparse, last[0].body))
    return ends


def test_every_command_line_is_a_command() -> None:
    ends = ends_of_modules()
    assert len(ends) > 15
    assert {command.module for command in COMMANDS.values()} == set(ends) - NOT_COMMANDS
    # What `cc100` does with them.
    assert {ends[command.module] for command in COMMANDS.values()} <= {
        "leave(main())",
        "sys.exit(main())",
    }


def test_the_help_has_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown and command.help in shown for name, command in COMMANDS.items())


def test_the_help_of_a_command_is_that_of_its_module(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["build", "--help"]) == 0
    shown = capsys.readouterr()
    assert job.main(["--help"]) == 0
    assert capsys.readouterr() == shown


def test_the_status_and_the_line_of_a_mistake_are_those_of_the_module(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(["get", str(tmp_path), "x"]) == 2
    assert capsys.readouterr().err.startswith(f"get: {tmp_path} is no run directory: it has no run.json;")


@pytest.mark.parametrize("given", [[], ["bild"], ["--bild"]], ids=str)
def test_no_such_command_is_a_line_with_the_help(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(given) == 2
    line = capsys.readouterr().err
    assert line.startswith("cc100: ")
    assert line.endswith(" (see --help)\n")
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "near"), [("biuld", "; did you mean build?"), ("hash-index", "; did you mean hash_index?"), ("zzz", "")]
)
def test_a_misspelt_command_is_told_the_nearest(given: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended([given]) == 2
    assert capsys.readouterr().err == f"cc100: there is no command {given!r}{near} (see --help)\n"


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        ("apache_beam.io", "pip install 'cc100-xlmr[beam]'"),
        ("beam_jobs", "it is not in this installation; pip install 'cc100-xlmr[beam]' elsewhere"),
    ],
)
def test_a_package_that_is_not_installed_is_a_line_with_the_remedy(
    missing: str, remedy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find(_: str) -> NoReturn:
        raise ModuleNotFoundError(name=missing)

    monkeypatch.setattr("importlib.util.find_spec", find)
    assert ended(["build"]) == 2
    assert capsys.readouterr().err == f"cc100: build needs {missing.partition('.')[0]}: {remedy}\n"


def test_a_module_of_ours_that_is_not_there_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: importlib.import_module("beam_jobs.no_such_module"))
    with pytest.raises(ModuleNotFoundError):
        main(["build"])


def test_the_help_comes_at_once() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-X", "importtime", "-m", "cc100", "--help"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"apache_beam", "numpy", "rich", "ccnet_pipeline", "beam_jobs", "model", "importlib.metadata"}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 0.5  # it is .07; a machine may be slow


# --- an installed wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, of a copy of the checkout: in the checkout itself setuptools would leave files, and find old ones."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, folder)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", "dist", "."], cwd=folder, check=True, timeout=PATIENCE_S)
    (made,) = (folder / "dist").glob("*.whl")
    return made


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    ours = {
        path.relative_to(CHECKOUT).as_posix()
        for package in PACKAGES
        for path in (CHECKOUT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == ours


def test_an_installed_wheel_builds_a_corpus_without_the_checkout(wheel: Path, lid: str, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    packages = [path for path in sys.path if path.endswith("site-packages")]
    (site / "packages.pth").write_text("".join(f"{path}\n" for path in packages))
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet"]
    flags = ["--no-deps", "--no-index", "--ignore-installed", "--disable-pip-version-check"]
    subprocess.run([*pip, *flags, str(wheel)], check=True, timeout=PATIENCE_S)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def cc100(*arguments: str) -> str:
        done = subprocess.run(
            [str(home / "bin" / "cc100"), *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    # Two processes, forked and not: neither has to import what `__main__` is.
    built = cc100("build", "--output", "out", "--lid_model", lid, "--workers", "2", "--shard_bytes", "1M")
    assert "Shards: out/shards" in built
    assert "│ sw " in cc100("stats", "out")
    assert cc100("verify", "out", "--workers", "2").startswith("out is as its manifest and its ledger say")
    assert cc100("--version").startswith("cc100 0.")
