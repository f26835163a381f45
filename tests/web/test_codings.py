"""Content codings: what is true, what lies, what breaks, what explodes."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from typing import cast

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.web.codings import MAX_CODINGS, decode
from tests.web.messages import ARTICLE, HTML, page_of, read

TEXT = "".join(f"<p>{number} {ARTICLE}" for number in range(400)).encode()
LIMIT = 1 << 20


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda body: cast(bytes, brotli.compress(body, quality=3)),
    "zstd": zstandard.compress,
}
ALL = [*PACKERS.items(), ("deflate", raw_deflate)]


@pytest.mark.parametrize(("coding", "pack"), ALL)
@pytest.mark.parametrize("text", [TEXT, b"<p>short", b"", b"x" * LIMIT])
def test_each_coding(coding: str, pack: Callable[[bytes], bytes], text: bytes) -> None:
    assert decode(pack(text), [coding], LIMIT) == (text, True, None)


@pytest.mark.parametrize(("coding", "pack"), ALL)
def test_as_long_as_may_be_and_one_byte_longer(coding: str, pack: Callable[[bytes], bytes]) -> None:
    assert decode(pack(TEXT), [coding], len(TEXT)).body == TEXT
    assert decode(pack(TEXT), [coding], len(TEXT) - 1).reason == "too_large"


@pytest.mark.parametrize(("coding", "pack"), ALL)
def test_broken_half_way(coding: str, pack: Callable[[bytes], bytes]) -> None:
    noise = random.Random(1).randbytes(200_000)
    packed = pack(TEXT[:50_000] + noise.hex().encode())
    for cut in (len(packed) // 2, len(packed) - 5):
        decoded = decode(packed[:cut], [coding], LIMIT)
        assert not decoded.whole
        assert decoded.reason is None
        assert len(decoded.body) > 50_000
        assert (TEXT[:50_000] + noise.hex().encode()).startswith(decoded.body)
    flipped = bytearray(packed)
    flipped[len(packed) // 2] ^= 0xFF
    decoded = decode(bytes(flipped), [coding], LIMIT)
    assert len(decoded.body) > 40_000
    assert decoded.body.startswith(TEXT[:40_000])


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_damage_early_in_a_short_body(coding: str, pack: Callable[[bytes], bytes]) -> None:
    text = random.Random(2).randbytes(4000).hex().encode()
    packed = bytearray(pack(text))
    packed[len(packed) * 3 // 4] ^= 0xFF
    decoded = decode(bytes(packed), [coding], LIMIT)
    assert decoded.body.startswith(text[:5000])
    assert not decoded.whole


@pytest.mark.parametrize(("coding", "pack"), ALL)
def test_a_long_body_of_a_high_ratio(coding: str, pack: Callable[[bytes], bytes]) -> None:
    text = TEXT * 60
    assert len(text) > 6 << 20
    assert decode(pack(text), [coding], 1 << 24) == (text, True, None)


@pytest.mark.parametrize("coding", PACKERS)
def test_a_field_that_lies(coding: str) -> None:
    assert decode(TEXT, [coding], LIMIT) == (TEXT, True, None)


def test_several_codings_and_members() -> None:
    assert decode(gzip.compress(brotli.compress(TEXT)), ["br", "identity", "gzip"], LIMIT) == (TEXT, True, None)
    assert decode(gzip.compress(b"<p>a") + gzip.compress(b"b"), ["gzip"], LIMIT) == (b"<p>ab", True, None)
    assert decode(gzip.compress(b"<p>a") + bytes(8), ["gzip"], LIMIT) == (b"<p>a", True, None)
    assert decode(zstandard.compress(b"<p>a") + zstandard.compress(b"b"), ["zstd"], LIMIT) == (b"<p>ab", True, None)
    # One of two was undone by the crawler.
    assert decode(gzip.compress(TEXT), ["gzip", "gzip"], LIMIT) == (TEXT, True, None)
    assert decode(TEXT, ["gzip"] * (MAX_CODINGS + 1), LIMIT).reason == "bad_content_coding"


def test_unknown_codings() -> None:
    assert decode(TEXT, ["compress"], LIMIT) == (TEXT, False, None)
    assert decode(b"\x1f\x9d\x90\x00\x01\x02", ["compress"], LIMIT).reason == "bad_content_coding"
    assert decode(b"\x00\x01\x02\xff" * 20, ["br"], LIMIT).reason == "bad_content_coding"


@pytest.mark.parametrize(("coding", "pack"), ALL)
def test_a_bomb_is_not_held(coding: str, pack: Callable[[bytes], bytes]) -> None:
    import tracemalloc

    packed = pack(bytes(64 << 20))
    assert len(packed) < 1 << 20
    tracemalloc.start()
    try:
        assert decode(packed, [coding], LIMIT).reason == "too_large"
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_bomb_in_a_bomb() -> None:
    packed = gzip.compress(gzip.compress(bytes(64 << 20)))
    assert decode(packed, ["gzip", "gzip"], LIMIT).reason == "too_large"


@given(st.sampled_from([*PACKERS, "compress", "identity", ""]), st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes(coding: str, body: bytes, cut: int) -> None:
    for given_body in (body, PACKERS.get(coding, bytes)(body)[:cut]):
        decoded = decode(given_body, [coding], 1 << 16)
        assert decoded.reason in (None, "bad_content_coding")
        assert len(decoded.body) <= 1 << 16


def test_within_a_record() -> None:
    body = f"<title>T</title><p>{ARTICLE}".encode()
    plain = page_of(body)
    assert page_of(gzip.compress(body), HTML, "Content-Encoding: GZIP") == plain
    assert page_of(gzip.compress(body), HTML, "Transfer-Encoding: gzip, chunked") == plain
    cut = read(gzip.compress(body)[:-9], HTML, "Content-Encoding: gzip")
    assert (cut.page, cut.defects) == (plain, ("bad_content_coding",))
    unknown = read(body, HTML, "Content-Encoding: utf-8")
    assert (unknown.page, unknown.defects) == (plain, ("bad_content_coding",))
    bomb = read(gzip.compress(bytes(2 << 20)), HTML, "Content-Encoding: gzip")
    assert (bomb.page, bomb.reason) == (None, "too_large")
