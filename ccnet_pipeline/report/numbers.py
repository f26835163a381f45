"""Numbers as people read them."""

NONE = "–"
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")
_SHORT = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def count(number: int) -> str:
    """Return a count as the terminal shows it.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """Return how many of something.

    >>> counted(1, "document"), counted(2000, "document")
    ('1 document', '2,000 documents')
    """
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def short(number: float) -> str:
    """Return a count to three digits.

    >>> [short(n) for n in (999, 99_996, 123_456_789)]
    ['999', '100 k', '123 M']
    """
    rounded = float(f"{number:.3g}")
    unit, sign = next(((unit, f" {sign}") for unit, sign in _SHORT if rounded >= unit), (1, ""))
    return f"{rounded / unit:.3g}{sign}"


def size(number: float) -> str:
    """Return bytes.

    >>> [size(n) for n in (12, 83_874, 2_649 * 10**9)]
    ['12 B', '83.9 kB', '2.65 TB']
    """
    power = 0
    while power + 1 < len(_BYTES) and float(f"{number / 1000**power:.3g}") >= 1000:
        power += 1
    return f"{number / 1000**power:.3g} {_BYTES[power]}"


def moment(stamp: str) -> str:
    """Return a time of ISO 8601 for people.

    >>> moment("2026-11-27T03:04:37Z")
    '2026-11-27 03:04:37 UTC'
    """
    return stamp.replace("T", " ").replace("Z", " UTC")


def share(part: float, whole: float) -> str:
    """Return a share in percent; what is there is never shown as nothing, and what is left never as all.

    >>> [share(*each) for each in ((1, 3), (1, 10**6), (0, 5), (10**6 - 1, 10**6), (0, 0))]
    ['33.3 %', '<0.1 %', '0 %', '>99.9 %', '–']
    """
    if not whole:
        return NONE
    percent = 100 * part / whole
    if part and percent < 0.05:
        return "<0.1 %"
    if part < whole and percent >= 99.95:
        return ">99.9 %"
    return f"{percent:.1f} %" if part not in (0, whole) else f"{percent:.0f} %"


def signed(number: float, form: str = ",") -> str:
    """Return a change, with its sign.

    >>> [signed(each) for each in (1200, -3, 0)]
    ['+1,200', '−3', '0']
    """
    shown = format(abs(number), form)
    is_nothing = not shown.strip("0.,")
    return f"{'' if is_nothing else '+' if number > 0 else '−'}{shown}"


def width(part: float, whole: float) -> str:
    """Return a length in a chart, in percent of all of it; never a negative one.

    >>> width(1, 3), width(-1, 3)
    ('33.33%', '0.00%')
    """
    return f"{max(100 * part / whole if whole else 0, 0):.2f}%"
