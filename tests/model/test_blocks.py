"""Blocks: every token of the stream comes once, in order, after <s>; held-out text never goes round."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.data.blocks import count_blocks, held_out_blocks, open_tokens, read_block
from model.data.encoded import HELD_OUT


def blocks(stream: np.ndarray, length: int) -> np.ndarray:
    out = np.full((count_blocks(len(stream), length), length), -1, np.int64)
    for number, row in enumerate(out):
        read_block(stream, number, row)
    return out


@given(tokens=st.integers(1, 400), length=st.integers(2, 70))
def test_blocks_are_the_stream_cut_up_and_go_round(tokens: int, length: int) -> None:
    stream = np.arange(10, 10 + tokens, dtype=np.uint32)
    out = blocks(stream, length)
    assert (out[:, 0] == 0).all()
    text = out[:, 1:].ravel()
    assert (text == np.resize(stream, len(text))).all()
    assert len(text) - (length - 1) < tokens <= len(text)


@given(tokens=st.integers(0, 400), length=st.integers(2, 70), most=st.integers(1, 6))
def test_held_out_blocks_repeat_nothing(tokens: int, length: int, most: int) -> None:
    stream = np.arange(10, 10 + tokens, dtype=np.uint32)
    out = held_out_blocks(stream, length, most)
    text = out[:, 1:].ravel()
    assert len(set(text.tolist())) == len(text)
    assert (np.diff(out[:, 1:], axis=1) == 1).all()
    assert len(out) == (min(most, tokens // min(length - 1, tokens)) if tokens else 0)
    assert out.shape[1] <= length


def write(folder: Path, name: str, ids: list[int]) -> None:
    (folder / name).write_bytes(np.array(ids, "<u4").tobytes())


def test_files_are_mapped_not_read(tmp_path: Path) -> None:
    write(tmp_path, "en.tokens", [5, 6, 250_001, 2])
    write(tmp_path, "en.held-out.tokens", [7, 2])
    write(tmp_path, "sw.tokens", [])
    found = open_tokens(tmp_path, {"sw": 0, "en": 4})
    assert list(found) == ["en"]
    assert isinstance(found["en"], np.memmap)
    assert found["en"].tolist() == [5, 6, 250_001, 2]
    assert open_tokens(tmp_path, {"en": 2}, HELD_OUT)["en"].tolist() == [7, 2]
