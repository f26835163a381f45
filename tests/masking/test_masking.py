"""What is masked and what stays: a museum of addresses, of numbers, and of what looks like them.

A line is one case. In the first list of each kind, what is to be masked stands between brackets like ⟦these⟧.
"""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.masking.addresses import ip_addresses
from ccnet_pipeline.masking.emails import emails
from ccnet_pipeline.masking.kinds import MASKS, PLACEHOLDERS, Mask
from ccnet_pipeline.masking.masker import Masker
from ccnet_pipeline.masking.phones import phones

PHONES = """\
⟦+49 30 1234567⟧
⟦+49 (0)30 1234567⟧
⟦+49 (0) 30 / 123 45 67⟧
⟦+1 (212) 555-1234⟧
⟦+1-212-555-1234⟧
⟦+1.212.555.1234⟧
⟦+38 067 123 45 67⟧
⟦+38 (067) 123-45-67⟧
⟦+38-067-123-4567⟧
⟦+12125551234⟧
⟦+44 20 7946 0958⟧
⟦+44 (0)20 7946 0958⟧
⟦+33 1 23 45 67 89⟧
⟦+33(0)1 23 45 67 89⟧
⟦0049 30 1234567⟧
⟦00 49 30 1234567⟧
⟦+7 (495) 123-45-67⟧
⟦8 (495) 123-45-67⟧
⟦8-800-555-35-35⟧
⟦8 800 555 35 35⟧
⟦(212) 555-1234⟧
⟦(030) 1234567⟧
⟦(0711) 123 45 67⟧
⟦(11) 98765-4321⟧
⟦11 98765-4321⟧
⟦212-555-1234⟧
⟦212.555.1234⟧
⟦1-800-555-1234⟧
⟦555 223-4567⟧
⟦01 23 45 67 89⟧
⟦06.12.34.56.78⟧
⟦030/1234567⟧
⟦0171 1234567⟧
⟦089 / 123 45 67⟧
⟦020 7946 0958⟧
⟦07700 900123⟧
⟦03-1234-5678⟧
⟦090-1234-5678⟧
⟦0120-123-456⟧
⟦02-123-4567⟧
⟦010-1234-5678⟧
⟦010-12345678⟧
⟦0212 123 45 67⟧
⟦+91 98765 43210⟧
⟦+91-9876543210⟧
⟦+٩٦٦ ٥٥ ١٢٣ ٤٥٦٧⟧
⟦٠٢١-١٢٣٤٥٦٧٨⟧
⟦+९१ ९८७६५ ४३२१०⟧
⟦０３－１２３４－５６７８⟧
⟦＋８１　３　１２３４　５６７８⟧
Tel: ⟦555 1234⟧
Tel. ⟦12345678⟧
Phone: ⟦5551234⟧
Phone number ⟦5551234⟧
phone no. ⟦555 12 34⟧
тел. ⟦123-45-67⟧
Телефон: ⟦1234567⟧
电话：⟦12345678⟧
电话⟦12345678⟧转8
联系电话⟦13812345678⟧谢谢
手机:⟦13812345678⟧
☎ ⟦123 45 67⟧
هاتف: ⟦٠١٢٣٤٥٦٧٨⟧
تلفن ⟦۸۸۷۷۶۶۵۵⟧
फोन: ⟦९८७६५४३२१०⟧
मोबाइल ⟦9876543210⟧
โทร ⟦081-234-5678⟧
โทร.⟦0812345678⟧
WhatsApp ⟦6281234567890⟧
Điện thoại: ⟦0912345678⟧
전화 ⟦02-1234-5678⟧
전화번호: ⟦15881234⟧
טלפון: ⟦03-1234567⟧
τηλ: ⟦2101234567⟧
Teléfono: ⟦912 345 678⟧
Tel./Fax: ⟦12 345 67 89⟧
(call ⟦212-555-1234⟧)
mobile: ⟦07700900123⟧
tel:⟦+4930123456⟧
"""
EMAILS = """\
⟦a@b.co⟧
⟦ann.lee+x@example.org⟧
<⟦ann@mail.example.co.uk⟧>
mailto:⟦ann@example.org⟧?subject=x
联系邮箱⟦test@example.com⟧谢谢
⟦Ann@163.com⟧,
(⟦ann_lee@qq.com⟧)
⟦пример@почта.рф⟧
⟦संपर्क@डाटामेल.भारत⟧
⟦info@münchen.de⟧
⟦用户@例子.公司⟧
⟦ｕｓｅｒ＠ｅｘａｍｐｌｅ．ｃｏｍ⟧
⟦δοκιμή@παράδειγμα.ελ⟧
«⟦ann@example.org⟧».
⟦ann@example.org⟧.
⟦o'neil@example.ie⟧
⟦a@xn--80ak6aa92e.xn--p1ai⟧
⟦info@example.travel⟧
email=⟦ann@example.org⟧
'⟦ann@example.org⟧'
⟦ann@example.org⟧/⟦bob@example.org⟧
"""
ADDRESSES = """\
⟦85.12.34.56⟧
IP: ⟦8.8.8.8⟧
IP address ⟦1.1.1.1⟧
http://⟦8.8.8.8⟧/
from ⟦203.0.114.7⟧.
⟦85.12.34.0⟧/24
⟦2a00:1450:4001:81b::200e⟧
[⟦2001:4860:4860::8888⟧]
⟦٨٥.١٢٣.٣٤.٥٦⟧
"""
NO_PHONES = """\
2003-2010
1998-2003-2010
01.02.2003
01/02/2003 10
01-02-2003 1234
2003-01-02 12 30
12.11.2010 14.30
2010-11-12T10:20:30
978-0-306-40615-7
ISBN 978-0-306-40615-7
ISBN 0-306-40615-2
ISBN 0306406152
ISBN-13: 9780306406157
ISSN 0378-5955
0378-5955
1 234 567 890
1.234.567.890
1,234,567,890
123 456 789
12 345 678 901
$212-555-1234
1234567890
20101112131415
1262304000000
v1.2.3.4567890
3.1415926535
+3.14159265
+48.8566140
0.123456789
1.2.3.4.5.6.7
10.1000/182
doi:10.1038/nature12373
4111 1111 1111 1111
4111-1111-1111-1111
DE89 3704 0044 0532 0130 00
IBAN DE89 3704 0044 0532 0130 00
ID 0123-4567-89
Order 212-555-1234
A212-555-1234
212-555-1234B
192.168.100.200
01 02 03 04 05
Nature (2001) 413-4180
(2010) 1234-1250
60000-70000
10000-20000
100 000 000 €
+48 123 456 789 euros
+48 123 456 789 Euro
+61 123 456 789 dollars
+38 512 345 678
+50 000 000
-273.15
2 500 000 000 руб
1979/01/02 123
00:01:02.345
12:30:45 123456
5-10-15-20-25
2 + 12345678
x=+12345678901
iPhone 15 128 256
0001-0002-003
Model 0123456789
EAN 4006381333931
1500 1600 1700
1990 1995 2000
１２３４５６７８９０
２０１０－２０１１
١٩٩٠-٢٠٠٠
२०१०-२०११
3 000 000 000
24/7/365
1-2-3-4-5-6-7-8-9
0-0-0-0-0-0-0-0
12/34/5678/90
500-1000-1500
1 000-2 000
100-200-3000
+5 -3 +1234567
PMID: 12345678
2019-12-31 23.59
31.12.2019-01.01.2020
2010-2011 2012-2013
1,5-2,5
Tel Aviv 1948
phone 12
http://x.y/0123-4567-890
№ 123-45-67
"""
NO_EMAILS = """\
@ann
@ann@example.social
ann@localhost
git@github.com:user/repo.git
https://user@example.org/x
https://ann:pw@example.org/
icon@2x.png
lodash@4.17.21
pkg@1.0.beta
https://medium.com/@ann.lee/post
a @ b.com
5@3.50
10 kg@2.50 each
x@y
ann@example
flickr.com/photos/1@N00/
"ann"@example.org
"""
NO_ADDRESSES = """\
192.168.1.100
10.0.0.1
127.0.0.1
1.2.3.4
2.1.3.4 Section
version 91.101.147.177
Chrome/120.110.110.110
v85.12.34.56
85.12.34.56.7
256.100.100.100
203.0.113.77
2001:db8::1
20:15:30
2003::
3:16
192.0.2.123
085.012.034.056
fe80::1234:5678:9abc:def0
12:34:56:78:9a:bc
"""

