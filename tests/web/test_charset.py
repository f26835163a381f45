"""Which encoding: byte order mark, declarations true and false, detection."""

from __future__ import annotations

import endec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.web.charset import decode
from tests.web.messages import page_of

SAMPLES = {
    "windows-1252": "Les élèves ont été reçus à l’école, où l’on fête Noël « chez nous ».",
    "iso-8859-1": "Les élèves ont été reçus à Besançon, où l'on fête Noël.",
    "windows-1251": "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.",
    "koi8-r": "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.",
    "iso-8859-2": "Zażółć gęślą jaźń, powiedział pan Wołodyjowski.",
    "windows-1256": "وُلد جميع الناس أحرارا متساوين في الكرامة والحقوق",
    "shift_jis": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。①髙",
    "euc-jp": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
    "euc-kr": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "gbk": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。镕",
    "big5": "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心。",
}
CODECS = {"shift_jis": "cp932", "euc-kr": "cp949", "windows-1256": "cp1256"}


def page(text: str, label: str = "") -> str:
    return (
        f"<html><head>{f'<meta charset={label}>' if label else ''}<title>x</title></head><body><p>{text}</p>" + " " * 40
    )


def encoded(label: str, declared: str = "") -> bytes:
    return page(SAMPLES[label], declared).encode(CODECS.get(label, label))


# So short, or so strange, that the bytes alone are taken for another encoding.
BY_DECLARATION = {
    "windows-1252": "ÆØÅÆØÅ",
    "iso-8859-1": "ÆØÅÆØÅ",
    "windows-1251": "Ж",
    "koi8-r": "Ж",
    "iso-8859-2": "żół",
    "windows-1256": "حق",
    "shift_jis": "ﾅ",
    "euc-jp": "年",
    "euc-kr": "차",
    "gbk": "二",
    "big5": "國",
}


@pytest.mark.parametrize("label", SAMPLES)
def test_declared(label: str) -> None:
    text = BY_DECLARATION[label]
    body = f"<p>{text}".encode("cp1252" if label == "iso-8859-1" else CODECS.get(label, label))
    assert text not in decode(body, "text/html")
    assert text in decode(body, f"text/html; charset={label}")
    assert text in decode(body, f'text/html;charset = "{label.upper()}"; x=y')
    for declaration in (
        f"<meta charset={label}>",
        f'<META content="text/html;charset={label}" HTTP-EQUIV=content-type>',
        f"<meta http-equiv='Content-Type' content='text/html; charset={label}'/>",
    ):
        assert text in decode(declaration.encode() + body, "text/html"), declaration


@pytest.mark.parametrize(
    "label", ["windows-1251", "koi8-r", "shift_jis", "euc-jp", "euc-kr", "gbk", "big5", "windows-1256"]
)
def test_not_declared_or_declared_to_be_utf_8(label: str) -> None:
    body = (encoded(label)[:-40] + b" ") * 5
    for content_type in ("", "text/html", "text/html; charset=utf-8", "text/html; charset=nonsense"):
        assert SAMPLES[label] in decode(body, content_type), content_type


@pytest.mark.parametrize("label", SAMPLES)
@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1251", "shift_jis", "gbk", "us-ascii", "utf-16", ""])
def test_utf_8_under_any_name(label: str, declared: str) -> None:
    text = SAMPLES[label]
    assert text in decode(page(text, declared).encode(), f"text/html; charset={declared}")


def test_extended_forms() -> None:
    assert decode("<p>똠방각하".encode("cp949"), "charset=euc-kr") == "<p>똠방각하"
    assert decode("<p>①髙".encode("cp932"), "charset=shift_jis") == "<p>①髙"
    assert decode("<p>𠀀㐀".encode("gb18030"), "charset=gb2312") == "<p>𠀀㐀"
    assert decode(b"<p>\x93x\x94", "charset=iso-8859-1") == "<p>“x”"


def test_the_header_counts_before_the_page() -> None:
    assert "Ж" in decode(b"<meta charset=iso-8859-1><p>\xc6", "text/html; charset=windows-1251")
    assert "Æ" in decode(b"<meta charset=iso-8859-1><p>\xc6", "text/html; charset=unknown")


def test_byte_order_marks_count_before_all() -> None:
    for codec in ("utf-8-sig", "utf-16"):
        assert decode("<p>Ж".encode(codec), "text/html; charset=koi8-r") == "<p>Ж"
    assert decode(b"\xfe\xff" + "<p>Ж".encode("utf-16-be"), "") == "<p>Ж"
    assert decode("<html><p>Жук".encode("utf-16-le"), "") == "<html><p>Жук"
    assert decode("<html><p>Жук".encode("utf-16-be"), "") == "<html><p>Жук"


