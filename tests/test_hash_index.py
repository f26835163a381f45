"""The index of what earlier dumps had: its rule against counting everything at once, its files, its command line."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_pipeline.command import IN_USE
from ccnet_pipeline.dedup.blocks import CELLS
from ccnet_pipeline.dedup.duplicates import Keep
from ccnet_pipeline.dedup.sorting import Table, sort
from ccnet_pipeline.dedup.tables import in_memory, parts
from ccnet_pipeline.hash_index import cells as cells_module
from ccnet_pipeline.hash_index.__main__ import main
from ccnet_pipeline.hash_index.cells import CellWriter, read_cell
from ccnet_pipeline.hash_index.directory import IndexReader, folder_of, part_file, read_index
from ccnet_pipeline.hash_index.index import Entry, Hashing, Index, Part, empty, encode, make_index
from ccnet_pipeline.hash_index.union import Additions, extend
from ccnet_pipeline.storage.locks import locked

Record = frozenset[int]  # the hashes of its paragraphs
Dump = list[Record]  # or a segment of it
HASHING = Hashing(normalization="mended", title_is_paragraph=True)
# A few hashes, so that they meet; in many cells, at the ends of cells and of all.
_HASHES = sorted({0, 1, 2**64 - 1, 1 << 56, (1 << 56) - 1, *(n * 0x9E3779B97F4A7C15 % 2**64 for n in range(20))})
SEGMENT = st.lists(st.frozensets(st.sampled_from(_HASHES), max_size=6), max_size=3)
DUMPS = st.lists(st.lists(SEGMENT, min_size=1, max_size=3), min_size=3, max_size=3)


def counts_of(records: Iterable[Record]) -> Counter[int]:
    """How many records have each hash."""
    return Counter(each for record in records for each in record)


def table_of(records: Sequence[Record]) -> Table:
    counts = sorted(counts_of(records).items())
    return np.array([each for each, _ in counts], np.uint64), np.array([n > 1 for _, n in counts], np.bool_)


def pairs(*tables: Table) -> list[tuple[int, bool]]:
    return [pair for hashes, bits in tables for pair in zip(hashes.tolist(), bits.tolist(), strict=True)]


def cut(table: Table, size: int) -> Iterator[Table]:
    for start in range(0, len(table[0]), size):
        yield table[0][start : start + size], table[1][start : start + size]


# --- the rule


def kept_in_one_run(segments: Sequence[Dump], keep: Keep) -> list[list[bool]]:
    """For each segment, which of its distinct hashes, ascending, it may keep."""
    counts = counts_of(record for segment in segments for record in segment)
    seen, kept = set[int](), []
    for segment in segments:
        hashes = sorted(counts_of(segment))
        kept.append([each not in seen if keep == "first" else counts[each] == 1 for each in hashes])
        seen.update(hashes)
    return kept


@settings(max_examples=50, deadline=None)
@given(DUMPS, st.sampled_from(["none", "first"]), st.integers(1, 3))
def test_each_dump_keeps_what_it_would_keep_in_one_run_over_all_so_far(
    dumps: list[list[Dump]], keep: Keep, most: int
) -> None:
    index, so_far = table_of([]), list[Dump]()
    for dump in dumps:
        so_far += dump
        together = kept_in_one_run(so_far, keep)
        before, after = (
            counts_of(record for segment in each for record in segment) for each in (so_far[: -len(dump)], so_far)
        )
        kept, index, counts = extended(index, [table_of(segment) for segment in dump], keep, most)
        assert kept == together[-len(dump) :]
        assert pairs(index) == pairs(table_of([record for segment in so_far for record in segment]))
        assert counts.added == len(after) - len(before)
        assert counts.come_again == sum(before[each] == 1 and after[each] > 1 for each in before)


def extended(index: Table, added: list[Table], keep: Keep, most: int) -> tuple[list[list[bool]], Table, Additions]:
    """What a run does with its hashes: part by part, each with the part of the index."""
    readers = [in_memory(table) for table in (index, *added)]
    kept, unions, counts = [list[bool]() for _ in added], list[Table](), Additions()
    for tables in parts(readers, 0, 1 << 64, most):
        of_part, union, additions = extend(sort(tables), keep)
        for number, bits in enumerate(of_part):
            kept[number] += bits.tolist()
        unions.append(union)
        counts.add(additions)
    return kept, (np.concatenate([each for each, _ in unions]), np.concatenate([each for _, each in unions])), counts


# --- files


def write_index(folder: Path, records: Sequence[Record], run: str, parts: Sequence[int] = (0, CELLS)) -> Index:
    """Write the index of one run in parts that begin at these cells."""
    name, table, made = folder_of(1, run), table_of(records), []
    (folder / name).mkdir(parents=True)
    reader = in_memory(table)
    for first, stop in pairwise(parts):
        file = part_file(name, first, stop)
        with (folder / file).open("wb") as stream:
            writer = CellWriter(stream, first, stop)
            writer.add(reader.take(stop << 56))
            made.append(Part(file, first, writer.finish()))
    entry = Entry(run=run, inputs_sha256=f"inputs of {run}", dumps=["CC-MAIN-2018-51"], segments=2, added=len(table[0]))
    index = make_index(1, HASHING, made, [entry])
    (folder / "index.json").write_bytes(encode(index))
    return index


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that a few hashes fill."""
    monkeypatch.setattr(cells_module, "BLOCK_HASHES", 8)


