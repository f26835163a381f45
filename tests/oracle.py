"""The whole pipeline once more, slow and plain: what the fast one is compared with.

Written from the specification and the published behaviour of cc_net alone, sharing no line with the packages.
One character, one paragraph, one record at a time; duplicates are found with a dict from hash to the set of
records that hold it. Whole crawls are kept in memory: for tests of a few thousand records.

    expected = build(paths, Settings(unit="paragraph"), identify)      # paths: WET files in segment order
    expected.documents, expected.total, expected.segments, expected.languages
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import myanmartools
import zhon.cedict

Keep = Literal["none", "first"]
Identify = Callable[[str], tuple[str, float]]
"""One fastText call: text without line breaks -> (label without `__label__`, probability as it came)."""
Answers = Callable[[str, int, float], list[tuple[str, float]]]
"""A text, so many answers of a model, and the least probability -> codes and their probabilities, best first."""
PerplexityOf = Callable[[str, list[str]], "float | None"]
"""(language, texts) -> perplexity rounded to 1 decimal, None without a model; a text becomes one line."""

# --- text

PUNCTUATION = {
    "，": ",", "、": ",", "。": ".", "．": ". ",
    "„": '"', "”": '"', "“": '"', "«": '"', "»": '"', "１": '"', "」": '"', "「": '"', "《": '"', "》": '"',
    "´": "'", "’": "'", "∶": ":", "：": ":", "？": "?", "！": "!", "（": "(", "）": ")", "；": ";",
    "–": "-", "━": "-", "►": "-", "—": " - ", "～": "~", "…": "...",
    "〈": "<", "〉": ">", "【": "[", "】": "]", "％": "%",
}  # fmt: skip
"""The 34 marks and what they become in front of a language model."""


@cache
def is_control(char: str) -> bool:
    """C0, DEL or C1."""
    return ord(char) < 32 or 127 <= ord(char) < 160


@cache
def is_digit(char: str) -> bool:
    """A decimal digit of any script: what `\\d` matches."""
    return unicodedata.category(char) == "Nd"


def fold_digits(text: str) -> str:
    return "".join("0" if is_digit(char) else char for char in text)


def strip_accents(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")


def replace_punctuation(text: str) -> str:
    return "".join(PUNCTUATION.get(char, char) for char in text)


def remove_punctuation(text: str) -> str:
    return "".join(char for char in text if char not in PUNCTUATION)


def remove_controls(text: str) -> str:
    return "".join(char for char in text if not is_control(char))


def normalize_for_dedup(paragraph: str) -> str:
    """What is hashed."""
    return remove_controls(remove_punctuation(fold_digits(paragraph.strip().lower())))


def normalize_for_lm_ccnet(
    text: str, *, accent: bool = True, case: bool = True, numbers: bool = True, punct: int = 1
) -> str:
    """What cc_net's language models see; punct: 1 maps the marks, 2 deletes them, 0 leaves them."""
    text = text.strip()
    text = text.lower() if case else text
    text = strip_accents(text) if accent else text
    text = fold_digits(text) if numbers else text
    if punct == 1:
        text = replace_punctuation(text)
    elif punct == 2:
        text = remove_punctuation(text)
    return remove_controls(text)


def normalize_for_lm_mended(text: str) -> str:
    """The same without its defects: NFC, marks on letters stay, controls are blanks, U+FF11 is a digit."""
    text = unicodedata.normalize("NFC", text.strip().lower())
    text = replace_punctuation(fold_digits(text))
    return "".join(" " if is_control(char) else char for char in text).strip()


@lru_cache(maxsize=1 << 18)
def paragraph_hash(paragraph: str) -> int:
    digest = hashlib.sha1(normalize_for_dedup(paragraph).encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "little")


# --- lines

LIKE_BLANKS = "\u200b\u2800\u3164\uffa0\ufeff"
"""Show nothing, or a blank, and are no white space."""
INSIDE_WORDS = "\u00ad\u034f\u061c\u200e\u200f" + "".join(
    chr(code) for code in range(0x202A, 0x2070) if code < 0x202F or code > 0x205F
)
"""Show nothing; a word goes on."""
JOINERS = "\u200c\u200d"


def is_invisible(char: str) -> bool:
    return char.isspace() or char in LIKE_BLANKS or char in INSIDE_WORDS


