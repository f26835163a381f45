"""Where the commands of the documentation run, and the servers that they find in the place of the web."""

import contextlib
import functools
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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from beam_jobs import mine_segment
from ccnet_pipeline import sample
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.programs import find_programs
from ccnet_pipeline.text_files import read_lines
from tests.conftest import CHECKOUT, data_folder
from tests.docs import programs
from tests.fetch.server import FaultServer
from tests.s3_server import S3Server

DUMP, NEXT_DUMP = "CC-MAIN-2018-51", "CC-MAIN-2019-04"  # of the commands
NEW_DUMP = "CC-MAIN-2026-08"  # what `--dump new` finds
XLM_R = "FacebookAI/xlm-roberta-base"  # a small model stands in for it
MAKE = {  # a target that is run: what its recipe says
    "run": "python -m beam_jobs.build_cc100",
    "train": "python -m model.pretrain --data cc100-sample/shards",
}
BRIEF = "--seq_length 64 --steps 4 --warmup 1 --batch_size 4 --micro_batch 4 --validation_blocks 1"
TINY = f"--size tiny --layers 1 --hidden 16 --heads 1 --ffn 16 --max_length 64 {BRIEF}"
# What is added to a command, by its module and a word in it: so that it reaches no network, and takes seconds.
ADDED = (
    ("beam_jobs.build_cc100", "", "--lid_model {lid}"),  # the real one is a download of 131 MB
    ("beam_jobs.build_cc100", "--dump", "--base {web}"),
    ("beam_jobs.get", "--source", "--base {web}"),
    ("ccnet_pipeline.fluency", "fetch", "--from {web}lm"),
    ("model.vocab", "", "--vocab_size 4000"),
    ("model.pretrain", "--vocab_size", "--vocab_size 4000"),
    ("model.finetune", "", "--epochs 1 --epoch_steps 2 --length 64"),
    ("model.finetune", "qa", "--stride 32"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder in which commands run, one after another."""

    folder: Path
    mirror: Path  # what the server has
    web: str  # its address, with a slash
    lid: str

    def run(self, command: str, place: str) -> None:
        """Run a command as typed, with what this machine lacks put in its place."""
        fitted = self._fitted(command)
        if fitted is None:
            return
        found = programs.split(fitted)
        if found is None or set(re.sub("'[^']*'|\"[^\"]*\"", "", fitted)) & set("|<>&;*"):
            self.in_a_shell(fitted, place)
            return
        mine_segment._models.cache_clear()  # an earlier command had other models at the same path
        status = programs.find_main(found[0])(found[1])
        assert not status, f"{place}: {fitted}\nends with {status}"

    def _fitted(self, command: str) -> str | None:
        words = command.split()
        if words[0] == "make":
            return MAKE.get(words[1]) and self._fitted(MAKE[words[1]])  # of others test_tags sees that they exist
        if words[:2] == ["pip", "install"] or ({"train", "calibrate"} & set(words) and not has_trainer()):
            return None
        if shutil.which(words[0]) is None and words[0] in ("zstd", "curl", "rsync"):
            instead = {"curl": f"cp {self.mirror}/ha.txt.xz .", "rsync": "mkdir backup && cp -r seen backup"}
            return instead.get(words[0])
        command = command.replace("https://data.statmt.org/cc-100/", self.web).replace(XLM_R, "hf")
        return command + "".join(self._added(command))

    def _added(self, command: str) -> Iterator[str]:
        found = programs.split(command)
        for module, word, flags in ADDED:
            if found and found[0] == module and "--help" not in found[1] and (not word or word in found[1]):
                yield " " + flags.format(lid=shlex.quote(self.lid), web=self.web)
        if found and found[0] == "model.pretrain":
            yield f" {BRIEF if '--init' in found[1] else TINY}"  # which says how wide and deep it is

    def in_a_shell(self, command: str, place: str) -> None:
        """Run a command as typed."""
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command}"],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(CHECKOUT),
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        enough = command.startswith("zstd") and done.stdout  # `head` takes what it wants and leaves
        assert done.returncode == 0 or enough, f"{place}: {command}\n{done.stderr[-2000:]}"


@contextlib.contextmanager
def web(folder: Path) -> Iterator[str]:
    """Serve the sample crawl as three dumps, its language models, and text in Hausa, from a folder."""
    crawl = folder / "crawl-data"
    for listing in (sample.crawl_directory() / "crawl-data" / sample.DUMP).glob("*.paths.gz"):
        lines = gzip.decompress(listing.read_bytes()).splitlines(keepends=True)
        for dump, part in ((DUMP, lines), (NEXT_DUMP, lines[:1]), (NEW_DUMP, lines[1:2])):
            (crawl / dump).mkdir(parents=True, exist_ok=True)
            (crawl / dump / listing.name).write_bytes(gzip.compress(b"".join(part)))
    shutil.copytree(sample.crawl_directory(), folder, dirs_exist_ok=True)
    shutil.copytree(sample.lm_directory(), folder / "lm")
    dumps = [{"id": dump} for dump in (NEW_DUMP, NEXT_DUMP, DUMP)]
    (folder / "collinfo.json").write_text(json.dumps(dumps), "utf-8")
    write_hausa(folder / "ha.txt.xz")
    with FaultServer(folder) as server:
        yield server.url


@contextlib.contextmanager
def bucket(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 server, known to all programs that are started, with a bucket named `bucket`."""
    server = S3Server()
    for name, value in server.environment.items():
        patch.setenv(name, value)
    requests.put(f"{server.environment['AWS_ENDPOINT_URL']}/bucket").raise_for_status()
    yield
    server.stop()


@functools.cache
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


def write_hausa(path: Path) -> None:
    """Write a text in Hausa: a real one, or a hundred documents of the sentences that the sample has."""
    with lzma.open(path, "wt", encoding="utf-8", preset=0) as file:
        if hausa_pool().is_file():
            file.writelines(f"{line}\n" for line in read_lines(hausa_pool()))
            return
        file.write(sample_text("ha"))


def sample_text(language: str) -> str:
    """Return a hundred documents of the sentences that the sample has in a language."""
    sentences = re.findall(r"[^.?!\n]+[.?!]", (sample.text_directory() / f"{language}.txt").read_text("utf-8"))
    pairs = [f"{first.strip()} {second.strip()}" for first, second in itertools.permutations(sentences, 2)]
    return "".join(f"{pair}\n\n" for pair in pairs[:: len(pairs) // 100])
