"""What is wanted of a SentencePiece model's bytes and its library does not give: the normaliser, rounder scores.

The bytes are a protobuf message (sentencepiece_model.proto: ModelProto, NormalizerSpec, SentencePiece), read here by
the wire format. The classes that sentencepiece brings (0.2.3) refuse every protobuf that apache-beam 2.77 can use.
"""

import struct
from collections.abc import Iterator

SCORE_STEP = 2.0**-8  # of a log-probability

_PIECES, _NORMALIZER_SPEC = 1, 3  # of ModelProto
_SCORE = 2  # of SentencePiece
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
