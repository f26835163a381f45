"""What is wanted of a SentencePiece model's bytes and its library does not give.

That is the normaliser, rounder scores, and a model with fewer pieces. The bytes are a protobuf message
(sentencepiece_model.proto: ModelProto, TrainerSpec, NormalizerSpec, SentencePiece), read here by the wire format. The
classes that sentencepiece brings (0.2.3) refuse every protobuf that apache-beam 2.77 can use.
"""

import struct
from collections.abc import Collection, Iterator

SCORE_STEP = 2.0**-8  # of a log-probability

_PIECES, _TRAINER_SPEC, _NORMALIZER_SPEC = 1, 2, 3  # of ModelProto
_SCORE = 2  # of SentencePiece
_VOCAB_SIZE = 4  # of TrainerSpec
_CHARSMAP = 2  # of NormalizerSpec


def normalizer_spec(model: bytes) -> bytes:
    """Return how a model normalises text, the NormalizerSpec in its bytes."""
    return next((model[start:end] for number, start, end in _fields(model) if number == _NORMALIZER_SPEC), b"")


def charsmap(spec: bytes) -> bytes:
    """Return the compiled rules of a NormalizerSpec; empty if it has none."""
    return next((spec[start:end] for number, start, end in _fields(spec) if number == _CHARSMAP), b"")


def round_scores(model: bytes) -> bytes:
    """Return a model with scores that are whole multiples of SCORE_STEP, so that their sums are exact.

    Many words have two segmentations that score all but the same. SentencePiece adds scores as 32-bit floats
    along the whole line, Hugging Face's tokenizers as 64-bit floats word by word: rounding then decides, and the
    same word is cut differently here and there. Multiples of 1/256 add up without rounding to 65 536 in 32 bits,
    some 6 000 pieces a line; equal scores are then equal for both, and both take the same side.
    """
    data = bytearray(model)
    for number, start, end in _fields(model):
        if number == _PIECES:
            for inner, place, _ in _fields(model[start:end]):
                if inner == _SCORE:
                    [score] = struct.unpack_from("<f", data, start + place)
                    struct.pack_into("<f", data, start + place, round(score / SCORE_STEP) * SCORE_STEP)
    return bytes(data)


def keep_pieces(model: bytes, kept: Collection[int]) -> bytes:
    """Return a model that has of its pieces, counted from 0, only those that are kept, in the same order."""
    parts, place, number = [], 0, -1
    for kind, start, end in _fields(model):
        number += kind == _PIECES
        if kind == _TRAINER_SPEC:
            parts.append(_message(kind, _with_size(model[start:end], len(kept))))
        elif kind != _PIECES or number in kept:
            parts.append(model[place:end])
        place = end
    return b"".join(parts)


def _with_size(trainer_spec: bytes, size: int) -> bytes:
    """Return a TrainerSpec that asks for so many pieces; nothing reads it but people."""
    parts, place = [], 0
    for kind, _, end in _fields(trainer_spec):
        parts.append(_number(kind << 3) + _number(size) if kind == _VOCAB_SIZE else trainer_spec[place:end])
        place = end
    return b"".join(parts)


def _message(kind: int, content: bytes) -> bytes:
    return _number(kind << 3 | 2) + _number(len(content)) + content


def _number(value: int) -> bytes:
    """Return a varint."""
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _fields(message: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of each field's value (protobuf encoding guide, wire types)."""
    place = 0
    while place < len(message):
        tag, start = _varint(message, place)
        match tag & 7:
            case 0:
                _, place = _varint(message, start)
            case 1:
                place = start + 8
            case 5:
                place = start + 4
            case _:
                length, start = _varint(message, start)
                place = start + length
        yield tag >> 3, start, place


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while message[place] & 0x80:
        value |= (message[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
    return value | message[place] << shift, place + 1
