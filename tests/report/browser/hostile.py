"""A crawl of pages that would like to do something in a report: in text, title, URL and domain, as real WET records."""

MENACES = (
    "<script>alert('s')</script>",
    "</script><script>alert('e')</script>",
    "</style></title></textarea></p><img src=x onerror=alert('i')>",
    "<svg onload=alert('v')><a href=\"javascript:alert('h')\">link</a>",
    "\"' onmouseover=alert('a') autofocus onfocus=alert('f') x=\"",
    "javascript:alert('j')",
    "<!--<script>",
    "]]><iframe src=https://evil.example/></iframe>",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    "nul \x00 bell \x07 escape \x1b[2J",
    "override \u202e gpj.exe \u2066 isolate \u200f mark",
)
ARCHIVE = "<img src=x onerror=alert('n')>.warc.wet"  # its name
OUTPUT = "<script>alert('o')<"  # the name of the run directory
_SENTENCES = (
    "The harbour master counted {} ships before the morning fog had lifted from the quay.",
    "In the evening {} people met at the old library to talk about the new bridge.",
    "Her grandfather kept {} letters from the years when he worked on the railway.",
    "It rained for {} days, and the river took away the garden of the school.",
)


def _record(number: int, url: str, text: str) -> bytes:
    body = text.encode("utf-8", "surrogatepass")
    head = (
        f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2018-07-23T14:22:24Z\r\n"
        f"WARC-Record-ID: <urn:uuid:{number:032x}>\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("utf-8", "surrogatepass") + body + b"\r\n\r\n"


def _text(number: int, menace: str) -> str:
    """Return a page: its title, a paragraph of its own, one that stands on other pages too, and one in no language."""
    title = f"{menace} title {number}"
    own = " ".join(sentence.format(number + 100) + f" {menace}" for sentence in _SENTENCES)
    repeated = f"Everybody who reads this page has read it before, says the repeated paragraph. {menace}"
    return "\n".join((title, own, repeated, menace))


def archive() -> bytes:
    """Return all pages, each menace in three of them: so that one paragraph is repeated."""
    records = []
    for number, menace in enumerate(menace for menace in MENACES for _ in range(3)):
        shown = menace.replace("\x00", "%00")
        urls = (f"http://{shown}.example/{number}", f"http://a{number}.example/{shown}", f"{shown}//b.example/{number}")
        records.append(_record(number, urls[number % 3], _text(number, menace)))
    return b"".join(records)
