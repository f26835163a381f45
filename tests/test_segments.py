"""Names and numbers of segments: they depend on what is read, never on how it was named or from where."""

import gzip
import itertools
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fetch import FetchPolicy
from ccnet_pipeline.listings import Pick
from ccnet_pipeline.sample import crawl_directory
from ccnet_pipeline.segments import Segment, Selection
from ccnet_pipeline.segments import find_segments as find_selected
from tests.fetch.server import FaultServer

DUMP = "CC-MAIN-2018-51"
ONE = f"crawl-data/{DUMP}/segments/1.5/wet/a.warc.wet.gz"
TWO = f"crawl-data/{DUMP}/segments/1.5/wet/b.warc.wet.gz"
THREE = f"crawl-data/{DUMP}/segments/2.5/wet/a.warc.wet.gz"

Maker = Callable[..., None]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    """`make("a/x.wet.gz", ...)`: files of different sizes below the present folder."""
    monkeypatch.chdir(tmp_path)
    sizes = itertools.count(1)

    def files(*names: str) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * next(sizes))

    return files


def find_segments(
    inputs: Sequence[str], base: str | None = None, policy: FetchPolicy | None = None, **selection: Any
) -> list[Segment]:
    return find_selected(Selection(inputs=tuple(inputs), base=base, **selection), policy or FetchPolicy())


def names(*inputs: str, base: str | None = None) -> list[str]:
    return [segment.name for segment in find_segments(inputs, base)]


def listing(name: str, *lines: str, end: str = "\n") -> str:
    data = "".join(line + end for line in lines).encode()
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return name


# --- names


def test_name_begins_at_crawl_data_wherever_the_crawl_lies(make: Maker, tmp_path: Path) -> None:
    make(ONE, "other/place/" + THREE)
    assert names(ONE, "other/place/" + THREE) == [ONE, THREE]
    assert names(str(tmp_path / ONE)) == [ONE]


def test_the_innermost_crawl_data_counts(make: Maker) -> None:
    make("crawl-data/old/" + ONE)
    assert names("crawl-data/old/" + ONE) == [ONE]


@pytest.mark.parametrize("folder", ["my-crawl-data", "crawl-data-2", "crawl-data.bak"])
def test_a_folder_that_is_only_nearly_crawl_data_is_none(make: Maker, folder: str) -> None:
    make(f"{folder}/x/a.wet", f"{folder}/x/b.wet")
    assert names(f"{folder}/x") == ["a.wet", "b.wet"]


def test_without_crawl_data_the_name_follows_the_deepest_shared_folder(make: Maker) -> None:
    make("deep/er/p/1.wet.gz", "deep/er/q/r/2.wet.gz")
    assert names("deep/er/p/1.wet.gz", "deep/er/q/r/2.wet.gz") == ["p/1.wet.gz", "q/r/2.wet.gz"]


def test_folders_are_shared_whole_not_letter_by_letter(make: Maker) -> None:
    make("part-1/a.wet", "part-2/a.wet")
    assert names("part-1/a.wet", "part-2/a.wet") == ["part-1/a.wet", "part-2/a.wet"]


def test_a_folder_inside_another_is_not_eaten(make: Maker) -> None:
    make("p/a.wet", "p/q/a.wet")
    assert names("p/a.wet", "p/q/a.wet") == ["a.wet", "q/a.wet"]


def test_a_single_file_is_called_by_its_own_name(make: Maker) -> None:
    make("deep/er/x.warc.wet.gz")
    assert names("deep/er/x.warc.wet.gz") == ["x.warc.wet.gz"]


def test_the_place_that_a_crawl_is_read_from_shows_nowhere(make: Maker) -> None:
    make("here/a/x.wet", "here/b/y.wet", "else/where/a/x.wet", "else/where/b/y.wet")
    assert names("here/a/x.wet", "here/b") == names("else/where/a", "else/where/b/y.wet")


def test_the_way_a_path_is_typed_shows_nowhere(make: Maker, tmp_path: Path) -> None:
    make("here/a/x.wet", "here/b/y.wet", "work/none")
    want = ["a/x.wet", "b/y.wet"]
    assert names("here/a/x.wet", "here/b/y.wet") == want
    assert names("./here/a/x.wet", str(tmp_path / "here/b/y.wet")) == want
    assert names("work/../here/a/x.wet", "here/b/y.wet") == want


