"""Bytes of HTML -> text.

Theory. Senders declare a wrong encoding often, and UTF-8 can be told by its form: text of another encoding with a few
bytes above 0x7f is next to never valid UTF-8. Hence these steps, where the standard (WHATWG HTML, section 13.2.3.2)
would believe the first declaration:

1.  A byte order mark decides (WHATWG Encoding, section 6); so does the pattern of UTF-16 without one: a NUL in every
    second byte of the beginning.
2.  Bytes that are valid UTF-8 are UTF-8 (a character cut off by the end of the body, behind others, does not count),
    except
    - without any byte above 0x7f, but with ESC or `~{`: the declaration decides, for ISO-2022-JP and its like;
    - with fewer than CONVINCING characters beyond ASCII, where the declared encoding is one of Chinese, Japanese or
      Korean and knows all of the bytes: short text of two-byte encodings can be valid UTF-8 by chance.
3.  Else the declarations are tried: `charset` of the HTTP header, then of <meta>, or of the XML declaration, in the
    first PRESCAN_BYTES. One is believed unless more than MAX_ERROR_SHARE of the bytes above 0x7f do not fit it. (The
    one-byte encodings of Europe fit everything: their lies are found only where the bytes are valid UTF-8.)
4.  Else the encoding is guessed from the bytes (resiliparse), and believed under the same condition.
5.  Else, of these and UTF-8, the one with the fewest bytes that do not fit; windows-1252 is one more of them where most
    bytes above 0x7f stand alone, as accented letters do, else the two-byte encodings of Asia are.

What does not fit becomes U+FFFD. What becomes a character of private use, as unassigned codes of the two-byte encodings
do, does not fit either, though it is left as it is.

Labels are those of WHATWG Encoding (section 4.2); of each encoding the extended form is read, as browsers do: Shift_JIS
as cp932, EUC-KR as cp949, GBK as GB 18030, Big5 with HKSCS, ISO 8859-1 as windows-1252.
"""

from __future__ import annotations

import codecs
import functools
import re
from collections.abc import Iterator
from itertools import chain

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

PRESCAN_BYTES = 4096
CONVINCING = 8
MAX_ERROR_SHARE = 0.1

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# From the names that map_encoding_to_html5 gives to the codecs that read the extended forms; and labels it lacks.
_EXTENDED = {
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "iso8859-11": "cp874",
    "iso2022_jp": "iso2022_jp_ext",
}
_MORE_LABELS = {
    "x-user-defined": "cp1252",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-mac-ukrainian": "mac_cyrillic",
    "ms949": "cp949",
    "cp949": "cp949",
    "uhc": "cp949",
    "cp932": "cp932",
    "ms932": "cp932",
    "cp936": "gb18030",
    "hz-gb-2312": "hz",
    "iso-2022-kr": "iso2022_kr",
    "mac-cyrillic": "mac_cyrillic",
    "cp852": "cp852",
}
_ASIAN = ("euc_jp", "cp949", "big5hkscs", "cp932", "gb18030")
_WITHOUT_HIGH_BYTES = frozenset("iso2022_jp_ext iso2022_kr hz".split())

