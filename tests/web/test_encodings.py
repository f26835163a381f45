"""Decoders against the standard, labels, and what bytes look like."""

from __future__ import annotations

import hashlib

import pytest

from ccnet_pipeline.web.encodings import decoded, encoding_of, looked_at, told, told_of_damaged

# Of the text that the standard's indexes and algorithms give (whatwg/encoding, commit a985b62), which a plain program
# of its sections 9 to 13 computed from its index-*.txt; the first 64 bits of SHA-256.
PAIRS = {
    "big5": "eb37b683bc3b8d41",
    "euc-jp": "729da9b1379c2dbd",
    "euc-kr": "42e8e5e2b5646caf",
    "gb18030": "0dfd53ac1e467329",
    "shift_jis": "06eef6314f687274",
}
ONE_BYTE = (
    "ibm866 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-10 iso-8859-13"
    " iso-8859-14 iso-8859-15 iso-8859-16 koi8-r koi8-u macintosh windows-874 windows-1250 windows-1251 windows-1252"
    " windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 x-mac-cyrillic"
).split()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def pairs(pattern: bytes, begin: int, end: int) -> bytes:
    return b"".join(pattern % (first, second) for first in range(begin, end) for second in range(begin, end))


@pytest.mark.parametrize("name", PAIRS)
def test_every_pair_of_bytes_is_read_as_the_standard_says(name: str) -> None:
    assert digest(decoded(pairs(b"%c%c\n", 0, 0x100), name)) == PAIRS[name]


def test_every_character_of_three_bytes_every_escaped_pair_and_every_single_byte_too() -> None:
    assert digest(decoded(pairs(b"\x8f%c%c\n", 0x80, 0x100), "euc-jp")) == "567265b6d087809f"
    assert digest(decoded(pairs(b"\x1b$B%c%c\x1b(B\n", 0x20, 0x80), "iso-2022-jp")) == "dc3fa49bb8d1b85f"
    single = b"\n".join(bytes([byte]) for byte in range(0x100))
    assert digest("".join(decoded(single, name) for name in ONE_BYTE)) == "cb0344c6b567a67c"


def test_rows_of_nec_and_ibm() -> None:
    assert decoded(b"\xad\xea\xad\xa1\xad\xe2\xad\xd6", "euc-jp") == "㈱①№㎡"
    assert decoded(b"\x1b$B-j-!-b-V\x1b(B", "iso-2022-jp") == "㈱①№㎡"
    assert decoded(b"\xfc\xe2\xf9\xa1", "euc-jp") == "髙纊"


@pytest.mark.parametrize(
    ("name", "unknown", "known"),
    [
        ("euc-jp", b"\xa9\xa1", "緑地"),
        ("euc-kr", b"\xc9\xa1", "자유"),
        ("shift_jis", b"\xfc\xfc", "緑地"),
        ("big5", b"\x81\xa1", "自由"),
    ],
)
def test_what_follows_an_unknown_pair_is_read_in_step(name: str, unknown: bytes, known: str) -> None:
    assert decoded(unknown + known.encode(name), name) == f"\ufffd{known}"
    assert decoded(unknown[:1] + b"<" + known.encode(name), name) == f"\ufffd<{known}"


def test_one_character_has_one_form_in_all_encodings() -> None:
    # Python has 〜 ‖ − of some of these, ～ ∥ － of others.
    forms = "～∥－￠￡￢"
    assert decoded(b"\xa1\xc1\xa1\xc2\xa1\xdd\xa1\xf1\xa1\xf2\xa2\xcc", "euc-jp") == forms
    assert decoded(b"\x81\x60\x81\x61\x81\x7c\x81\x91\x81\x92\x81\xca", "shift_jis") == forms
    assert decoded(b'\x1b$B!A!B!]!q!r"L\x1b(B', "iso-2022-jp") == forms
    for name in ("euc-jp", "shift_jis", "euc-kr"):
        assert decoded(b"\\~", name) == "\\~"
    assert decoded(b"\x1b(J\\~\x1b(B", "iso-2022-jp") == "¥‾"


def test_of_escapes_in_a_row_the_last_counts() -> None:
    assert decoded(b"\x1b$B0!\x1b(B\x1b$B0!\x1b(B.", "iso-2022-jp") == "亜亜."


def test_koi8_r_is_koi8_u_where_its_boxes_would_stand_between_letters() -> None:
    assert decoded("Україна, її міста".encode("koi8-u"), "koi8-r") == "Україна, її міста"
    assert decoded("╓─╖ дом ╙─╜".encode("koi8-r"), "koi8-r") == "╓─╖ дом ╙─╜"
    assert decoded("Её дом".encode("koi8-r"), "koi8-r") == "Её дом"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("utf8", "utf-8"),
        (" UTF-8 ", "utf-8"),
        ("latin1", "windows-1252"),
        ("x-sjis", "shift_jis"),
        ("ks_c_5601-1987", "euc-kr"),
        ("gb2312", "gb18030"),
        ("tis-620", "windows-874"),
        ("koi8-u", "koi8-u"),
        # what WHATWG has no label for, or another meaning
        ("x-user-defined", "windows-1252"),
        ("x-mac-cyrillic", "x-mac-cyrillic"),
        ("x-mac-ukrainian", "x-mac-cyrillic"),
        ("mac-cyrillic", "x-mac-cyrillic"),
        ("ms949", "euc-kr"),
        ("cp949", "euc-kr"),
        ("uhc", "euc-kr"),
        ("cp932", "shift_jis"),
        ("\tCP932\n", "shift_jis"),
        ("ms932", "shift_jis"),
        ("cp936", "gb18030"),
        ("hz-gb-2312", "hz"),
        ("iso-2022-kr", "iso2022_kr"),
        ("cp852", "cp852"),
        # the extended forms
        ("shift_jis", "shift_jis"),
        ("euc-kr", "euc-kr"),
        ("gbk", "gb18030"),
        ("big5", "big5"),
        ("iso-8859-11", "windows-874"),
        ("iso-2022-jp", "iso-2022-jp"),
        ("iso-8859-16", "iso-8859-16"),
        ("macintosh", "macintosh"),
        ("euc-jp", "euc-jp"),
        ("utf-7", ""),
        ("base64", ""),
        ("\0", ""),
        ("", ""),
        ("é" * 50, ""),
    ],
)
def test_labels(label: str, name: str) -> None:
    assert encoding_of(label) == name


def test_what_bytes_look_like() -> None:
    text = "<p>Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.</p>"
    assert next(iter(told(text.encode("koi8-r")))) == "koi8-r"
    page = b"<script>" + b"x" * 20_000 + b"</script>\0" + text.encode("cp1251")
    assert next(iter(told(looked_at(page)))) == "windows-1251"
    japanese = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。".encode("euc_jp")
    damaged = japanese + b"\xff" + japanese
    assert next(iter(told(damaged))) != told_of_damaged(damaged) == "euc-jp"
