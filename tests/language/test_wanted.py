"""--languages: what it means, and which of these languages the models can give."""

from pathlib import Path

import pytest

from beam_jobs import job
from beam_jobs.coverage import Coverage
from beam_jobs.runners import execution
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language import CC100_CODES, LidModels, Offer, languages_not_offered, load, parse_languages
from ccnet_pipeline.sample import crawl_directory
from tests.lid_models import write_model

GIVEN = ["--input", str(sorted(crawl_directory().rglob("*.wet.gz"))[0]), "--output", "out"]
LID, ADDED, ZAWGYI = Offer("lid", frozenset({"sw", "xh", "my"})), Offer("added", frozenset({"ha", "xh"})), "zawgyi"
OFFERS = (LID, ADDED, Offer(ZAWGYI, frozenset({"my_zaw"})))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to write a model: in an empty folder, which we are in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "tiny.bin"


def test_wanted_languages() -> None:
    known = {"ceb", "en", "zh"}
    assert parse_languages("all", known) is None
    assert parse_languages("cc100", known) == CC100_CODES
    assert parse_languages(" en, ceb ,sw,", known) == frozenset({"en", "ceb", "sw"})
    assert parse_languages("zh-Hant,zh-Hans", known) == frozenset({"zh-Hans", "zh-Hant"})
    assert parse_languages("zh", known) == frozenset({"zh-Hans", "zh-Hant"})
    assert parse_languages("zh-Hans", known) == frozenset({"zh-Hans"})


def test_a_wanted_language_may_be_named_by_the_label_of_any_model() -> None:
    assert parse_languages("swh_Latn,cmn_Hani,nno", {"nn"}) == frozenset({"sw", "zh-Hans", "zh-Hant", "nn"})


@pytest.mark.parametrize("value", ["xx", "en,xx", "EN", "", ",", "all,en", "ceb", "zxx", "und"])
def test_unknown_languages(value: str) -> None:
    with pytest.raises(UserError, match=r"--languages .*: unknown language .*use codes of CC-100"):
        parse_languages(value, {"en"})


@pytest.mark.parametrize(
    ("value", "named", "meant"),
    [
        ("swahili,hau,en", "'swahili', 'hau'", "did you mean sw, ha? "),
        ("Kiswahili,xx", "'Kiswahili', 'xx'", "did you mean sw? "),
        ("zho", "'zho'", "did you mean zh-Hans, zh-Hant? "),
        ("xx", "'xx'", ""),
    ],
)
def test_a_language_called_by_its_name_is_told_its_code(value: str, named: str, meant: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_languages(value, {"en"})
    assert str(caught.value).startswith(f"--languages {value!r}: unknown language {named}; {meant}use codes of CC-100")


def test_a_model_offers_what_its_labels_mean(path: Path) -> None:
    models = load(LidModels(write_model(path, ["mya_Mymr", "cmn_Hani", "swh_Latn", "zxx_Zzzz", "und_Latn"])))
    own = Offer("tiny.bin", frozenset({"my", "zh-Hans", "zh-Hant", "sw"}))
    assert models.offers(tells_zawgyi=False) == [own]
    assert models.offers(tells_zawgyi=True) == [own, Offer("zawgyi", frozenset({"my_zaw"}))]


def test_without_burmese_there_is_no_zawgyi(path: Path) -> None:
    assert [each.model for each in load(LidModels(write_model(path, ["sw"]))).offers(tells_zawgyi=True)] == ["tiny.bin"]


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [(None, []), ({"sw", "ha", "xh"}, []), ({"sw", "zu", "bn_rom"}, ["bn_rom", "zu"]), ({"my_zaw", "zu"}, ["zu"])],
)
def test_languages_that_no_model_can_give(wanted: set[str] | None, missing: list[str]) -> None:
    assert languages_not_offered(frozenset(wanted) if wanted else None, OFFERS) == missing


def test_that_nothing_can_come_out_is_said_of_all_models() -> None:
    with pytest.raises(UserError, match=r"^--languages zu: lid and added and zawgyi have no label for that"):
        languages_not_offered(frozenset({"zu"}), OFFERS)


def test_lid_176_can_give_all_of_the_116_but_18(lid_model: Path) -> None:
    offers = load(LidModels(lid_model)).offers(tells_zawgyi=False)
    assert len(languages_not_offered(CC100_CODES, offers)) == 18


@pytest.mark.parametrize(
    ("labels", "flags", "languages", "known"),
    [
        (["en", "sw", "tr"], ["--languages", "ha,xh"], "ha, xh", "en, sw, tr"),
        (["en", "sw", "tr"], ["--languages", "zh"], "zh-Hans, zh-Hant", "en, sw, tr"),
        (["ceb", "nno_Latn", "arz"], [], "cc100", "arz, ceb, nno_Latn"),
    ],
)
def test_a_corpus_that_must_stay_empty_is_a_mistake(
    labels: list[str], flags: list[str], languages: str, known: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert job.main([*GIVEN, "--lid_model", str(write_model(path, labels)), *flags]) == 2
    assert capsys.readouterr().err == (
        f"build_cc100: --languages {languages}: tiny.bin has no label for that, so nothing would come out; "
        f'give another --lid_model, or what is known: {known}, ..., or "all"\n'
    )
    assert not Path("out").exists()


def test_what_each_language_is_identified_by_is_told_before_work_begins(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(execution, "execute", lambda *_, **__: pytest.fail("work begins"))
    model = str(write_model(path, ["sw", "hau_Latn"]))
    with pytest.raises(pytest.fail.Exception, match="work begins"):
        job.main([*GIVEN, "--lid_model", model, "--languages", "xh,ha,ig,sw"])
    assert capsys.readouterr().err == (
        "build_cc100: ha  identified by tiny.bin; no fluency model: bucket all\n"
        "build_cc100: sw  identified by tiny.bin; no fluency model: bucket all\n"
        "build_cc100: tiny.bin has no label for ig, xh: nothing will be filed there\n"
    )


def test_of_two_models_that_know_a_language_it_is_told_which_decides() -> None:
    coverage = Coverage(frozenset({"xh", "ha", "my_zaw"}), OFFERS, frozenset({"ha"}), ())
    assert list(coverage.lines()) == [
        "ha      identified by added; fluency model",
        "my_zaw  identified by zawgyi; no fluency model: bucket all",
        "xh      identified by lid or, where it is not sure, added; no fluency model: bucket all",
    ]


def test_many_languages_are_told_in_sum() -> None:
    missing = tuple(sorted(CC100_CODES - {"sw", "xh", "my", "ha", "my_zaw"}))
    [line, lacking] = Coverage(CC100_CODES, OFFERS, frozenset({"sw", "ha", "de"}), missing).lines()
    assert line == (
        "116 languages: 3 by lid, 1 by added, 1 by zawgyi; 3 have a fluency model, others are in bucket all"
    )
    assert lacking.startswith("the models have no label for af, am, ar, ")