def strip_line(line: str) -> str:
    """Without what shows nothing at its ends; joiners are spelling, except in a line that holds nothing else."""
    if all(is_invisible(char) or char in JOINERS for char in line):
        return ""
    while is_invisible(line[0]):
        line = line[1:]
    while is_invisible(line[-1]):
        line = line[:-1]
    return line


# --- perplexity


def perplexity(log10_prob: float, num_tokens: int) -> float:
    return float(10.0 ** (-log10_prob / num_tokens))


def lm_perplexity(
    lines: Sequence[str], encode: Callable[[str], list[str]], score: Callable[[str], float]
) -> float | None:
    """Perplexity over normalised lines: each counts its pieces and one end; None without any piece."""
    pieces = [encode(line) for line in lines]
    if not any(pieces):
        return None
    log10_prob = sum(score(" ".join(line)) for line in pieces)
    return round(perplexity(log10_prob, sum(len(line) + 1 for line in pieces)), 1)


def bucket_of(value: float | None, cutoffs: tuple[float, float] | None) -> str:
    if value is None or value < 0 or cutoffs is None:
        return "all"
    if value < cutoffs[0]:
        return "head"
    return "middle" if value < cutoffs[1] else "tail"


# --- language

CC100 = frozenset(
    re.findall(
        r"\S+",
        """
        af am ar as az be bg bn bn_rom br bs ca cs cy da de el en eo es et eu fa ff fi fr fy ga gd gl gn
        gu ha he hi hi_rom hr ht hu hy id ig is it ja jv ka kk km kn ko ku ky la lg li ln lo lt lv mg mk
        ml mn mr ms my my_zaw ne nl no ns om or pa pl ps pt qu rm ro ru sa sc sd si sk sl so sq sr ss su
        sv sw ta ta_rom te te_rom th tl tn tr ug uk ur ur_rom uz vi wo xh yi yo zh-Hans zh-Hant zu
        """,
    )
)
"""The 116 codes of the release."""

SIMPLIFIED_ONLY = frozenset(zhon.cedict.simplified) - frozenset(zhon.cedict.traditional)
TRADITIONAL_ONLY = frozenset(zhon.cedict.traditional) - frozenset(zhon.cedict.simplified)


def cc100_code(label: str, text: str) -> str:
    """Code of lid.176's label; Chinese: the script that more characters belong to alone, else Hans."""
    if label != "zh":
        return label
    simplified = sum(char in SIMPLIFIED_ONLY for char in text)
    traditional = sum(char in TRADITIONAL_ONLY for char in text)
    return "zh-Hant" if traditional > simplified else "zh-Hans"


DETECTOR = myanmartools.ZawgyiDetector()


def is_burmese_letter(char: str) -> bool:
    return 0x1000 <= ord(char) <= 0x109F


def probability_of_zawgyi(text: str) -> float:
    """By 120 characters from the first Burmese letter on; minus infinity without one."""
    while text and not is_burmese_letter(text[0]):
        text = text[1:]
    return float(DETECTOR.get_zawgyi_probability(text[:120]))


def is_mostly_burmese(text: str) -> bool:
    visible = [char for char in text[:1000] if not char.isspace()]
    return sum(map(is_burmese_letter, visible)) > len(visible) / 2


CAPITALS_OF_CHEROKEE = range(0x13A0, 0x13F6)
"""Its usual letters, whatever Unicode calls them."""


@cache
def is_capital(char: str) -> bool:
    return char.isupper() and ord(char) not in CAPITALS_OF_CHEROKEE


PARTS_OF_LETTERS = [*range(0x300, 0x370), *range(0x653, 0x656), *range(0x1100, 0x1200), 0x3099, 0x309A]
"""Of Latin and its like, Arabic, Hangul and kana, in NFD."""


@cache
def is_part_of_letter(char: str) -> bool:
    return ord(char) in PARTS_OF_LETTERS


@cache
def is_letter(char: str) -> bool:
    """A letter or a part of one, and no letter that shows nothing, such as the fillers of Hangul."""
    shows = char not in INSIDE_WORDS and char not in LIKE_BLANKS
    return shows and (char.isalpha() or is_capital(char) or is_part_of_letter(char))