@pytest.mark.usefixtures("small_blocks")
@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, (1 << 58) - 1), max_size=60, unique=True), st.integers(1, 20))
def test_cells_come_back_as_they_were_written(hashes: list[int], size: int) -> None:
    records = [frozenset(hashes), frozenset(hashes[::3])]
    table, file = table_of(records), io.BytesIO()
    writer = CellWriter(file, 0, 4)
    for each in cut(table, size):
        writer.add(each)
    cells, offset, found = writer.finish(), 0, list[Table]()
    for number, cell in enumerate(cells):
        found += read_cell(file, offset, number, cell, "file")
        offset += cell.size
    assert pairs(*found) == pairs(table)
    assert offset == len(file.getvalue()) == sum(8 * cell.hashes + -(-cell.hashes // 8) for cell in cells)


def test_hashes_that_are_not_ascending_are_never_written() -> None:
    writer = CellWriter(io.BytesIO(), 0, 1)
    writer.add(table_of([frozenset([5])]))
    with pytest.raises(ValueError, match="ascending"):
        writer.add(table_of([frozenset([5])]))
    with pytest.raises(ValueError, match="not of this part"):
        writer.add(table_of([frozenset([1 << 56])]))


def test_the_digest_is_of_the_hashes_however_they_lie_in_parts(tmp_path: Path) -> None:
    records = [frozenset(_HASHES), frozenset(_HASHES[:9])]
    one = write_index(tmp_path / "one", records, "a")
    many = write_index(tmp_path / "many", records, "b", (0, 1, 7, 128, CELLS))
    assert one.digest == many.digest != write_index(tmp_path / "other", records[:1], "c").digest
    for name, index in (("one", one), ("many", many)):
        reader = IndexReader(read_index(str(tmp_path / name)), str(tmp_path / name), 1, 201)
        wanted = [pair for pair in pairs(table_of(records)) if 1 <= pair[0] >> 56 <= 200]
        assert len(reader) == len(wanted)
        edges = [1 << 56, (1 << 56) + 1, 1 << 63, 1 << 63, 2**64]  # any, one twice
        assert pairs(*map(reader.take, edges)) == wanted
        assert len(reader) == 0
        assert (index.hashes, index.several) == (len(_HASHES), 9)


# --- the command line

A = [frozenset(_HASHES[:12]), frozenset(_HASHES[4:8])]
B = [frozenset(_HASHES[10:])]


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    write_index(tmp_path / "a", A, "aaaa", (0, 3, CELLS))
    write_index(tmp_path / "b", B, "bbbb")
    return tmp_path / "a", tmp_path / "b"


def command(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_merged_index_is_that_of_both_inputs(two: tuple[Path, Path], tmp_path: Path) -> None:
    assert command("merge", *two, "--output", tmp_path / "both") == 0
    both = read_index(str(tmp_path / "both"))
    assert both.digest == write_index(tmp_path / "at-once", A + B, "c").digest
    assert [entry.run for entry in both.history] == ["aaaa", "bbbb", "merge"]
    assert (both.history[-1].added, both.history[-1].known, both.history[-1].come_again) == (len(_HASHES) - 12, 2, 2)
    assert command("verify", tmp_path / "both") == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "both", "at-once"}


def test_info_says_what_an_index_holds(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("info", two[0]) == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("12", "4 (33.3%)", "CC-MAIN-2018-51"))
    assert command("info", "--json", two[0]) == 0
    assert json.loads(capsys.readouterr().out)["history"][0]["run"] == "aaaa"


def test_an_index_without_hashes_is_one(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_bytes(encode(empty()))
    assert command("info", tmp_path) == command("verify", tmp_path) == 0


@pytest.mark.parametrize("name", ["info", "verify"])
def test_what_is_no_index_is_a_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        assert command(name, folder) == 2
        assert "no hash index" in last_line(capsys)


def test_an_index_of_a_newer_version_is_refused(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (two[0] / "index.json").write_text('{"version": 2, "more": {}}')
    assert command("verify", two[0]) == 2
    assert "version 2, and this program reads version 1; use a newer release" in last_line(capsys)


def test_every_changed_byte_of_an_index_shows(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted(each for each in two[0].rglob("*") if each.is_file()):
        data = path.read_bytes()
        for place in range(0, len(data), max(1, len(data) // 60)):
            changed = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
            # A letter of the other case, a blank: what means the same is the same.
            path.write_bytes(changed)
            status = command("verify", two[0])
            said = capsys.readouterr()
            assert status == 2 or (path.suffix == ".json" and not data[place : place + 1].strip()), (path, place)
            assert status == 0 or ("restore" in said.err or "newer" in said.err), said
        path.write_bytes(data)
    assert command("verify", two[0]) == 0


@pytest.mark.parametrize("name", ["info", "verify"])
def test_a_part_that_is_cut_off_or_missing_is_a_line(
    name: str, two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    part = max(two[0].rglob("*.hashes"), key=lambda path: path.stat().st_size)
    part.write_bytes(part.read_bytes()[:-1])
    assert command(name, two[0]) == 2
    assert f"{part} is damaged" in last_line(capsys)
    part.unlink()
    assert command(name, two[0]) == 2
    assert f"{part} is missing" in last_line(capsys)


def test_counts_that_are_not_those_of_the_hashes_show(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = two[1] / "index.json"
    index = read_index(str(two[1]))
    path.write_bytes(encode(replace(index, hashes=index.hashes + 1)))
    assert command("verify", two[1]) == 2
    assert "is damaged" in last_line(capsys)


def test_an_index_that_is_being_written_is_left_alone(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(two[0]):
        for words in (["verify", two[0]], ["merge", *two, "--output", tmp_path / "both"]):
            assert command(*words) == IN_USE
            assert "another run is writing" in last_line(capsys)
    assert command("verify", two[0]) == 0


def test_indexes_that_would_not_compare_are_not_merged(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "both"
    assert command("merge", two[0], two[0], "--output", output) == 2
    assert "the same inputs" in last_line(capsys)
    by_another_run = replace(read_index(str(two[0])).history[0], run="bbbb")
    index = read_index(str(two[1]))
    (two[1] / "index.json").write_bytes(encode(replace(index, history=[by_another_run])))
    assert command("merge", *two, "--output", output) == 2
    line = f"{two[0]} (run aaaa) and {two[1]} (run bbbb) have the same inputs"
    assert line in last_line(capsys)
    (two[1] / "index.json").write_bytes(encode(index))
    other = Hashing(normalization="ccnet", title_is_paragraph=False)
    (two[1] / "index.json").write_bytes(encode(replace(read_index(str(two[1])), hashing=other)))
    assert command("merge", *two, "--output", output) == 2
    assert "--normalization ccnet --title field" in last_line(capsys)
    assert command("merge", *two, "--output", two[0]) == 2
    assert not output.exists()


def test_a_merger_on_a_full_disk_is_a_line_and_leaves_nothing(
    two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert command("merge", *two, "--output", tmp_path / "both") == 2
    assert "00-ff.hashes: the disk is full; free some room" in last_line(capsys)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_what_a_killed_merger_left_is_in_nobodys_way(two: tuple[Path, Path], tmp_path: Path) -> None:
    left = tmp_path / "both" / folder_of(3, "merge")
    shutil.copytree(two[0], left)
    (left / ".writing-00-ff.hashes-1").touch()
    assert command("merge", *two, "--output", tmp_path / "both") == 0
    assert sorted(path.name for path in tmp_path.glob("both/**/*")) == [
        "00-ff.hashes", "000003-merge", "index.json", "index.json",
    ]  # fmt: skip