_IN_CONTENT_TYPE = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]{1,40})""", re.I)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
_META = re.compile(rb"""<meta[\s/]((?:"[^"]*"|'[^']*'|[^'">])*)""", re.I)
_ATTRIBUTE = re.compile(rb"""([^\s"'>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_XML_ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,256}?\sencoding\s*=\s*["']([^"'>]{1,40})["']""")
_MISFITS = re.compile("[\ufffd\ue000-\uf8ff]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_HIGH_BYTES = bytes(range(0x80, 0x100))


def decode(body: bytes, content_type: str) -> str:
    """Return the text of a page.

    Args:
        body: without any coding.
        content_type: of the HTTP header; its `charset` is the first declaration.
    """
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(encoding, "replace")
    if encoding := _utf_16_by_pattern(body[:512]):
        return body.decode(encoding, "replace")
    text = _valid_utf_8(body)
    if text is None:
        return _believed(body, content_type)
    if text.isascii():
        if "\x1b" in text or "~{" in text:
            encoding = next(iter(_declared(body, content_type)), "") or (_detected(body) if "\x1b" in text else "")
            return body.decode(encoding, "replace") if encoding in _WITHOUT_HIGH_BYTES else text
        return text
    return _short_asian(body, text, content_type) or text


def _utf_16_by_pattern(begin: bytes) -> str:
    if b"\0" not in begin or len(begin) < 8:
        return ""
    even, odd = begin[::2].count(0), begin[1::2].count(0)
    many = len(begin) // 4
    if odd > many and not even:
        return "utf-16-le"
    return "utf-16-be" if even > many and not odd else ""


def _valid_utf_8(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return None
        text = body[: error.start].decode("utf-8")
        return None if text.isascii() else text


def _short_asian(body: bytes, text: str, content_type: str) -> str | None:
    # Fewer than CONVINCING characters are fewer than 4 bytes each.
    if len(body) - len(text) >= 3 * CONVINCING:
        return None
    encoding = next(iter(_declared(body, content_type)), "")
    if encoding not in _ASIAN or sum(character > "\x7f" for character in text) >= CONVINCING:
        return None
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        return None


def _believed(body: bytes, content_type: str) -> str:
    high_bytes = len(body) - len(body.translate(None, _HIGH_BYTES))
    best, fewest = "", len(body) + 1
    for encoding in _candidates(body, content_type):
        text = body.decode(encoding, "replace")
        in_order = body.count(b"\xef\xbf\xbd") if encoding == "utf-8" else 0
        misfits = len(_MISFITS.findall(text)) if encoding in _ASIAN else text.count("\ufffd")
        errors = misfits - in_order
        if errors <= MAX_ERROR_SHARE * high_bytes:
            return text
        if errors < fewest:
            best, fewest = text, errors
    return best


def _candidates(body: bytes, content_type: str) -> Iterator[str]:
    """Give names of codecs, each once, the most credible first."""
    given: set[str] = set()
    for encoding in _declared(body, content_type):
        if encoding not in given:
            given.add(encoding)
            yield encoding
    runs = _HIGH_RUN.findall(body)
    is_european = 2 * sum(len(run) == 1 for run in runs) > sum(map(len, runs))
    for encoding in (_detected(body), "utf-8", *(["cp1252"] if is_european else _ASIAN)):
        if encoding and encoding not in given:
            given.add(encoding)
            yield encoding


def _declared(body: bytes, content_type: str) -> Iterator[str]:
    stated = _IN_CONTENT_TYPE.search(content_type)
    for label in chain([stated[1]] if stated else [], _prescan(body[:PRESCAN_BYTES])):
        if encoding := codec_of(label):
            # Not by mark nor by pattern: no UTF-16, whatever is said (of <meta> so WHATWG HTML, section 13.2.3.2).
            yield "utf-8" if encoding.startswith("utf-16") else encoding


def _prescan(begin: bytes) -> Iterator[str]:
    if stated := _XML_ENCODING.match(begin):
        yield stated[1].decode("latin-1")
    for meta in _META.finditer(_COMMENT.sub(b"", begin)):
        attributes: dict[bytes, bytes] = {}
        for attribute in _ATTRIBUTE.finditer(meta[1]):
            attributes.setdefault(attribute[1].lower(), attribute[2] or attribute[3] or attribute[4] or b"")
        if label := attributes.get(b"charset"):
            yield label.decode("latin-1")
        elif attributes.get(b"http-equiv", b"").strip().lower() == b"content-type":
            stated_in = _IN_CONTENT_TYPE.search(attributes.get(b"content", b"").decode("latin-1"))
            if stated_in:
                yield stated_in[1]


def _detected(body: bytes) -> str:
    # resiliparse 2.0.1 finds Korean, and then says UTF-8, for WHATWG has no label `uhc`; so its own names are taken.
    name = codec_of(detect_encoding(body, html5_compatible=False) or "")
    # The same letters; but only this has the quotation marks.
    return "cp1257" if name == "iso8859-13" else name


@functools.lru_cache(maxsize=256)
def codec_of(label: str) -> str:
    """Return the name of the Python codec for a label; "" for an unknown one.

    >>> codec_of("x-sjis"), codec_of("ISO-8859-1"), codec_of("none")
    ('cp932', 'cp1252', '')
    """
    label = label.strip().lower()
    name = _MORE_LABELS.get(label) or map_encoding_to_html5(label, fallback_utf8=False) or ""
    name = _EXTENDED.get(name, name)
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    return name