@pytest.mark.parametrize(
    ("name", "dump"), [(ONE, DUMP), ("CC-MAIN-20181209170142-00000.wet.gz", ""), ("x/plain.wet", "")]
)
def test_the_dump_is_read_from_the_name(make: Maker, name: str, dump: str) -> None:
    make(name)
    assert find_segments([name])[0].dump == dump


def test_the_dump_is_not_read_from_the_place(make: Maker) -> None:
    make(f"{DUMP}/x.wet")
    assert find_segments([f"{DUMP}/x.wet"]) == [Segment(0, "x.wet", f"{DUMP}/x.wet", "", 1)]


# --- names of what is far away; nothing of it is read here


@pytest.mark.parametrize(
    "base", ["https://data.commoncrawl.org/", "s3://commoncrawl/", "gs://b/mirror/", "HTTP://h:1/x/"]
)
def test_a_url_has_the_name_of_the_same_file_on_disk(make: Maker, base: str) -> None:
    make("mirror/" + ONE, "mirror/" + TWO)
    assert names(base + TWO, base + ONE) == names("mirror") == [ONE, TWO]
    assert names(base + TWO, "mirror/" + ONE) == [ONE, TWO]


def test_a_remote_segment_has_no_size_yet() -> None:
    assert find_segments(["s3://commoncrawl/" + ONE]) == [Segment(0, ONE, "s3://commoncrawl/" + ONE, DUMP, None)]


def test_urls_without_crawl_data_are_called_by_what_follows_the_shared_folder() -> None:
    assert names("https://h/x/a/1.wet", "https://h/x/b/1.wet") == ["a/1.wet", "b/1.wet"]
    assert names("https://one/1.wet", "https://two/1.wet") == ["one/1.wet", "two/1.wet"]


def test_no_secret_of_a_url_is_in_a_name_or_a_message() -> None:
    urls = ["http://user:hunter2@one/a/x.wet?sig=TOPSECRET", "http://two/y.wet"]
    assert names(*urls) == ["one/a/x.wet", "two/y.wet"]
    for inputs in (urls[:1] * 2, ["http://user:hunter2@one/folder/?sig=TOPSECRET"]):
        with pytest.raises(UserError) as caught:
            find_segments(inputs)
        assert "hunter2" not in str(caught.value)
        assert "TOPSECRET" not in str(caught.value)


def test_a_signature_is_part_of_the_way_not_of_the_name() -> None:
    (segment,) = find_segments([f"https://h/{ONE}?X-Amz-Signature=abc/def"])
    assert (segment.name, segment.path) == (ONE, f"https://h/{ONE}?X-Amz-Signature=abc/def")


# --- numbers


def test_numbers_follow_the_sorted_names_and_sizes_are_those_of_the_files(make: Maker, tmp_path: Path) -> None:
    make(THREE, ONE, TWO)  # 1, 2 and 3 bytes
    assert find_segments([TWO, THREE, ONE]) == [
        Segment(0, ONE, ONE, DUMP, 2),
        Segment(1, TWO, TWO, DUMP, 3),
        Segment(2, THREE, THREE, DUMP, 1),
    ]


def test_the_order_of_arguments_changes_nothing(make: Maker) -> None:
    make("a/1.wet", "a/10.wet", "a/9.wet", "b/0.wet")
    orders = list(itertools.permutations(["a/1.wet", "a/1?.wet", "b", "a/9.wet"]))
    results = [find_segments(order) for order in orders]
    assert [segment.name for segment in results[0]] == ["a/1.wet", "a/10.wet", "a/9.wet", "b/0.wet"]
    assert all(result == results[0] for result in results)


# --- folders and globs


def test_a_folder_gives_the_archives_anywhere_below_it_and_nothing_else(make: Maker) -> None:
    wet = ["a.wet", "d/e/b.warc.wet.gz", "i.wet.zst", "j.wet.bz2", "k.warc.wet.xz"]
    warc = ["f.warc", "g.warc.gz", "h/h.warc.zst", "i.arc", "j.arc.gz", "k.arc.bz2", "l.warc.xz", "m.wacz"]
    other = ["notes.txt", "march", "x.zip", "x.warc.wat.gz", "wet.paths.gz", "all.wet.paths"]
    make(*(f"c/{name}" for name in wet + warc + other))
    Path("c/folder.wet").mkdir()
    assert names("c") == wet
    assert [segment.name for segment in find_segments(["c"], kind="warc")] == warc


