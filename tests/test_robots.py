"""robots.txt files of archives, applied to pages: RFC 9309, and what is not in it."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import json
import re
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from beam_jobs.options import parse
from beam_jobs.preparation import prepare
from beam_jobs.runners import execution
from ccnet_pipeline.archive import Record
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.extract import Extraction
from ccnet_pipeline.fetch import FetchPolicy
from ccnet_pipeline.recipe import CC100
from ccnet_pipeline.robots import RobotsTable, compile_archives
from ccnet_pipeline.robots.robots_txt import MAX_BYTES, rules_of
from ccnet_pipeline.robots.table import matcher
from ccnet_pipeline.urls import split_url
from tests.fetch.server import FaultServer, scripted
from tests.test_build import build, documents, result
from tests.web.messages import HTML, message, record

NO = "User-agent: *\nDisallow: /"
YES = "User-agent: *\nDisallow:"


def capture(
    url: str, body: str | bytes = NO, *fields: str, status: str = "200 OK", date: str = "2024-05-18T01:58:10Z"
) -> bytes:
    """A record of a robotstxt archive."""
    block = message(body, *fields, status=f"HTTP/1.1 {status}")
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


@pytest.fixture
def table(tmp_path: Path) -> TableOf:
    return TableOf(tmp_path)


class TableOf:
    """`table(capture(...), ...)`: the table of an archive with these records."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "robots.warc"

    def __call__(self, *captures: bytes) -> RobotsTable:
        self.path.write_bytes(b"".join(captures))
        return RobotsTable(memoryview(compile_archives([str(self.path)], FetchPolicy()).packed))


# --- whose rules count (RFC 9309, section 2.2.1)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("User-agent: *\nDisallow: /a\n\nUser-agent: CCBot\nDisallow: /b", "-/b"),
        ("User-agent: CCBot\nDisallow:\n\nUser-agent: *\nDisallow: /", ""),
        ("User-agent: GPTBot\nDisallow: /", ""),
        ("User-agent: GPTBot\nUser-agent: ccbot\nDisallow: /", "-/"),
        ("User-agent: GPTBot\n\n# and\nSitemap: http://x/\nUSER-AGENT : CCBOT\nDisallow: /", "-/"),
        ("User-agent: CCBot\nDisallow: /a\nUser-agent: x\nDisallow: /x\nUser-agent: ccbot\nDisallow: /b", "-/a\n-/b"),
        ("User-agent: *\nDisallow: /a\nUser-agent: *\nDisallow: /b", "-/a\n-/b"),
        ("User-agent: CCBot/2.0 (https://commoncrawl.org/)\nDisallow: /", "-/"),
        ("User-agent: GPTBot, CCBot\nDisallow: /", "-/"),
        ("User-agent: CC\nDisallow: /", ""),
        ("User-agent: CCBot-mirror\nDisallow: /", ""),
        ("User-agent: *\nCrawl-delay: 10\nUser-agent: BadBot\nDisallow: /", ""),
        ("Disallow: /", ""),
        ("User-agent:\nDisallow: /", ""),
        ("User-agent: *\nAllow: /a", ""),
        ("User-agent: *\nDisallow: # nothing", ""),
        ("user-agent *\ndisallow /x", "-/x"),
        ("User-agent: *\nDissalow: /x", "-/x"),
        ("User-agent: *\nDisallowAll: /x", ""),
        ("User-agent: *\nDisallow: /b\nAllow: /b/c\nDisallow: /a\nDisallow: /b", "+/b/c\n-/a\n-/b"),
        ("User-agent: *\nDisallow: /caf\u00e9 x\u2028", "-/caf%C3%A9%20x%E2%80%A8"),
    ],
)  # fmt: skip
def test_the_group_that_counts(text: str, rules: str) -> None:
    for form in (text, text.replace("\n", "\r\n"), text.replace("\n", "\r"), f"{text}\n"):
        assert rules_of(form.encode()) == rules.encode()


def test_files_that_are_not_utf_8() -> None:
    for text in (
        b"\xef\xbb\xbf" + NO.encode(),
        NO.encode("utf-16"),
        NO.encode("utf-16-le"),
        b"\xff# caf\xe9\n" + NO.encode(),
    ):
        assert rules_of(text) == b"-/"
    assert rules_of(b"User-agent: *\nDisallow: /caf\xe9") == b"-/caf%E9"


def test_a_page_of_html_is_no_robots_txt() -> None:
    for page in (f"<!DOCTYPE html>\n{NO}", f"\n <html><pre>\n{NO}\n</pre>"):
        assert rules_of(page.encode()) is None


