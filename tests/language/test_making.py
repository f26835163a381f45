"""The added model and its card, made from a folder of little text."""

import ctypes
import logging
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from ccnet_pipeline.language import FastTextModel, Judgement, load, with_second
from ccnet_pipeline.language.__main__ import main
from ccnet_pipeline.language.combination import read_rule
from ccnet_pipeline.language.making import Making, make, read_pools
from ccnet_pipeline.language.samples import Amounts, samples
from ccnet_pipeline.language.thresholds import NEVER
from ccnet_pipeline.language.training import Settings
from tests.lid_models import write_model

SYLLABLES = {"ha": "kuma da wani ya mutane", "sw": "kila mtu ana haki ya", "zu": "wonke umuntu unelungelo"}
SETTINGS = Settings(dimensions=24, epochs=2, epochs_when_small=1, buckets=360_000, most_bytes=100_000)
AMOUNTS = Amounts(of_a_language=120, fewest=120, most=120, of_noise=120)


def _write_pools(folder: Path) -> Path:
    """Documents of sentences of made-up words, a few syllables' worth for each language."""
    folder.mkdir()
    for code, syllables in SYLLABLES.items():
        chance = Random(code)
        sentences = [" ".join(chance.choices(syllables.split(), k=9)) + "." for _ in range(60)]
        documents = ["\n".join(sentences[start : start + 4]) for start in range(0, 60, 4)]
        (folder / f"{code}.txt").write_text("\n\n".join(documents) + "\n")
    return folder


@pytest.fixture(scope="module")
def making(tmp_path_factory: pytest.TempPathFactory) -> Making:
    folder = tmp_path_factory.mktemp("making")
    general = FastTextModel(write_model(folder / "general.ftz", ["en", "sw"]))
    return Making(
        text=_write_pools(folder / "texts"),
        output=folder / "own.ftz",
        general=general,
        settings=SETTINGS,
        amounts=AMOUNTS,
    )


@pytest.fixture(scope="module")
def made(making: Making) -> Making:
    make(making)
    return making


def test_the_model_is_found_with_its_card_and_tells_the_languages(made: Making) -> None:
    general = made.output.with_name("general.ftz")
    identifier = load(with_second(general, str(made.output), added_by_default=False)).identifier(Judgement())
    texts = ["wonke umuntu unelungelo wonke umuntu unelungelo", "kuma da wani ya mutane da wani ya kuma da wani ya"]
    found = identifier.identify(texts)
    assert [(one.language, one.decided_by) for one in found] == [("zu", "own.ftz"), ("ha", "own.ftz")]


def test_the_card_says_when_to_ask_and_from_what_the_model_was_made(made: Making) -> None:
    rule = read_rule(made.output.with_suffix(".json"))
    assert rule.labels == ("ha", "sw", "zu", "zxx")
    assert rule.believed == {"en": NEVER}  # the general model calls everything so
    assert rule.confused == {"en": {"ha", "sw", "zu", "zxx"}}
    assert rule.not_in_general == {"ha", "zu", "zxx"}
    assert rule.sources.characters["zu"] > 1000
    assert rule.sources.measured["macro F1 of documents"] > 0.9


def _soil_memory() -> None:
    """Leave 80 MB of NaN in free memory of this process."""
    c = ctypes.CDLL(None)
    c.malloc.restype, c.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [c.malloc(100_000) for _ in range(800)]
    for block in blocks:
        ctypes.memset(ctypes.c_void_p(block), 0xFF, 100_000)
    for block in blocks[:-1]:  # the last holds the others from being given back to the system
        c.free(block)


def test_the_same_text_and_seed_give_the_same_bytes_whatever_lies_in_memory(made: Making) -> None:
    again = replace(made, output=made.output.with_name("again.ftz"))
    _soil_memory()
    make(again)
    for one, other in (
        (made.output, again.output),
        (made.output.with_suffix(".json"), again.output.with_suffix(".json")),
    ):
        assert other.read_bytes() == one.read_bytes()


def test_nothing_is_left_beside_the_model(made: Making) -> None:
    assert not list(made.output.parent.glob(".train*"))


def test_training_that_breaks_off_leaves_the_model_that_was_there(
    made: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(lines: object, settings: object, target: Path) -> None:
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    before = made.output.read_bytes()
    monkeypatch.setattr("ccnet_pipeline.language.making.train_classifier", break_off)
    with pytest.raises(KeyboardInterrupt):
        make(made)
    assert made.output.read_bytes() == before
    assert not list(made.output.parent.glob(".train*"))


def test_a_pool_that_is_identified_as_another_language_is_named(
    making: Making, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        read_pools(making.text, making.general)
    assert "ha.txt: 100% of it is identified as en; is it ha?" in caplog.text
    assert "3 languages, " in caplog.text


def test_a_pool_that_only_the_added_model_knows_to_be_another_language_is_named(
    making: Making, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    swahili = "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa."
    (tmp_path / "ha.txt").write_text(f"{swahili}\n\n" * 30)
    general = FastTextModel(write_model(tmp_path / "unsure.ftz", ["en", "sw"], weights=[0.1, 0.0]))
    with caplog.at_level(logging.WARNING):
        read_pools(tmp_path, general)
    assert "ha.txt: 100% of it is identified as sw by added.ftz; is it ha?" in caplog.text


def test_a_table_that_may_not_be_in_fresh_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="may not be in fresh memory"):
        replace(SETTINGS, buckets=2000).check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--text", "none", "--output", "a.ftz"], "--text none is no folder"),
        (["--text", "texts", "--output", "a.bin"], "--output a.bin: want a name that ends in .ftz"),
        (["--text", "texts", "--output", "a.ftz", "--most_bytes", "10"], "--most_bytes 10 is too small"),
        (["--text", "texts", "--output", "a.ftz", "--epochs", "0"], "--epochs 0 is no training"),
        (["--text", "texts", "--output", "general.ftz/a.ftz"], "--output general.ftz/a.ftz: "),
        (["--text", "texts", "--output", "there.ftz"], "there.ftz is a folder; want the name of a file in one"),
    ],
)
def test_a_mistake_is_one_line_before_any_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    _write_pools(tmp_path / "texts")
    write_model(tmp_path / "general.ftz", ["en"])
    (tmp_path / "there.ftz").mkdir()
    assert main(["train", *options, "--lid_model", "general.ftz"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.glob("a.*"))


def test_lines_of_a_language_depend_on_the_seed_and_not_on_the_other_pools(making: Making) -> None:
    pools = read_pools(making.text, making.general)
    alone, together, other = (
        samples(some, AMOUNTS, seed) for some, seed in (({"sw": pools["sw"]}, 1), (pools, 1), (pools, 2))
    )
    of_swahili = [sorted(line for line in lines if line[0] == "sw") for lines in (alone, together, other)]
    assert of_swahili[0] == of_swahili[1] != of_swahili[2]
    assert {label for label, _ in together} == {"ha", "sw", "zu", "zxx"}
