"""What is noted of many archives: sums, the most frequent of them, and the form in which it is published."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.ledger import DamageTally
from ccnet_pipeline.observations import merging
from ccnet_pipeline.observations.archive import Observed
from ccnet_pipeline.observations.examples import Examples
from ccnet_pipeline.observations.merging import Merged
from ccnet_pipeline.observations.published import (
    MOST_DAMAGED,
    MOST_DOMAINS,
    MOST_PARAGRAPH_DOMAINS,
    MOST_REPEATED,
    OBSERVATIONS,
    Observations,
)
from ccnet_pipeline.observations.publishing import Damaged, published
from ccnet_pipeline.observations.reading import packed, read_observations
from ccnet_pipeline.observations.repeated import Repeated, first_domains
from ccnet_pipeline.quality import SCORE_BINS, Quality
from ccnet_pipeline.storage import write
from tests.corpora import document


def paragraph(text: str, records: int, archives: int, *names: str) -> Repeated:
    return Repeated(text, 1, records, archives, *first_domains(names))


def archive(number: int, first: int = 0, stop: int = 40) -> Observed:
    """What an archive could have."""
    examples = Examples()
    for each in range(first, stop):
        examples.see(document(100 * number + each, bucket="head"))
    return Observed(
        examples.of_place,
        {7: paragraph("seven", 3, 1, "a.example"), 8 + number: paragraph("rare", 2, 1, f"{number}.example")},
        {"a.example": (4, 2, 40, 20), f"{number}.example": (1, 0, 10 * number, 0)},
        {"en": (1.5, 2.5)},
    )


def merged(archives: Sequence[Observed]) -> Merged:
    whole = Merged()
    for each in archives:
        whole.add(each)
    return whole


def test_groups_of_archives_are_the_same_as_all_of_them_at_once() -> None:
    archives = [archive(number) for number in range(6)]
    groups = [merged(archives[:1]).cut(), merged(archives[1:4]).cut(), merged(archives[4:]).cut()]
    assert merged(groups).cut() == merged(archives).cut() == merged(archives[:3] + archives[3:]).cut()


def test_counts_add_up_and_all_domains_are_told() -> None:
    other = Observed({}, {7: paragraph("Seven", 5, 2, "b.example")}, {"a.example": (1, 1, 5, 5)}, {})
    found = merged([archive(1), other]).cut()
    assert found.repeated[7] == ("seven", 1, 8, 3, ("a.example", "b.example"), False)
    assert found.repeated[9] == ("rare", 1, 2, 1, ("1.example",), False)
    assert found.domains["a.example"] == (5, 3, 45, 25)


@given(st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=10), min_size=1, max_size=5), st.randoms())
def test_the_domains_of_a_paragraph_are_the_first_by_name_in_any_order(
    given_names: list[list[int]], shuffled: random.Random
) -> None:
    names = [[f"{chr(ord('a') + each)}.example" for each in some] for some in given_names]
    shuffled.shuffle(names)
    found = merged([Observed({}, {7: paragraph("seven", 2, 1, *some)}, {}, {}) for some in names]).repeated[7]
    expected = sorted({each for some in names for each in some})
    assert (found.domains, found.more_domains) == ((*expected[:MOST_PARAGRAPH_DOMAINS],), len(expected) > 8)


def test_of_documents_with_one_id_that_of_the_first_archive_comes_first() -> None:
    first, second = Examples(), Examples()
    first.see(document(1, segment=0, title="first"))
    second.see(document(1, segment=1, title="second"))
    whole = merged([Observed(each.of_place, {}, {}, {}) for each in (first, second)])
    shown = published(whole, {}, Damaged())
    assert [each.title for each in shown.examples] == ["first", "second"]


def test_a_group_keeps_what_came_most_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "MOST_REPEATED_IN_GROUP", 1)
    monkeypatch.setattr(merging, "MOST_DOMAINS_IN_GROUP", 1)
    found = merged([archive(1), archive(2), archive(9)]).cut()
    assert list(found.repeated) == [7]
    assert set(found.domains) == {"a.example", "9.example"}


def test_what_is_added_up_stays_bounded_and_what_comes_often_stays_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "MOST_REPEATED_IN_GROUP", 1)
    monkeypatch.setattr(merging, "MOST_DOMAINS_IN_GROUP", 1)
    whole = merged([archive(number, stop=0) for number in range(200)])
    assert whole.repeated[7] == paragraph("seven", 600, 200, "a.example")
    assert whole.domains["a.example"] == (800, 400, 8000, 4000)
    assert len(whole.repeated) <= 20
    assert len(whole.domains) <= 40


def test_damaged_archives_are_those_that_lost_most_in_whatever_order_they_come() -> None:
    parts = []
    for number in range(3 * MOST_DAMAGED):
        damage = DamageTally()
        if number % 2:
            damage.count("corrupt_gzip", number // 4, 1)
        parts.append(Damaged())
        parts[-1].count(f"{number:03d}.wet.gz", damage)
    random.Random(1).shuffle(parts)
    whole = Damaged()
    for part in parts:
        whole.add(part)
    assert whole.number == 3 * MOST_DAMAGED // 2
    assert [each.segment for each in whole.most[:2]] == ["297.wet.gz", "299.wet.gz"]
    assert len(whole.most) == MOST_DAMAGED


def shown(archives: Sequence[Observed]) -> Observations:
    quality = Quality()
    for score, perplexity in ((0.0, 9.94), (0.58, 12345.6), (1.0, None)):
        quality.count(score, perplexity, None)
    return published(merged(archives), {"en": quality, "de": Quality()}, Damaged())


def test_what_is_published_is_of_bounded_size_and_in_order() -> None:
    many = Observed(
        {},
        {hashed: Repeated("x", hashed, 5 + hashed % 3, 1, (), False) for hashed in range(3 * MOST_REPEATED)},
        {f"{number}.example": (1, 1, 50, number % 50) for number in range(9 * MOST_DOMAINS)},
        {},
    )
    found = shown([many])
    assert len(found.repeated) == MOST_REPEATED
    assert [each.records for each in found.repeated] == [7] * MOST_REPEATED
    assert found.repeated[0].hash == "0000000000000002"
    assert len(found.domains) == 2 * MOST_DOMAINS
    assert found.domains[0].characters_kept == 49


def test_scores_and_perplexities_of_a_language_are_counted_in_bins() -> None:
    english = shown([archive(1)]).languages["en"]
    assert [number for number, count in enumerate(english.scores) if count] == [0, 29, SCORE_BINS - 1]
    assert (english.perplexities, english.cutoffs) == ({"9.9": 1, "12000.0": 1}, (1.5, 2.5))
    assert shown([]).languages["de"].cutoffs is None


def test_what_was_kept_stands_before_what_was_dropped() -> None:
    examples = Examples()
    for each in (
        document(1, "en", "all"), document(2, "en", "tail", reason="bucket_tail"), document(3, "en", "middle"),
        document(4, "en", "head"), document(5, "en", "head", reason="a.b"), document(6, "de", "all"),
    ):  # fmt: skip
        examples.see(each)
    found = shown([Observed(examples.of_place, {}, {}, {})]).examples
    assert [(each.language, each.bucket, each.reason) for each in found] == [
        ("de", "all", None), ("en", "head", None), ("en", "middle", None), ("en", "all", None),
        ("en", "head", "a.b"), ("en", "tail", "bucket_tail"),
    ]  # fmt: skip


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    observations = shown([archive(1)])
    assert read_observations(str(tmp_path)) is None
    write(f"{tmp_path}/{OBSERVATIONS}", packed(observations))
    assert read_observations(str(tmp_path)) == observations


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (packed(shown([]))[:-5], "is damaged"),
        (b"no frame", "is damaged"),
        (packed(replace(shown([]), version=9)), "is of version 9, and this program knows 1"),
    ],
    ids=["cut off", "no frame", "of another version"],
)
def test_what_cannot_be_understood_is_one_line(data: bytes, told: str, tmp_path: Path) -> None:
    write(f"{tmp_path}/{OBSERVATIONS}", data)
    with pytest.raises(UserError, match=told):
        read_observations(str(tmp_path))
