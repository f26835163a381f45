"""Where phone numbers stand in a text.

A chain is the longest run of digits with single separators between them; it is taken as a whole or not at all, so that
no part of a longer number is one. It is a phone number if it is

    international    + or 00, a country code of E.164, and as many digits as that allows
    announced        behind a word or a sign for a phone, in one of many languages
    national         in a form that hardly anything else is written in: an area code in parentheses, or with a leading
                     zero and separators; 212-555-1234; 8-800-555-35-35; 11 98765-4321

and is none if it is a date, a span of years, a price, or behind a word for another kind of number (ISBN, IBAN, ...).
Digits are those of any script.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ccnet_pipeline.masking.lines import lines_with

_BIDI = "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of direction, which show nothing
_BLANK = " \u00a0\u2009\u202f\u3000"
_DASH = "\\-\u2010\u2011\u2012\u2013－"
_JOINT = rf"(?:[{_BLANK}]?[{_DASH}./][{_BLANK}]?|[{_BLANK}])"
_AREA = r"[(（]\d{1,5}[)）]"
_CHAIN = re.compile(rf"[+＋]?(?:\d+|{_AREA}{_JOINT}?\d+)(?:{_JOINT}?{_AREA}{_JOINT}?\d+|{_JOINT}\d+)*")
_ENOUGH = re.compile(rf"\d(?:[{_BLANK}{_DASH}./()（）]{{0,5}}\d){{6}}")  # in a line that may have a number
_LEAST_CHARACTERS = 7
_FEWEST, _FEWEST_NATIONAL, _FEWEST_INTERNATIONAL, _MOST_NATIONAL, _MOST = 7, 9, 9, 12, 15  # digits; 15 is E.164's
_MOST_GROUPS = 7
_FEWEST_OF_SPLIT_CODE = 10
# Country codes. Source: ITU-T E.164 (assigned codes). Those of one and two digits; all others have three.
_CODE = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|2[1-689]\d|3[578]\d|42\d|5[09]\d|6[79]\d|8[0578]\d|9[679]\d"
)
_DIGITS_OF_CODE = {"1": 11, "7": 11}  # of the whole number; of others at least 9
_WORDS = (
    r"(?:tele)?(?:phone|fon|fone|foon)s?(?:nummer|number)?|t[eé]l[eé]?(?:f(?:onos?|one|oon|on|ono)?|ep|p)?s?|t[eé]l[eé]phone"
    r"|telefon[aiuy]|telefax|fax|mobile?|m[oó]vil|celular|cellulare|cell|handy|gsm|whats ?app|viber|hotline|simu"
    r"|puhelin|puh|điện thoại|sđt|đt|тел(?:ефон\w?)?|моб|факс|τηλ(?:έφωνο)?|κιν|טלפון|טל|נייד|פקס|هاتف|تلفون|تلفن|جوال"
    r"|موبایل|موبايل|فاکس|فاكس|فون|फोन|फ़ोन|मोबाइल|ফোন|মোবাইল|போன்"
)
_WORDS_WITHOUT_BLANKS = (
    r"(?:电话|電話|手机|手機|传真|傳真|携帯|전화|핸드폰|휴대폰|팩스)(?:号码|號碼|番号|번호)?|โทร|เบอร์"
)
_ANNOUNCED = re.compile(
    rf"(?:(?<![^\W\d_])(?:{_WORDS})(?:[ ]?(?:no|nr|number|n[º°])\b)?|{_WORDS_WITHOUT_BLANKS})"
    rf"[{_BIDI}{_BLANK}.:：#/-]{{0,4}}\Z|[☎☏✆📞📱📠]\ufe0f?[{_BIDI}{_BLANK}:]{{0,3}}\Z",
    re.I,
)
_OTHER_NUMBER = re.compile(
    r"(?<![^\W\d_])(?:isbn(?:-?1[03])?|issn|ean|upc|gtin|doi|pmid|arxiv|iban|bic|vat|ust-?id|id|sku|ref|art|order|invoice"
    rf"|serial|patent|nr|no|№|p/n|s/n|инн|огрн|кпп|снилс|р/с|siret|siren|cnpj|cpf|nip|regon)[{_BLANK}.:#-]{{0,3}}\Z",
    re.I,
)
_MONEY_BEFORE = re.compile(rf"[$€£¥￥₹₽₩₺₴₫฿#=_%~*^<>&@\\][{_BLANK}]?\Z")
_UNIT_BEHIND = re.compile(
    rf"[{_BLANK}]?(?:[$€£¥￥₹₽₩₺₴₫฿%‰°²³]|(?:EUR|USD|GBP|RUB|PLN|CZK|SEK|NOK|DKK|CHF|[Ee]uros?|[Dd]ollars?|km|kg|km²|m²|руб|грн|元|円|원)(?!\w))"
)
_BEFORE = 32  # characters that are looked at
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_LEADING_ZERO = re.compile("0[1-9][0-9]{0,3}")
_FORMS_OF_RUSSIA = {(1, 3, 3, 2, 2), (1, 3, 3, 4)}
_FORMS_WITH_DOTS = {(2, 2, 2, 2, 2), (3, 2, 2, 2), (4, 2, 2, 2), (4, 2, 2), (3, 3, 4)}


@dataclass(frozen=True, slots=True)
class _Chain:
    """Digits in groups, as they stand together."""

    groups: list[str]  # in ASCII
    joints: set[str]  # what stands between them, without blanks around it
    has_plus: bool
    area: int | None  # the group that stands in parentheses

    @property
    def digits(self) -> str:
        return "".join(self.groups)

    @property
    def form(self) -> tuple[int, ...]:
        return tuple(map(len, self.groups))


def phones(text: str) -> list[tuple[int, int]]:
    """Return where phone numbers begin and end, in order."""
    return [found for line in lines_with(_ENOUGH, text) for found in _phones(text, *line)]


def _phones(text: str, line_begin: int, line_end: int) -> Iterator[tuple[int, int]]:
    for found in _CHAIN.finditer(text, line_begin, line_end):
        begin, end = found.span()
        if end - begin < _LEAST_CHARACTERS or not _stands_alone(text, begin, end):
            continue
        chain = _chain_of(found[0])
        if _FEWEST <= len(chain.digits) <= _MOST + len("00") and not _is_date(chain):
            before = text[max(line_begin, begin - _BEFORE) : begin]
            if _is_phone(chain, before):
                yield begin, end


def _is_phone(chain: _Chain, before: str) -> bool:
    if _ANNOUNCED.search(before):
        return len(chain.digits) <= _MOST and len(chain.groups) <= _MOST_GROUPS
    return not _OTHER_NUMBER.search(before) and (_is_international(chain) or _is_national(chain))


def _stands_alone(text: str, begin: int, end: int) -> bool:
    """Tell whether nothing beside a chain makes it a part of something else, or an amount."""
    before, behind = text[begin - 1 : begin] if begin else "", text[end : end + 2]
    if _goes_on(before) or before in tuple("_+＋/=") or _goes_on(behind[:1]) or behind[:1] in tuple("_=@"):
        return False
    if before in tuple(".,:") and text[max(0, begin - 2) : begin - 1].isdigit():
        return False
    if len(behind) == 2 and behind[0] in ".,:/" and behind[1].isdigit():
        return False
    return not _MONEY_BEFORE.search(text, max(0, begin - 2), begin) and not _UNIT_BEHIND.match(text, end)


def _goes_on(character: str) -> bool:
    """Tell whether a word goes on there; scripts without blanks between words have numbers beside letters."""
    return character.isalnum() and not _UNSPACED.match(character)


def _chain_of(written: str) -> _Chain:
    has_plus = written[0] in "+＋"
    groups, joints, area = list[str](), set[str](), None
    last = 0
    for found in re.finditer(r"\d+", written):
        between = written[last : found.start()].strip("+＋")
        if "(" in between or "（" in between:
            area = len(groups)
        if groups:
            joints.add(between.strip(f"{_BLANK}()（）") or " ")
        groups.append("".join(str(int(digit)) for digit in found[0]))
        last = found.end()
    return _Chain(groups, {"-" if joint in "\u2010\u2011\u2012\u2013－" else joint for joint in joints}, has_plus, area)


def _is_date(chain: _Chain) -> bool:
    """Tell whether a chain begins with a date, or is a span of years, or counts up."""
    groups = chain.groups
    if len(groups) >= 3 and chain.area is None and not chain.has_plus:
        small = [group for group in groups[:3] if len(group) <= 2 and 1 <= int(group) <= 31]
        if len(small) == 2 and (_YEAR.fullmatch(groups[0]) or _YEAR.fullmatch(groups[2])):
            return True
    if len(groups) >= 2 and all(map(_YEAR.fullmatch, groups)):
        return True
    numbers = list(map(int, groups))
    return len(numbers) >= 4 and all(later - one == 1 for one, later in pairwise(numbers))


def _is_international(chain: _Chain) -> bool:
    digits, groups = chain.digits, chain.groups
    if not chain.has_plus:
        if not digits.startswith("00") or not chain.joints:
            return False
        digits, groups = digits[2:], [groups[0][2:], *groups[1:]] if len(groups[0]) > 2 else groups[1:]
    code = _CODE.match(digits)
    if code is None or (len(groups) == 2 and "." in chain.joints):  # that is a fraction
        return False
    if len(groups[0]) < code.end() and not _is_split_code(chain):
        return False
    has_trunk = chain.area == 1 and groups[1].startswith("0")  # +49 (0)30 ...
    count = len(digits) - has_trunk
    if wanted := _DIGITS_OF_CODE.get(code[0]):
        return count == wanted
    return _FEWEST_INTERNATIONAL <= count <= _MOST and not digits.endswith("00000")


def _is_split_code(chain: _Chain) -> bool:
    """Tell whether the country code goes on in the next group: +38 067 123 45 67, and no number in thousands."""
    is_in_thousands = chain.area is None and all(len(group) == len("000") for group in chain.groups[1:])
    return (
        chain.has_plus and len(chain.groups) > 2 and len(chain.digits) >= _FEWEST_OF_SPLIT_CODE and not is_in_thousands
    )


def _is_national(chain: _Chain) -> bool:
    """Tell whether the form of a chain is that of phone numbers of a country, and of hardly anything else."""
    groups, form, joints = chain.groups, chain.form, chain.joints
    if chain.has_plus or not joints or not _FEWEST_NATIONAL <= len(chain.digits) <= _MOST_NATIONAL:
        return False
    if chain.area is not None:
        return _has_area_code(chain)
    is_zero = _LEADING_ZERO.fullmatch(groups[0]) is not None
    if joints == {"."}:
        return _is_american(groups) or (is_zero and form in _FORMS_WITH_DOTS)
    if is_zero:
        return joints <= {" ", "-", "/"} and len(groups) <= (4 if "/" in joints else _MOST_GROUPS) and max(form) <= 8
    return joints <= {" ", "-"} and _is_without_zero(groups, form, has_dash="-" in joints)


def _is_without_zero(groups: list[str], form: tuple[int, ...], *, has_dash: bool) -> bool:
    if groups[0] == "8" and form in _FORMS_OF_RUSSIA:
        return True
    of_brazil = form == (2, 5, 4) and groups[1][0] == "9"
    return has_dash and (of_brazil or _is_american(groups[1:] if groups[0] == "1" else groups))


def _is_american(groups: list[str]) -> bool:
    """Tell whether groups are those of the North American plan, where neither of the first two begins with 0 or 1."""
    return tuple(map(len, groups)) == (3, 3, 4) and groups[0] >= "2" and groups[1] >= "2"


def _has_area_code(chain: _Chain) -> bool:
    """Tell whether the parentheses hold an area code: at the beginning, or behind the digit that comes before one."""
    at = chain.area or 0
    area, rest = chain.groups[at], chain.groups[at + 1 :]
    if at > 1 or (at == 1 and chain.groups[0] not in ("0", "1", "7", "8")) or "/" in chain.joints:
        return False
    if len(area) == 1 or _YEAR.fullmatch(area):
        return False
    return 1 <= len(rest) <= 4 and all(2 <= len(group) <= 9 for group in rest)
