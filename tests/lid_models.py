"""Language models of a few hundred bytes, written as fastText 0.9.3 stores them; its training depends on chance."""

import struct
from collections.abc import Sequence
from pathlib import Path

_MAGIC, _VERSION = 793712314, 12
_SKIPGRAM, _SUPERVISED, _SOFTMAX = 2, 3, 3


def write_model(path: Path, labels: Sequence[str], *, version: int = _VERSION) -> Path:
    """A model that gives every text the first of these labels; without any, one of word vectors."""
    kind = _SUPERVISED if labels else _SKIPGRAM
    # dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t
    settings = struct.pack("<12id", 1, 5, 1, 1, 5, 1, _SOFTMAX, kind, 0, 0, 0, 100, 1e-4)
    words = [("</s>", 0), *((f"__label__{label}", 1) for label in labels)]
    entries = b"".join(word.encode() + struct.pack("<xqb", 1, is_label) for word, is_label in words)
    vocabulary = struct.pack("<3iqq", len(words), 1, len(labels), len(words), -1) + entries
    weights = [[1.0], [9.0, *[0.0] * (len(labels) - 1)]]  # of the one word, of the labels
    matrices = b"".join(struct.pack(f"<?qq{len(rows)}f", False, len(rows), 1, *rows) for rows in weights)
    path.write_bytes(struct.pack("<2i", _MAGIC, version) + settings + vocabulary + matrices)
    return path
