"""What is noted of one archive: the same as a loop over all its pages and paragraphs would say."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.dedup.duplicates import collect
from ccnet_pipeline.dedup.hashing import paragraph_hashes
from ccnet_pipeline.documents import Document
from ccnet_pipeline.observations import domains as domains_of_archive
from ccnet_pipeline.observations import repeated as repeated_of_archive
from ccnet_pipeline.observations.archive import Observed, Observer, pack, unpack
from ccnet_pipeline.observations.examples import example_of, number_of
from ccnet_pipeline.observations.published import EXAMPLES_PER_PLACE, Example
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.recipe import CCNET
from tests.chunks import chunks_of
from tests.corpora import document

HOSTS = ("c.example", "b.example", "a.example")
pages = st.lists(
    st.tuples(
        st.sampled_from(HOSTS),
        st.sampled_from([None, None, None, "too_short"]),
        st.lists(st.sampled_from(["", "one", "One", "two", "three", "“”"]), max_size=5),
    ),
    max_size=8,
)
Pages = Sequence[tuple[str, str | None, list[str]]]


def observed(
    given_pages: Pages, documents: Sequence[Document] = (), cut: int = 0, mask: Callable[[str], str] = str
) -> Observed:
    """What is noted of pages in two chunks; the second begins at `cut`."""
    whole = [
        Page(str(number), f"http://{host}/", "", "", number, "", lines, reason)
        for number, (host, reason, lines) in enumerate(given_pages)
    ]
    compared = [lines for _, reason, lines in given_pages if reason is None]
    table = collect(paragraph_hashes([line for lines in compared for line in lines]), [*map(len, compared)])
    observer = Observer(table.paragraphs, mask)
    parts = [part for part in (whole[:cut], whole[cut:]) if part]
    assert len(list(observer.watched(chunks_of(CCNET, *parts)))) == len(parts)
    for each in documents:
        observer.see(each)
    return unpack(pack(observer.observed({"en": (1.5, 2.5)})))


@given(pages, st.integers(0, 8))
def test_paragraphs_are_counted_by_the_records_and_domains_that_have_them(given_pages: Pages, cut: int) -> None:
    most = 2
    records, texts, hosts = Counter[int](), dict[int, str](), defaultdict[int, set[str]](set)
    for host, reason, lines in given_pages:
        hashes = paragraph_hashes(lines).tolist() if reason is None else []
        records.update(set(hashes))
        for hashed, line in zip(hashes, lines, strict=False):
            texts.setdefault(hashed, line)
            hosts[hashed].add(host)
    [blank] = paragraph_hashes([""]).tolist()
    expected = {
        hashed: (texts[hashed], hashed, count, 1, (*sorted(hosts[hashed])[:most],), len(hosts[hashed]) > most)
        for hashed, count in records.items()
        if count > 1 and hashed != blank
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeated_of_archive, "MOST_PARAGRAPH_DOMAINS", most)
        assert observed(given_pages, cut=cut).repeated == expected


def test_of_many_paragraphs_the_most_frequent_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_of_archive, "MOST_IN_ARCHIVE", 2)
    lines = [["x", "y", "z", ""], ["x", "y", "z", ""], ["", "z", "y"]]
    found = observed([("a.example", None, each) for each in lines]).repeated
    assert sorted((each.text, each.records) for each in found.values()) == [("y", 3), ("z", 3)]


def test_a_paragraph_is_known_by_what_documents_have_and_merged_by_what_pages_have() -> None:
    long = "ann " + "x" * 300
    found = observed([("a.example", None, [long])] * 2, mask=lambda text: text.replace("ann", "[mail]")).repeated
    [key, masked] = paragraph_hashes([long, "[mail] " + "x" * 300]).tolist()
    assert {hashed: (each.text, each.hash) for hashed, each in found.items()} == {key: ("[mail] " + "x" * 193, masked)}


@given(pages, st.integers(0, 8))
def test_domains_are_counted_with_all_their_pages(given_pages: Pages, cut: int) -> None:
    kept = [document(number, host=host) for number, (host, reason, _) in enumerate(given_pages) if reason is None]
    expected = {}
    for name in {host for host, _, _ in given_pages}:
        of_domain = [lines for host, _, lines in given_pages if host == name]
        of_kept = [sum(map(len, each.text.split("\n"))) for each in kept if each.domain == name]
        expected[name] = len(of_domain), len(of_kept), sum(len("".join(lines)) for lines in of_domain), sum(of_kept)
    assert observed(given_pages, kept, cut).domains == expected


def test_a_record_that_gives_two_documents_is_kept_once() -> None:
    two = [document(1, language, id=f"page/{language}", host=HOSTS[0]) for language in ("en", "fr")]
    found = observed([(HOSTS[0], None, ["one"])], [*two, document(2, host=HOSTS[0])])
    assert found.domains[HOSTS[0]][1] == 2


def test_of_many_domains_those_that_gave_or_lost_most_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domains_of_archive, "MOST_IN_ARCHIVE", 1)
    given_pages = [(f"{name}.example", None, ["x" * length]) for name, length in (("a", 80), ("b", 90), ("c", 10))]
    found = observed(given_pages, [document(1, host="a.example", paragraphs=["x" * 80])])
    assert set(found.domains) == {"a.example", "b.example"}


def test_the_examples_of_a_place_are_those_with_the_least_numbers_in_any_order() -> None:
    many = [document(number, bucket=("head", "all")[number % 2]) for number in range(60)]
    many += [document(100 + number, reason=("x", "y")[number % 2]) for number in range(6)]
    forth, back = observed([], many), observed([], many[::-1])
    assert forth.examples == back.examples
    assert set(forth.examples) == {("en", "head"), ("en", "all"), ("en", "-x"), ("en", "-y")}
    expected = sorted(many[:60:2], key=number_of)[:EXAMPLES_PER_PLACE]
    found = [msgspec.msgpack.decode(example, type=Example) for _, example in forth.examples["en", "head"]]
    assert found == [example_of(each) for each in expected]


def test_the_text_of_an_example_is_cut_and_its_size_is_told() -> None:
    long = document(1, paragraphs=["é" * 1500, "x"], title="t" * 9000, reason="bucket_tail")
    example = example_of(long)
    assert (example.text, example.paragraphs, example.characters) == ("é" * 1000, 2, 1501)
    assert (len(example.title), example.reason) == (2000, "bucket_tail")


def test_an_archive_without_a_page_has_nothing() -> None:
    assert observed([]) == Observed({}, {}, {}, {"en": (1.5, 2.5)})


@pytest.mark.parametrize("data", [b"", b"no frame", pack(Observed({}, {}, {}, {}))[:-1]])
def test_what_is_damaged_is_told(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are zstd's and msgspec's
        unpack(data)
