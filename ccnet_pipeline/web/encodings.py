"""The encodings of web pages: their names, their decoders, and which of them bytes look like.

Names are those of WHATWG Encoding, in lower case; its labels (section 4.2) are known, and some that it lacks.

Decoders are those of the standard, as browsers have them: endec is encoding_rs, which Firefox reads with. Python's own
know less (of EUC-JP not the rows of NEC and IBM: ㈱ ① 髙), take a single byte for an error where the standard takes
the whole pair, so that what follows is read out of step, and give one character two forms by encoding (～ 〜, － −).
UTF-8 and UTF-16 are Python's, which are faster and do the same, and so are three that the standard does not read.

What bytes look like is told by chardet; but it passes over an encoding in which one byte is wrong. So where it names
none of the two-byte encodings of Asia, resiliparse is asked, which finds these in damaged text, too.
"""

from __future__ import annotations

import functools
import re

import chardet
import endec
from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

ASIAN = ("euc-jp", "euc-kr", "big5", "shift_jis", "gb18030")
LATIN = frozenset(
    "windows-1250 windows-1252 windows-1254 windows-1257 windows-1258 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-10"
    " iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 macintosh cp852".split()
)
# Of chardet; measured on single sentences, most wrong guesses are below that, and few right ones.
LEAST_CONFIDENCE = 0.05

_OF_PYTHON = frozenset(("utf-8", "utf-16-le", "utf-16-be", "iso2022_kr", "hz", "cp852"))
# From the names of Python's codecs, which resiliparse gives for labels and chardet for bytes.
_STANDARD_NAMES = {
    "gbk": "gb18030",
    "big5hkscs": "big5",
    "cp932": "shift_jis",
    "cp949": "euc-kr",
    "euc_kr": "euc-kr",
    "euc_jp": "euc-jp",
    "euc_jis_2004": "euc-jp",
    "iso2022_jp": "iso-2022-jp",
    "cp866": "ibm866",
    "cp874": "windows-874",
    "iso8859-11": "windows-874",
    "mac-roman": "macintosh",
    "mac-cyrillic": "x-mac-cyrillic",
}
_MORE_LABELS = {
    "x-user-defined": "windows-1252",
    "x-mac-cyrillic": "x-mac-cyrillic",
    "x-mac-ukrainian": "x-mac-cyrillic",
    "mac-cyrillic": "x-mac-cyrillic",
    "ms949": "euc-kr",
    "cp949": "euc-kr",
    "uhc": "euc-kr",
    "cp932": "shift_jis",
    "ms932": "shift_jis",
    "cp936": "gb18030",
    "hz-gb-2312": "hz",
    "iso-2022-kr": "iso2022_kr",
    "cp852": "cp852",
}
# By chardet's names. iso8859-15 is windows-1252 but for eight characters, none of which it can tell.
_TOLD_APART = (
    "big5hkscs cp932 cp949 euc_jis_2004 gb18030 cp866 cp874 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256"
    " cp1257 cp1258 iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-13 koi8-r koi8-u"
    " mac-cyrillic"
).split()
_MOST_BYTES_LOOKED_AT = 8 << 10
_MOST_BYTES_LOOKED_AT_TWICE = 4 << 10  # resiliparse takes up to 0.4 ms for 1 kB

_BETWEEN_TAGS = re.compile(rb"[^<>]+")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_LINE = re.compile(rb"([\x80-\xff])\1{3,}")
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\n\r"))
_ESCAPES_BEFORE_ANOTHER = re.compile(rb"(?:\x1b(?:\([BJI]|\$[@B]))+(?=\x1b(?:\([BJI]|\$[@B]))")
# Bytes that are letters of KOI8-U and, in KOI8-R, pieces of boxes; what are letters in both, and pieces in both.
_EITHER = rb"[\xa4\xa6\xa7\xad\xae\xb4\xb6\xb7\xbd\xbe]"
_LETTER = rb"[\xa3\xb3\xc0-\xff]"
_PIECE = rb"[\x80-\xa2\xa5\xa8-\xac\xaf-\xb2\xb5\xb8-\xbc\xbf]"
_BESIDE_LETTER = re.compile(rb"%b%b|%b%b" % (_LETTER, _EITHER, _EITHER, _LETTER))
_BESIDE_PIECE = re.compile(rb"%b%b|%b%b" % (_PIECE, _EITHER, _EITHER, _PIECE))


