"""Every command of the README is run, in order, in an empty folder, with a server in the place of the web."""

import gzip
import itertools
import json
import lzma
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import requests

from ccnet_pipeline import sample
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.programs import find_programs
from ccnet_pipeline.text_files import read_lines
from tests.conftest import CHECKOUT, data_folder
from tests.fetch.server import FaultServer
from tests.s3_server import S3Server
from tests.test_build import build, result

BLOCKS = re.findall(r"```sh\n(.*?)```", (CHECKOUT / "README.md").read_text("utf-8"), flags=re.DOTALL)
COMMANDS = [line.partition("  #")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()]
DUMP, NEXT_DUMP = "CC-MAIN-2018-51", "CC-MAIN-2019-04"  # of the commands
NEW_DUMP = "CC-MAIN-2026-08"  # what `--dump new` finds
MAKE = {
    "make run": "python -m beam_jobs.build_cc100",
    "make train": "python -m model.pretrain --data cc100-sample/shards",
}


def test_the_readme_has_commands() -> None:
    assert len(COMMANDS) >= 8
    assert COMMANDS[:3] == ["make run", "make test", "make train"]


def test_from_nothing_to_a_filtered_corpus_it_is_at_most_four_commands() -> None:
    (block,) = (block for block in BLOCKS if "make kenlm" in block)
    assert len(block.splitlines()) <= 4
    assert "--lm_dir models" in block.splitlines()[-1]
    assert "\nkenlm:" in (CHECKOUT / "Makefile").read_text("utf-8")


def test_make_test_is_what_ci_runs() -> None:
    assert "\nmake test\n" in (CHECKOUT / ".ci" / "run").read_text("utf-8")