def test_a_folder_without_the_selected_kind_tells_of_the_other_one(make: Maker) -> None:
    make("f/a.warc.gz", "f/b/c.arc", "g/a.warc.wet.gz", "h/x.txt")
    selections: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("f", {}, "; it has 2 WARC files: --kind warc reads them"),
        ("g", {"kind": "warc"}, "; it has 1 WET file: --kind wet reads it"),
        ("g", {"kind": "warc", "option": "--robots"}, ""),  # which takes no other kind
        ("h", {}, ""),
    )
    for folder, selection, end in selections:
        with pytest.raises(UserError) as caught:
            find_segments([folder], **selection)
        kind = selection.get("kind", "wet")
        assert f"{folder} is a directory without {kind.upper()} files (*.{kind}, " in str(caught.value)
        assert str(caught.value).rpartition(")")[2] == end


def test_the_bundled_crawl_in_every_form_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    root = crawl_directory()
    whole = find_segments([str(root)])
    assert [segment.number for segment in whole] == [0, 1, 2, 3]
    assert {segment.dump for segment in whole} == {"CC-MAIN-2026-04"}
    assert find_segments([f"{root}/**/*.wet.gz"]) == whole
    assert find_segments([segment.path for segment in reversed(whole)]) == whole
    assert find_segments([f"{root}/crawl-data/CC-MAIN-2026-04/wet.paths.gz"]) == whole
    monkeypatch.chdir(root)
    relative = find_segments(["."])
    assert [(s.number, s.name, s.size) for s in relative] == [(s.number, s.name, s.size) for s in whole]


def test_two_stars_reach_any_depth_and_one_star_does_not(make: Maker) -> None:
    make("c/1.wet", "c/d/2.wet", "c/d/e/3.wet")
    assert names("c/**/*.wet") == ["1.wet", "d/2.wet", "d/e/3.wet"]
    assert names("c/*/*.wet") == ["2.wet"]
    assert names("c/**/[23].wet") == ["2.wet", "e/3.wet"]


def test_an_absolute_glob_works(make: Maker, tmp_path: Path) -> None:
    make("c/1.wet", "c/2.wet")
    assert names(f"{tmp_path}/c/?.wet") == ["1.wet", "2.wet"]


def test_a_glob_may_match_listings(make: Maker) -> None:
    make(ONE, TWO)
    listing("lists/1.paths.gz", ONE)
    listing("lists/2.paths", TWO)
    assert names("lists/*.paths*", base=".") == [ONE, TWO]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(make: Maker) -> None:
    make("c/[1].wet", "c/1.wet")
    assert names("c/[1].wet") == ["[1].wet"]


def test_a_glob_that_matches_only_folders_matches_no_file(make: Maker) -> None:
    make("c/d/1.wet")
    with pytest.raises(UserError, match=r"c/\* matches no file; check the path"):
        find_segments(["c/*"])


# --- dumps, and some of their segments


@pytest.fixture
def mirror(make: Maker, tmp_path: Path) -> str:
    """A folder that holds two dumps of 10 WET files each."""
    for dump in ("CC-A", "CC-B"):
        lines = [f"crawl-data/{dump}/segments/1.5/wet/{number}.warc.wet.gz" for number in "3120498765"]
        make(*(f"mirror/{line}" for line in lines))
        listing(f"mirror/crawl-data/{dump}/wet.paths.gz", *lines)
    return "mirror"


def numbers(base: str, *dumps: str, **pick: int) -> list[str]:
    found = find_segments((), base, dumps=dumps, pick=Pick(**pick))
    return [f"{segment.dump[-1]}{Path(segment.name).name[0]}" for segment in found]


def test_a_dump_is_all_lines_of_its_listing(mirror: str, tmp_path: Path) -> None:
    assert numbers(mirror, "CC-A") == [f"A{number}" for number in range(10)]
    found = find_segments((), str(tmp_path / mirror), dumps=("CC-A",))[0]
    assert found.name == "crawl-data/CC-A/segments/1.5/wet/0.warc.wet.gz"
    assert (found.dump, found.path) == ("CC-A", f"{tmp_path}/mirror/{found.name}")


def test_several_dumps(mirror: str) -> None:
    assert numbers(mirror, "CC-B", "CC-A") == [f"{dump}{number}" for dump in "AB" for number in range(10)]
    with pytest.raises(UserError, match="stands twice"):
        numbers(mirror, "CC-A", "CC-A")