def test_what_stands_behind_500_kib_is_not_read() -> None:
    long = "#" * 99 + "\n"
    inside = (NO + "\n").encode() + long.encode() * (MAX_BYTES // 100)
    assert rules_of(inside) == b"-/"
    assert rules_of(long.encode() * (MAX_BYTES // 100 + 1) + NO.encode()) == b""
    cut = b"User-agent: *\nDisallow: /a\nDisallow: /" + b"b" * MAX_BYTES
    assert rules_of(cut) == b"-/a", "half a rule is none"


_LINES = st.sampled_from(
    "User-agent: *|User-agent: CCBot|User-agent: other|Disallow: /|Disallow: /a|Allow: /a/b|Disallow: /a*c$|Disallow:|"
    "Allow: /|Sitemap: http://x/y|Crawl-delay: 3|# User-agent: *||Noindex: /a|Disallow: *b|Allow: /%61/|Disallow /b?|"
    "Disallow: http://h/a|Disallow: a/b|Disallow: /a$b|Disallow: $".split("|")
)
_PATHS = st.text("/abc?=%61$:", max_size=8).map(lambda path: f"/{path}")


@given(st.lists(_LINES, max_size=12), _PATHS)
def test_what_is_kept_of_a_file_answers_as_the_file(lines: list[str], path: str) -> None:
    text = "\n".join(lines)
    whole = Protego.parse(text).can_fetch(f"http://h{path}", "CCBot")
    rules = rules_of(text.encode())
    assert rules is not None
    assert (not rules or not matcher(rules.decode())(path)) == whole


# --- what a rule matches (RFC 9309, sections 2.2.2 and 2.2.3, and its examples)


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        ("/file-with-a-%2A.html", ["/file-with-a-*.html", "/file-with-a-%2A.html"], ["/file-with-a-b.html"]),
        ("/path/foo-%24", ["/path/foo-$", "/path/foo-%24", "/path/foo-$x"], ["/path/foo-"]),
        ("/foo/bar?baz=quz", ["/foo/bar?baz=quz", "/foo/bar?baz=quz1"], ["/foo/bar"]),
        ("/foo/bar?baz=https://foo.bar", ["/foo/bar?baz=https://foo.bar"], ["/foo/bar?baz="]),
        ("/foo/bar/\u30c4", ["/foo/bar/%E3%83%84", "/foo/bar/\u30c4", "/foo/bar/%e3%83%84"], ["/foo/bar/"]),
        ("/foo/bar/%E3%83%84", ["/foo/bar/%E3%83%84", "/foo/bar/\u30c4"], ["/foo/bar/x"]),
        ("/foo/bar/%62%61%7A", ["/foo/bar/baz"], ["/foo/bar/b"]),
        ("/*.gif$", ["/a.gif", "/b/c.gif"], ["/a.gif?x", "/a.png"]),
        ("/example/", ["/example/", "/example/x"], ["/example", "/Example/"]),
        ("*/private", ["/private", "/a/private/b"], ["/privat"]),
        ("/a%2Fb", ["/a%2Fb", "/a%2fb"], ["/a/b"]),
    ],
)  # fmt: skip
def test_paths_that_a_rule_matches(table: TableOf, rule: str, yes: list[str], no: list[str]) -> None:
    disallows = table(capture("http://h.example/robots.txt", f"User-agent: *\nDisallow: {rule}")).disallows
    for path in yes:
        assert disallows(f"http://h.example{path}"), path
    for path in no:
        assert not disallows(f"http://h.example{path}"), path


def test_the_longest_match_decides_and_allow_where_it_is_a_tie(table: TableOf) -> None:
    rules = ("Allow: /example/page/", "Disallow: /example/page/disallowed.gif", "Disallow: /example", "Allow: /example")
    disallows = table(capture("http://h.example/robots.txt", "\n".join(["User-agent: *", *rules]))).disallows
    assert disallows("http://h.example/example/page/disallowed.gif")
    assert not disallows("http://h.example/example/page/x")
    assert not disallows("http://h.example/example")
    assert not disallows("http://h.example/robots.txt")


@given(st.text("a.-%/?#:@\\[]\u00e9", max_size=12))
def test_a_url_that_looks_usual_is_split_as_any_other(rest: str) -> None:
    assert split_url(f"http://{rest}") == split_url(f"HTTP://{rest}")


# --- for which pages a file holds


def test_scheme_host_and_port(table: TableOf) -> None:
    disallows = table(
        capture("https://Both.example/robots.txt", NO),
        capture("http://both.example/robots.txt", YES),
        capture("http://one.example:80/robots.txt", NO),
        capture("<http://port.example:8080/robots.txt>", NO),
        capture("http://b\u00fccher.example/robots.txt", NO),
        capture("http://elsewhere.example/a/robots.txt", NO),
        capture("http://elsewhere.example/robots.txt?x", NO),
        capture("ftp://elsewhere.example/robots.txt", NO),
    ).disallows
    for url in (
        "https://both.example/x",
        "https://user:pass@BOTH.example:443/x",
        "https://both.example./",
        "http://one.example/x",
        "https://one.example/x",  # nothing else is known
        "http://port.example:8080/x",
        "http://xn--bcher-kva.example/",
        "https://B\u00dcCHER.example/",
        "<http://one.example/>",
    ):
        assert disallows(url), url
    for url in (
        "http://both.example/x",
        "https://www.both.example/",
        "http://port.example/",
        "http://port.example:8081/",
        "http://elsewhere.example/a/x",
        "ftp://one.example/x",
        "dns:one.example",
        "",
    ):
        assert not disallows(url), url


def test_the_latest_capture_counts_whatever_the_order(table: TableOf) -> None:
    url = "http://h.example/robots.txt"
    said = [
        capture(url, NO, date="2024-05-18T01:58:10Z"),
        capture(url, YES, date="2024-05-18T01:58:10.5Z"),
        capture(url, NO, date="2023-12-31T23:59:59Z"),
    ]
    for order in (said, said[::-1], said[1:] + said[:1]):
        assert not table(*order).disallows("http://h.example/")
    at_once = [capture(url, YES), capture(url, NO)]
    for order in (at_once, at_once[::-1]):
        assert table(*order).disallows("http://h.example/")


@pytest.mark.parametrize(
    ("status", "body", "stays"),
    [
        ("404 Not Found", "", False),
        ("403 Forbidden", NO, False),
        ("410 Gone", "", False),
        ("204 No Content", "", False),
        ("200 OK", "", False),
        ("429 Too Many Requests", "", True),
        ("500 Internal Server Error", "", True),
        ("503 Service Unavailable", YES, True),
        ("200 OK", "<html>Sorry</html>", True),
        ("302 Found", "", True),
    ],
)
def test_what_a_later_answer_means(table: TableOf, status: str, body: str, stays: bool) -> None:
    url = "http://h.example/robots.txt"
    later = capture(url, body, "Location: /login", status=status, date="2025-01-01T00:00:00Z")
    assert table(capture(url, NO), later).disallows("http://h.example/x") is stays


def moved(source: str, target: str, **options: str) -> bytes:
    return capture(f"http://{source}/robots.txt", "", f"Location: {target}", status="301 Moved", **options)


def test_a_redirect_leads_to_the_rules_of_another_service(table: TableOf) -> None:
    found = table(
        capture("https://www.end.example/robots.txt", NO),
        moved("end.example", "https://www.end.example/robots.txt"),
        *[moved(f"{n}.example", f"//{n + 1}.example/robots.txt") for n in range(6)],
        capture("http://6.example/robots.txt", NO),
        moved("loop.example", "http://pool.example/robots.txt"),
        moved("pool.example", "http://loop.example/robots.txt"),
        moved("unknown.example", "http://nowhere.example/robots.txt"),
        capture("http://unknown.example/robots.txt", NO, date="2020-01-01T00:00:00Z"),
        moved("back.example", "https://www.end.example/robots.txt", date="2020-01-01T00:00:00Z"),
        capture("http://back.example/robots.txt", YES),
        moved("page.example", "https://www.end.example/"),
        moved("odd.example", "http://[/robots.txt"),
    ).disallows
    assert found("http://end.example/x")
    assert found("https://end.example/x")
    assert found("http://1.example/")
    assert not found("http://0.example/"), "six hops are too many"
    assert found("http://unknown.example/"), "what was said before stays"
    for host in ("loop", "pool", "back", "page", "odd", "nowhere"):
        assert not found(f"http://{host}.example/"), host


def test_codings_and_chunks_of_a_file(table: TableOf) -> None:
    packed = gzip.compress(NO.encode(), mtime=0)
    found = table(
        capture("http://a.example/robots.txt", packed, "Content-Encoding: gzip"),
        capture(
            "http://b.example/robots.txt",
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(NO), NO.encode()),
            "Transfer-Encoding: chunked",
        ),
        capture("http://c.example/robots.txt", NO, "Content-Encoding: gzip"),
    ).disallows
    assert all(found(f"http://{name}.example/") for name in "abc")