def test_what_meta_must_not_say() -> None:
    # UTF-16 there means UTF-8, and x-user-defined windows-1252; comments do not count.
    assert decode("<meta charset=utf-16><p>é".encode(), "") == "<meta charset=utf-16><p>é"
    assert decode(b"<meta charset=x-user-defined><p>\x80", "").endswith("€")
    assert decode(b"<!-- <meta charset=koi8-r> --><meta charset=windows-1251><p>\xc6", "").endswith("Ж")
    assert decode(b'<meta name=x content="charset=koi8-r"><meta charset=windows-1251><p>\xc6', "").endswith("Ж")
    assert decode(b'<?xml version="1.0" encoding="windows-1251"?><p>\xc6', "").endswith("Ж")
    assert not decode(b"<p>" + b"x" * 5000 + b"<meta charset=koi8-r>\xc6\xc7\xc8", "").endswith("фгх")


def test_an_attribute_without_a_value_declares_nothing() -> None:
    for nothing in ('http-equiv="" content="text/html; charset=koi8-r"', 'charset=""', "http-equiv='' charset=''"):
        assert decode(f"<meta {nothing}><meta charset=windows-1251><p>".encode() + b"\xc6", "").endswith("Ж")


def test_next_to_nothing_to_guess_from() -> None:
    assert decode(b"<p>Caf\xe9 Zo\xeb</p>", "") == "<p>Café Zoë</p>"


@pytest.mark.parametrize("line", ["—" * 30, "•" * 9, "·" * 30, "\xa0" * 12, "\xad" * 9])
def test_a_line_of_dashes_or_blanks_is_no_text_of_asia(line: str) -> None:
    text = f"<p>The quick brown fox jumps over the lazy dog.</p><p>{line}</p>" * 6
    for declared in ("", "utf-8", "iso-8859-1"):
        assert decode(text.encode("cp1252"), f"text/html; charset={declared}") == text, declared


def test_where_no_guess_fits_it_is_an_encoding_of_europe_or_of_asia() -> None:
    # Most bytes above 0x7f stand alone, or most have a neighbour of their kind; nothing is found in either.
    assert decode("<p>Špela".encode("cp1252"), "") == "<p>Špela"
    assert decode("<p>春の畑".encode("euc-jp"), "") == "<p>春の畑"


def test_few_bad_bytes_are_replaced() -> None:
    text = "Все счастливые семьи похожи друг на друга"
    assert decode(text.encode() + b"\xff\xff" + b" end", "text/html; charset=utf-8") == text + "\ufffd\ufffd end"
    assert decode(text.encode()[:-1], "") == text[:-1]  # cut in the middle of the last character
    assert decode("Ж\ufffd\ufffd\ufffd".encode() + b"\xff" + text.encode(), "charset=utf-8").count("\ufffd") == 4


@pytest.mark.parametrize("at", [3, 4])
def test_a_page_with_one_nul_is_no_utf_16(at: int) -> None:
    text = "<p>Quelques mots, puis d’autres."
    text = f"{text[:at]}\0{text[at:]}"
    assert decode(text.encode(), "") == decode(text.encode("cp1252"), "") == text
    assert decode(b"<\0p\0", "") == "<\0p\0"  # too little to tell


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["一", "一" * 99, "\0\0\0", "名前" * 200, "Ж" * 300])
def test_utf_16_without_a_mark_is_told_by_its_first_tag(codec: str, text: str) -> None:
    page_ = page(text)
    assert decode(page_.encode(codec), "text/html; charset=utf-8") == page_


def test_utf_16_that_is_none() -> None:
    for declared in ("charset=utf-16", "charset=utf-16be"):
        assert decode("Всё".encode() * 9 + b"\xff", declared) == "Всё" * 9 + "\ufffd"


def test_short_text_of_two_byte_encodings() -> None:
    # Valid UTF-8 by chance, and not by chance.
    body = "翻訳".encode("euc-jp")
    assert decode("дом".encode(), "text/html; charset=windows-1251") == "дом"
    assert decode(b"<p>" + b"\xc2\xa9", "text/html; charset=gbk") == "<p>漏"
    assert decode(b"<p>" + b"\xc2\xa9" * 8, "text/html; charset=gbk") == "<p>" + "©" * 8
    assert decode(body, "text/html; charset=euc-jp") == "翻訳"


def test_seven_bit_encodings() -> None:
    text = "吾輩は猫である。"
    for declared in ("charset=iso-2022-jp", "", "charset=utf-8", "charset=shift_jis"):
        assert decode(b"<p>" + text.encode("iso2022_jp") * 3, declared) == "<p>" + text * 3
    assert decode(b"<p>\xa9 " + text.encode("iso2022_jp") * 3, "charset=utf-8") == "<p>\ufffd " + text * 3
    assert decode(b"<p>" + "자유".encode("iso2022_kr"), "") == "<p>자유"
    assert decode(b"<p>~{WTSI~}", "charset=hz-gb-2312") == "<p>自由"
    assert decode(b"a \x1b[1m b ~{ c", "charset=utf-8") == "a \x1b[1m b ~{ c"


