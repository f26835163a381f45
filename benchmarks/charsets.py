"""How many pages are read exactly right, by what they declare, in legacy encodings, UTF-8 and UTF-16.

    python benchmarks/charsets.py --text web/
    python benchmarks/charsets.py --text web/ --misread        # each kind of page that is misread, too

Pages are made of pools of text (`<code>.txt.zst`, one paragraph a line): short ones (about 300 characters) and longer
ones (about 3 000), each in all encodings that its language was written in, of the lines that these can hold. As a
Markdown table: the pages, and the share that `ccnet_pipeline.web.charset.decode` gives back to the character.
"""

from __future__ import annotations

import argparse
import io
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import endec
import zstandard

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ccnet_pipeline.web.charset import decode  # noqa: E402

_WESTERN = "af br ca cy da de en es et eu fi fr fy ga gd gl id is it jv la ms nl no pt so sq sv sw tl xh zu".split()
_CENTRAL = "bs cs hr hu pl ro sk sl".split()
# By WHATWG's names.
LATIN = {
    **{code: ("windows-1252",) for code in _WESTERN},
    **{code: ("windows-1250", "iso-8859-2") for code in _CENTRAL},
    **{code: ("windows-1254",) for code in ("az", "tr")},
    **{code: ("windows-1257", "iso-8859-13") for code in ("lt", "lv")},
    "eo": ("iso-8859-3",),
    "et": ("windows-1252", "windows-1257"),
    "vi": ("windows-1258",),
}
OTHER = {
    **{code: ("windows-1251", "iso-8859-5") for code in ("be", "bg", "mk", "sr")},
    **{code: ("windows-1256",) for code in ("ar", "fa")},
    "ru": ("windows-1251", "koi8-r", "iso-8859-5", "ibm866", "x-mac-cyrillic"),
    "uk": ("windows-1251", "koi8-u"),
    "el": ("windows-1253", "iso-8859-7"),
    "he": ("windows-1255", "iso-8859-8"),
    "yi": ("windows-1255",),
    "th": ("windows-874",),
    "ja": ("shift_jis", "euc-jp", "iso-2022-jp"),
    "ko": ("euc-kr",),
    "zh-Hans": ("gb18030",),
    "zh-Hant": ("big5",),
}
WRONG_LABELS = ("iso-8859-1", "windows-1251", "shift_jis", "gbk")
_LENGTHS = (300, 3000)
_SHAPES = ("\u0302", "\u0306", "\u031b")  # circumflex, breve, horn: what windows-1258 has no combining characters for


def of_windows_1258(text: str) -> str:
    """Return the text with tones as characters of their own, as that encoding has them."""
    letters: list[str] = []
    for letter in text:
        base, *marks = list(unicodedata.normalize("NFD", letter))
        shape = "".join(mark for mark in marks if mark in _SHAPES)
        letters += unicodedata.normalize("NFC", base + shape), *(mark for mark in marks if mark not in _SHAPES)
    return "".join(letters)


def lines_of(path: Path, encoding: str) -> list[str]:
    """Return the paragraphs of a pool that an encoding can hold."""
    with zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True) as stream:
        lines = [line.strip() for line in io.TextIOWrapper(stream, encoding="utf-8", newline="\n")]
    if encoding == "windows-1258":
        lines = [of_windows_1258(line) for line in lines]
    return [line for line in lines if len(line) > 20 and encoded(line, encoding) is not None]


def encoded(text: str, encoding: str) -> bytes | None:
    """Return the bytes of a text; None where the encoding has not all of its characters."""
    try:
        body = text.encode(encoding) if encoding.startswith("utf") else endec.encode(text, encoding)
    except UnicodeError:
        return None
    # The standard writes more than it reads: `−` as `－`.
    return body if encoding.startswith("utf") or endec.decode(body, encoding) == text else None


def pages(lines: list[str], most: int) -> Iterator[str]:
    """Give HTML of each length, evenly spread over the lines; none that is ASCII."""
    for length in _LENGTHS:
        for start in range(0, len(lines), max(1, len(lines) // most))[:most]:
            chosen, chars = [lines[start][:60]], 0
            for line in lines[start:]:
                chosen.append(line)
                chars += len(line)
                if chars > length:
                    break
            title, *rest = chosen
            head = f"<html><head><title>{title}</title></head>\n<body>\n<p>"
            text = "</p>\n<p>".join([head, *rest, "</body></html>\n"])
            if not text.isascii():
                yield text


def cut(body: bytes) -> tuple[bytes, str]:
    """Return UTF-8 whose first character beyond ASCII that ASCII follows has lost its last byte, and its text."""
    end = next(at for at in range(1, len(body)) if body[at - 1] > 0x7F > body[at])
    begin = max(at for at in range(end) if body[at] >= 0xC0)
    return body[: end - 1] + body[end:], body[:begin].decode() + "\ufffd" + body[end:].decode()


def cases(pools: dict[str, Path], most: int) -> Iterator[tuple[str, str, str, bytes, str]]:
    """Give pages: row of the table, what it declares, language and encoding, bytes, text."""
    for language, path in pools.items():
        for encoding in (LATIN | OTHER).get(language, ()):
            script = "Latin script" if language in LATIN else "other scripts"
            latin_1 = encoding == "windows-1252"
            for text in pages(lines_of(path, encoding), most):
                body, name = encoded(text, encoding) or b"", f"{language} {encoding}"
                yield f"{script}, right", "iso-8859-1" if latin_1 else encoding, name, body, text
                yield f"{script}, absent", "", name, body, text
                yield f"{script}, says UTF-8", "utf-8", name, body, text
                if not latin_1:
                    yield f"{script}, says Latin-1", "iso-8859-1", name, body, text
        for text in pages(lines_of(path, "utf-8"), max(1, most // 2)):
            body = text.encode()
            for label in ("", *WRONG_LABELS):
                yield "UTF-8, absent or wrong", label, f"{language} utf-8", body, text
            for label in ("utf-8", "", "iso-8859-1"):
                yield f"UTF-8, a character cut, says {label or 'nothing'}", label, f"{language} utf-8", *cut(body)
            for encoding in ("utf-16-le", "utf-16-be"):
                yield "UTF-16 without mark, absent", "", f"{language} {encoding}", text.encode(encoding), text


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True, help="folder of <code>.txt.zst")
    parser.add_argument("--languages", help="separated by commas (default: every pool)")
    parser.add_argument("--most", type=int, default=8, help="pages a language, encoding, length (default: %(default)s)")
    parser.add_argument("--misread", action="store_true", help="list what is misread, by language and encoding")
    options = parser.parse_args()
    found = {path.name.removesuffix(".txt.zst"): path for path in sorted(options.text.glob("*.txt.zst"))}
    pools = {code: found[code] for code in options.languages.split(",")} if options.languages else found
    total: Counter[str] = Counter()
    misread: Counter[tuple[str, str]] = Counter()
    for row, label, name, body, text in cases(pools, options.most):
        total[row] += 1
        misread[row, name] += decode(body, f"text/html; charset={label}" if label else "text/html") != text
    print("| declaration | pages | right, % |\n|---|---|---|")
    for row, number in sorted(total.items()):
        wrong = {name: count for (of, name), count in misread.items() if of == row and count}
        print(f"| {row} | {number} | {100 * (1 - sum(wrong.values()) / number):.1f} |")
        if options.misread:
            print(*(f"    {name}: {count}" for name, count in wrong.items()), sep="\n")


if __name__ == "__main__":
    main()