# --- archives


def test_records_that_are_no_response_say_nothing(table: TableOf) -> None:
    other = capture("http://a.example/robots.txt").replace(b"Type: response", b"Type: metadata")
    found = table(other, capture("http://b.example/robots.txt"))
    assert not found.disallows("http://a.example/")
    assert len(found) == 2  # http and https of b


def test_equal_rules_are_there_once(table: TableOf) -> None:
    def packed(hosts: int) -> int:
        captures = [capture(f"http://{n}.example/robots.txt", "User-agent: *\nDisallow: /admin/") for n in range(hosts)]
        table(*captures)
        return len(compile_archives([str(table.path)], FetchPolicy()).packed)

    assert packed(20) - packed(10) == 10 * 2 * 12  # bytes a service


def test_packed_archives_in_any_order_give_the_same_table(tmp_path: Path) -> None:
    said = [
        capture("http://a.example/robots.txt"),
        capture("http://b.example/robots.txt", "User-agent: *\nDisallow: /b"),
    ]
    paths = []
    for name, data in (
        ("a.warc.gz", gzip.compress(said[0])),
        ("b.warc.zst", zstandard.compress(said[1])),
        ("c.warc.bz2", bz2.compress(said[0])),
    ):
        (tmp_path / name).write_bytes(data)
        paths.append(str(tmp_path / name))
    compiled = compile_archives(paths, FetchPolicy())
    assert compiled.packed == compile_archives(paths[::-1], FetchPolicy()).packed
    assert not compiled.damage.reasons
    assert RobotsTable(memoryview(compiled.packed)).disallows("https://b.example/b")


