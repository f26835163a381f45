"""`python -m ccnet_pipeline.fluency fetch`: cc_net's models, from a server of our own."""

import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ccnet_pipeline import models
from ccnet_pipeline.fluency import find_models, read_cutoffs
from ccnet_pipeline.fluency.__main__ import main
from ccnet_pipeline.fluency.published import PUBLISHED_CUTOFFS
from ccnet_pipeline.models import fluency_models_of_cc_net
from ccnet_pipeline.sample import lm_directory
from tests.fetch.server import Fault, FaultServer, scripted

Mistake = Callable[..., str]


@pytest.fixture
def mistake(capsys: pytest.CaptureFixture[str]) -> Mistake:
    """`mistake(*arguments)`: the one line that is said of the user's mistake."""

    def run(*arguments: str) -> str:
        assert main(["fetch", *arguments]) == 2
        output, errors = capsys.readouterr()
        assert output == ""
        last = errors.splitlines()[-1]
        assert all(line.startswith("fluency: fetching ") for line in errors.splitlines()[:-1])
        return last.removeprefix("fluency: ")

    return run


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that a server gives, with the models of English and French in `lm/`."""
    (tmp_path / "web" / "lm").mkdir(parents=True)
    for language in ("en", "fr"):
        for suffix in (".sp.model", ".arpa.bin"):
            shutil.copy(lm_directory() / f"{language}{suffix}", tmp_path / "web" / "lm")
    return tmp_path / "web"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_models_are_fetched_once_and_can_be_used(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "models"
    with FaultServer(place) as server:
        arguments = ["en", "fr", "en", f"--output={output}", f"--from={server.url}lm"]
        assert main(["fetch", *arguments]) == 0
        assert len(server.log) == 4
        (output / "fr.sp.model").unlink()
        assert main(["fetch", *arguments]) == 0
        assert [request.path for request in server.log[4:]] == ["lm/fr.sp.model"]
    assert _names(output) == ["cutoffs.csv", "en.arpa.bin", "en.sp.model", "fr.arpa.bin", "fr.sp.model"]
    for name in ("en.sp.model", "en.arpa.bin"):
        assert (output / name).read_bytes() == (lm_directory() / name).read_bytes()
    published = read_cutoffs(PUBLISHED_CUTOFFS)
    found = find_models(output)
    assert {name: files.cutoffs for name, files in found.items()} == {name: published[name] for name in ("en", "fr")}
    out = capsys.readouterr().out
    size = (output / "en.arpa.bin").stat().st_size
    assert f"en.arpa.bin {size:,} bytes (were there already)\n" in out
    assert f"now give build_cc100 --lm_dir {output}\n" in out


def test_a_fetch_that_broke_off_goes_on_and_leaves_no_half_model(place: Path, tmp_path: Path) -> None:
    output = tmp_path / "models"
    (place / "lm" / "en.arpa.bin").rename(place / "en.arpa.bin")
    with FaultServer(place) as server:
        arguments = ["en", f"--output={output}", f"--from={server.url}lm/"]
        assert main(["fetch", *arguments]) == 1
        assert _names(output) == [".fetched"]
        (place / "en.arpa.bin").rename(place / "lm" / "en.arpa.bin")
        assert main(["fetch", *arguments]) == 0
        assert [request.path for request in server.log] == ["lm/en.sp.model", *["lm/en.arpa.bin"] * 2]
    assert _names(output) == ["cutoffs.csv", "en.arpa.bin", "en.sp.model"]


def test_a_connection_that_breaks_is_gone_on_with(place: Path, tmp_path: Path) -> None:
    with FaultServer(place, scripted(Fault("hang_up"))) as server:
        assert main(["fetch", "en", f"--output={tmp_path / 'models'}", f"--from={server.url}lm/"]) == 0
        assert [request.path for request in server.log] == [*["lm/en.sp.model"] * 2, *["lm/en.arpa.bin"] * 2]
    assert len(find_models(tmp_path / "models")) == 1


def test_a_file_that_is_no_model_gets_no_name(place: Path, tmp_path: Path, mistake: Mistake) -> None:
    (place / "lm" / "en.arpa.bin").write_bytes(b"not a model" * 99)
    with FaultServer(place) as server:
        line = mistake("en", f"--output={tmp_path / 'models'}", f"--from={server.url}lm/")
    assert re.search(r"en\.arpa\.bin is not a KenLM model, .* what http://\S+/lm/ gave was thrown away", line)
    assert not [path for path in (tmp_path / "models").rglob("en*") if path.is_file()]


def test_a_file_that_is_there_and_not_whole_is_named(place: Path, tmp_path: Path, mistake: Mistake) -> None:
    output = tmp_path / "models"
    output.mkdir()
    shutil.copy(place / "lm" / "en.sp.model", output)
    whole = (place / "lm" / "en.arpa.bin").read_bytes()
    (output / "en.arpa.bin").write_bytes(whole[: len(whole) // 2])
    line = mistake("en", f"--output={output}")
    assert "en.arpa.bin is not a KenLM model, or not whole" in line
    assert line.endswith("; delete it, and the same command fetches it")


def test_a_model_of_ones_own_keeps_its_name_and_its_cutoffs(
    tmp_path: Path, mistake: Mistake, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "models"
    shutil.copytree(lm_directory(), output)
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    line = mistake("en", f"--output={output}")
    assert line == f"{output} holds another model of en: cutoffs.csv has other cut-offs; give another --output"
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before
    assert main(["fetch", "--cutoffs", f"--output={output}"]) == 0
    assert "left as they are, for they are not cc_net's: ar, en, fr, hi, ru\n" in capsys.readouterr().out
    assert read_cutoffs(output / "cutoffs.csv")["en"] == read_cutoffs(lm_directory() / "cutoffs.csv")["en"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["en", "sw", "ha"],
            "cc_net published no model of Swahili (sw), Hausa (ha); train your own: "
            "python -m ccnet_pipeline.fluency train --language sw --input TEXT --output lm",
        ),
        (["en", "swa"], "'swa' is no code of CC-100; python -m ccnet_pipeline.language list shows them"),
        (["en", "--from=/here"], "--from /here: want the URL of a folder (http, https, s3, gs)"),
        ([], "name the languages whose models are wanted, or give --cutoffs: one of the two (see --help)"),
        (["en", "--cutoffs"], "name the languages whose models are wanted, or give --cutoffs: one of the two (see"),
    ],
)
def test_what_cannot_be_fetched_is_one_line_before_any_work(
    arguments: list[str], said: str, tmp_path: Path, mistake: Mistake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mistake(*arguments, "--output=lm").startswith(said)
    assert _names(tmp_path) == []


def test_one_model_serves_both_scripts_of_chinese(place: Path, tmp_path: Path) -> None:
    for suffix in (".sp.model", ".arpa.bin"):
        shutil.copy(lm_directory() / f"zh-Hans{suffix}", place / "lm" / f"zh{suffix}")
    with FaultServer(place) as server:
        assert main(["fetch", "zh-Hans", "zh-Hant", f"--output={tmp_path / 'models'}", f"--from={server.url}lm/"]) == 0
        assert [request.path for request in server.log] == ["lm/zh.sp.model", "lm/zh.arpa.bin"]


def test_without_the_network_one_line_says_what_could_not_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(models, "_ATTEMPTS", 1)
    with socket.socket() as taken:  # nobody answers at its port
        taken.bind(("127.0.0.1", 0))
        place = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        assert main(["fetch", "en", f"--output={tmp_path / 'models'}", f"--from={place}"]) == 1
    *_, last = capsys.readouterr().err.splitlines()
    assert last == (
        f"fluency: {place}en.sp.model: Connection refused (1 attempt); "
        f"the same command goes on from there, or put en.sp.model and en.arpa.bin into {tmp_path / 'models'}"
    )


def test_no_room_is_the_users_mistake(tmp_path: Path, mistake: Mistake) -> None:
    (tmp_path / "file").write_text("")
    line = mistake("en", f"--output={tmp_path / 'file' / 'models'}")
    assert line == f"--output {tmp_path / 'file' / 'models'}: Not a directory; make room and run it again"


def test_every_published_model_has_cutoffs_and_the_other_way_round() -> None:
    assert fluency_models_of_cc_net() == sorted(read_cutoffs(PUBLISHED_CUTOFFS))
