"""What the extractor takes for an icon by its length stays in the text, whatever it is and wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree, NodeType, TextNode

from ccnet_pipeline import sample
from ccnet_pipeline.archive import Record, read_archive
from ccnet_pipeline.web import html, main_text
from ccnet_pipeline.web.lone_characters import StandIns, with_stand_ins
from tests.web.messages import ARTICLE, page_of, reader

_BLANKS = " \t\n\v\f\r"


def extracted(text: str) -> str:
    page = html.parse(text)
    assert page is not None
    return main_text._text_of(page, main_content=True)


# All that has three bytes, but private use; and with some of ASCII, all that has two.
_ALONE = [chr(code) for code in range(0x800, 0x10000) if not 0xD800 <= code < 0xF900]  # no surrogates, either
_PAIRS = [first + chr(second) for first in "!5A\x7fz" for second in range(0x80, 0x800)]


@pytest.mark.parametrize("texts", [_ALONE, _PAIRS], ids=["alone", "pairs"])
def test_no_text_of_three_bytes_is_lost(texts: list[str]) -> None:
    for batch in (texts[at : at + 10_000] for at in range(0, len(texts), 10_000)):
        lines = extracted("".join(f"<p>[<b>{text}</b>]</p>" for text in batch)).split("\n\n")
        assert lines == [f"[{text}]" for text in batch]


@pytest.mark.parametrize("text", ["春", "—", "€", "né", "5\xa0", "m²", "<é", ">é", "&é"])
@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("{}", "{}"),
        ("{}<p>x", "{}\n\nx"),
        ("<p>x<p>{}", "x\n\n{}"),
        ("<b>a</b>{}<b>b</b>", "a{}b"),
        ("a<!-- > -->{}<br>b", "a{}\nb"),
        ("a<b> {}\n</b>b", "a {} b"),
        ("<pre>{}</pre>", "{}"),
        ("<table><tr><td>{}<td>x</table>", "{}\t\tx"),
        ("<p>x<ol><li>{}<li>y</ol>", "x\n\n  {}\n  y"),
        ("a<b title='>春<'>{}</b>\0", "a{}"),
    ],
)
def test_it_may_stand_anywhere(page: str, line: str, text: str) -> None:
    assert extracted(page.format(text)) == line.format(text).rstrip(_BLANKS)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("&mdash;", "—"),
        ("&#8212;", "—"),
        ("&#x6625;", "春"),
        ("&#X6625", "春"),
        ("&#128;", "€"),
        ("5&nbsp;", "5\xa0"),
        ("&#53;&#160;", "5\xa0"),
        ("n&eacute;", "né"),
        ("n&eacute", "né"),
        ("&#32;春&#10;&Tab;", " 春 "),
        ("5</font>&nbsp;", "5\xa0"),
        ("n</x></y>é", "né"),
        ("\0春\0", "春"),
    ],
)
def test_it_may_be_written_as_references_and_across_tags_that_do_not_count(written: str, shown: str) -> None:
    assert extracted(f"<p>[<b>{written}</b>]") == f"[{shown}]"


@pytest.mark.parametrize("icon", ["\ue123", "&#xe123;", " \uf000 ", "¶", "&para;", ")</b><b>¶", ")</b><b>&para;"])
def test_icons_and_marks_of_links_are_left_to_the_extractor(icon: str) -> None:
    shown = ")" if ")" in icon else ""
    assert extracted(f"<p>[<b>{icon}</b>]<b>春") == f"[{shown}]春"


def test_a_stand_in_is_nowhere_but_in_the_tree() -> None:
    body = (
        f"<title>A</title><meta name='>é<' content='>春<'><script>'>春<'</script><title>>春<</title>"
        f"<meta name=robots content='index>—<'><p id='>春<'>{ARTICLE}<b>—</b>"
    )
    page = html.parse(body)
    assert page is not None
    assert page.stand_ins.texts
    assert page.text == body
    text = page_of(body).text
    assert text == f"{ARTICLE}—"
    named = html.parse("<title>春</title><meta name=robots content='noindex>—<'><p>x")
    assert named is not None
    assert named.stand_ins.texts
    assert ("robots", "noindex>—<") in named.directives()
    assert named.title() == "春"


def test_control_characters_of_the_page_stay() -> None:
    body = "\x01&#2;&#x03;&#0004;\u2060<b>—</b>\x05"
    assert extracted(body) == "\x01\x02\x03\x04\u2060—\x05"
    assert with_stand_ins("<b>—</b>\u2060x") == ("<b>\u0100\x01</b>\u2060x", StandIns("\x01", ("—",)))
    crowded = "".join(map(chr, range(1, 0x80))).replace("<", "")
    assert with_stand_ins(crowded + "<b>—</b>") == (crowded + "<b>—</b>", StandIns())


def test_nothing_else_changes() -> None:
    """The extractor passes over an <article> with more than a fifth of its bytes in links: here it has just that."""
    link = "<a href=x>春</a>"
    article = "<div><div><div><article>" + link * 10 + "x" * 121 + "</article></div></div></div>"
    assert extracted(article) == "春" * 10 + "x" * 121
    assert extracted(article.replace("x" * 121, "x" * 119)) == ""


def test_more_texts_than_there_are_stand_ins() -> None:
    texts = [chr(0x4E00 + k) for k in range(3000)]
    assert extracted("<p>" + "".join(f"<b>{text}</b>" for text in texts)) == "".join(texts)


def test_what_loses_nothing_is_not_touched() -> None:
    text = "<p>the<p>é<p>&nbsp;<p>a&b<p>春畑<p>\U00020000<p>ab&nbsp;<p>&amp;<p> "
    assert with_stand_ins(text) == (text, StandIns())


def _mended_node_by_node(text: str) -> str:
    """The slow twin: the parser tells what is a text node, and the extractor's own rule what it drops."""
    tree = HTMLTree.parse(text)
    characters: dict[str, str] = {}
    for node in list(tree.body or ()):
        if node.node_type != NodeType.TEXT:
            continue
        of_text = cast(TextNode, node)
        data = of_text.data or ""
        shown = data.strip(_BLANKS)
        is_dropped = 0x8080EE <= int.from_bytes(shown.encode(), "little") <= 0xBFA3EF
        if len(shown.encode()) == 3 and is_dropped and not "\ue000" <= shown <= "\uf8ff":
            begin = data.index(shown)
            character = characters.setdefault(shown, chr(0x100 + len(characters)))
            of_text.data = f"{data[:begin]}{character}\x1f{data[begin + len(shown) :]}"
    return main_text._text_of(html.Html(text, tree, StandIns("\x1f", tuple(characters))), main_content=True)


