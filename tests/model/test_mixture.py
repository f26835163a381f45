"""Which languages a run trains on, and with which shares."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.config import TrainConfig, read_train, to_json
from model.errors import UserError
from model.languages import SETS, expand, parse_languages, select
from model.mixture import choose, cut, fewest_tokens, mixture_of, shares_of
from model.presets import SIZES
from model.sampling import shares
from model.stages import Stages
from model.weights import check_weights, parse_weights, read_weights
from tests.conftest import CHECKOUT

TINY = SIZES["tiny"].train
TOKENS = {"be": 6, "en": 900_000, "sw": 50_000, "ur": 9_000, "wo": 2_539, "xh": 2_540}


def settings(**changes: object) -> TrainConfig:
    return replace(TINY, **changes)  # type: ignore[arg-type]


# --- sets


def test_the_sets_hold_each_other_and_are_those_of_every_version() -> None:
    sizes = [7, 15, 30, 60, 100]
    assert {name: len(codes) for name, codes in SETS.items()} == {f"xlm-{size}": size for size in sizes}
    assert all(SETS[f"xlm-{one}"] < SETS[f"xlm-{other}"] for one, other in pairwise(sizes))
    # A run keeps the name alone, so another list would be another run.
    lines = [" ".join(sorted(SETS[f"xlm-{size}"])) for size in sizes]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == "9f2529654ace44e6"


def test_the_sets_of_30_and_60_are_the_largest_by_the_papers_table() -> None:
    with (CHECKOUT / "ccnet_pipeline" / "language" / "table.csv").open(encoding="utf-8", newline="") as file:
        gib = {row["code"]: float(row["xlmr_gib"]) for row in csv.DictReader(file) if row["xlmr_gib"]}
    assert SETS["xlm-100"] == {*gib, "my", "my_zaw"}
    for name in ("xlm-30", "xlm-60"):
        added = SETS[name] - SETS["xlm-15"]
        others = set(gib) - SETS[name]
        assert min(gib[code] for code in added) > max(gib[code] for code in others)


@pytest.mark.parametrize(
    ("text", "names"),
    [("sw", ("sw",)), (" sw, en ,sw,", ("en", "sw")), ("xlm-7,ja", ("ja", "xlm-7"))],
)
def test_what_languages_says(text: str, names: tuple[str, ...]) -> None:
    assert parse_languages(text) == names


@pytest.mark.parametrize("text", ["", " ", ","])
def test_no_language_at_all_is_a_mistake(text: str) -> None:
    with pytest.raises(UserError, match=r"names no language; give codes with commas, or xlm-7, .*xlm-100 for"):
        parse_languages(text)


def test_a_set_may_lack_languages_and_a_code_may_not() -> None:
    found = select(["en", "sw", "wo"], ("xlm-7",), where="x/shards")
    assert found.languages == ("en", "sw")
    assert found.missing == ("de", "fr", "ru", "ur", "zh-Hans")
    assert select(["sw", "en"], (), where="x").languages == ("en", "sw")
    with pytest.raises(UserError, match=r"^--languages: no 'swa' in x/shards; did you mean 'sw'\?$"):
        select(["en", "sw"], ("swa",), where="x/shards")
    with pytest.raises(UserError, match="no 'qq' in x/shards; there are en, sw, xlm-"):
        select(["en", "sw"], ("qq",), where="x/shards")
    with pytest.raises(UserError, match="did you mean 'xlm-15'"):
        select(["en", "sw"], ("xlmr-15",), where="x/shards")
    with pytest.raises(UserError, match="--languages xlm-7: x/shards has none of them, but wo, yo"):
        select(["yo", "wo"], ("xlm-7",), where="x/shards")


# --- who is left out


def test_a_language_of_fewer_than_20_samples_is_left_out() -> None:
    assert fewest_tokens(settings(min_tokens=None)) == 20 * 127
    found = choose(TOKENS, settings(min_tokens=None), where="e")
    assert dict(found.tokens) == {"en": 900_000, "sw": 50_000, "ur": 9_000, "xh": 2_540}
    assert dict(found.too_small) == {"be": 6, "wo": 2_539}
    assert dict(choose(TOKENS, settings(min_tokens=0), where="e").tokens) == TOKENS
    assert list(choose(TOKENS, settings(min_tokens=50_001), where="e").tokens) == ["en"]
    assert fewest_tokens(SIZES["base"].train) == 20 * 511
    assert fewest_tokens(TINY) == 10 * 127


def test_none_is_left_is_a_mistake_that_names_the_largest() -> None:
    with pytest.raises(UserError, match=r"no language of e has the 1,000,000 tokens .* \(the most: en, 900,000\)"):
        choose(TOKENS, settings(min_tokens=1_000_000), where="e")


# --- shares


def test_without_a_cut_the_shares_are_q_to_the_bit() -> None:
    assert shares_of(TOKENS, settings(max_epochs=0.0), 0.3) == shares(TOKENS, 0.3)
    few = settings(steps=31, planned_steps=31, batch_size=1)
    assert shares_of({"en": 900_000, "sw": 50_000}, few, 0.3) == pytest.approx(
        shares({"en": 900_000, "sw": 50_000}, 0.3)
    )


def test_no_language_is_repeated_more_often_than_max_epochs() -> None:
    chosen = choose(TOKENS, settings(min_tokens=0), where="e")
    train = settings(max_epochs=20.0, min_tokens=0)
    before, after = shares(TOKENS, 0.3), shares_of(TOKENS, train, 0.3)
    rows = mixture_of(chosen, dict.fromkeys(TOKENS, 1), train, {0: after}).rows
    assert sum(after.values()) == pytest.approx(1)
    assert {name for name, row in rows.items() if row.epochs > 19.99} == {"be", "wo", "xh"}
    assert max(row.epochs for row in rows.values()) == pytest.approx(20)
    # What is cut is spread in proportion.
    assert after["en"] / after["sw"] == pytest.approx(before["en"] / before["sw"])


portions = st.lists(st.tuples(st.floats(0.001, 1), st.floats(1e-4, 2)), min_size=1, max_size=9)


@given(portions)
def test_cut_shares_sum_to_one_keep_the_limit_and_the_proportion(pairs: list[tuple[float, float]]) -> None:
    whole = sum(share for share, _ in pairs)
    given_ = {f"l{number}": share / whole for number, (share, _) in enumerate(pairs)}
    most = {f"l{number}": limit for number, (_, limit) in enumerate(pairs)}
    after = cut(given_, most)
    assert sum(after.values()) == pytest.approx(1)
    if sum(most.values()) <= 1:
        assert {name: after[name] / most[name] for name in after} == pytest.approx(
            dict.fromkeys(after, 1 / sum(most.values()))
        )
        return
    assert all(after[name] <= most[name] * (1 + 1e-9) for name in after)
    grown = [after[name] / given_[name] for name in after if after[name] < most[name] * (1 - 1e-9)]
    assert grown == pytest.approx([max(after[name] / given_[name] for name in after)] * len(grown))


def test_raised_steps_keep_the_shares() -> None:
    begun = settings(planned_steps=300)
    raised = settings(planned_steps=300, steps=3000)
    assert shares_of(TOKENS, begun, 0.3) == shares_of(TOKENS, raised, 0.3)
    assert shares_of(TOKENS, begun, 0.3) != shares_of(TOKENS, settings(planned_steps=3000, steps=3000), 0.3)


def test_the_table_is_of_the_whole_run_whatever_its_stages() -> None:
    train = settings(alpha=Stages.parse("1,100:0"), steps=300, planned_steps=300, max_epochs=0.0)
    tokens = {"en": 900, "sw": 100}
    stages = {step * 32: shares_of(tokens, train, alpha) for step, alpha in train.alpha.items}
    chosen = choose(tokens, settings(min_tokens=0), where="e")
    rows = mixture_of(chosen, {"en": 3, "sw": 1}, train, {**stages, 10**9: {"en": 0.0, "sw": 1.0}}).rows
    assert rows["sw"].share == pytest.approx(0.1 / 3 + 0.5 * 2 / 3)
    assert rows["sw"].epochs == pytest.approx(rows["sw"].share * 300 * 32 * 127 / 100)
    assert rows["en"].share + rows["sw"].share == pytest.approx(1)


# --- weights


def test_weights_stand_in_place_of_q_and_name_the_languages() -> None:
    train = settings(weights=(("en", 3.0), ("ur", 1.0)), max_epochs=0.0)
    chosen = choose(TOKENS, train, where="e")
    assert list(chosen.tokens) == ["en", "ur"]
    assert shares_of(chosen.tokens, train, 0.7) == {"en": 0.75, "ur": 0.25}
    assert list(choose(TOKENS, replace(train, languages=("ur",)), where="e").tokens) == ["ur"]
    with pytest.raises(UserError, match="--weights has no line for sw; add it, or leave it out of --languages"):
        choose(TOKENS, replace(train, languages=("en", "sw")), where="e")
    with pytest.raises(UserError, match=r"--weights: no 'enn' in e; did you mean 'en'\?"):
        choose(TOKENS, settings(weights=(("enn", 1.0),)), where="e")


def test_a_file_of_weights(tmp_path: Path) -> None:
    path = tmp_path / "w.tsv"
    path.write_text("# mine\n\nsw\t0.5\n  en 2e-1\n")
    assert [(one.language, one.weight) for one in read_weights(path)] == [("sw", 0.5), ("en", 0.2)]
    with pytest.raises(UserError, match=r"w\.tsv:3: no 'sw' in x; did you mean 'swa'"):
        check_weights(read_weights(path), ["en", "swa"], where="x")
    with pytest.raises(UserError, match=r"--weights .*none cannot be read"):
        read_weights(tmp_path / "none")
    path.write_bytes(b"sw \xff\n")
    with pytest.raises(UserError, match="cannot be read"):
        read_weights(path)


@pytest.mark.parametrize("line", ["sw", "sw 0", "sw -1", "sw nan", "sw inf", "sw 0,5", "sw 1 2", "0.5 sw"])
def test_a_line_that_is_no_weight_is_named(line: str) -> None:
    with pytest.raises(UserError, match=r"^w:2: .* is no language and number above 0, such as 'sw 0\.02'$"):
        parse_weights(["en 1", line], "w")


def test_a_language_twice_and_no_language_at_all() -> None:
    with pytest.raises(UserError, match=r"^w:3: 'en' stands in line 1, too$"):
        parse_weights(["en 1", "sw 1", "en 2"], "w")
    with pytest.raises(UserError, match=r"^w has no line such as"):
        parse_weights(["# en 1", ""], "w")


# --- in config.json


@pytest.mark.parametrize("weight", [1e308, 5e-324])
def test_weights_of_any_size_have_a_sum(weight: float) -> None:
    train = settings(weights=(("en", weight), ("sw", weight)), max_epochs=0.0)
    assert shares_of({"en": 9, "sw": 1}, train, 0.3) == {"en": 0.5, "sw": 0.5}


def test_a_file_of_weights_may_have_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_text("en 1\n", "utf-8-sig")
    assert [one.language for one in read_weights(path)] == ["en"]


def test_a_run_begun_before_languages_could_be_chosen_goes_on_as_it_was() -> None:
    values = to_json(TINY)
    for name in ("languages", "min_tokens", "max_epochs", "weights"):
        del values[name]
    train = read_train(values)
    assert dict(choose(TOKENS, train, where="e").tokens) == TOKENS
    assert shares_of(TOKENS, train, 0.3) == shares(TOKENS, 0.3)


def test_choices_of_languages_come_back_from_json() -> None:
    train = settings(languages=("ja", "xlm-7"), min_tokens=None, weights=(("ja", 0.5),))
    assert read_train(json.loads(json.dumps(to_json(train)))) == train


def test_names_stand_for_codes() -> None:
    assert expand(("xlm-7", "ja")) == {"de", "en", "fr", "ja", "ru", "sw", "ur", "zh-Hans"}
