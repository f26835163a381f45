"""A folder of text, a file a language: what is read of it, and what is refused."""

import lzma
from pathlib import Path
from random import Random

import pytest
import zstandard

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.pools import Pool, Windows, evaluation_texts, find_pools, hold_out, read_pool

TEXT = "Watu wengi wanapenda kusoma vitabu.\n" * 20


def test_a_file_a_language_is_found_and_others_under_the_code_of_lid_176(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    names = "sw.txt zh-Hans.txt.zst te_rom.txt.xz other/nno.txt.gz other/nbl.txt hau_Latn.txt README.md"
    for name in names.split():
        (tmp_path / name).touch()
    assert list(find_pools(tmp_path)) == ["ha", "nn", "nr", "sw", "te_rom", "zh-Hans"]


@pytest.mark.parametrize("second", ["sw.txt.zst", "other/sw.txt"])
def test_two_files_of_one_language_are_refused(tmp_path: Path, second: str) -> None:
    (tmp_path / "other").mkdir()
    for name in ("sw.txt", second):
        (tmp_path / name).write_text(TEXT)
    with pytest.raises(UserError, match="are both of sw; keep one of them"):
        find_pools(tmp_path)


def test_a_file_whose_name_is_no_language_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes on it.txt").touch()
    with pytest.raises(UserError, match=r"notes on it\.txt: the name is no language code"):
        find_pools(tmp_path)


@pytest.mark.parametrize(("folder", "message"), [("none", "is no folder"), ("", "has no file such as sw.txt.zst")])
def test_a_folder_without_text_is_refused(tmp_path: Path, folder: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        find_pools(tmp_path / folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("sw.txt", b"", r"sw\.txt: 0 characters of text, and a language needs 500; add some, or take the file out"),
        ("sw.txt", b"Watu wengi.\n\n", "11 characters of text"),
        ("sw.txt", b"caf\xe9\n", r"line 1: byte 0xe9 is not UTF-8"),
        ("sw.txt.zst", zstandard.compress(TEXT.encode())[:-9], "is not whole"),
        ("sw.txt.xz", lzma.compress(TEXT.encode())[:-9], "is not whole"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_pool("sw", tmp_path / name)


def test_a_line_without_an_end_is_cut_and_a_large_file_is_read_in_part(tmp_path: Path) -> None:
    path = tmp_path / "sw.txt"
    path.write_text("Watu wengi.\n\n" + "wa " * 100_000)
    pool = read_pool("sw", path, most_characters=25_000)
    assert [len(piece) for document in pool.documents for piece in document] == [11, 10_000, 10_000, 10_000]
    assert not pool.is_whole
    assert read_pool("sw", path).is_whole


def _pool(*documents: tuple[str, ...]) -> Pool:
    return Pool("sw", Path("sw.txt"), documents)


def test_each_third_document_is_held_out() -> None:
    kept, held = hold_out(_pool(("a",), ("b",), ("c",), ("d",)), 3)
    assert (kept.documents, held.documents) == ((("a",), ("b",), ("d",)), (("c",),))


def test_of_two_documents_one_is_held_out_and_of_a_single_one_its_end() -> None:
    assert [part.documents for part in hold_out(_pool(("a",), ("b",)), 5)] == [(("a",),), (("b",),)]
    assert [part.documents for part in hold_out(_pool(("a", "b", "c", "d")), 5)] == [(("a", "b", "c"),), (("d",),)]


def test_windows_begin_and_end_with_words_and_have_the_length_that_is_asked_for() -> None:
    words = [f"neno{number:03d}" for number in range(300)]
    windows = Windows([tuple(words)], 40, 200)
    for seed in range(50):
        drawn = windows.draw(Random(seed))
        assert set(drawn.split()) <= set(words)
        assert 20 <= len(drawn) <= 200


def test_text_without_blanks_is_cut_anywhere() -> None:
    assert 40 <= len(Windows([("汉语" * 300,)], 40, 200).draw(Random(1))) <= 200


def test_evaluation_takes_paragraphs_of_some_length_and_documents_in_one_line() -> None:
    pools = {"sw": _pool(("x" * 39, "y" * 40), ("z" * 401,))}
    assert evaluation_texts(pools, "paragraphs") == [("sw", "y" * 40)]
    assert evaluation_texts(pools, "documents") == [("sw", "x" * 39 + " " + "y" * 40), ("sw", "z" * 401)]