@functools.lru_cache(maxsize=256)
def encoding_of(label: str) -> str:
    """Return the name of the encoding that a label stands for; "" for an unknown one.

    >>> encoding_of("x-sjis"), encoding_of("ISO-8859-1"), encoding_of("none")
    ('shift_jis', 'windows-1252', '')
    """
    label = label.strip().lower()
    return _MORE_LABELS.get(label) or _standard_name(map_encoding_to_html5(label, fallback_utf8=False) or "")


def _standard_name(codec: str) -> str:
    if name := _STANDARD_NAMES.get(codec):
        return name
    return re.sub(r"^iso8859-", "iso-8859-", re.sub(r"^cp(?=125)", "windows-", codec))


def decoded(body: bytes, encoding: str) -> str:
    """Return the text of bytes, U+FFFD for what is none; linear, no error.

    KOI8-R is read as KOI8-U where the bytes in which the two differ stand beside letters. Of escapes of ISO-2022-JP in
    a row the last counts, as where texts were joined; the standard has U+FFFD for the others.
    """
    if encoding in _OF_PYTHON:
        return body.decode(encoding, "replace")
    if encoding == "iso-2022-jp":
        body = _ESCAPES_BEFORE_ANOTHER.sub(b"", body)
    if encoding == "koi8-r" and len(_BESIDE_LETTER.findall(body)) > len(_BESIDE_PIECE.findall(body)):
        encoding = "koi8-u"
    return endec.decode(body, encoding, "replace", bom="ignore")


def looked_at(body: bytes) -> bytes:
    """Return what of a page tells its encoding: the text between tags that has bytes above 0x7f, the first of it."""
    texts: list[bytes] = []
    left = _MOST_BYTES_LOOKED_AT
    for found in _BETWEEN_TAGS.finditer(body):
        if not (text := found[0]).isascii():
            texts.append(text)
            left -= len(text)
        if left < 0:
            break
    # chardet takes bytes with others than these for no text at all.
    return b"\n".join(texts).translate(None, _CONTROLS)


def is_mostly_in_runs(sample: bytes) -> bool:
    """Return whether most bytes above 0x7f have a neighbour of their kind, as in most scripts but Latin.

    One byte again and again is a line of dashes or blanks and counts for nothing.
    """
    runs = _HIGH_RUN.findall(_LINE.sub(b" ", sample))
    return 2 * sum(len(run) == 1 for run in runs) < sum(map(len, runs))


def told(sample: bytes) -> dict[str, float]:
    """Return what bytes that are not all ASCII look like: encodings and how sure they are, 0 to 1, best first."""
    found = chardet.detect_all(
        sample,
        max_bytes=_MOST_BYTES_LOOKED_AT,
        include_encodings=_TOLD_APART,
        compat_names=False,
        ignore_threshold=True,
    )
    sure: dict[str, float] = {}
    for guess in found:
        name = _standard_name(guess["encoding"] or "")
        # Of the two the one that is read as the other where that is better.
        sure.setdefault("koi8-r" if name == "koi8-u" else name, guess["confidence"])
    return sure or {"": 0.0}


def told_of_damaged(sample: bytes) -> str:
    """Return what bytes look like, though some do not fit; "" for nothing that is known here."""
    name = _standard_name(detect_encoding(sample[:_MOST_BYTES_LOOKED_AT_TWICE], html5_compatible=False) or "")
    return name if name in ASIAN else encoding_of(name)
