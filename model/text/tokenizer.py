"""SentencePiece pieces under XLM-R's ids, for us and for Hugging Face's tokenizers.

                 <s>   <pad>   </s>   <unk>   first piece ... last piece   <mask>
    SentencePiece  1       -      2       0       3       ...    n - 1        -
    XLM-R          0       1      2       3       4       ...      n        n + 1

n is the number of SentencePiece's pieces, control symbols included: 250 000 in XLM-R, so 250 002 ids. The offset
comes from fairseq's dictionary; being off by one there is the bug that users met most often.

Source: Conneau et al. 2020 (XLM-R), section 3; fairseq issue 2094 ("Hello world!" is 0, 35378, 8999, 38, 2).
"""

import hashlib
import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sentencepiece

from model.errors import UserError
from model.files import write_whole
from model.ids import FIRST_PIECE
from model.text.normalizer import hugging_face_normalizer
from model.text.proto import SCORE_STEP

MODEL_FILE = "sentencepiece.bpe.model"  # a unigram model, whatever the name says: it is the one that people expect
MAX_LENGTH = 512  # tokens of XLM-R's samples
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
_OFFSET = 1
_PART = 4000  # code points: scores of so many pieces add up without rounding (proto.round_scores)
_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # SentencePiece's sign for a space


class Tokenizer:
    """Text to ids and back. Control symbols that stand in a text as words (`<s>`, `<mask>`) are plain text."""

    bos_id, pad_id, eos_id, unk_id = 0, 1, 2, 3

    def __init__(self, model: bytes, name: str = MODEL_FILE) -> None:
        """Take a model's bytes; `name` is what errors call it. UserError if its layout is not XLM-R's."""
        self._pieces = _load(model, name)
        self._joins = _joins(self._pieces)
        self.sha256 = hashlib.sha256(model).hexdigest()
        self.vocab_size = len(self._pieces) + 2
        self.mask_id = self.vocab_size - 1

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Load `sentencepiece.bpe.model` from a folder; UserError if it is not there or damaged."""
        path = folder / MODEL_FILE
        if not path.is_file():
            raise UserError(
                f"no {path}: copy it from where the model came from; "
                f"python -m model.vocab --data DIR --output {folder} makes a new one"
            )
        return cls(path.read_bytes(), str(path))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, without `<s>` and `</s>`."""
        encoded = self._pieces.encode(list(texts), num_threads=1)
        return [[piece + _OFFSET if piece else self.unk_id for piece in pieces] for pieces in encoded]

    def encode_documents(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Return the ids of all documents in a row, and how many each has: those of its paragraphs, one by one.

        Paragraphs are separated by a line feed. They are encoded several at once where that gives the same ids.
        """
        split = _parts if self._joins else _paragraphs
        parts_of_documents = [split(text) for text in texts]
        counts = np.fromiter(map(len, parts_of_documents), np.int64, len(texts))
        # As arrays (sentencepiece 0.2.3): no Python integer is made for a token.
        encoded = self._pieces.encode(list(chain.from_iterable(parts_of_documents)), num_threads=1, return_type="numpy")
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        ids = np.concatenate([np.empty(0, np.int32), *encoded]).view(np.uint32)
        ids += _OFFSET
        ids[ids == _OFFSET] = self.unk_id
        return ids, np.add.reduceat(lengths, np.cumsum(counts) - counts) if len(texts) else lengths

    def pieces(self) -> dict[int, tuple[str, float]]:
        """Return each id that stands for a piece of text, with the piece and its score; the other ids are special."""
        numbers = range(FIRST_PIECE - _OFFSET, len(self._pieces))
        return {n + _OFFSET: (self._pieces.id_to_piece(n), self._pieces.get_score(n)) for n in numbers}

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids: `<s>`, `</s>` and `<pad>` are left out, `<mask>` stands as a word."""
        special = (self.bos_id, self.pad_id, self.eos_id)
        text = str(self._pieces.decode([self._piece(number) for number in ids if number not in special]))
        # Its sign for a space stays before what SentencePiece does not know.
        return text.replace(f"{_SPACE}<mask>", " <mask>").lstrip(" ")

    def _piece(self, number: int) -> str:
        if number == self.mask_id:
            return f"{_SPACE}<mask>"
        return str(self._pieces.id_to_piece(0 if number == self.unk_id else int(number) - _OFFSET))


def _load(model: bytes, name: str) -> Any:
    pieces = sentencepiece.SentencePieceProcessor()
    try:
        pieces.LoadFromSerializedProto(model)
    except RuntimeError as error:
        raise UserError(f"{name} is no SentencePiece model, or cut off; copy it again") from error
    layout = (pieces.unk_id(), pieces.bos_id(), pieces.eos_id(), pieces.pad_id())
    if layout != (0, 1, 2, -1):
        raise UserError(f"{name}: <unk>, <s>, </s>, <pad> have ids {layout}, not XLM-R's (0, 1, 2, -1); train another")
    return pieces


def _joins(pieces: Any) -> bool:
    """Say if paragraphs joined by line feeds have the ids that they have one by one.

    So it is where a line feed is a space, each word begins with one, and scores add up without rounding.
    """
    words: list[int] = pieces.encode("a") + pieces.encode("b")
    separate = pieces.encode("a\nb") == words and pieces.piece_to_id(_SPACE) != pieces.unk_id()
    return separate and all(pieces.get_score(number) % SCORE_STEP == 0 for number in range(len(pieces)))


def _paragraphs(text: str) -> list[str]:
    return text.split("\n")


def _parts(text: str) -> list[str]:
    """Cut a document at line feeds into parts of about _PART code points; a longer paragraph stays whole."""
    parts, start = [], 0
    while len(text) - start > _PART:
        end = text.rfind("\n", start, start + _PART)
        if end < 0:
            end = text.find("\n", start + _PART)
            if end < 0:
                break
        parts.append(text[start:end])
        start = end + 1
    return [*parts, text[start:]]


def write_tokenizer_files(model: Path | bytes, folder: Path, *, max_length: int = MAX_LENGTH) -> None:
    """Write what `AutoTokenizer.from_pretrained(folder)` wants.

    Leaves `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json` and, last,
    `sentencepiece.bpe.model`: a folder that has it has all. Existing files are replaced.

    Args:
        model: SentencePiece's, a file or its bytes.
        folder: made if it is not there.
        max_length: tokens that the model takes, <s> and </s> included; to so many texts are cut on request.

    Raises:
        UserError: the model is missing or has another layout than XLM-R's.
    """
    if isinstance(model, Path) and not model.is_file():
        raise UserError(f"no {model}: python -m model.vocab makes it")
    proto = model.read_bytes() if isinstance(model, Path) else model
    pieces = _load(proto, str(model) if isinstance(model, Path) else MODEL_FILE)
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in (
        ("tokenizer.json", _tokenizer_json(proto, pieces)),
        ("tokenizer_config.json", _tokenizer_config(max_length)),
        ("special_tokens_map.json", _special_tokens()),
    ):
        with write_whole(folder / name) as file:
            file.write(json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n")
    with write_whole(folder / MODEL_FILE) as file:
        file.write(proto)


def _special_tokens() -> dict[str, str | dict[str, object]]:
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>"}
    # <mask> takes the space before it, so that it stands for a word with its space.
    return {**names, "pad_token": "<pad>", "cls_token": "<s>", "mask_token": _added("<mask>", lstrip=True)}


def _tokenizer_config(max_length: int) -> dict[str, object]:
    mask = {"__type": "AddedToken", **_added("<mask>", lstrip=True)}
    return {
        **_special_tokens(),
        "mask_token": mask,
        "model_max_length": max_length,
        "model_input_names": ["input_ids", "attention_mask"],
        # Takes tokenizer.json as it is. XLMRobertaTokenizer of transformers 5 builds its own from the vocabulary and
        # the charsmap, without the other normalizers.
        "tokenizer_class": "PreTrainedTokenizerFast",
    }


def _added(content: str, lstrip: bool = False) -> dict[str, object]:
    return {"content": content, "lstrip": lstrip, "normalized": False, "rstrip": False, "single_word": False}


def _tokenizer_json(proto: bytes, pieces: Any) -> dict[str, object]:
    """A unigram model as Hugging Face's tokenizers write it (format 1.0)."""
    numbers = range(len(_SPECIAL) - _OFFSET, len(pieces))
    vocab: list[tuple[str, float]] = [(token, 0.0) for token in _SPECIAL]
    vocab += [(pieces.id_to_piece(number), pieces.get_score(number)) for number in numbers]
    vocab.append(("<mask>", 0.0))
    added = [{"id": number, **_added(token), "special": True} for number, token in enumerate(_SPECIAL)]
    added.append({"id": len(vocab) - 1, **_added("<mask>", lstrip=True), "special": True})
    # Not WhitespaceSplit: it would part words at U+0085, which SentencePiece leaves in them.
    words = {"type": "Split", "pattern": {"String": " "}, "behavior": "Removed", "invert": False}
    metaspace = {"type": "Metaspace", "replacement": _SPACE, "prepend_scheme": "always", "split": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": hugging_face_normalizer(proto, set().union(*(piece for piece, _ in vocab))),
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [words, metaspace]},
        "post_processor": _template(),
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": Tokenizer.unk_id, "vocab": vocab, "byte_fallback": False},
    }


def _template() -> dict[str, object]:
    bos, eos = ({"SpecialToken": {"id": token, "type_id": 0}} for token in ("<s>", "</s>"))
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    ids = {"<s>": Tokenizer.bos_id, "</s>": Tokenizer.eos_id}
    return {
        "type": "TemplateProcessing",
        "single": [bos, first, eos],
        "pair": [bos, first, eos, eos, second, eos],
        "special_tokens": {token: {"id": token, "ids": [number], "tokens": [token]} for token, number in ids.items()},
    }
