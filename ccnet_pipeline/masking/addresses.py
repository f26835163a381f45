"""Where public IP addresses stand in a text. Those of private networks and of examples name nobody.

Four small numbers are as often a version or a section as an address: they count only behind a word that says so.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network

from ccnet_pipeline.masking.lines import lines_with

_V4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")
_SIGN_OF_V4 = re.compile(r"\.\d{1,3}\.\d{1,3}\.\d")
_SIGN_OF_V6 = re.compile(r":[0-9A-Fa-f]{0,4}:")
_V6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![\w:])")
_SAYS_ADDRESS = re.compile(r"(?:\bIPs?(?:v4)?\b[^\n\d]{0,16}|://|@)\Z", re.I)
_SAYS_VERSION = re.compile(r"(?:\bv(?:er)?(?:s(?:ion)?)?|build|release|firmware|верси[яи]|版本|/)[.: ]{0,2}\Z", re.I)
_NETWORK = re.compile(r"/\d\d?(?![\w/.])")  # behind the address of one
_BEFORE = 24  # characters that are looked at
_LEAST_DIGITS = 8  # of an address that nothing announces
# Source: IANA, IPv4 Special-Purpose Address Registry, and multicast. Python's own is_global has changed over time.
_NOT_PUBLIC = tuple(
    ip_network(name)
    for name in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3",
    )
)  # fmt: skip
_EXAMPLES_V6 = (ip_network("2001:db8::/32"), ip_network("3fff::/20"))  # RFC 3849, RFC 9637


def ip_addresses(text: str) -> list[tuple[int, int]]:
    """Return where public IP addresses begin and end, in order."""
    found_v4 = [found for line in lines_with(_SIGN_OF_V4, text) for found in _v4(text, *line)]
    found_v6 = [found for line in lines_with(_SIGN_OF_V6, text) for found in _v6(text, *line)]
    return sorted([*found_v4, *found_v6])


def _v4(text: str, line_begin: int, line_end: int) -> Iterator[tuple[int, int]]:
    for found in _V4.finditer(text, line_begin, line_end):
        numbers = [int(number) for number in found[0].split(".")]
        has_leading_zero = len(".".join(map(str, numbers))) < len(found[0])
        if has_leading_zero or max(numbers) > 255 or not _is_public(numbers):
            continue
        before = text[max(line_begin, found.start() - _BEFORE) : found.start()]
        is_long = len(found[0]) - len("...") >= _LEAST_DIGITS or _NETWORK.match(text, found.end())
        if _SAYS_ADDRESS.search(before) or (is_long and not _SAYS_VERSION.search(before)):
            yield found.span()


def _is_public(numbers: list[int]) -> bool:
    address = IPv4Address(bytes(numbers))
    return not any(address in network for network in _NOT_PUBLIC)


def _v6(text: str, line_begin: int, line_end: int) -> Iterator[tuple[int, int]]:
    for found in _V6.finditer(text, line_begin, line_end):
        written = found[0].rstrip(":") if not found[0].endswith("::") else found[0]
        try:
            address = IPv6Address(written)
        except ValueError:
            continue
        if not any(address in network for network in _EXAMPLES_V6):
            yield found.start(), found.start() + len(written)
