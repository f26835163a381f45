r"""Bytes of HTML -> text.

Theory. Senders declare a wrong encoding often, and UTF-8 can be told by its form: text of another encoding with a few
bytes above 0x7f is next to never valid UTF-8. Hence these steps, where the standard (WHATWG HTML, section 13.2.3.2)
would believe the first declaration:

1.  A byte order mark decides (WHATWG Encoding, section 6). So does UTF-16 without one: the first tag, in the first
    PRESCAN_BYTES, has a NUL in every second byte.
2.  So do escapes to two-byte characters of ISO-2022-JP, where they are more than the bytes above 0x7f.
3.  Bytes that are valid UTF-8 are UTF-8 (a character cut off by the end of the body, behind others, does not count),
    except
    - without any byte above 0x7f, but with `~{`, where HZ is declared;
    - with fewer than CONVINCING characters beyond ASCII, where the declared encoding is one of Chinese, Japanese or
      Korean and knows all of the bytes: short text of two-byte encodings can be valid UTF-8 by chance.
4.  Bytes that are nearly so are UTF-8, too. For it speak whole characters beyond ASCII, and those that are well begun
    and cut: `\xe2\x80...`, `caf\xc3 is` (in a one-byte encoding a capital behind a small letter). Against it speaks
    every other error, as the lone byte of `caf\xe9 is`. No more may speak against it than for it where UTF-8 is
    declared; half of that where nothing is, or windows-1252, which servers send with whatever they have; else a tenth,
    for whole characters of UTF-8 occur in text of other encodings by chance, few beside the errors.
    Two surrogates, each encoded as if it were a character (CESU-8), are read as the character that they stand for: it
    is plain what was meant, though browsers show six U+FFFD. One without the other is one U+FFFD.
5.  Else the declarations are tried: `charset` of the HTTP header, then of <meta>, or of the XML declaration, in the
    first PRESCAN_BYTES. One is believed unless more than MAX_ERROR_SHARE of the bytes above 0x7f do not fit it. The
    one-byte encodings of Europe fit everything. So one for Latin letters, which servers send with whatever they have,
    is not believed where CONVINCING bytes or more are above 0x7f, most of these stand in runs, as in other scripts, and
    they look like an encoding of these with a confidence of SURE, or like one of Asia in which some bytes are wrong;
    nor is windows-1252 where they look like one of Central Europe or Turkish with a confidence of SURE_OF_LATIN,
    MUCH_SURER times as much as windows-1252.
6.  Else the encoding is guessed from the bytes, and believed under the same condition. Where most bytes above 0x7f
    stand alone, as accented letters do, it is one for Latin letters: windows-1252, if not sure.
7.  Else, of these, UTF-8 and the two-byte encodings of Asia, the one with the fewest bytes that do not fit.

What does not fit becomes U+FFFD. What becomes a character of private use, as unassigned codes of the two-byte encodings
do, does not fit either, though it is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from ccnet_pipeline.web.encodings import (
    ASIAN,
    LATIN,
    LEAST_CONFIDENCE,
    decoded,
    encoding_of,
    is_mostly_in_runs,
    looked_at,
    told,
    told_of_damaged,
)

PRESCAN_BYTES = 4096
CONVINCING = 8
MAX_ERROR_SHARE = 0.1
SURE, SURE_OF_LATIN, MUCH_SURER = 0.1, 0.25, 1.5

# Of Latin letters only these: a false iso-8859-3, iso-8859-4 or windows-1258 has been seen with every confidence.
_CENTRAL_EUROPEAN = ("windows-1250", "windows-1254", "windows-1257", "iso-8859-2", "iso-8859-13")
_FEW = 100
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_FIRST_TAG = re.compile(rb"<(?:(\0)[!?/a-zA-Z]\0[!->@-~]\0|[!?/a-zA-Z])")
_ESCAPE = re.compile(rb"\x1b(?:\$[@B][!-~]{2}|\(I[!-_])")
_IN_CONTENT_TYPE = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]{1,40})""", re.I)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
_META = re.compile(rb"""<meta[\s/]((?:"[^"]*"|'[^']*'|[^'">])*)""", re.I)
_ATTRIBUTE = re.compile(rb"""([^\s"'>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_XML_ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,256}?\sencoding\s*=\s*["']([^"'>]{1,40})["']""")
_MISFITS = re.compile("[\ufffd\ue000-\uf8ff]")
_HIGH_BYTES = bytes(range(0x80, 0x100))
# One alone only where it is one of those that make pictures: `í` may stand before U+00A0 and a quotation mark.
_SURROGATES = re.compile(
    rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]|\xed(?:\xa0[\xbc-\xbe]|[\xb8-\xbf][\x80-\xbf])"
)
# Punctuation and symbols of three bytes, pictures of four, letters of two: `â€`, `ðŸ`, `fÃ` stand in no text.
_WELL_BEGUN = re.compile(
    rb"[\xc2-\xc5\xe2\xf0](?:(?<=\xe2)[\x80-\x84\x86-\x89\x98]|(?<=\xf0)\x9f[\x80-\xbf]?|(?<=[a-z][\xc2-\xc5]))"
    rb"(?![\x80-\xff])"
)