Find = Callable[[str], list[tuple[int, int]]]


def marked(find: Find, text: str) -> str:
    for begin, end in reversed(find(text)):
        text = f"{text[:begin]}⟦{text[begin:end]}⟧{text[end:]}"
    return text


@pytest.mark.parametrize(("find", "cases"), [(phones, PHONES), (emails, EMAILS), (ip_addresses, ADDRESSES)])
def test_what_is_masked_is_the_whole_of_it_and_no_more(find: Find, cases: str) -> None:
    for case in cases.splitlines():
        text = case.translate({ord("⟦"): None, ord("⟧"): None})
        for before, behind in product(("", "x\n", "text ", "("), ("", "\ny", " text", ").", ", ")):
            assert marked(find, before + text + behind) == before + case + behind


@pytest.mark.parametrize(("find", "cases"), [(phones, NO_PHONES), (emails, NO_EMAILS), (ip_addresses, NO_ADDRESSES)])
def test_what_only_looks_like_it_stays(find: Find, cases: str) -> None:
    for case in cases.splitlines():
        for before, behind in product(("", "x\n", "text "), ("", "\ny", " text", ".", ", ")):
            assert marked(find, before + case + behind) == before + case + behind


def test_a_row_of_at_signs_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr("ccnet_pipeline.masking.emails._end", lambda text, begin: looked.append(begin))
    assert emails("@" * 1000 + " @ @ ＠＠") == []
    assert looked == []


