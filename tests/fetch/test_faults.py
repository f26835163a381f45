"""Whatever a server does that passes: the same bytes as from disk, after a bounded number of requests."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccnet_pipeline.errors import FetchError
from ccnet_pipeline.fetch import open_archive, read_small, size_of
from tests.fetch.reading import FAST, noise, put, read_all
from tests.fetch.server import PASSING, QUICK, Fault, FaultServer, Kind, random_faults, scripted
from tests.moments import wait_for

SIZE = 300_000
REFUSALS: tuple[Kind, ...] = (
    "unavailable", "slow_down", "too_many", "error", "forbidden", "html_page", "xml_page"
)  # fmt: skip


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`impatient(n)`: the n-th request, from 0, soon takes silence for the end, and every other one waits for long."""

    def only(impatient: int) -> None:
        numbers, request = itertools.count(), requests.Session.request

        def with_patience(*arguments: Any, **options: Any) -> Any:
            if next(numbers) == impatient:
                options["timeout"] = 0.2
            return request(*arguments, **options)

        monkeypatch.setattr(requests.Session, "request", with_patience)

    return only


def test_one_request_is_the_rule(bucket: Path) -> None:
    content = put(bucket, "a", noise(SIZE))
    with FaultServer(bucket) as server:
        assert read_all(server.url + "a") == content
        (request,) = server.log
    assert request.headers["range"] == "bytes=0-"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"].startswith("cc100-xlmr/")


@pytest.mark.parametrize("at", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("kind", PASSING)
def test_each_fault_once(bucket: Path, impatient: Callable[[int], None], kind: Kind, at: float) -> None:
    content = put(bucket, "a", noise(SIZE))
    if kind == "stall":
        impatient(0)
    with FaultServer(bucket, scripted(Fault(kind, at))) as server:
        assert read_all(server.url + "a") == content
        assert len(server.log) <= 3


@pytest.mark.parametrize("kind", PASSING)
def test_each_fault_while_going_on(bucket: Path, impatient: Callable[[int], None], kind: Kind) -> None:
    content = put(bucket, "a", noise(SIZE))
    if kind == "stall":
        impatient(1)
    with FaultServer(bucket, scripted(Fault("hang_up", 0.3), Fault(kind, 0.5))) as server:
        assert read_all(server.url + "a") == content
        assert len(server.log) <= 4
        if kind in REFUSALS:
            asked = [request.start for request in server.log]
            assert asked[0] == 0
            assert asked[1] == asked[2]
            assert asked[1] not in (0, None)


@pytest.mark.parametrize("kind", QUICK)
def test_fault_in_every_second_answer(bucket: Path, kind: Kind) -> None:
    content = put(bucket, "a", noise(SIZE))
    plan = scripted(*[Fault("reset", 0.2), Fault(kind, 0.5)] * 6)
    with FaultServer(bucket, plan) as server:
        assert read_all(server.url + "a") == content
        assert len(server.log) <= 16


@pytest.mark.parametrize(("validators", "weak"), [(True, True), (False, False)])
@pytest.mark.parametrize("kind", ["reset", "hang_up", "part", "unavailable"])
def test_without_a_strong_validator(bucket: Path, kind: Kind, validators: bool, weak: bool) -> None:
    content = put(bucket, "a", noise(SIZE))
    with FaultServer(bucket, scripted(Fault(kind), Fault(kind)), validators=validators, weak=weak) as server:
        assert read_all(server.url + "a") == content


@pytest.mark.parametrize("kind", ["no_range", "chunked", "no_length"])
@pytest.mark.parametrize("validators", [True, False])
def test_server_without_ranges_that_resets(bucket: Path, kind: Kind, validators: bool) -> None:
    content = put(bucket, "a", noise(SIZE))

    class ByTurns:
        def __call__(self, path: str, number: int) -> Fault:
            return Fault("no_length_hang_up", 0.6) if number == 0 else Fault(kind)

    with FaultServer(bucket, ByTurns(), validators=validators) as server:
        assert read_all(server.url + "a") == content
        assert len(server.log) <= 4


@pytest.mark.parametrize("size", [0, 1, 2, 4095, 4096, 4097, 70_000])
@pytest.mark.parametrize("kind", [None, "no_range", "chunked", "no_length", "part", "reset"])
def test_sizes(bucket: Path, size: int, kind: Kind | None) -> None:
    content = put(bucket, "a", noise(size))
    with FaultServer(bucket, scripted(Fault(kind, 0.4) if kind else None)) as server:
        assert read_all(server.url + "a", size=1000) == content
        assert len(server.log) <= 3


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    faults=st.lists(
        st.builds(Fault, st.sampled_from(QUICK), st.floats(0, 1), st.sampled_from([None, "0", "9" * 30, "soon"])),
        max_size=6,
    ),
    size=st.integers(0, 200_000),
    start=st.integers(0, 1000),
    step=st.sampled_from([1_000, 65_536, 1 << 21]),
    validators=st.booleans(),
)
def test_any_series_of_faults(
    tmp_path_factory: pytest.TempPathFactory, faults: list[Fault], size: int, start: int, step: int, validators: bool
) -> None:
    bucket = tmp_path_factory.mktemp("bucket")
    content = put(bucket, "a", noise(size))
    start = min(start, size)
    # Without a validator, a length that is told twice and differs is a change.
    consistent = [fault for fault in faults if validators or fault.kind not in ("short_length", "long_length")]
    # Two ends at one place, without a length or with a wrong one, cannot be told from the end.
    cuts = [fault for fault in consistent if fault.kind in ("no_length_hang_up", "short_length")]
    consistent = [fault for fault in consistent if fault not in cuts[1:]]
    with FaultServer(bucket, scripted(*consistent), validators=validators) as server:
        assert read_all(server.url + "a", start=start, size=step) == content[start:]
        assert len(server.log) <= 2 * len(consistent) + 2


