"""Text of the web, so that it is shown as it is and changes nothing around it.

Characters that mean something to a reader's machine and not to the reader are shown as their numbers: control
characters, those that turn the direction of what follows, tags, and halves of surrogates. Joiners and the marks of
direction that Persian, Hindi, Arabic or Hebrew are written with stay.
"""

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u206f\ufff9-\ufffb\ufeff\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    r"""Return a text with every character that is not to be seen as its number.

    >>> visible("abc\x00 \u202egpj.exe")
    'abc⟨U+0000⟩ ⟨U+202E⟩gpj.exe'
    """
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def beginning(text: str, most: int) -> str:
    """Return the beginning of a text, with a sign if more follows.

    >>> beginning("a long text", 6)
    'a long…'
    """
    return text if len(text) <= most else f"{text[:most].rstrip()}…"


def one_line(text: str, most: int) -> str:
    """Return the beginning of a text as one line."""
    return beginning(" ".join(text.split()), most)