# Two characters of UTF-8, the second cut; a legacy page says the same of itself.
@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"caf\xc3 is", "caf\ufffd is"),
        (b"<p>na\xc3ve</p>", "<p>na\ufffdve</p>"),
        (b"list\xe2\x80...", "list\ufffd..."),
        (b"list\xe2\x80\xa6 \xe2\x80... caf\xc3 is", "list… \ufffd... caf\ufffd is"),
        (b"smile \xf0\x9f\x98 end", "smile \ufffd end"),
        (b"smile \xed\xa0\xbd\xed\xb8\x80 end", "smile 😀 end"),
        (b"half a \xed\xa0\xbd smile", "half a \ufffd smile"),
        (b"\xe2\x80\x9cwords\xe2\x80\x9d, caf\xe9 is", "“words”, caf\ufffd is"),
    ],
)
def test_damaged_utf_8_stays_utf_8(body: bytes, text: str) -> None:
    for label in ("utf-8", "", "iso-8859-1", "windows-1251"):
        if label == "utf-8" or b"\xe9" not in body:
            assert decode(body, f"text/html; charset={label}") == text, label


@pytest.mark.parametrize(
    "text",
    ["café is", "groß und Ärger", "«été», dit-il", "NAÇÃO e IRMÃ ", "Été – fin", "x é’ y", "GÅS", "aquí\xa0»"],
)
def test_accents_under_a_false_utf_8_stay(text: str) -> None:
    assert decode(text.encode("cp1252"), "text/html; charset=utf-8") == text


@pytest.mark.parametrize("text", ["Nimeni nu îşi face griji.", "Kéž by to byla pravda!", "Je toto tvoj dáždnik?"])
def test_accents_of_central_europe_stay(text: str) -> None:
    for codec in ("cp1250", "iso8859-2"):
        assert decode(text.encode(codec), f"text/html; charset={codec}") == text


def test_damaged_utf_8_under_another_name() -> None:
    text = "Все счастливые семьи похожи друг на друга"
    for label in ("windows-1251", "iso-8859-1", "gbk", "euc-jp"):
        assert decode(text.encode() + b"\xd0, \xff end", f"charset={label}") == text + "\ufffd, \ufffd end", label


LATIN_LABELS = ("iso-8859-1", "us-ascii", "windows-1252", "iso-8859-15", "windows-1250")


@pytest.mark.parametrize(
    "label", ["windows-1251", "koi8-r", "shift_jis", "euc-jp", "euc-kr", "gbk", "big5", "windows-1256"]
)
def test_a_label_for_latin_letters_over_another_script_is_not_believed(label: str) -> None:
    for declared in LATIN_LABELS:
        assert SAMPLES[label] in decode(encoded(label), f"text/html; charset={declared}"), declared


@pytest.mark.parametrize("declared", ["", "utf-8", "iso-8859-1", "koi8-r"])
@pytest.mark.parametrize(
    ("codec", "more"),
    [
        ("koi8-r", "<pre>╓──────╖\n║ дом  ║\n╙──────╜</pre>"),
        ("koi8-u", "Її дім і міста України є гарні, ґанок і їжак. " * 3),
    ],
)
def test_koi8_r_and_koi8_u_are_told_apart(codec: str, more: str, declared: str) -> None:
    text = page(SAMPLES["koi8-r"] + more)
    assert decode(text.encode(codec), f"text/html; charset={declared}") == text


def test_latin_1_over_central_europe_is_not_believed() -> None:
    text = (
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i"
        " sumieniem i powinni postępować wobec innych w duchu braterstwa."
    )
    assert decode(text.encode("iso-8859-2"), "text/html; charset=iso-8859-1") == text


@pytest.mark.parametrize(
    "text",
    [
        "Þórður á að þvo sér, ÞÚ ÆTTIR AÐ ÞVO ÞÉR.",
        "A AÇÃO da NAÇÃO não é IRMÃ da RAZÃO; são os CIDADÃOS.",
        "Der König ý und die Königin ý über größere Flüsse, schön für Österreich.",
        "ÆØÅ ÆØÅ ÆØÅ",
    ],
)
def test_latin_1_over_latin_letters_is_believed(text: str) -> None:
    assert decode(text.encode("cp1252"), "text/html; charset=iso-8859-1") == text


@given(
    st.binary(max_size=300),
    st.sampled_from(["", *SAMPLES, "utf-16le", "iso-2022-jp", "hz-gb-2312", "iso-2022-kr"]),
    st.text(max_size=9),
)
def test_no_bytes_raise_and_no_surrogates_come(body: bytes, label: str, odd: str) -> None:
    for head in (b"", b"<meta charset=%b>" % label.encode(), b"\x1b$B", b"~{", b"\xff\xfe", b"<?xml encoding='"):
        decode(head + body, f"text/html; charset={label}{odd}").encode("utf-8")


def test_a_page_of_many_characters_of_nec_stays_japanese() -> None:
    text = "㈱①№㎡髙" * 20 + SAMPLES["euc-jp"]
    for label in ("euc-jp", "shift_jis", "iso-2022-jp"):
        body = endec.encode(page(text), label)
        assert decode(body, f"text/html; charset={label}") == page(text)


def test_within_a_record() -> None:
    body = f"<title>Всё</title><p>{SAMPLES['windows-1251']}".encode("cp1251")
    assert page_of(body, "Content-Type: text/html; charset=windows-1251").title == "Всё"
