"""What a page must know of a language: its name, how HTML calls it, and in which direction it is written."""

from typing import Literal

from ccnet_pipeline.language.codes import LANGUAGES, NOT_LANGUAGE, UNDETERMINED

_FROM_RIGHT = frozenset("Adlm Arab Hebr Mand Nkoo Rohg Samr Syrc Thaa".split())
_UNKNOWN = {UNDETERMINED: "Language not known", NOT_LANGUAGE: "No language"}
_TAGS = {"my_zaw": "my-Qaag"}  # BCP 47: what codes of CC-100 with "_" mean


def name_of(code: str) -> str:
    """Return the English name of a language; the code itself where it is none of CC-100's.

    >>> name_of("sw")
    'Swahili'
    """
    return LANGUAGES[code].name if code in LANGUAGES else _UNKNOWN.get(code, code)


def tag_of(code: str) -> str:
    """Return the language tag (BCP 47) of a code.

    >>> [tag_of(code) for code in ("sw", "bn_rom", "zh-Hans")]
    ['sw', 'bn-Latn', 'zh-Hans']
    """
    return _TAGS.get(code) or code.replace("_rom", "-Latn").replace("_", "-")


def direction_of(code: str) -> Literal["rtl", "auto"]:
    """Return the direction of a text, as an attribute of HTML: that of its first strong character where not known."""
    return "rtl" if code in LANGUAGES and LANGUAGES[code].script[0] in _FROM_RIGHT else "auto"
