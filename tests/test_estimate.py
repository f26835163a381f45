"""`--estimate`: exact where everything is read, close where a part is, and nothing of it stays."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from beam_jobs import estimate, job
from beam_jobs.blocks import Blocks, block_size
from beam_jobs.estimate import choose
from beam_jobs.estimate_growth import Compared, growth_of
from beam_jobs.estimate_shuffle import shuffled
from ccnet_pipeline import sample
from ccnet_pipeline.dedup.duplicates import Keep
from ccnet_pipeline.listings import Pick
from ccnet_pipeline.segments import Segment

Pages = list[list[int]]  # the hashes of the paragraphs of each


def compared(pages: Pages) -> Compared:
    lengths = [100 + each % 7 for page in pages for each in page]
    return Compared(
        hashes=np.array([each for page in pages for each in page], np.uint64),
        lengths=np.array(lengths, np.int64),
        page=np.repeat(np.arange(len(pages)), list(map(len, pages))),
    )


def counted(pages: Pages, keep: Keep) -> tuple[float, float]:
    """The shares of the characters and of the pages that stay."""
    counts, seen = Counter(each for page in pages for each in set(page)), set[int]()
    characters, read, staying_pages = 0, 0, 0
    for page in pages:
        stays = [each for each in set(page) if (each not in seen if keep == "first" else counts[each] == 1)]
        seen.update(page)
        characters += sum(100 + each % 7 for each in stays)
        read += sum(100 + each % 7 for each in set(page))
        staying_pages += bool(stays)
    return characters / read, staying_pages / len(pages)


def made_crawl(num_pages: int) -> Pages:
    """Pages of a menu that many have, of articles that some have, and of their own text."""
    random = np.random.default_rng(1)
    menus, articles = random.integers(0, 30, num_pages), random.integers(0, 40_000, num_pages)
    own = np.arange(1_000_000, 1_000_000 + 2 * num_pages).reshape(-1, 2)
    has_own = random.random(num_pages) < 0.4
    return [
        [int(menu), 100 + 2 * int(article), 101 + 2 * int(article), *(map(int, text) if alone else ())]
        for menu, article, text, alone in zip(menus, articles, own, has_own, strict=True)
    ]


@pytest.mark.parametrize("keep", ["none", "first"])
def test_what_stays_in_all_is_told_from_a_tenth(keep: Keep) -> None:
    pages = made_crawl(40_000)
    part = pages[:4_000]
    growth = growth_of(compared(part))
    characters, staying_pages = counted(pages, keep)
    assert growth.characters.staying(10, keep) == pytest.approx(characters, rel=0.16)
    assert growth.documents.staying(10, keep) == pytest.approx(staying_pages, rel=0.16)
    assert growth.characters.staying(1, keep) == pytest.approx(counted(part, keep)[0], rel=0.02)
    assert counted(part, keep)[0] > 1.25 * characters  # the share of the part is no estimate


def test_where_there_is_nothing_nothing_is_a_duplicate() -> None:
    growth = growth_of(compared([]))
    assert growth.characters.growth(10, "none") == growth.documents.growth(10, "first") == 1


def test_what_is_shuffled_grows_with_the_segments() -> None:
    def of(segments: int) -> tuple[int, int]:
        blocks = Blocks(num_segments=segments, scope_segments=None, block_segments=block_size(segments))
        found = shuffled(blocks, 560_000.0 * segments, buckets=300, files=300 + segments // 10)
        return found.elements, found.bytes

    assert of(20)[0] < 20 * 10 + 1000
    for few, many in zip(of(1_000), of(64_000), strict=True):
        assert many <= 64 * few


def test_segments_are_chosen_from_all_parts_of_the_selection() -> None:
    segments = [Segment(number, f"{number:03}", "", "", 1) for number in range(50)]
    for few in (2, 7):
        chosen = choose(segments, Pick(sample=few))
        assert [each.number * few // 50 for each in chosen] == list(range(few))
        assert chosen != choose(segments, Pick(sample=few, seed=1))
    assert choose(segments[:3], Pick(sample=9)) == segments[:3]


def rows(printed: str) -> dict[str, list[str]]:
    """The first cell of each row of the tables, and the others."""
    cells = [[cell.strip() for cell in line.strip("│┃ ").split("│")] for line in printed.splitlines() if "│" in line]
    return {first: rest for first, *rest in cells}


def test_an_estimate_from_all_segments_is_what_a_run_gives(
    lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert job.main([f"--lid_model={lid}", "--estimate=9"]) == 0
    printed = capsys.readouterr().out
    assert "the more there is" not in printed
    estimated = rows(printed)
    assert list(tmp_path.iterdir()) == []
    assert job.main([f"--lid_model={lid}", "--workers=1", "--output=out"]) == 0
    built = rows(capsys.readouterr().out)
    languages = [code for code in built if re.fullmatch(r"[a-z]{2,3}(-Han.)?", code)]
    assert len(languages) == 10  # as many as the end of a run shows
    for code in languages:
        documents, _, characters, *_ = built[code]
        assert estimated[code][:2] == [documents, characters]
    for unit, reading in (("records", 0), ("paragraphs", 2), ("characters", 4)):
        assert estimated[unit] == [built["read"][reading]]


def test_an_estimate_from_some_segments_says_how_little_it_read(lid: str, capsys: pytest.CaptureFixture[str]) -> None:
    segments = sorted(map(str, (sample.crawl_directory() / "crawl-data").rglob("*.wet.gz")))
    flags = [f"--lid_model={lid}", "--second_lid_model=none", "--workers=3", "--estimate", "--input", *segments]
    assert job.main(flags) == 0
    printed = capsys.readouterr().out
    assert "What 4 segments would take, from 2 of them" in printed
    assert {"archives", "CPU hours, all", "wall time, 3 processes", "disk, output"} <= set(rows(printed))
    assert "the more there is, the more copies are found" in printed


def test_an_estimate_that_is_interrupted_leaves_nothing_and_promises_nothing(
    lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(estimate, "read_chunks", interrupt)
    assert job.main([f"--lid_model={lid}", "--second_lid_model=none", "--estimate=1"]) == 130
    assert capsys.readouterr().err.endswith("\nbuild_cc100: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_an_estimate_takes_off_what_earlier_dumps_had(
    lid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    segments = sorted(map(str, (sample.crawl_directory() / "crawl-data").rglob("*.wet.gz")))
    flags = [f"--lid_model={lid}", "--workers=1", f"--hash_index={tmp_path / 'index'}"]
    assert job.main([*flags, f"--output={tmp_path / 'a'}", "--input", *segments[:2]]) == 0
    capsys.readouterr()
    later = [*flags, f"--output={tmp_path / 'b'}", "--input", *segments[2:]]
    kept = []
    for words in (["--estimate"], ["--estimate", "--hash_index=" + str(tmp_path / "none")], []):
        assert job.main([*later, *words]) == 0
        printed = rows(capsys.readouterr().out)
        kept.append(
            [int(cell.replace(",", "")) for cell in printed[next(each for each in printed if each[:4] == "all ")]]
        )
    (_, estimated, _), (_, alone, _), (_, _, built, *_) = kept
    assert estimated == pytest.approx(built, rel=0.1)
    assert alone > 1.1 * built


def test_an_estimate_from_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert job.main(["--estimate=0"]) == 2
    assert capsys.readouterr().err == "build_cc100: --estimate must be 1 or more, not 0\n"