@pytest.mark.parametrize("seed", range(5))
def test_faults_at_random(bucket: Path, seed: int) -> None:
    contents = {name: put(bucket, name, noise(100_000, seed)) for name in ("a", "x/b", "x/c d")}
    with FaultServer(bucket, random_faults(seed, 0.8)) as server:
        for name, content in contents.items():
            assert read_all(server.url + name) == content
        assert any(request.fault for request in server.log)


@pytest.mark.parametrize("kind", ["reset", "hang_up", "unavailable", "html_page", "bad_chunk", "short_length"])
def test_gives_up_after_the_attempts_of_the_policy(bucket: Path, kind: Kind) -> None:
    put(bucket, "a", noise(SIZE))
    policy = replace(FAST, attempts=3)
    with FaultServer(bucket, scripted(Fault("hang_up", 0.5), then=Fault(kind, 0.0))) as server:
        if kind == "short_length":  # one byte an answer, thrown away: never a new one
            with pytest.raises(FetchError):
                read_all(server.url + "a", policy)
        else:
            with pytest.raises(FetchError, match=r"^http://127.0.0.1:\d+/a: .*\(3 attempts\)$"):
                read_all(server.url + "a", policy)
        # The hang-up is the first failure.
        assert len(server.log) == 3


def test_attempts_begin_anew_with_every_new_byte(bucket: Path) -> None:
    content = put(bucket, "a", noise(SIZE))
    with FaultServer(bucket, scripted(*[Fault("hang_up", 0.2), Fault("unavailable")] * 8)) as server:
        assert read_all(server.url + "a", replace(FAST, attempts=3)) == content
        assert len(server.log) == 17


@pytest.mark.parametrize("kind", [kind for kind in get_args(Kind) if kind not in ("changed", "missing")])
def test_changed_object_is_not_glued_on(
    bucket: Path, impatient: Callable[[int], None], hasty: Callable[[], None], kind: Kind
) -> None:
    if kind == "stall":
        impatient(0)
    if kind == "drip":
        hasty()
    old = put(bucket, "a", noise(SIZE))
    new = bytes(byte ^ 1 for byte in old)
    with FaultServer(bucket, scripted(Fault(kind, 0.5), Fault("changed"))) as server:
        got: bytes | str
        try:
            got = read_all(server.url + "a")
        except FetchError as error:
            got = str(error).partition("/a: ")[2]
        changed = "changed while it was read"
        if kind in ("reset", "stall", "drip"):  # whether anything came before is a matter of time
            assert got in (changed, new)
        elif kind == "long_length":  # whole all the same: nothing is asked for again
            assert (got, len(server.log)) == (old, 1)
        else:  # of a refusal, and of bytes that were not asked for, nothing was handed out
            assert (got, len(server.log)) == (new if kind in ("wrong_range", *REFUSALS) else changed, 2)


@pytest.mark.parametrize("weak", [True, False])
def test_changed_object_is_noticed_where_ranges_are_ignored(bucket: Path, weak: bool) -> None:
    put(bucket, "a", noise(SIZE))
    plan = scripted(Fault("no_length_hang_up", 0.5), Fault("changed"))
    with FaultServer(bucket, plan, weak=weak) as server, pytest.raises(FetchError, match="changed while"):
        read_all(server.url + "a")