_PARTS = (
    "春 — é ² \xa0 \ue123 n 5 < > & &mdash; &nbsp; &#160; &#x6625; &#53; &#10; \0 <b> </b> <p> </p> </x> <br>"
    " <!--x--> <table> <tr> <td> </table> <pre> </pre> <li> <a/b='>é<'> <a> </a> <script> </script> <div> </div> text"
).split(" ")


@settings(max_examples=150)
@given(st.lists(st.sampled_from([*_PARTS, " ", "\n"]), max_size=12))
@example(["<p>", "5", "</x>", "&nbsp;"])
@example(["[<b>", "&mdash;"])
@example(["&#9632;</b>", "&nbsp;"])
@example(["&mdash;", "&#10;"])
@example(["<", "</b>", "é"])
@example(["&#53;", "</x>", "&nbsp;"])
@example(["&nbsp;", "&#10;"])
@example(["&#10;", "é"])
def test_as_if_the_parser_had_been_asked(parts: list[str]) -> None:
    text = "".join(parts)
    assert extracted(text) == _mended_node_by_node(text)


def _pages_of(archive: Path) -> Iterator[html.Html]:
    seen: list[html.Html] = []
    given_reader = reader(max_record_bytes=16 << 20)

    def keep(page: html.Html, _: object) -> main_text.MainText:
        seen.append(page)
        return main_text.MainText([], 0)

    given_reader._main_text = keep
    with archive.open("rb") as stream:
        for item in read_archive(stream):
            if isinstance(item, Record) and item.type == "response":
                given_reader.read(item, "s")
                yield from seen
                seen.clear()


def _assert_nothing_is_lost(archives: list[Path]) -> int:
    """Return how many pages were mended."""
    pages, mended = 0, 0
    for archive in archives:
        for page in _pages_of(archive):
            assert main_text._text_of(page, main_content=True) == _mended_node_by_node(page.text)
            pages, mended = pages + 1, mended + bool(page.stand_ins.texts)
    assert pages > 50
    return mended


def test_no_character_of_the_sample_is_lost() -> None:
    _assert_nothing_is_lost(sorted(Path(sample.__file__).parent.rglob("*.warc.gz")))


def test_no_character_of_real_pages_is_lost(test_data: Path) -> None:
    archives = [*(test_data / "commoncrawl").rglob("*.warc.gz"), *(test_data / "cases").glob("*.warc.gz")]
    assert _assert_nothing_is_lost(sorted(archives)) > 10