def decode(body: bytes, content_type: str) -> str:
    """Return the text of a page.

    Args:
        body: without any coding.
        content_type: of the HTTP header; its `charset` is the first declaration.
    """
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return decoded(body[len(bom) :], encoding)
    if encoding := _utf_16_by_pattern(body[:PRESCAN_BYTES]) or _by_escapes(body):
        return decoded(body, encoding)
    text = _valid_utf_8(body)
    if text is None:
        declared = list(dict.fromkeys(_declared(body, content_type)))
        return _damaged_utf_8(body, declared[0] if declared else "") or _believed(body, declared)
    if text.isascii():
        if "~{" in text and next(iter(_declared(body, content_type)), "") == "hz":
            return decoded(body, "hz")
        return text
    return _short_asian(body, text, content_type) or text


def _utf_16_by_pattern(begin: bytes) -> str:
    if b"\0" not in begin:
        return ""
    tag = _FIRST_TAG.search(begin)
    if tag is None or not tag[1]:
        return ""
    return "utf-16-be" if tag.start() % 2 else "utf-16-le"


def _by_escapes(body: bytes) -> str:
    if b"\x1b" not in body:
        return ""
    if b"\x1b$)C" in body and body.isascii():
        return "iso2022_kr"
    return "iso-2022-jp" if len(_ESCAPE.findall(body)) > _high_bytes(body) else ""


def _high_bytes(body: bytes) -> int:
    return len(body) - len(body.translate(None, _HIGH_BYTES))


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
    if encoding not in ASIAN or sum(character > "\x7f" for character in text) >= CONVINCING:
        return None
    text = decoded(body, encoding)
    return None if "\ufffd" in text else text


def _damaged_utf_8(body: bytes, declared: str) -> str | None:
    """Return the text if what is UTF-8 in a body outweighs what is not (Theory, 4)."""
    body = _SURROGATES.sub(_character, body)
    text = body.decode("utf-8", "replace")
    errors = text.count("\ufffd") - body.count(b"\xef\xbf\xbd")
    ascii_bytes = len(body) - _high_bytes(body)
    whole = len(text) - ascii_bytes - errors
    begun = len(_WELL_BEGUN.findall(body)) if errors <= _FEW else 0  # to find none in other encodings takes long
    if declared in ASIAN and whole < CONVINCING:
        return None
    weight = 1 if declared == "utf-8" else 2 if declared in ("", "windows-1252") else 10
    return text if whole + begun >= weight * (errors - begun) else None


def _character(surrogates: re.Match[bytes]) -> bytes:
    units = surrogates[0].decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")
    return units.decode("utf-16-le", "replace").encode("utf-8")


def _believed(body: bytes, declared: list[str]) -> str:
    most_errors = MAX_ERROR_SHARE * _high_bytes(body)
    best, fewest = "", len(body) + 1
    tried: set[str] = set()
    for encoding in _candidates(body, declared):
        if encoding in tried:
            continue
        tried.add(encoding)
        text = decoded(body, encoding)
        in_order = body.count(b"\xef\xbf\xbd") if encoding == "utf-8" else 0
        misfits = len(_MISFITS.findall(text)) if encoding in ASIAN else text.count("\ufffd")
        errors = misfits - in_order
        if errors <= most_errors:
            return text
        if errors < fewest:
            best, fewest = text, errors
    return best


def _candidates(body: bytes, declared: list[str]) -> Iterator[str]:
    """Give names of encodings, the most credible first; some twice."""
    few = _high_bytes(body) < CONVINCING
    if declared and (declared[0] not in LATIN or few):
        yield from declared
    sample = looked_at(body)
    in_runs, sure = is_mostly_in_runs(sample), told(sample)
    encoding, confidence = next(iter(sure.items()))
    of_damaged = told_of_damaged(sample) if in_runs and encoding not in ASIAN else ""
    if declared and declared[0] in LATIN and not few:
        if of_damaged in ASIAN:
            yield of_damaged
        yield from _against_latin(sure, declared[0], in_runs=in_runs)
    yield from declared
    if not in_runs:
        yield encoding if encoding in LATIN and confidence >= LEAST_CONFIDENCE else "windows-1252"
        return
    told_of_whole = encoding if confidence >= LEAST_CONFIDENCE else ""
    # A few words of another script in English text look like Latin letters to chardet.
    doubtful = of_damaged in ASIAN or encoding in LATIN - {"windows-1258"}
    both = (of_damaged, told_of_whole) if doubtful else (told_of_whole, of_damaged)
    yield from filter(None, both)
    yield from ("utf-8", *ASIAN)


def _against_latin(sure: dict[str, float], declared: str, *, in_runs: bool) -> Iterator[str]:
    """Give what bytes look like if that is surer than the declared encoding for Latin letters."""
    encoding, confidence = next(iter(sure.items()))
    if encoding not in LATIN or encoding == "windows-1258":
        if encoding and in_runs and confidence >= SURE:
            yield encoding
        return
    least = max(SURE_OF_LATIN, MUCH_SURER * sure.get(declared, 0.0))
    if encoding in _CENTRAL_EUROPEAN and declared == "windows-1252" and confidence >= least:
        yield encoding


def _declared(body: bytes, content_type: str) -> Iterator[str]:
    stated = _IN_CONTENT_TYPE.search(content_type)
    for label in chain([stated[1]] if stated else [], _prescan(body[:PRESCAN_BYTES])):
        if encoding := encoding_of(label):
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
