"""The pages of the sample crawl: articles in their sites' frames, and all else that a crawl brings along."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ccnet_pipeline.sample.sites import FRAMES, Frame, Site

SEED = "ccnet_pipeline.sample/1"
# Languages with a small language model beside the crawl: they get more pages for it to push down.
SCORED_LANGUAGES = ("ar", "en", "fr", "hi", "ru", "sw", "zh-Hans")
# With fewer documents than this a language only has articles: every copy would cost it most of its text.
FEWEST_DOCUMENTS = 5
# Scripts without blanks between words are shuffled by character.
_UNSPACED = ("ja", "th", "zh-Hans")

_KEYWORDS = tuple(
    f"{word} {thing}"
    for word in ("cheap", "buy", "best", "free", "new", "top", "discount", "2026")
    for thing in ("shoes", "watch", "phone case", "hotel", "flight", "ringtone", "wallpaper", "coupon", "bag")
)
_CODE = (
    "function toggle(id) {{ var n = document.getElementById(id); n.hidden = !n.hidden; return {0}; }}",
    "for (int i = {0}; i < count; i++) {{ total += table[i] * {1}; }}",
    ".card-{0} > li:hover {{ color: #{1:06x}; padding: 0 {0}px; }}",
    "SELECT id, title FROM pages WHERE size > {1} ORDER BY id LIMIT {0};",
    '{{"id": {0}, "items": [{1}, null, true], "next": "/api/v2/list?page={0}"}}',
    "if [ -f build-{0}.log ]; then tail -n {1} build-{0}.log | grep -c ERROR; fi",
)


@dataclass(frozen=True)
class Document:
    """One text of the pool: its title line and its paragraphs."""

    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """One page. Title, menu, paragraphs and tail make up the lines of its WET text, in this order."""

    kind: str
    languages: tuple[str, ...]
    url: str
    title: str
    menu: tuple[str, ...] = ()
    paragraphs: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    charset: str = "utf-8"
    raw: bytes | None = None

    @property
    def text(self) -> bytes:
        """The block of the WET record; `raw` stands for all of it where a page's bytes are no proper text."""
        if self.raw is not None:
            return self.raw
        return "\n".join((self.title, *self.menu, *self.paragraphs, *self.tail)).encode("utf-8") + b"\n"


def read_documents(path: Path) -> list[Document]:
    """Documents of a text file: a title line, then a paragraph a line; blank lines between documents."""
    blocks = path.read_text(encoding="utf-8").strip("\n").split("\n\n")
    return [Document(lines[0], tuple(lines[1:])) for lines in (block.split("\n") for block in blocks)]


def sample_pages(text: Path) -> list[Page]:
    """All pages that the texts in a folder give, in an order that depends on nothing else."""
    pools = {path.stem: read_documents(path) for path in sorted(text.glob("*.txt"))}
    pages: list[Page] = []
    for language, documents in pools.items():
        pages += _Language(language, documents).pages()
    pages += _mixed(pools)
    pages += _junk(pools)
    return [*pages, *_broken()]


def _framed(kind: str, language: str, site: Site, name: str, document: Document) -> Page:
    """A document inside its site's frame."""
    frame = FRAMES[language]
    return Page(
        kind=kind,
        languages=(language,),
        url=f"https://{site.host}/{name}",
        title=f"{document.title} | {site.name}",
        menu=(*frame.menu, frame.cookies),
        paragraphs=document.paragraphs,
        tail=(frame.share, frame.latest, frame.footer, f"© 2026 {site.name}"),
        charset=site.charset,
    )