def test_each_mask_is_for_itself_and_all_are_the_same_in_any_order() -> None:
    text = "ann@example.org, +49 30 1234567, 85.12.34.56"
    assert Masker(("phone",)).masked(text) == "ann@example.org, [phone], 85.12.34.56"
    assert Masker(MASKS).masked(text) == Masker(MASKS[::-1]).masked(text) == "[mail], [phone], [ip]"


def test_a_text_in_which_nothing_is_found_is_the_same_object() -> None:
    text = "In 2010, 1 234 567 people paid $ 12.50 @ home."
    assert Masker(MASKS).masked(text) is text


CHARACTERS = st.text(st.sampled_from("a1234567890٣९０ @.-+()/:\n[]テé"), max_size=80)


@given(CHARACTERS, st.sampled_from(MASKS))
def test_a_masked_text_never_grows_and_keeps_its_paragraphs(text: str, mask: Mask) -> None:
    masked = Masker((mask,)).masked(text)
    assert len(masked) <= len(text)
    assert [bool(line.strip()) for line in masked.split("\n")] == [bool(line.strip()) for line in text.split("\n")]
    assert {line for line in masked.split("\n") if PLACEHOLDERS[mask] not in line} <= set(text.split("\n"))


@given(st.lists(CHARACTERS, max_size=4), st.sampled_from(MASKS))
def test_paragraphs_are_masked_one_by_one(lines: list[str], mask: Mask) -> None:
    lines = [line.replace("\n", "") for line in lines]
    masker = Masker((mask,))
    assert masker.masked("\n".join(lines)) == "\n".join(map(masker.masked, lines))
