"""Lists of hosts and URLs by categories, in the form of UT1's, and all lists as one table."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from ccnet_pipeline.blocklist import Blocklist, Compiled, compile_lists, unpacked
from ccnet_pipeline.errors import UserError

ADULT = {
    "domains": b"bad.example\nwww.worse.example\nB\xe4d.example\n192.0.2.1\n# comment\n\nno entry at all\n",
    "urls": b"mixed.example/bad/\nwww.other.example/x\nwhole.example\n",
    "expressions": b"(bad|worse)\n",
    "usage": b"black\n",
}
PRESS = {"domains": b"news.example\n", "usage": b"white\n"}


def write_folder(folder: Path, *, packed: bool = False) -> Path:
    for category, files in (("adult", ADULT), ("press", PRESS)):
        (folder / category).mkdir(parents=True)
        for name, content in files.items():
            path = folder / category / (f"{name}.gz" if packed else name)
            path.write_bytes(gzip.compress(content) if packed else content)
    (folder / "global_usage").write_bytes(b"NAME: adult\n")
    return folder


def write_archive(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for category, files in (("adult", ADULT), ("press", PRESS)):
            for name, content in files.items():
                member = tarfile.TarInfo(f"blacklists/{category}/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("blacklists/porn")
        link.type, link.linkname = tarfile.SYMTYPE, "adult"
        archive.addfile(link)
    return path


def table(compiled: Compiled) -> Blocklist:
    return unpacked(memoryview(compiled.packed))


def test_folders_and_archives_packed_or_not_are_the_same_list(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "lists")
    others = [write_folder(tmp_path / "packed", packed=True), write_archive(tmp_path / "lists.tar.gz")]
    compiled = compile_lists([folder], ["adult"])
    assert (compiled.num_hosts, compiled.num_urls, compiled.num_no_entries) == (3, 6, 2)
    assert [compile_lists([other], ["adult"]) for other in others] == [compiled] * 2
    assert compile_lists([folder / "adult"], []) == compiled
    [remark] = compiled.remarks()
    assert remark == "--blocklist: 3 hosts and 6 beginnings of URLs; 2 lines are neither, and passed over"


def test_domains_cover_subdomains_and_urls_their_host_with_and_without_www(tmp_path: Path) -> None:
    covers = table(compile_lists([write_folder(tmp_path / "lists")], ["adult"])).covers
    for url in (
        "http://bad.example/", "https://a.bad.example/x", "http://www.worse.example/", "http://192.0.2.1/x",
        "http://mixed.example/bad/y", "http://www.mixed.example/bad/", "http://other.example/xyz",
        "http://whole.example/any",
    ):  # fmt: skip
        assert covers(url), url
    for url in ("http://worse.example/", "http://mixed.example/good", "http://news.example/", "http://a.example/bad"):
        assert not covers(url), url


def test_several_categories_and_lists_of_ones_own_are_one_table_in_any_order(tmp_path: Path) -> None:
    folder, own = write_folder(tmp_path / "lists"), tmp_path / "own.txt"
    own.write_text("own.example\nbad.example/sub\n")
    both = compile_lists([folder, own], ["adult", "press"])
    assert both == compile_lists([own, folder, own], ["press", "adult"])
    for host in ("own", "news", "bad"):
        assert table(both).covers(f"http://{host}.example/")


def test_a_table_answers_as_the_list_that_it_was_made_of(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("".join(f"h{number}.example\nx{number % 7}.example/{number}/\n" for number in range(300)))
    slow, fast = Blocklist.load(own), table(compile_lists([own], []))
    urls = [f"http://{host}{number}.example/{number}/" for host in ("h", "a.h", "x", "y") for number in range(310)]
    assert [fast.covers(url) for url in urls] == [slow.covers(url) for url in urls]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "--blocklist .*lists has the categories adult, press; name some with --blocklist_categories"),
        (["adlt"], "--blocklist_categories: no --blocklist has a category adlt; did you mean adult[?]"),
        (["sports"], "--blocklist_categories: no --blocklist has a category sports; there are adult, press"),
    ],
)
def test_categories_are_chosen(names: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        compile_lists([write_folder(tmp_path / "lists")], names)


def test_what_is_no_list(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "own.txt").write_text("own.example\n")
    whole = write_archive(tmp_path / "whole.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    for name, categories, message in (
        ("empty", [], "empty: there are no categories in it, folders of files domains and urls$"),
        ("missing", [], "missing cannot be read: "),
        ("cut.tar.gz", ["adult"], "cut.tar.gz"),
        ("own.txt", ["adult"], "_categories: no --blocklist has a category adult; there are none$"),
    ):
        with pytest.raises(UserError, match=f"^--blocklist.*{message}"):
            compile_lists([tmp_path / name], categories)