def test_a_range_counts_lines_of_each_listing(mirror: str) -> None:
    assert numbers(mirror, "CC-A", stop=2) == ["A1", "A3"]
    assert numbers(mirror, "CC-A", "CC-B", start=8) == ["A5", "A6", "B5", "B6"]
    assert numbers(mirror, "CC-A", start=1, stop=3) == ["A1", "A2"]
    assert numbers(mirror, "CC-A", start=9, stop=99) == ["A5"]
    with pytest.raises(UserError, match=r"nothing to read: .* --segments begins behind its end"):
        numbers(mirror, "CC-A", start=10)


def test_a_sample_is_the_same_each_time_and_part_of_a_bigger_one(mirror: str) -> None:
    samples = [set(numbers(mirror, "CC-A", "CC-B", sample=n)) for n in range(1, 12)]
    assert [len(sample) for sample in samples] == [*range(2, 21, 2), 20]
    assert all(small <= big for small, big in itertools.pairwise(samples))
    assert samples[2] == set(numbers(mirror, "CC-A", "CC-B", sample=3))


def test_another_seed_gives_another_sample(mirror: str) -> None:
    assert len({tuple(numbers(mirror, "CC-A", sample=3, seed=seed)) for seed in range(10)}) > 5


def test_a_sample_does_not_depend_on_the_order_of_the_listing() -> None:
    lines = [f"crawl-data/{number}" for number in range(100)]
    assert sorted(Pick(sample=7).of(lines[::-1])) == sorted(Pick(sample=7).of(lines))


def test_a_sample_is_spread_over_the_listing() -> None:
    lines = [f"crawl-data/CC/{number:05d}.warc.wet.gz" for number in range(1000)]
    halves = [sum(line < lines[500] for line in Pick(sample=100, seed=seed).of(lines)) for seed in range(20)]
    assert 45 < sum(halves) / len(halves) < 55


def test_a_range_of_a_listing_given_as_input(mirror: str) -> None:
    found = find_segments(["mirror/crawl-data/CC-A/wet.paths.gz"], pick=Pick(stop=1))
    assert [Path(segment.name).name for segment in found] == ["3.warc.wet.gz"]


def test_a_file_url_as_base(mirror: str, tmp_path: Path) -> None:
    base = (tmp_path / mirror).as_uri()
    whole = find_segments((), mirror, dumps=("CC-A",))
    for found in (
        find_segments((), base, dumps=("CC-A",)),
        find_segments([f"{mirror}/crawl-data/CC-A/wet.paths.gz"], base),
    ):
        assert [segment.name for segment in found] == [segment.name for segment in whole]