def is_in_capitals(paragraph: str) -> bool:
    """Ten capitals, a third of all characters, and more than half of the letters in words that have no others."""
    words = "".join(char if is_letter(char) else " " for char in paragraph).split()
    in_capitals = [
        word for word in words if len(word) >= 2 and all(is_capital(c) or is_part_of_letter(c) for c in word)
    ]
    capitals = sum(map(is_capital, paragraph))
    most = len("".join(in_capitals)) > len("".join(words)) / 2
    return capitals >= 10 and capitals >= len(paragraph) / 3 and most


def readable(paragraph: str) -> str:
    """What fastText is shown of a paragraph, where that is mended."""
    if any(map(is_part_of_letter, paragraph)):
        paragraph = unicodedata.normalize("NFC", paragraph)
    if is_in_capitals(paragraph):
        if "İ" in paragraph:
            paragraph = paragraph.replace("İ", "i").replace("I", "ı")
        paragraph = paragraph.lower()
    shown = ""
    for char in paragraph:
        if char in INSIDE_WORDS:
            continue
        shown += " " if char.isspace() or is_control(char) or char in LIKE_BLANKS else char
    return shown.replace("</s>", " ").replace("__label__", " ")


# --- test files

HAN_AND_KANA = "々〆〇" + "".join(
    chr(code)
    for first, last in (
        (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F),
        (0x1AFF0, 0x1B16F), (0x20000, 0x3FFFF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
THAI_LAO_BURMESE_KHMER = "".join(
    chr(code)
    for first, last in ((0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F))
    for code in range(first, last + 1)
)
WEIGHTS = dict.fromkeys(HAN_AND_KANA, 10) | dict.fromkeys(THAI_LAO_BURMESE_KHMER, 3)
"""Of characters that are words by themselves, in fifteenths of a word."""

Word = tuple[str, int]
"""And its weight."""


@cache
def is_in_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char).startswith("M")


def lower(char: str) -> str:
    """Of one character alone; the final sigma is a sigma."""
    return "σ" if char == "ς" else char.lower()[0]


def words_of(text: str) -> list[Word]:
    words: list[Word] = []
    open_word = ""
    for char in unicodedata.normalize("NFC", text) + " ":
        if char in INSIDE_WORDS or char in JOINERS:
            continue
        if is_in_word(char) and char not in WEIGHTS:
            open_word += lower(char)
            continue
        if open_word:
            words.append((open_word, 15))
            open_word = ""
        if is_in_word(char):
            words.append((lower(char), WEIGHTS[char]))
    return words


def weight(words: Sequence[Word]) -> int:
    return sum(each for _, each in words)


def run_at(words: Sequence[Word], start: int, num_words: int) -> tuple[Word, ...] | None:
    """The shortest run from there on that weighs as much as so many words."""
    stop = start
    while weight(words[start:stop]) < 15 * num_words:
        stop += 1
        if stop > len(words):
            return None
    return tuple(words[start:stop])


def as_a_whole(words: Sequence[Word], num_words: int) -> tuple[Word, ...] | None:
    """A short text, or a short paragraph."""
    return tuple(words) if 15 * 8 <= weight(words) < 15 * num_words else None


def runs_of(text: str, num_words: int) -> Iterator[tuple[Word, ...]]:
    """Of a text of a test file."""
    words = words_of(text)
    for start in range(len(words)):
        if run := run_at(words, start, num_words):
            yield run
    if run := as_a_whole(words, num_words):
        yield run


def tells_something(run: tuple[Word, ...], num_words: int) -> bool:
    """Half of its words are different ones with a letter."""
    different = {word for word, _ in run if any(char.isalpha() for char in word)}
    return len(different) >= ((num_words + 1) // 2 if weight(run) >= 15 * num_words else 4)


def test_runs(
    texts: Mapping[str, Sequence[str]], excepted: Sequence[str], num_words: int
) -> dict[tuple[Word, ...], str]:
    """Runs of test files, each with the first file by name that has it."""
    never = {run for text in excepted for run in runs_of(text, num_words)}
    found: dict[tuple[Word, ...], str] = {}
    for name in sorted(texts):
        for text in texts[name]:
            for run in runs_of(text, num_words):
                if tells_something(run, num_words) and run not in never:
                    found.setdefault(run, name)
    return found


def written(run: Sequence[Word]) -> str:
    """Blanks beside words; none between characters that are words by themselves."""
    text, last = "", 15
    for number, (word, weight_of_word) in enumerate(run):
        text += (" " if number and 15 in (last, weight_of_word) else "") + word
        last = weight_of_word
    return text


def shared_with_tests(text: str, runs: Mapping[tuple[Word, ...], str], num_words: int) -> dict[str, str] | None:
    """The first run of a document that stands in a test file: which file, and the words."""
    words, lines = words_of(text), [words_of(line) for line in text.split("\n")]
    begins = {
        len([word for line in lines[:number] for word in line]): line for number, line in enumerate(lines) if line
    }
    for start in range(len(words)):
        for run in (run_at(words, start, num_words), as_a_whole(begins.get(start, []), num_words)):
            if run is not None and run in runs:
                return {"file": runs[run], "words": written(run)}
    return None


# --- archives


@dataclass(frozen=True)
class Record:
    """One WARC record that could be read whole."""

    offset: int  # of the gzip member; of the record itself where the file is not compressed
    kind: str
    headers: dict[str, str]  # names in lower case
    body: bytes


VERSION_LINE = re.compile(rb"^WARC/\d+\.\d+[ \t]*\r?\n", re.MULTILINE)
BLANK_LINE = re.compile(rb"\n\r?\n")


def gzip_members(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """(offset, content, whole) of every sound member and of a cut last one; after damage, on from the next magic."""
    offset = 0
    while offset < len(data):
        decoder = zlib.decompressobj(wbits=31)
        try:
            content = decoder.decompress(data[offset:])
        except zlib.error:
            following = data.find(b"\x1f\x8b\x08", offset + 1)
            offset = following if following >= 0 else len(data)
            continue
        yield offset, content, decoder.eof
        offset = len(data) - len(decoder.unused_data)


def end_of_block(content: bytes, begin: int, length: int, *, whole: bool) -> int | None:
    """Where a block ends: as its length says, unless that is too large, and the next record stands in the block."""
    end = begin + length
    behind = content[end:].lstrip(b"\r\n")
    if end <= len(content) and (not behind or VERSION_LINE.match(behind)):
        return end
    following = VERSION_LINE.search(content, begin)
    if following and following.start() < end:
        end = following.start()
    elif end <= len(content):
        return end
    elif whole:
        end = len(content)
    else:
        return None
    closing = re.search(rb"(?:\r?\n){2}\Z", content[begin:end])
    return begin + closing.start() if closing else None


def records_of(content: bytes, *, whole: bool = False) -> Iterator[Record]:
    """The whole records of plain archive text; what is none is passed over up to the next version line."""
    at = 0
    while version := VERSION_LINE.search(content, at):
        blank = BLANK_LINE.search(content, version.end() - 1)
        if blank is None:
            return
        headers: dict[str, str] = {}
        for line in content[version.end() : blank.start()].decode("utf-8", "replace").split("\n"):
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), value.strip())
        end = end_of_block(content, blank.end(), int(headers["content-length"]), whole=whole)
        at = blank.end() if end is None else end
        if end is not None:
            yield Record(version.start(), headers["warc-type"], headers, content[blank.end() : end])


def read_wet(path: Path) -> list[Record]:
    data = path.read_bytes()
    if not data.startswith(b"\x1f\x8b"):
        return list(records_of(data))
    return [
        Record(offset, record.kind, record.headers, record.body)
        for offset, content, whole in gzip_members(data)
        for record in records_of(content, whole=whole)
    ]


def body_lines(body: bytes, strip: Callable[[str], str]) -> list[str]:
    """Stripped lines, title first, as cc_net reads them: the blank line behind a record is text."""
    text = body.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = [strip(line) for line in text.split("\n")] + [""]
    return lines[:-2] if lines[-2:] == ["", ""] else lines


def segment_names(paths: Sequence[Path]) -> list[str]:
    """Path from crawl-data/ on, else what follows the deepest folder that all share."""
    parts = [path.absolute().parts for path in paths]
    shared = 0
    while all(shared < len(part) - 1 and part[shared] == parts[0][shared] for part in parts):
        shared += 1
    starts = [part.index("crawl-data") if "crawl-data" in part else shared for part in parts]
    return ["/".join(part[start:]) for part, start in zip(parts, starts, strict=True)]


# --- pipeline


@dataclass(frozen=True)
class Settings:
    """One run. The defaults are the preset `ccnet` over the whole input."""

    unit: Literal["document", "paragraph"] = "document"  # of language and perplexity
    title_is_paragraph: bool = False
    min_chars: int = 300  # code points below the title
    max_record_bytes: int = 16 << 20
    dedup_scope: int | None = None  # segments a group; None: all
    dedup_keep: Keep = "none"
    count_copies: bool = False
    mended: bool = False  # ends of lines, and what fastText is shown; else cc_net's
    lid_threshold: float = 0.5
    card: Mapping[str, Any] | None = None  # of the second model, where there is one: its thresholds count
    round_score: bool = True  # to 2 decimals, before the threshold; else not at all, but <= 1
    languages: frozenset[str] | None = None  # None: every one
    keep_buckets: frozenset[str] = frozenset({"head", "middle", "tail", "all"})
    cutoffs: dict[str, tuple[float, float]] = field(default_factory=dict)  # head, middle
    filters: Mapping[str, Callable[[Document], str | None]] = field(default_factory=dict)  # by name, in order
    test_runs: Mapping[tuple[Word, ...], str] = field(default_factory=dict)  # of test files
    num_words: int = 13  # of a run
    mask: Callable[[str], str] = str  # of a text; the oracle has no rules of its own, only what becomes of the rest


CCNET = Settings()
CC100_PRESET = Settings(
    unit="paragraph",
    title_is_paragraph=True,
    mended=True,
    round_score=False,
    languages=CC100,
    keep_buckets=frozenset({"head", "middle", "all"}),
)


@dataclass(frozen=True)
class Document:
    """One line of a shard."""

    id: str
    text: str
    language: str
    language_score: float
    perplexity: float | None
    bucket: str
    url: str
    domain: str
    title: str
    date: str
    dump: str
    segment: str
    offset: int
    digest: str
    paragraph_ids: tuple[int, ...]
    original_paragraphs: int
    original_characters: int
    n_copies: int | None = None
    """None: not counted, or of a page of which nothing is left."""


@dataclass
class Balance:
    """read == kept + sum(dropped)."""

    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str | None, count: int = 1) -> None:
        """Reason None: kept. Zero counts leave no trace."""
        self.read += count
        if reason is None:
            self.kept += count
        elif count:
            self.dropped[reason] += count


@dataclass
class Ledger:
    records: Balance = field(default_factory=Balance)
    paragraphs: Balance = field(default_factory=Balance)
    characters: Balance = field(default_factory=Balance)

    def mask(self, characters: int) -> None:
        self.characters.kept -= characters
        if characters:
            self.characters.dropped["masked"] += characters

    def add_paragraph(self, text: str, reason: str | None) -> None:
        self.paragraphs.add(reason)
        self.characters.add(reason, len(text))


@dataclass
class Page:
    """A record on its way; `fate` of paragraph i: None while it is kept, else why it went."""

    segment: int
    record: Record
    dump: str = ""
    title: str = ""
    paragraphs: list[str] = field(default_factory=list)
    fate: list[str | None] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    """In how many records each paragraph stands; empty: not counted."""
    reason: str | None = None  # the record's, where it never got past the first step
    documents: list[Document] = field(default_factory=list)
    rejects: list[tuple[str, Document]] = field(default_factory=list)
    """Reason, and what was dropped for it as a whole."""
    contaminations: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the id of a reject: what it shares with a test file."""
    masked: dict[str, int] = field(default_factory=dict)
    """By language: characters that a kept document has less than its paragraphs had."""
    outcomes: list[tuple[str, str | None, list[int]]] = field(default_factory=list)
    """Per language that is sure: language, reason or None for kept, paragraphs."""

    def kept(self) -> list[int]:
        return [i for i, reason in enumerate(self.fate) if reason is None]


@dataclass
class Expected:
    documents: list[Document]
    """Of all shards: by segment, then by position in it."""
    total: Ledger
    segments: list[Ledger]
    languages: dict[str, Ledger]
    """From the point where the language is sure; a document is a record here."""
    rejects: list[tuple[str, Document]] = field(default_factory=list)
    contaminations: dict[str, dict[str, str]] = field(default_factory=dict)


def read_page(segment: int, record: Record, settings: Settings) -> Page:
    """Step one: record to paragraphs."""
    page = Page(segment, record)
    if record.kind != "conversion":
        page.reason = "record_type"
        return page
    if len(record.body) > settings.max_record_bytes:
        page.reason = "too_large"
        return page
    lines = body_lines(record.body, strip_line if settings.mended else str.strip)
    if not any(lines):
        page.reason = "empty"
        return page
    page.title = lines[0]
    page.paragraphs = lines if settings.title_is_paragraph else lines[1:]
    if len("\n".join(lines[1:])) < settings.min_chars:
        page.reason = "too_short"
    page.fate = [page.reason] * len(page.paragraphs)
    return page


def fates_of(records: Sequence[Sequence[int]], keep: Keep) -> list[list[str | None]]:
    """Step two, on the hashes of one scope's records in total order: why each goes; None: it stays."""
    holders: dict[int, set[int]] = {}
    for number, record in enumerate(records):
        for key in record:
            holders.setdefault(key, set()).add(number)
    fates: list[list[str | None]] = []
    for number, record in enumerate(records):
        seen: set[int] = set()
        fates.append([])
        for key in record:
            lost = len(holders[key]) >= 2 if keep == "none" else min(holders[key]) != number
            fates[-1].append("duplicate" if lost else "repeated" if key in seen else None)
            seen.add(key)
    return fates


def copies_of(records: Sequence[Sequence[int]]) -> list[list[int]]:
    """Of each hash of each record: how many records have it."""
    holders = Counter(key for record in records for key in set(record))
    return [[holders[key] for key in record] for record in records]


def count_copies(pages: Sequence[Page]) -> None:
    """Of one scope."""
    hashes = [[paragraph_hash(paragraph) for paragraph in page.paragraphs] for page in pages]
    for page, copies in zip(pages, copies_of(hashes), strict=True):
        page.copies = copies


def drop_duplicates(pages: Sequence[Page], keep: Keep) -> None:
    """Step two on pages; a blank paragraph takes part in the comparison and goes in any case."""
    hashes = [[paragraph_hash(paragraph) for paragraph in page.paragraphs] for page in pages]
    for page, fates in zip(pages, fates_of(hashes, keep), strict=True):
        page.fate = [
            fate if paragraph.strip() else "blank" for fate, paragraph in zip(fates, page.paragraphs, strict=True)
        ]


WITHOUT_LANGUAGE = {"und": "language_unsure", "zxx": "not_language"}

Found = dict[str, list[tuple[float, int]]]
"""Language -> (score, number of the paragraph), in order."""


def two_models(general: Answers, added: Answers, card: Mapping[str, Any]) -> Identify:
    """The general model sees 600 characters. It is believed on less than 40, and from a score on that its answer has.

    Else the added one is asked, too.
    Then every language that the added model answers gets points: its probability, times that of the general model to a
    power. The score is the share of the most points in all. A sure answer yields only to what it is confused with.
    """

    def identify(text: str) -> tuple[str, float]:
        answers = dict(general(text[:600], card["num_labels"], card["not_named"]))
        best, score = next(iter(answers.items()), ("und", 0.0))
        if len(text) < 40 or score >= card["believed"].get(best, card["believed_otherwise"]):
            return best, score
        points = {}
        is_sure, possible = score >= card["believed_otherwise"], [best, *card["confused"].get(best, ())]
        for language, probability in added(text[: card["max_characters"]], card["num_labels"], 0.001):
            if is_sure and language not in possible:
                continue
            generally = max(answers.get(language, 0.0), card["not_named"])
            if language not in answers and language in card["not_in_general"]:
                generally = card["unknown_to_it"]
            points[language] = max(probability, 1e-6) * generally ** card["general_weight"]
        if not points:
            return best, score
        most = max(points, key=points.__getitem__)
        return most, points[most] / sum(points.values())

    return identify


def threshold_of(label: str, settings: Settings) -> float:
    if settings.card is None:
        return settings.lid_threshold
    return float(settings.card["least_scores"].get(label, settings.card["least_score_otherwise"]))


def language_of(shown: str, settings: Settings, identify: Identify) -> tuple[str, float]:
    """Of one call: a code, "und" where nothing is sure, "zxx" for what is no language."""
    label, score = identify(shown)
    score = rounded(score) if settings.round_score else min(score, 1.0)
    code = cc100_code(label, shown) if score >= threshold_of(label, settings) else "und"
    if settings.mended and (code == "my" or (code in ("und", "zxx") and is_mostly_burmese(shown))):
        probability = probability_of_zawgyi(shown)
        if probability >= 0.9:
            return "my_zaw" if probability >= threshold_of("my_zaw", settings) else "und", probability
    return code, score


def identify_page(page: Page, settings: Settings, identify: Identify) -> Found:
    """Step three: the languages of a page; paragraphs that are sure of none get their fate."""
    kept = page.kept()
    units = [[i] for i in kept] if settings.unit == "paragraph" else [kept] if kept else []
    found: Found = {}
    for unit in units:
        text = "".join(page.paragraphs[i] for i in unit)
        shown = " ".join(readable(page.paragraphs[i]) for i in unit) if settings.mended else text
        code, score = language_of(shown, settings, identify)
        if code in WITHOUT_LANGUAGE:
            for i in unit:
                page.fate[i] = WITHOUT_LANGUAGE[code]
        else:
            found.setdefault(code, []).extend((score, i) for i in unit)
    return found


def rounded(score: float) -> float:
    """To 2 decimals as NumPy does, whose number it is in cc_net: 0.495 becomes 0.5, with `round` 0.49."""
    return round(score * 100) / 100


def mean_score(page: Page, parts: list[tuple[float, int]], settings: Settings) -> float:
    """Of a document: that of its one call, or the paragraphs' mean by their code points."""
    if settings.unit == "document":
        return parts[0][0]
    weights = [len(page.paragraphs[i]) for _, i in parts]
    total = sum(score * weight for (score, _), weight in zip(parts, weights, strict=True))
    return round(total / sum(weights), 4)


def objection(document: Document, settings: Settings) -> tuple[str | None, dict[str, str] | None]:
    """Why a document of a bucket that is kept goes all the same; and what it shares with a test file."""
    for name, judge in settings.filters.items():
        if answer := judge(document):
            return f"{name}.{answer}", None
    shared = shared_with_tests(document.text, settings.test_runs, settings.num_words)
    return "contaminated" if shared else None, shared


def finish_page(
    page: Page, name: str, settings: Settings, identify: Identify, perplexity_of: PerplexityOf | None
) -> None:
    """Steps three and four: language, fluency, bucket, documents."""
    found = identify_page(page, settings, identify)
    wanted = [code for code in found if settings.languages is None or code in settings.languages]
    for language, parts in sorted(found.items()):
        ids = [i for _, i in parts]
        texts = [page.paragraphs[i] for i in ids]
        reason = None if language in wanted else "language_unwanted"
        if reason is None:
            lines = ["\n".join(texts)] if settings.unit == "document" else texts
            value = perplexity_of(language, lines) if perplexity_of else None
            bucket = bucket_of(value, settings.cutoffs.get(language))
            if bucket not in settings.keep_buckets:
                reason = f"bucket_{bucket}"
        if language in wanted:
            verdict = Verdict(language, mean_score(page, parts, settings), value, bucket, ids, len(wanted) > 1)
            document = make_document(page, name, verdict)
        shared = None
        if reason is None:
            reason, shared = objection(document, settings)
        page.outcomes.append((language, reason, ids))
        for i in ids:
            page.fate[i] = reason
        if language in wanted:
            document = replace(document, text=settings.mask(document.text), title=settings.mask(document.title))
            if reason is None:
                page.masked[language] = len("\n".join(texts)) - len(document.text)
                page.documents.append(document)
            else:
                if shared:
                    page.contaminations[document.id] = shared
                page.rejects.append((reason, document))


def lower_median(numbers: Sequence[int]) -> int:
    return sorted(numbers)[(len(numbers) - 1) // 2]


@dataclass(frozen=True)
class Verdict:
    """What was found out about one language of a page."""

    language: str
    score: float
    perplexity: float | None
    bucket: str
    ids: list[int]
    one_of_many: bool


def make_document(page: Page, name: str, verdict: Verdict) -> Document:
    headers = page.record.headers
    is_whole = verdict.language == "und"
    url = headers.get("warc-target-uri", "")
    uuid = headers.get("warc-record-id", "").strip("<>").removeprefix("urn:uuid:")
    try:
        domain = urlsplit(url).netloc
    except ValueError:
        domain = ""
    return Document(
        id=f"{uuid}/{verdict.language}" if verdict.one_of_many else uuid,
        text="\n".join(page.paragraphs[i] for i in verdict.ids),
        language=verdict.language,
        language_score=verdict.score,
        perplexity=verdict.perplexity,
        bucket=verdict.bucket,
        url=url,
        domain=domain,
        title=page.title,
        date=headers.get("warc-date", ""),
        dump=page.dump,
        segment=name,
        offset=page.record.offset,
        digest=headers.get("warc-block-digest", ""),
        paragraph_ids=tuple(verdict.ids),
        original_paragraphs=len(page.paragraphs),
        original_characters=len("\n".join(page.paragraphs)),
        n_copies=lower_median([page.copies[i] for i in verdict.ids]) if page.copies and not is_whole else None,
    )


IS_OF_BUCKET, IS_OF_FILTER = re.compile(r"^bucket_"), re.compile(r"\.")


def reason_of(page: Page) -> str | None:
    """Of the record: None where a document came out, else the furthest stage that it reached."""
    if page.documents or page.reason is not None:
        return None if page.documents else page.reason
    fates = sorted({reason for reason in page.fate if reason})
    if "contaminated" in fates:
        return "contaminated"
    for kind in (IS_OF_FILTER, IS_OF_BUCKET):
        if of_kind := [reason for reason in fates if kind.search(reason)]:
            return of_kind[-1]  # of several the last by name
    order = ("language_unwanted", "not_language", "language_unsure", "duplicate", "repeated", "blank")
    return next((reason for reason in order if reason in fates), "empty")


def build(
    paths: Sequence[Path], settings: Settings, identify: Identify, perplexity_of: PerplexityOf | None = None
) -> Expected:
    """The documents and the numbers that a run over these WET files, in segment order, must give."""
    names = segment_names(paths)
    pages = [read_page(number, record, settings) for number, path in enumerate(paths) for record in read_wet(path)]
    alive = [page for page in pages if page.reason is None]
    for scope in scopes(len(paths), settings.dedup_scope):
        compared = [page for page in alive if page.segment in scope]
        drop_duplicates(compared, settings.dedup_keep)
        if settings.count_copies:
            count_copies(compared)
    for number, name in enumerate(names):
        of_segment = [page for page in pages if page.segment == number]
        dump = dump_of(name, [page.record for page in of_segment])
        for page in of_segment:
            page.dump = dump
            if page.reason is None:
                finish_page(page, name, settings, identify, perplexity_of)
            reject_whole(page, name, settings.mask)
    return balance(pages, len(paths))


def reject_whole(page: Page, name: str, mask: Callable[[str], str]) -> None:
    """A page of which nothing is left is a reject; not where a bucket or a filter took it, nor one without a page."""
    reason = reason_of(page)
    if reason is None or reason in ("record_type", "too_large", "contaminated"):
        return
    if IS_OF_FILTER.search(reason) or IS_OF_BUCKET.search(reason):
        return
    ids = [i for i, paragraph in enumerate(page.paragraphs) if paragraph]
    document = make_document(page, name, Verdict("und", 0.0, None, "all", ids, one_of_many=False))
    page.rejects.append((reason, replace(document, text=mask(document.text), title=mask(document.title))))


def dump_of(name: str, records: Iterable[Record]) -> str:
    """CC-MAIN-<year>-<week>: as the segment's name says, else the first warcinfo record that says so."""
    if match := re.search(r"CC-MAIN-\d{4}-\d{2}", name):
        return match.group()
    for record in records:
        match = re.search(r"(?mi)^isPartOf:(.*)$", record.body.decode("utf-8", "replace"))
        if record.kind == "warcinfo" and match:
            return match.group(1).strip()
    return ""


def scopes(segments: int, size: int | None) -> list[range]:
    """Consecutive segments that know of each other's paragraphs."""
    size = size or max(segments, 1)
    return [range(first, min(first + size, segments)) for first in range(0, segments, size)]


def balance(pages: Iterable[Page], segments: int) -> Expected:
    expected = Expected([], Ledger(), [Ledger() for _ in range(segments)], {})
    for page in pages:
        expected.documents += page.documents
        expected.rejects += page.rejects
        expected.contaminations |= page.contaminations
        for ledger in (expected.total, expected.segments[page.segment]):
            ledger.records.add(reason_of(page))
            for paragraph, reason in zip(page.paragraphs, page.fate, strict=True):
                ledger.add_paragraph(paragraph, reason)
            ledger.mask(sum(page.masked.values()))
        for language, reason, ids in page.outcomes:
            ledger = expected.languages.setdefault(language, Ledger())
            ledger.records.add(reason)
            for i in ids:
                ledger.add_paragraph(page.paragraphs[i], reason)
            if reason is None:
                ledger.mask(page.masked[language])
    return expected