def test_object_of_another_length_is_another_object(bucket: Path) -> None:
    put(bucket, "a", noise(SIZE))

    def plan(path: str, number: int) -> Fault | None:
        put(bucket, "a", noise(SIZE + number))
        return Fault("hang_up") if number == 0 else None

    with FaultServer(bucket, plan, validators=False) as server, pytest.raises(FetchError, match="changed while"):
        read_all(server.url + "a")


def test_missing_file_is_asked_for_once(bucket: Path) -> None:
    with FaultServer(bucket) as server:
        for ask in (read_all, lambda url: size_of(url, FAST), lambda url: read_small(url, FAST, max_bytes=9)):
            with pytest.raises(FetchError, match=r"/none: 404 Not Found \(NoSuchKey\)$"):
                ask(server.url + "none")
        assert len(server.log) == 3


def test_silence_ends(bucket: Path) -> None:
    put(bucket, "a", noise(SIZE))
    message, plan = r"no answer in time \(2 attempts\)", scripted(then=Fault("stall", 0.0))
    with FaultServer(bucket, plan) as server, pytest.raises(FetchError, match=message):
        read_all(server.url + "a", replace(FAST, attempts=2, read_timeout_s=0.2))


def test_a_byte_now_and_then_ends_where_its_time_is_over(bucket: Path, hasty: Callable[[], None]) -> None:
    put(bucket, "a", noise(SIZE))
    hasty()
    with FaultServer(bucket, scripted(then=Fault("drip", 0.0))) as server:
        with pytest.raises(FetchError, match=r"/a: too slow: \d+ bytes in 90 s \(2 attempts\)"):
            read_all(server.url + "a", replace(FAST, attempts=2))
        assert len(server.log) == 2


def test_a_byte_and_then_silence_is_no_progress(bucket: Path) -> None:
    put(bucket, "a", noise(SIZE))
    stall = Fault("stall", 1.5 / SIZE)
    with FaultServer(bucket, scripted(*[stall] * 6)) as server:
        with pytest.raises(FetchError, match="no answer in time"):
            read_all(server.url + "a", replace(FAST, attempts=2, read_timeout_s=0.2))
        assert len(server.log) == 2


@pytest.mark.parametrize("start", [1, 1000, SIZE - 1, SIZE, SIZE + 5])
@pytest.mark.parametrize("kind", [None, "reset", "no_range", "wrong_range"])
def test_start(bucket: Path, start: int, kind: Kind | None) -> None:
    content = put(bucket, "a", noise(SIZE))
    with FaultServer(bucket, scripted(Fault(kind) if kind else None)) as server:
        assert read_all(server.url + "a", start=start) == content[start:]


def test_memory_is_bounded_and_connection_is_given_back(bucket: Path) -> None:
    size = 64 << 20
    with (bucket / "a").open("wb") as file:
        file.write(b"\x1f\x8b")
        file.truncate(size)
    with FaultServer(bucket, scripted(Fault("reset", 0.3))) as server, open_archive(server.url + "a", FAST) as stream:
        stream.read(1)
        tracemalloc.start()
        count = 1
        while chunk := stream.read(1 << 30):
            count += len(chunk)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == size
    assert peak < 12 << 20


def test_closing_early_closes_the_connection(bucket: Path) -> None:
    put(bucket, "a", noise(50 << 20))
    with FaultServer(bucket) as server:
        for _ in range(5):
            with open_archive(server.url + "a", FAST) as stream:
                stream.read(10)
        assert len(server.log) == 5
        # What is not read yet is more than a connection holds: the server is done only where that was closed.
        wait_for(lambda: server.busy == 0, "the server to lose its connections")


@pytest.mark.parametrize("kind", [None, *[kind for kind in QUICK if kind not in ("reset", "hang_up")]])
def test_size_of(bucket: Path, kind: Kind | None) -> None:
    put(bucket, "a", noise(1234))
    with FaultServer(bucket, scripted(Fault(kind) if kind else None)) as server:
        size = size_of(server.url + "a", FAST)
        # What a Content-Length lies about without a body nobody can tell.
        assert size == {"short_length": 617, "part": 1234}.get(kind or "", 1234)


def test_size_unknown(bucket: Path) -> None:
    put(bucket, "a", noise(1234))
    with FaultServer(bucket, scripted(then=Fault("chunked"))) as server:
        assert size_of(server.url + "a", FAST) is None
        assert [request.method for request in server.log] == ["GET", "HEAD"]


def test_read_small(bucket: Path) -> None:
    content = put(bucket, "paths.gz", noise(5000))
    with FaultServer(bucket, random_faults(3, 0.5)) as server:
        assert read_small(server.url + "paths.gz", FAST, max_bytes=5000) == content
        with pytest.raises(FetchError, match=r"/paths.gz: more than 4999 bytes"):
            read_small(server.url + "paths.gz", FAST, max_bytes=4999)