def test_a_listing_that_would_fill_the_memory(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccnet_pipeline.listings._MAX_LISTING_BYTES", 10_000)
    for size, line in ((10_000, "files are missing"), (10_001, r"bomb\.paths\.gz is no listing: more than 10000 b")):
        Path("bomb.paths.gz").write_bytes(gzip.compress(b"x" * size))
        with pytest.raises(UserError, match=line):
            find_segments(["bomb.paths.gz"])


def test_only_the_chosen_files_must_be_there(mirror: str) -> None:
    Path(f"{mirror}/crawl-data/CC-A/segments/1.5/wet/5.warc.wet.gz").unlink()
    assert numbers(mirror, "CC-A", stop=9) == [f"A{number}" for number in (0, 1, 2, 3, 4, 6, 7, 8, 9)]
    with pytest.raises(UserError, match="1 of 10 files are missing"):
        numbers(mirror, "CC-A")


# --- listings


@pytest.mark.parametrize("name", ["wet.paths.gz", "wet.paths"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_a_listing_starts_from_the_folder_that_holds_its_crawl_data(make: Maker, name: str, end: str) -> None:
    make("mirror/" + ONE, "mirror/" + THREE)
    path = listing(f"mirror/crawl-data/{DUMP}/{name}", THREE, ONE, end=end)
    assert names(path) == [ONE, THREE]


def test_a_listing_elsewhere_starts_from_its_own_folder(make: Maker) -> None:
    make("p/x/a.wet", "p/x/b.wet")
    assert names(listing("p/my.paths", "x/b.wet", "x/a.wet")) == ["a.wet", "b.wet"]


def test_base_says_where_a_listing_starts(make: Maker, tmp_path: Path) -> None:
    make("mirror/" + ONE)
    path = listing("elsewhere/wet.paths.gz", ONE)
    assert names(path, base="mirror") == [ONE]
    assert names(path, base=str(tmp_path / "mirror")) == [ONE]
    with pytest.raises(UserError, match=r"1 of 1 files are missing, such as .*; say with --base which folder"):
        find_segments([path])


def test_base_moves_no_plain_path(make: Maker) -> None:
    make("x/a.wet", "mirror/x/a.wet")
    assert find_segments(["x/a.wet"], base="mirror")[0].path == "x/a.wet"


def test_the_first_missing_file_and_the_number_of_missing_ones_are_named(make: Maker) -> None:
    make("p/a.wet")
    path = listing("p/my.paths", "a.wet", "b.wet", "c.wet")
    with pytest.raises(UserError, match=r"2 of 3 files are missing, such as \S*p/b\.wet;"):
        find_segments([path])


def test_an_empty_listing_names_no_file(make: Maker) -> None:
    with pytest.raises(UserError, match="nothing to read: the listing is empty"):
        find_segments([listing("empty.paths.gz")])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cut.paths.gz", gzip.compress(b"crawl-data/x\n" * 99)[:-9]),
        ("cut2.paths.gz", gzip.compress(random.Random(1).randbytes(999))[:500]),
        ("changed.paths.gz", gzip.compress(b"crawl-data/x\n")[:10] + b"\xff" * 20),
        ("latin1.paths", "crawl-data/ü\n".encode("latin-1")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_listing_that_cannot_be_read_is_named(make: Maker, name: str, data: bytes) -> None:
    Path(name).write_bytes(data)
    with pytest.raises(UserError, match=f"--input {name} is not a listing that can be read: .") as caught:
        find_segments([name])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        f"\ufeff{ONE}\n{THREE}\n".encode(),
        f"{ONE}\r\n{THREE}\r\n".encode("utf-16"),  # what `>` of PowerShell 5 writes
        f"{ONE}\n{THREE}".encode("utf-16-le"),
        b"\xfe\xff" + f"{ONE}\r\n{THREE}".encode("utf-16-be"),
        f"\ufeff{ONE}\n\ufeff{THREE}\n".encode(),  # two lists joined
        f'"{ONE}"\n"{THREE}"\n'.encode(),
        f"'{ONE}'\n  '{THREE}'  \n".encode(),
        f"# of 2018\n{ONE}\n\n  # and\n{THREE}\n#{TWO}\n".encode(),
        f"{ONE}\r{THREE}\r".encode(),
        f"{ONE}\n{THREE}\n".replace("/", "\\").encode(),
    ],
    ids=["mark", "utf-16", "utf-16 without mark", "utf-16-be", "joined", "quoted", "'quoted'", "#", "cr", "backslash"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_a_listing_is_read_as_people_and_their_tools_write_it(
    make: Maker, data: bytes, pack: Callable[[bytes], bytes]
) -> None:
    make(ONE, THREE)
    Path("my.paths.gz").write_bytes(pack(data))
    assert names("my.paths.gz") == [ONE, THREE]


def test_a_name_may_have_what_a_listing_gives_a_meaning(make: Maker) -> None:
    odd = ["a#1.wet", "b\\c.wet", "d\u2028e.wet", 'f".wet', "#g.wet"]
    make(*odd)
    assert names(listing("my.paths", *odd[:4], '"#g.wet"')) == sorted(odd)


def test_a_listing_may_hold_urls_of_every_kind(make: Maker, tmp_path: Path) -> None:
    make("a.wet")
    path = listing("my.paths", (tmp_path / "a.wet").as_uri(), "https://h/b.wet", "s3://c/c.wet")
    assert {segment.path for segment in find_segments([path])} == {
        str(tmp_path / "a.wet"),
        "https://h/b.wet",
        "s3://c/c.wet",
    }
    with pytest.raises(UserError, match="not from sftp://"):
        find_segments([listing("my.paths", "sftp://h/b.wet")])


def test_lines_with_backslashes_below_a_url(make: Maker) -> None:
    path = listing("my.paths", THREE.replace("/", "\\"))
    assert find_segments([path], base="https://h/")[0].path == f"https://h/{THREE}"


def test_an_archive_that_is_called_a_listing(make: Maker) -> None:
    with pytest.raises(UserError, match=r"--input my\.paths is an archive, and is called a listing; rename it to"):
        find_segments([listing("my.paths", "WARC/1.0", "WARC-Type: warcinfo")])


# --- what is no archive


def test_what_is_surely_no_archive_shows_before_any_work(make: Maker) -> None:
    make("c/a.wet", "c/b.wet")
    path = listing("list.txt", "c/a.wet", "c/b.wet")
    for item in ("list.txt", "*.txt"):
        with pytest.raises(UserError) as caught:
            find_segments(["c", item])
        assert str(caught.value) == (
            f"--input {path} looks like a list of files: give one path a line, in a file named *.paths"
        )
    # In a folder, and in a listing, it is one bad file among many.
    assert names(listing("all.paths", "list.txt", "c/a.wet")) == ["c/a.wet", "list.txt"]


def test_only_so_many_files_of_a_glob_are_looked_into(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    make(*(f"c/{number:04d}.wet" for number in range(300)))
    looked: list[Path] = []
    monkeypatch.setattr("ccnet_pipeline.segments.mistaken_for_archive", looked.append)
    assert len(names("c/*")) == 300
    assert len(looked) == 100


def test_nothing_but_empty_files_is_nothing_to_read(make: Maker) -> None:
    make("c.wet")
    for name in ("a.wet", "b.wet"):
        Path(name).touch()
    with pytest.raises(UserError, match=r"^nothing to read: a\.wet is empty$"):
        find_segments(["a.wet"])
    with pytest.raises(UserError, match=r"^nothing to read: a\.wet, and every other input, is empty$"):
        find_segments(["a.wet", "b.wet"])
    assert names("a.wet", "c.wet") == ["a.wet", "c.wet"]


# --- what stands twice


@pytest.mark.parametrize(
    "inputs",
    [
        ("a.wet", "a.wet"),
        ("a.wet", "./a.wet"),
        ("a.wet", "*.wet"),
        (".", "a.wet"),
        pytest.param(("a.wet", "x/../a.wet")),
    ],
)
def test_a_segment_given_twice_is_a_mistake(make: Maker, inputs: tuple[str, ...]) -> None:
    make("a.wet", "x/none")
    with pytest.raises(UserError, match=r"a\.wet stands twice: \S+ and \S+; give each segment once"):
        find_segments(inputs)


def test_two_copies_of_a_crawl_stand_twice(make: Maker) -> None:
    make("disk1/" + ONE, "disk2/" + ONE)
    with pytest.raises(UserError, match=f"{ONE} stands twice: disk1/{ONE} and disk2/{ONE}"):
        find_segments(["disk1", "disk2"])


def test_a_line_that_stands_twice_in_a_listing(make: Maker) -> None:
    make(ONE)
    with pytest.raises(UserError, match="stands twice"):
        find_segments([listing("wet.paths", ONE, ONE)], base=".")


# --- what cannot be read


@pytest.mark.parametrize("url", ["sftp://host/x.wet", "ftp://host/x.wet", "nosuch://x"])
def test_a_place_that_nobody_can_read_is_refused(url: str) -> None:
    with pytest.raises(UserError, match=r"files are read from http://, https://, s3://, gs://, .* and local paths"):
        find_segments([url])


def test_a_listing_that_is_not_there_is_told_by_what_named_it(tmp_path: Path) -> None:
    policy = FetchPolicy(attempts=1)
    with FaultServer(tmp_path) as server:
        with pytest.raises(UserError, match=r"x\.paths: 404.*; check --input and the network$"):
            find_segments([f"{server.url}x.paths"], policy=policy)
        with pytest.raises(UserError, match=r"404.*; check the name of the dump, --base and the network$"):
            find_segments([], dumps=("CC-MAIN-1999-99",), base=server.url, policy=policy)


@pytest.mark.parametrize("url", ["https://host/folder/", "gs://bucket/*", "s3://bucket/[ab].wet.gz"])
def test_a_remote_folder_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(UserError, match="a remote folder cannot be searched; give URLs of files"):
        find_segments([url])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(make: Maker) -> None:
    make("a.wet")
    Path("a.wet").chmod(0)
    with pytest.raises(UserError, match=r"a\.wet cannot be read; check its permissions"):
        find_segments(["a.wet"])


def test_what_the_system_forbids_to_read_is_named(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    make("a.wet", "b.wet")
    forbidden = Path("b.wet").absolute()
    monkeypatch.setattr("os.access", lambda path, _: Path(path).absolute() != forbidden)
    assert names("a.wet") == ["a.wet"]
    for item in ("b.wet", "*.wet", listing("b.paths", "b.wet")):
        with pytest.raises(UserError, match=r"b\.wet cannot be read; check its permissions"):
            find_segments([item])


def test_a_file_without_permission_in_a_folder_is_named(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    make("c/a.wet", "c/b.wet")
    monkeypatch.setattr("os.access", lambda path, _: not str(path).endswith("b.wet"))
    with pytest.raises(UserError, match=r"c/b\.wet cannot be read; check its permissions"):
        find_segments(["c"])
