"""Models by name: fetched from a hub on this machine, at a commit that a run keeps; what cannot be had is one line."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from model import export, hub, pretrain
from model.errors import UserError
from tests.model import hub_server
from tests.model.conftest import write_shard
from tests.model.hub_server import Hub
from tests.model.runs import TEXT, equal, mistake, weights, write_run

torch.set_num_threads(1)
SETTINGS = "--size=tiny --device=cpu --seq_length=16 --batch_size=4 --steps=2 --warmup=1 --workers=1".split()


def ask(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let huggingface_hub ask this address, as HF_ENDPOINT does when it is imported."""
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + template)
    monkeypatch.setattr(constants, "ENDPOINT", address)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, and an empty cache of its models."""
    with hub_server.running() as server:
        ask(server.address, monkeypatch)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # other tests keep off the network
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # large files by git-lfs, which a test can serve
        monkeypatch.setenv("HF_TOKEN", "hf_right")
        yield server


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Hugging Face's form."""
    folder = tmp_path_factory.mktemp("model")
    write_run(folder / "run")
    export.export(folder / "run", folder / "hf")
    return folder / "hf"


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty documents."""
    folder = tmp_path_factory.mktemp("shards")
    write_shard(folder / "en" / "all-00000.jsonl.zst", [TEXT[start:] for start in range(20)])
    return folder


def test_a_name_is_fetched_once_and_named_by_its_commit(there: Hub, model: Path) -> None:
    commit = there.add("me/xlmr", model)
    assert hub.pinned("me/xlmr") == f"me/xlmr@{commit}"
    folder = hub.folder_of(f"me/xlmr@{commit}")
    wanted = {"config.json", "model.safetensors", "sentencepiece.bpe.model"}
    assert {path.name for path in folder.iterdir()} == wanted
    assert all((folder / name).read_bytes() == (model / name).read_bytes() for name in wanted)
    there.asked.clear()
    assert hub.folder_of(f"me/xlmr@{commit}") == folder
    assert not there.asked


def test_a_name_is_the_newest_commit_and_a_commit_stays_what_it_was(there: Hub, model: Path) -> None:
    old = there.add("me/xlmr", model)
    assert hub.pinned("me/xlmr") == f"me/xlmr@{old}"
    new = there.commit("me/xlmr", {"config.json": b"{}"})
    assert hub.pinned("me/xlmr") == f"me/xlmr@{new}"
    assert hub.pinned(f"me/xlmr@{old}") == f"me/xlmr@{old}"
    assert (hub.folder_of(f"me/xlmr@{old}") / "config.json").read_bytes() == (model / "config.json").read_bytes()
    assert (hub.folder_of(f"me/xlmr@{new}") / "config.json").read_bytes() == b"{}"


def test_weights_of_the_older_form_are_fetched_where_there_are_no_others(there: Hub, model: Path) -> None:
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    there.commit("me/xlmr", {"pytorch_model.bin": b"weights", **files})
    assert not (hub.folder_of("me/xlmr") / "pytorch_model.bin").exists()
    del files["model.safetensors"]
    there.commit("me/old", {"pytorch_model.bin": b"weights", **files})
    assert (hub.folder_of("me/old") / "pytorch_model.bin").read_bytes() == b"weights"


def test_a_folder_comes_before_a_name(there: Hub, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(model, "me/xlmr")
    assert hub.pinned("me/xlmr") == str(tmp_path / "me" / "xlmr")
    assert hub.folder_of("me/xlmr").is_dir()
    assert not there.asked


@pytest.mark.parametrize(
    ("given", "is_meant"),
    [("me/a", True), ("me/a@abc", True), ("me/b", False), ("me/a@abd", False), ("/m/x/../y", True), ("a", False)],
)
def test_what_means_the_model_of_a_run(given: str, is_meant: bool) -> None:
    assert hub.means(given, "/m/y" if given.startswith("/") else "me/a@abc") == is_meant


def test_a_run_keeps_the_commit_it_began_with(
    there: Hub, model: Path, shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = there.add("me/xlmr", model)
    flags = [f"--data={shards}", *SETTINGS]
    assert pretrain.main([*flags, "--init=me/xlmr", f"--output={tmp_path / 'run'}"]) == 0
    assert pretrain.main([*flags, f"--init={model}", f"--output={tmp_path / 'same'}"]) == 0
    began = json.loads((tmp_path / "run" / "config.json").read_text())
    assert began["init"] == f"me/xlmr@{commit}"
    assert equal(weights(tmp_path / "run"), weights(tmp_path / "same"))
    # Stopped before its first checkpoint, it begins again from the same commit, whatever the name has come to mean.
    there.commit("me/xlmr", {"config.json": b"{}", "model.safetensors": b""})
    there.asked.clear()
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    assert pretrain.main([*flags, "--init=me/xlmr", f"--output={tmp_path / 'run'}"]) == 0
    assert not there.asked
    assert equal(weights(tmp_path / "run"), weights(tmp_path / "same"))
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == began
    # With a checkpoint it needs neither the cache nor the hub.
    shutil.rmtree(tmp_path / "cache")
    assert pretrain.main([f"--output={tmp_path / 'run'}"]) == 0
    message = mistake(capsys, "--init=me/other", f"--output={tmp_path / 'run'}")
    assert f"init is me/xlmr@{commit}, not me/other. Leave them out to go on" in message
    assert not there.asked


def test_what_the_hub_has_not_is_one_line(there: Hub, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there.add("me/xlmr", model)
    there.add("me/gated", model)
    there.gated.add("me/gated")
    there.commit("me/bert", {"config.json": b"{}", "vocab.txt": b""})
    there.commit("me/bare", {"config.json": b"{}", "sentencepiece.bpe.model": b""})
    for given, message in (
        ("me/nobody", f"no folder me/nobody, and {there.address} has no model of that name, or not for you: look at"),
        ("me/gated", f"me/gated is gated: accept its terms at {there.address}/me/gated, then hf auth login"),
        ("me/xlmr@v9", f"me/xlmr has no revision v9 on {there.address}; give another, or leave it out"),
        ("me/bert", "me/bert has no sentencepiece.bpe.model on the hub; give a model that has the files of XLM-R"),
        ("me/bare", "me/bare has no pytorch_model.bin on the hub"),
        ("me--x/y", "me--x/y is no folder here and cannot be a name on the hub"),
        ("hf/", "no folder hf/; give one with a model, or a name such as FacebookAI/xlm-roberta-base"),
        ("../hf", "no folder ../hf; give one with a model"),
        ("a/b/c", "no folder a/b/c; give one with a model"),
    ):
        with pytest.raises(UserError) as error:
            hub.pinned(given)
        assert str(error.value).startswith(message)
        assert "\n" not in str(error.value)


def test_offline_what_is_in_the_cache_is_taken(there: Hub, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = there.add("me/xlmr", model)
    there.commit("me/old", {"config.json": b"{}", "sentencepiece.bpe.model": b"", "pytorch_model.bin": b"weights"})
    hub.pinned("me/xlmr")
    hub.pinned("me/old")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub.pinned("me/xlmr") == f"me/xlmr@{commit}"
    assert (hub.folder_of("me/old") / "pytorch_model.bin").read_bytes() == b"weights"
    with pytest.raises(
        UserError, match=r"^me/other is not in the cache, and .* cannot be asked \(HF_HUB_OFFLINE is set"
    ):
        hub.pinned("me/other")


def test_without_the_library_a_line_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "find_spec", lambda _: None)
    with pytest.raises(UserError) as error:
        hub.pinned("FacebookAI/xlm-roberta-base")
    assert str(error.value) == (
        "no folder FacebookAI/xlm-roberta-base, and a name takes huggingface_hub: pip install huggingface_hub, or "
        "where it is hf download FacebookAI/xlm-roberta-base config.json model.safetensors sentencepiece.bpe.model "
        "--local-dir xlm-roberta-base, and give that folder"
    )


def test_without_a_network_the_last_error_is_one_line(
    there: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ask("http://127.0.0.1:1", monkeypatch)
    monkeypatch.setattr(time, "sleep", lambda _: None)  # between the tries
    with pytest.raises(UserError) as error:
        hub.pinned("me/xlmr")
    assert str(error.value) == (
        "me/xlmr is not in the cache, and http://127.0.0.1:1 cannot be asked ([Errno 111] Connection refused); "
        "hf download me/xlmr --local-dir DIR where there is a network, and give that folder"
    )
    assert not caplog.messages


def test_the_hub_of_the_environment_is_asked(there: Hub, model: Path, tmp_path: Path) -> None:
    commit = there.add("me/xlmr", model)
    environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": there.address, "HF_HOME": str(tmp_path / "home")}
    program = "from model import hub; print(hub.pinned('me/xlmr'))"
    printed = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True, timeout=60)
    assert printed == f"me/xlmr@{commit}\n"


def test_what_answers_and_is_no_hub_is_one_line(there: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    there.commit("me/xlmr", {"config.json": b"{}"})
    monkeypatch.setattr(Hub, "sha", lambda *_: "")  # a web server does not tell of commits
    with pytest.raises(UserError, match=r"^me/xlmr is not in the cache.* does not seem to be "):
        hub.pinned("me/xlmr")


def test_what_is_pushed_can_be_fetched(there: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="model")
    write_run(tmp_path / "run")
    flags = [f"--run={tmp_path / 'run'}", f"--output={tmp_path / 'hf'}", "--push=me/mine"]
    assert export.main(flags) == 0
    assert there.private
    commit = there.sha("me/mine", 0)
    assert caplog.messages[-1] == f"{there.address}/me/mine/commit/{commit}"
    assert there.models["me/mine"] == [{path.name: path.read_bytes() for path in (tmp_path / "hf").iterdir()}]
    folder = hub.folder_of("me/mine")
    assert folder.name == commit
    assert (folder / "model.safetensors").read_bytes() == (tmp_path / "hf" / "model.safetensors").read_bytes()


def test_a_push_that_ends_on_the_way_says_how_to_send_what_is_there(
    there: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "run")
    monkeypatch.setattr(hub_server, "UPLOADS", False)
    output = tmp_path / "hf"
    assert export.main([f"--run={tmp_path / 'run'}", f"--output={output}", "--push=me/mine"]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(
        f"python -m model.export: {output} is whole, but was not sent: hf upload me/mine {output} does"
    )
    assert (output / "model.safetensors").is_file()


def test_a_push_that_cannot_be_is_one_line_before_any_work(
    there: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "run")

    def mistake(name: str) -> str:
        assert export.main([f"--run={tmp_path / 'run'}", f"--output={tmp_path / 'hf'}", f"--push={name}"]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert not (tmp_path / "hf").exists()
        return line.removeprefix("python -m model.export: ")

    assert mistake("others/mine").startswith(f"{there.address} and others/mine: 403 Forbidden: ")
    assert mistake("me mine") == "me mine is no folder here and cannot be a name on the hub; give another"
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert mistake("me/mine").startswith(f"{there.address} and me/mine: ")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(tmp_path / "none too"))
    assert mistake("me/mine") == "--push takes a token of the hub that may write: hf auth login, or HF_TOKEN"
    monkeypatch.setattr(hub, "find_spec", lambda _: None)
    assert mistake("me/mine") == "--push takes huggingface_hub: pip install huggingface_hub, then hf auth login"
    assert not there.models