def test_an_archive_over_a_failing_network(tmp_path: Path) -> None:
    (tmp_path / "r.warc.gz").write_bytes(gzip.compress(capture("http://a.example/robots.txt")))
    with FaultServer(tmp_path, scripted(None)) as server:
        over = compile_archives([f"{server.url}r.warc.gz"], FetchPolicy())
        assert over.packed == compile_archives([str(tmp_path / "r.warc.gz")], FetchPolicy()).packed
        with pytest.raises(UserError, match=r"^--robots http\S*/absent\.warc\.gz: 404"):
            compile_archives([f"{server.url}absent.warc.gz"], FetchPolicy())


def test_archives_that_say_nothing_are_mistakes_and_damage_is_counted(tmp_path: Path) -> None:
    (tmp_path / "pages.warc").write_bytes(capture("http://a.example/page"))
    with pytest.raises(UserError, match=r"^--robots \S*/pages\.warc holds no robots\.txt: give archives of them"):
        compile_archives([str(tmp_path / "pages.warc")], FetchPolicy())
    with pytest.raises(UserError, match=r"^--robots \S*/absent\.warc cannot be read: No such file"):
        compile_archives([str(tmp_path / "absent.warc")], FetchPolicy())
    (tmp_path / "cut.warc").write_bytes(
        capture("http://a.example/robots.txt") + capture("http://b.example/robots.txt")[:-30]
    )
    robots = compile_archives([str(tmp_path / "cut.warc")], FetchPolicy())
    parsed = parse(["--output", str(tmp_path / "out")])
    *_, remark = dataclasses.replace(prepare(parsed), robots=robots).remarks()
    assert re.fullmatch(r"--robots: damaged places: 1; bytes lost: \d+; the rules in them are not known", remark)


# --- pages


def test_pages_of_either_kind_are_dropped_for_a_reason_of_their_own(table: TableOf) -> None:
    rules = table(capture("http://example.org/robots.txt", "User-agent: CCBot\nDisallow: /page"))
    page = record(message("<p>" + "text " * 99, HTML))
    text = Record("conversion", {"warc-target-uri": "https://example.org/page?x"}, b"Title\n" + b"text " * 99, 1)
    image = record(message("", "Content-Type: image/png"), warc_target_uri="http://example.org/other")
    for ignore in (False, True):
        recipe = dataclasses.replace(CC100, ignore_opt_out=ignore)
        with_rules, without = Extraction("s", recipe, None, rules), Extraction("s", recipe)
        assert with_rules.page_of(page) == with_rules.page_of(text) == "opt_out_robots_txt"
        assert not isinstance(without.page_of(page), str)
        assert not isinstance(without.page_of(text), str)
        assert with_rules.page_of(image) == "not_html"


# --- whole runs


def test_a_run_has_the_same_bytes_on_any_number_of_workers(
    lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "_SMALL_INPUT_BYTES", 0)  # the sample would stay in one process
    (tmp_path / "robots.warc").write_bytes(capture("https://ghat-ki-diary.example/robots.txt"))
    for number in (1, 2):
        build(tmp_path / f"{number}", lid, f"--robots={tmp_path / 'robots.warc'}", f"--workers={number}")
    assert result(tmp_path / "1") == result(tmp_path / "2")
    assert json.loads((tmp_path / "1" / "ledger.json").read_text())["records"]["dropped"]["opt_out_robots_txt"] > 0
    shards = [line for path in (tmp_path / "1" / "shards").rglob("*.zst") for line in documents(path)]
    assert shards
    assert not [line for line in shards if line["domain"] == "ghat-ki-diary.example"]
