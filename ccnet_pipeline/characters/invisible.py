"""Characters that show nothing: blanks beyond white space, marks inside words, and lines without either at their ends.

Unicode has no property for them that would do: of the format characters (category Cf) some are letters' business and
some are visible, and of the characters that look like a blank some are called symbols or letters. So they stand here by
name. Variation selectors and the tags of flags belong to the character before them and are not among them.
"""

WHITE_SPACE = "".join(character for character in map(chr, range(0x3001)) if character.isspace())  # the last is U+3000
# Zero width space, byte order mark, blank of Braille, fillers of Hangul: where one stands, a word ends.
BLANKS = "\u200b\ufeff\u2800\u3164\uffa0"
# Soft hyphen, grapheme joiner, word joiner, invisible operators, marks of direction: a word goes on across them.
MARKS = "\u00ad\u034f\u061c\u200e\u200f" + "".join(map(chr, [*range(0x202A, 0x202F), *range(0x2060, 0x2070)]))
# Of Persian, Malayalam and others, which spell with them: "അവന്‍" ends with one.
JOINERS = "\u200c\u200d"

_ENDS = WHITE_SPACE + BLANKS + MARKS
_NOTHING = _ENDS + JOINERS


def strip_invisible(line: str) -> str:
    r"""Return a line without white space, blanks and marks at its ends; "" if joiners are all that is left.

    Of ASCII it strips what `str.strip` does.

    >>> strip_invisible("\ufeff Titel\u00ad\u200b "), strip_invisible("\u200b\u200c"), strip_invisible("അവന്\u200d")
    ('Titel', '', 'അവന്\u200d')
    """
    if line.isascii():
        return line.strip()
    line = line.strip(_ENDS)
    return line if line[:1] not in JOINERS or line.strip(_NOTHING) else ""