@pytest.mark.parametrize("command", MAKE)
def test_make_does_what_is_tested(command: str) -> None:
    recipe = (CHECKOUT / "Makefile").read_text("utf-8").partition(f"\n{command.split()[1]}:")[2].splitlines()[1]
    assert recipe.strip() == MAKE[command].replace("python", "$(BIN)/python")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 server, known to all programs that are started, with a bucket named `bucket`."""
    server = S3Server()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    requests.put(f"{server.environment['AWS_ENDPOINT_URL']}/bucket").raise_for_status()
    yield
    server.stop()


@pytest.mark.timeout(1200)
def test_every_command_works(lid: str, bucket: None, tmp_path: Path) -> None:
    for listing in (sample.crawl_directory() / "crawl-data" / sample.DUMP).glob("*.paths.gz"):
        copy = tmp_path / "mirror" / "crawl-data" / DUMP / listing.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(listing, copy)
        lines = gzip.decompress(listing.read_bytes()).splitlines(keepends=True)
        for dump, line in ((NEXT_DUMP, lines[0]), (NEW_DUMP, lines[1])):
            of_one = tmp_path / "mirror" / "crawl-data" / dump / listing.name
            of_one.parent.mkdir(parents=True, exist_ok=True)
            of_one.write_bytes(gzip.compress(line))
    shutil.copytree(sample.crawl_directory(), tmp_path / "mirror", dirs_exist_ok=True)
    shutil.copytree(sample.lm_directory(), tmp_path / "mirror" / "lm")
    dumps = [{"id": dump} for dump in (NEW_DUMP, NEXT_DUMP, DUMP)]
    (tmp_path / "mirror" / "collinfo.json").write_text(json.dumps(dumps), "utf-8")
    write_text(tmp_path / "mirror" / "ha.txt.xz")
    write_tasks(tmp_path / "here")
    with FaultServer(tmp_path / "mirror") as server:
        for command in COMMANDS:
            if command not in ("make test", "make kenlm") and "FlinkRunner" not in command:
                run(MAKE.get(command, command), lid, tmp_path / "here", server.url)
    assert {path.name for path in (tmp_path / "here").iterdir() if (path / "manifest.json").is_file()} >= {
        "cc100-sample",
        "corpus",
        "corpus-40",
        "corpus-web",
        "corpus-ccnet",
        "corpus-fluent",
        "corpus-ha",
        "corpus-2018-51",
        "corpus-2019-04",
    }
    assert (tmp_path / "here/corpus" / NEW_DUMP / "manifest.json").is_file()
    second = json.loads((tmp_path / "here/corpus-2019-04/ledger.json").read_text("utf-8"))
    assert second["records"]["kept"] == 0  # the first dump has all that this one has
    hausa = json.loads((tmp_path / "here/corpus-ha/ledger.json").read_text("utf-8"))["languages"]["ha"]
    assert hausa["records"]["read"] == 3  # the sample's articles
    assert (hausa["median_perplexity"] is not None) == has_trainer()
    assert hausa["records"]["kept"] or not hausa_pool().is_file()
    tables = {f"table-{task}.{ending}" for task in ("xnli", "ner", "qa", "glue") for ending in ("md", "json", "png")}
    assert {path.name for path in (tmp_path / "here/tuned").iterdir() if path.is_file()} == tables
    assert "| hf [1] | en |" in (tmp_path / "here/tuned/table-xnli.md").read_text("utf-8")


def test_the_command_for_flink_changes_no_byte(lid: str, tmp_path: Path) -> None:
    given = os.environ.get("CC_FLINK_JAR")
    jars = [Path(given)] if given else sorted((data_folder().parent / "flink").glob("*job-server*.jar"))
    if shutil.which("java") is None or not (jars and jars[0].is_file()):
        pytest.skip("no Java, or no Flink job server jar: set CC_FLINK_JAR")
    shutil.copytree(sample.crawl_directory(), tmp_path / "downloads")
    (command,) = (command for command in COMMANDS if "FlinkRunner" in command)
    models = shlex.quote(str(sample.lm_directory()))
    command += f" --flink_job_server_jar {shlex.quote(str(jars[0]))} --parallelism 2 --lm_dir {models}"
    for package in ("java.util", "java.lang"):  # the jar of the test data is older than this Java
        command += f" --job_server_jvm_properties=--add-opens=java.base/{package}=ALL-UNNAMED"
    run(command, lid, tmp_path, "")
    crawl = [f"--input={tmp_path}/downloads/**/*.warc.wet.gz", f"--lm_dir={sample.lm_directory()}"]
    build(tmp_path / "local", lid, *crawl)
    assert result(tmp_path / "corpus-flink") == result(tmp_path / "local")
    run_file = json.loads((tmp_path / "corpus-flink" / "run.json").read_text("utf-8"))
    assert run_file["engine"]["runner"] == "FlinkRunner"


def has_trainer() -> bool:
    """Whether `make kenlm` is done."""
    try:
        find_programs()
    except UserError:
        return False
    return True


def hausa_pool() -> Path:
    """Where real text in Hausa is, if there is test data."""
    return data_folder() / "text" / "train" / "ha.txt.zst"


def write_text(path: Path) -> None:
    """Write a text in Hausa: a real one, or a hundred documents of the sentences that the sample has."""
    with lzma.open(path, "wt", encoding="utf-8", preset=0) as file:
        if hausa_pool().is_file():
            file.writelines(f"{line}\n" for line in read_lines(hausa_pool()))
            return
        sentences = re.findall(r"[^.?!\n]+[.?!]", (sample.text_directory() / "ha.txt").read_text("utf-8"))
        pairs = [f"{first.strip()} {second.strip()}" for first, second in itertools.permutations(sentences, 2)]
        file.writelines(f"{pair}\n\n" for pair in pairs[:: len(pairs) // 100])


def write_tasks(folder: Path) -> None:
    """Write some rows of each task that the README fine-tunes on, in the files and the form of its authors."""
    pairs = [("A boy runs.", "A child moves.", "entailment"), ("A boy runs.", "He sits.", "contradiction")]
    lines = [(language, *pair) for language in ("en", "sw") for pair in pairs]
    files = {
        "xnli/multinli.train.en.tsv": table(("premise", "hypo", "label"), pairs),
        "xnli/xnli.dev.tsv": table(("language", "sentence1", "sentence2", "gold_label"), lines),
        "xnli/xnli.test.tsv": table(("language", "sentence1", "sentence2", "gold_label"), lines),
        "glue/RTE/train.tsv": table(("sentence1", "sentence2", "label"), pairs[:1]),
        "glue/RTE/dev.tsv": table(("sentence1", "sentence2", "label"), pairs[:1]),
    }
    words = "-DOCSTART- -X- -X- O\n\nAnna NNP I-NP I-PER\nruns VBZ I-VP O\n. . O O\n\n"
    files |= {f"conll/{name}": words for name in ("eng.train", "eng.testa", "eng.testb", "ned.testb")}
    answers = [{"text": "Paris", "answer_start": 14}]
    asked = {"id": "1", "question": "Where does Anna live?", "answers": answers}
    articles = [{"title": "", "paragraphs": [{"context": "Anna lives in Paris.", "qas": [asked]}]}]
    names = ("train-v1.1", "dev-context-en-question-en", "test-context-en-question-en", "test-context-de-question-de")
    files |= {f"mlqa/{name}.json": json.dumps({"version": "1.1", "data": articles}) for name in names}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in (names, *rows))


def run(command: str, lid: str, folder: Path, web: str) -> None:
    """Run one command as typed, with what this machine lacks put in its place; a training of a few steps."""
    if command.startswith("zstd") and shutil.which("zstd") is None:
        return
    if command.startswith("curl") and shutil.which("curl") is None:
        command = f"cp {shlex.quote(str(folder.parent / 'mirror'))}/ha.txt.xz ."
    if "fluency train" in command and not has_trainer():
        return
    if "build_cc100" in command and "--help" not in command:
        command += f" --lid_model {shlex.quote(lid)}"  # the real one is a download of 131 MB
    if "--dump" in command:
        command += f" --base {web}"
    if "fluency fetch" in command:
        command += f" --from {web}lm"
    command = command.replace("https://data.statmt.org/cc-100/", web)
    if "model.pretrain" in command:
        command += " --steps 10 --warmup 2"
    if "model.finetune" in command:
        command += " --epochs 1 --epoch_steps 2 --length 64" + " --stride 32" * ("--task qa" in command)
    command = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", command)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0 or (command.startswith("zstd") and done.stdout), f"{command}\n{done.stderr[-2000:]}"


def test_the_tree_names_what_exists() -> None:
    tree = (CHECKOUT / "README.md").read_text("utf-8").partition("## Where things are")[2]
    for name in re.findall(r"^(\w+)/", tree, flags=re.MULTILINE):
        assert (CHECKOUT / name).is_dir(), name
    for link in re.findall(r"\]\((docs/[^)]+)\)", (CHECKOUT / "README.md").read_text("utf-8")):
        assert (CHECKOUT / link).is_file(), link
