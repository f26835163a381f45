"""The masks, by name, and what they put in place of what they find."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

Mask = Literal["email", "phone", "ip"]
MASKS: tuple[Mask, ...] = get_args(Mask)
PLACEHOLDERS: Mapping[Mask, str] = MappingProxyType({"email": "[mail]", "phone": "[phone]", "ip": "[ip]"})
VERSION = "1"  # another one where something else is found
