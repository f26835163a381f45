"""Is a body HTML? The sender says one thing, the bytes sometimes another (WHATWG MIME Sniffing).

1.  Bytes that begin as a document of another kind are no HTML, whatever is said: the patterns of sections 6 and 7.1 for
    images, sound, archives, PDF and PostScript; an executable file; JSON; XML with another root element than HTML's
    (RSS, Atom, sitemaps).
2.  Bytes that begin `<!DOCTYPE html` or `<html`, comments and declarations before it or not, are HTML, whatever is
    said.
3.  Else a declared text/html or application/xhtml+xml is believed. What counts of a declaration is what looks like a
    type, whatever stands around it: quotation marks, a byte order mark, parameters behind a blank. Of several, in one
    field or many, the last one that names a type counts (WHATWG Fetch, section 3.6).
4.  Else, where nothing is declared, or something that servers put on what they do not know, the patterns of section 7.1
    for HTML decide; and then what the crawler has found (WARC-Identified-Payload-Type).

HTML is XHTML, which browsers give to a parser of XML, where it is declared as application/xhtml+xml or another type of
XML; where no type is declared, or one that says nothing, where it begins with an XML declaration. What is declared as
text/html never is, whatever it looks like: its readers see what a parser of HTML makes of it. What the crawler has
found does not count here: it calls many a page XHTML that was sent as text/html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
# What does not say which type it is; XML may be XHTML.
_VAGUE_TYPES = frozenset(
    "text/plain application/octet-stream application/unknown unknown/unknown */* text/xml application/xml".split()
)
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+|\*/\*", re.A)
_CHARSET = re.compile(r"charset\s*=", re.I)
_LOOKED_AT = 4096
_BLANKS = re.compile(rb"(?:\xef\xbb\xbf)?[\t\n\x0c\r ]*")

_OTHER = re.compile(
    rb"%PDF-|%!PS-Adobe-|\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|BM.{4}\0\0\0\0|RIFF.{4}(?:WEBP|WAVE|AVI )"
    rb"|FORM.{4}AIFF|\0\0[\x01\x02]\0|.{4}ftyp|II\*\0|MM\0\*|ID3[\0-\x05]|OggS\0|\x1a\x45\xdf\xa3|MThd\0|fLaC\0"
    rb"|PK[\x01-\x08][\x02-\x08]|\x1f\x8b\x08|BZh[1-9]1AY|7z\xbc\xaf\x27\x1c|Rar!\x1a|\xfd7zXZ|\x28\xb5\x2f\xfd"
    rb"|MZ.{0,62}\0|\x7fELF|\xca\xfe\xba\xbe|\0asm|wOF[F2]|\0\x01\0\0|OTTO|[CF]WS[\x01-\x20]|\xd0\xcf\x11\xe0",
    re.S,
)
_JSON_STRING = rb'"(?:[^"\\]|\\.){0,512}"\s*'
_JSON = re.compile(rb'\{\s*(?:%b:|\})|\[\s*(?:[\[{]\s*["{\[]|%b[,\]])' % (_JSON_STRING, _JSON_STRING))
_STRONG = re.compile(rb"<(?:!DOCTYPE\s+html|html)[\s>]", re.I)
# Section 7.1: each followed by a tag-terminating byte; the comment needs none.
_WEAK = re.compile(
    rb"<(?:(?:!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY|BR|P)[ >]|!--)", re.I
)
_PROLOG = re.compile(rb"(?:\s*<\?.{0,1024}?\?>|\s*<!--.{0,2048}?-->|\s*<!DOCTYPE[^>\[]{0,512}>)*\s*", re.S | re.I)
_ROOT = re.compile(rb"<([a-zA-Z_][\w.:-]{0,63})[\s/>]")
_XML_ROOTS = frozenset(
    b"rss feed rdf:rdf urlset sitemapindex opml kml gpx wml opensearchdescription soap:envelope".split()
)
_HTML_ROOTS = frozenset(b"html head body title meta link base script style div p table center h1 frameset".split())


def declared_type(fields: Iterable[str]) -> str:
    """Return what counts of the fields Content-Type, with its parameters; "" where none names a type.

    >>> declared_type(['text/html; charset=utf-8', 'text/html, */*'])
    'text/html; charset=utf-8'
    """
    declared = ""
    for value in fields:
        for stated in value.split(","):
            if (essence := essence_of(stated)) in ("", "*/*"):
                continue
            # A character set holds until another is named, or another type.
            if essence != essence_of(declared) or _CHARSET.search(stated) or not _CHARSET.search(declared):
                declared = stated.strip()
    return declared


def essence_of(declared: str) -> str:
    """Return the type and subtype that a declaration names, in lower case; "" where it names none.

    >>> essence_of('"Text/HTML"; charset=x'), essence_of("text/html charset=x"), essence_of("html")
    ('text/html', 'text/html', '')
    """
    found = _TYPE.search(declared.partition(";")[0])
    return found[0].lower() if found else ""


def is_html(declared: str, identified: str, body: bytes) -> bool:
    """Return whether the body is HTML.

    Args:
        declared: Content-Type.
        identified: what the crawler took it for; "" if it does not say.
        body: without any coding.
    """
    begin = _begin(body)
    if _OTHER.match(body) or begin.startswith(b"%PDF-") or _JSON.match(begin):
        return False
    root = _root(begin)
    if _STRONG.match(begin) or root == b"html":
        return True
    if root in _XML_ROOTS or (begin.startswith(b"<?xml") and root and root not in _HTML_ROOTS):
        return False
    essence = essence_of(declared)
    if essence in _HTML_TYPES or (essence and essence not in _VAGUE_TYPES):
        return essence in _HTML_TYPES
    is_xml = essence.endswith("/xml")
    return not is_xml and (_WEAK.match(begin) is not None or essence_of(identified) in _HTML_TYPES)


def is_xhtml(declared: str, body: bytes) -> bool:
    """Return whether a body that is HTML is to be read as XHTML.

    Args:
        declared: Content-Type.
        body: without any coding.
    """
    essence = essence_of(declared)
    if essence.endswith(("/xml", "+xml")):
        return True
    return (not essence or essence in _VAGUE_TYPES) and _begin(body).startswith(b"<?xml")


def _begin(body: bytes) -> bytes:
    blanks = _BLANKS.match(body)
    return body[blanks.end() if blanks else 0 :][:_LOOKED_AT]


def _root(begin: bytes) -> bytes:
    """Return the name of the first element behind declarations and comments, in lower case; b"" if there is none."""
    prolog = _PROLOG.match(begin)
    root = _ROOT.match(begin, prolog.end() if prolog else 0)
    return root[1].lower() if root else b""