class _Language:
    """The pages of one language. The last three documents of its file are for copies, the rest used once."""

    def __init__(self, language: str, documents: list[Document]) -> None:
        self._language = language
        self._frame: Frame = FRAMES[language]
        self._random = random.Random(f"{SEED}/{language}")
        enough = len(documents) >= FEWEST_DOCUMENTS
        self._articles = documents[:-3] if enough else documents
        self._copied = documents[-2:] if enough else []
        self._documents = documents

    def pages(self) -> list[Page]:
        pages = list(self._article_pages())
        if self._copied:
            pages += [*self._mirrors(), *self._listings(), *self._thin(), *self._disfluent()]
        return pages

    def _site(self, number: int) -> Site:
        return self._frame.sites[number % len(self._frame.sites)]

    def _article_pages(self) -> Iterator[Page]:
        """Each article once; two paragraphs of the syndicated document also stand under some of them."""
        syndicated = self._copied[0].paragraphs if self._copied else ()
        for number, document in enumerate(self._articles):
            borrowed = syndicated[number // 2 : number // 2 + 1] if number < 4 else ()
            kind = "syndicated" if borrowed else "article"
            extended = replace(document, paragraphs=document.paragraphs + borrowed)
            yield self._framed(kind, number, f"2026/{number + 101}.html", extended)
        if syndicated:
            yield self._framed("syndicated", 2, "2026/digest.html", self._copied[0])

    def _mirrors(self) -> Iterator[Page]:
        """The same page under two addresses, the same text in another site's frame, and a copy with edits."""
        document = self._copied[1]
        first = self._framed("mirror", 0, "2026/199.html", document)
        yield first
        yield replace(first, url=first.url + "?print=1")
        yield self._framed("mirror", 1, "copied/199", document)
        edited = (*document.paragraphs[1:], f"{document.title} ({self._site(2).name})")
        yield self._framed("mirror_near", 2, "2026/found.html", replace(document, paragraphs=edited))

    def _listings(self) -> Iterator[Page]:
        for number in range(2):
            teasers = self._random.sample(self._documents, min(8, len(self._documents)))
            days = {document: day for day, document in enumerate(self._documents, start=1)}
            lines = tuple(f"{teaser.title} – {days[teaser]}.1.2026" for teaser in teasers)
            yield self._framed("listing", number, f"index/{number}", Document(self._frame.latest, lines))

    def _thin(self) -> Iterator[Page]:
        """A page that is nothing but its frame, and one with a single sentence."""
        yield self._framed("frame_only", 0, "contact", Document(self._frame.menu[-1], ()))
        title = self._random.choice(self._documents).title
        site = self._site(1)
        url = f"https://{site.host}/short"
        yield Page("too_short", (self._language,), url, site.name, self._frame.menu[:3], (title,))

    def _disfluent(self) -> Iterator[Page]:
        """Words of the language in no order: right for a language identifier, wrong for a language model."""
        for number in range(3 if self._language in SCORED_LANGUAGES else 1):
            source = self._documents[-1 - number]
            lines = tuple(self._shuffled(paragraph) for paragraph in source.paragraphs)
            document = Document(self._shuffled(source.title), lines)
            yield self._framed("disfluent", number, f"tags/{number}", document)

    def _shuffled(self, text: str) -> str:
        unspaced = self._language in _UNSPACED
        parts = list(text) if unspaced else text.split()
        self._random.shuffle(parts)
        return "".join(parts) if unspaced else " ".join(parts)

    def _framed(self, kind: str, site: int, name: str, document: Document) -> Page:
        return _framed(kind, self._language, self._site(site), name, document)


def _mixed(pools: dict[str, list[Document]]) -> Iterator[Page]:
    """Half a document in one language, half in the next: each such document is split over two pages."""
    languages = [language for language, documents in pools.items() if len(documents) >= FEWEST_DOCUMENTS]
    for language, other in zip(languages, languages[1:] + languages[:1], strict=True):
        mine, theirs = pools[language][-3], pools[other][-3]
        half = (len(mine.paragraphs) + 1) // 2
        rest = theirs.paragraphs[(len(theirs.paragraphs) + 1) // 2 :]
        document = Document(mine.title, mine.paragraphs[:half] + rest)
        page = _framed("mixed", language, FRAMES[language].sites[0], "2026/visitors.html", document)
        yield replace(page, languages=(language, other), charset="utf-8")


def _junk(pools: dict[str, list[Document]]) -> Iterator[Page]:
    """Pages without a language, five of each kind."""
    source = random.Random(f"{SEED}/junk")
    makers = {"keywords": _keywords, "code": _code, "digits": _digits, "letters": _letters}
    for kind, maker in makers.items():
        for number in range(5):
            lines = tuple(maker(source) for _ in range(source.randint(6, 12)))
            yield _bare(f"junk_{kind}", f"{kind}/{number}", f"{kind} {source.randint(100, 999)}", lines)
    garbled = [language for language in ("ru", "el", "ja", "fr", "ar") if language in pools]
    for number, language in enumerate(garbled):
        # UTF-8 read as Windows-1252: what a wrong charset declaration makes of a page.
        document = pools[language][number]
        lines = tuple(_mojibake(paragraph) for paragraph in document.paragraphs)
        yield _bare("junk_mojibake", f"mojibake/{number}", _mojibake(document.title), lines)


def _mojibake(text: str) -> str:
    return text.encode("utf-8").decode("cp1252", "replace")


def _keywords(source: random.Random) -> str:
    return ", ".join(source.choice(_KEYWORDS) for _ in range(source.randint(10, 18)))


def _code(source: random.Random) -> str:
    return source.choice(_CODE).format(source.randint(1, 99), source.randint(100, 99999))


def _digits(source: random.Random) -> str:
    return " ".join(str(source.randint(0, 10 ** source.randint(1, 7))) for _ in range(source.randint(9, 16)))


def _letters(source: random.Random) -> str:
    def word() -> str:
        return "".join(source.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(source.randint(2, 11)))

    return " ".join(word() for _ in range(source.randint(9, 16)))


def _bare(kind: str, name: str, title: str, lines: tuple[str, ...], raw: bytes | None = None) -> Page:
    """A page of the site that gathers what has no frame."""
    return Page(kind, (), f"http://attic.example/{name}", title, paragraphs=lines, raw=raw)


def _broken() -> Iterator[Page]:
    """Pages without text, and pages whose bytes are damaged."""
    for number, raw in enumerate((b"", b"\n", b" \n\t\n \n", b"\r\n\r\n")):
        yield _bare("empty", f"empty/{number}", "", (), raw)
    for number, title in enumerate(("Untitled document", "Index of /pictures", "Coming soon")):
        yield _bare("title_only", f"title/{number}", title, ())
    sentence = "The lamp at the end of the pier is switched on every evening as soon as the boats come home. "
    line = sentence.encode("ascii")
    damaged = (
        b"A page with\x00 a zero\x00 byte\n%b\x00\x00\ncaf\xe9 \xff\xfe \xc3( %b\n" % (line * 4, line),
        b"Cut short\r\n%b\r\n\r\nThe harbour caf\xc3\xa9 closes at nine, and then \xf0\x9f" % (line * 3),
    )
    for number, raw in enumerate(damaged):
        yield _bare("damaged_bytes", f"damaged/{number}", "", (), raw)
