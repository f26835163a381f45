"""Hosts and beginnings of URLs that are not wanted."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.blocklist import Blocklist
from ccnet_pipeline.errors import UserError


def blocklist(*entries: str) -> Blocklist:
    return Blocklist.parse([entry.encode() + b"\n" for entry in entries], "list")


@pytest.mark.parametrize(
    "entry", ["example.org", "*.example.org", ".example.org", "EXAMPLE.org.", " example.org # why"]
)
def test_a_host_covers_itself_and_its_subdomains(entry: str) -> None:
    covers = blocklist(entry).covers
    for url in (
        "http://example.org",
        "https://Example.ORG/",
        "https://www.example.org/x?y#z",
        "http://a.b.example.org:8080/",
        "//example.org./x",
        "http://user:password@example.org/",
        "<http://example.org/>",
        "http://example%2Eorg/",
        "ftp://example.org/x",
    ):
        assert covers(url), url
    for url in (
        "http://example.com/",
        "http://notexample.org/",
        "http://org/",
        "http://example.org.evil.com/",
        "http://x/example.org",
    ):
        assert not covers(url), url


@pytest.mark.parametrize(
    "entry",
    [
        "https://example.org/private/",
        "example.org/private/",
        "//example.org/private/",
        "http://EXAMPLE.org:80/priv%61te/",
    ],
)
def test_the_beginning_of_a_url(entry: str) -> None:
    covers = blocklist(entry, "example.org/private/deeper/", "example.org/zoo", "example.org/a?id=7").covers
    for path in (
        "private/",
        "private/x",
        "private/deeper/y",
        "%70rivate/",
        "zoo",
        "zoology",
        "a?id=71",
        ":8080/private/",
        "/private/#x",
    ):
        url = f"http://example.org{path}" if path[0] in ":/" else f"https://example.org/{path}"
        assert covers(url), url
    for url in (
        "http://example.org/",
        "http://example.org/private",
        "http://www.example.org/private/",
        "http://example.org/yak",
        "http://example.org/a?id=8",
        "http://example.org/Private/",
    ):
        assert not covers(url), url


def test_ports() -> None:
    covers = blocklist("example.org:8080", "https://secure.example:443/x", "http://[2001:db8::1]/").covers
    assert covers("http://example.org:8080/any")
    assert not covers("http://example.org/any")
    assert not covers("http://example.org:80/any")
    assert covers("https://secure.example/xyz")
    assert covers("http://secure.example:80/xyz")
    assert covers("http://[2001:DB8::1]:81/")


def test_names_of_other_scripts() -> None:
    for entry in ("bücher.example", "xn--bcher-kva.example", "BÜCHER.example"):
        assert blocklist(entry).covers("http://www.xn--bcher-kva.example/")
        assert blocklist(entry).covers("http://Bücher.example/")
    assert blocklist("example.org/käse").covers("http://example.org/k%C3%A4se")
    assert blocklist("example.org/k%C3%A4se").covers("http://example.org/käse")


@pytest.mark.parametrize(
    "entry",
    [
        "two words",
        "http://",
        "http:///path",
        "exa mple.org/x",
        "-x.org",
        "a..b",
        "x" * 64 + ".org",
        "example.org:http",
        "<p>",
        "!",
        "/path",
        "a,b",
    ],
)
def test_entries_that_make_no_sense(entry: str) -> None:
    with pytest.raises(UserError, match=r"^--blocklist list, line 2: neither a host nor a URL: "):
        blocklist("example.org", entry)


def test_files(tmp_path: Path) -> None:
    text = "\ufeffexample.org\r\n# comment\n\nhttps://example.com/x#y # z\n"
    for name, data in (
        ("plain", text.encode()),
        ("packed.gz", gzip.compress(text.encode())),
        ("packed", gzip.compress(text.encode())),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        loaded = Blocklist.load(path)
        assert loaded == Blocklist.load(str(path)) == pickle.loads(pickle.dumps(loaded))
        assert loaded.covers("http://example.org/")
        assert loaded.covers("http://example.com/x")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"example.org\n" * 1000)[:-9])
    (tmp_path / "latin").write_bytes(b"example.org\nb\xfccher.example\n")
    with pytest.raises(UserError, match=r"cut\.gz cannot be read"):
        Blocklist.load(tmp_path / "cut.gz")
    with pytest.raises(UserError, match="missing cannot be read"):
        Blocklist.load(tmp_path / "missing")
    with pytest.raises(UserError, match="line 2: not UTF-8"):
        Blocklist.load(tmp_path / "latin")


@given(st.one_of(st.text(max_size=40), st.from_regex(r"\A(https?:)?//[^ ]{0,30}\Z"), st.binary(max_size=20).map(str)))
def test_no_url_raises(url: str) -> None:
    assert blocklist("example.org", "example.com/x", "[::1]:80/x").covers(url) in (True, False)


@given(st.lists(st.text("ab/", max_size=5), min_size=1, max_size=12), st.text("ab/", max_size=8))
def test_beginnings_are_found_as_by_trying_all(beginnings: list[str], path: str) -> None:
    covers = blocklist(*(f"x.y/{beginning}" for beginning in beginnings)).covers
    assert covers(f"http://x.y/{path}") == any(path.startswith(beginning) for beginning in beginnings)


def test_many_entries() -> None:
    hosts = Blocklist.parse((b"host%d.example\n" % number for number in range(100_000)), "list")
    paths = Blocklist.parse((b"host.example/%d/\n" % number for number in range(100_000)), "list")
    assert hosts.covers("http://a.host99999.example/")
    assert not hosts.covers("http://host100000.example/")
    assert paths.covers("http://host.example/99999/x")
    assert not paths.covers("http://host.example/100000/x")
