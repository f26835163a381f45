"""What report.html shows of a run, whatever there is of it."""

import dataclasses
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ccnet_pipeline.language.codes import LANGUAGES
from ccnet_pipeline.ledger import Balance, DamageTally
from ccnet_pipeline.observations.published import Example
from ccnet_pipeline.recipe import Configuration, Recipe
from ccnet_pipeline.report import write_report
from ccnet_pipeline.report.__main__ import main
from ccnet_pipeline.report.settings import OPTIONS
from tests.conftest import CHECKOUT
from tests.report import runs

MENACES = (
    "</script><script>alert(1)</script>",
    "<style>*{display:none}</style>",
    "</details></section><h1>Another page</h1>",
    "\"' onmouseover=alert(1) x='",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "a\x00b\x1b[2J\x85",
    "\u202egnp.exe\u2066\u2069\u2029",
    "w" * 5000,
)


def page(folder: Path) -> str:
    """The report, without the places where a long name may break."""
    return Path(write_report(str(folder))).read_text(encoding="utf-8").replace("<wbr>", "")


class _Elements(HTMLParser):
    """Collects what a browser would see: elements with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in tags]


def test_the_report_says_what_was_kept(tmp_path: Path) -> None:
    text = page(runs.a_run(tmp_path))
    for said in ("CC-MAIN-2026-04", "English", "Persian", "bucket_tail", "Accept all cookies", "example.org", "8f8f"):
        assert said in text
    assert "What this report does not know" not in text


def test_the_domains_of_a_repeated_paragraph_are_named_where_all_are_known(tmp_path: Path) -> None:
    repeated = [runs.repeated("Few", "a.example", ""), runs.repeated("Many", *"bcdefghi", more=True)]
    known = runs.observations({}, [], repeated=repeated)
    text = page(runs.a_run(tmp_path, observations=known))
    assert "<small>on <bdi>a.example</bdi>, <bdi>pages without a host</bdi></small>" in text
    assert "Many</span> <small>on several domains</small>" in text


def test_no_element_of_the_page_is_shown_as_text(tmp_path: Path) -> None:
    assert "&lt;span" not in page(runs.a_run(tmp_path))


def test_the_same_run_gives_the_same_bytes_wherever_it_lies(tmp_path: Path) -> None:
    assert page(runs.a_run(tmp_path / "a")) == page(runs.a_run(tmp_path / "b"))


def menacing(text: str) -> dict[str, Any]:
    """A run of which every text that the web or a file gives is `text`."""
    known = LANGUAGES["en"].code
    example = runs.example(known, "head", 1, text=text, title=f"A {text}", url=text, domain=text, id=text)
    changes = {"text": text, "domain": text}
    seen = runs.observations(
        {known: runs.shape({"41": 3})},
        [example, runs.example(known, "tail", 2, reason=text[:80], **changes)],
        repeated=[runs.repeated(text, text)],
        domains=[runs.domain(text)],
        damaged=[runs.damaged(text, reasons={text: 1})],
    )
    return {
        "observations": seen,
        "ledger": runs.ledger(
            {known: runs.books(3)},
            damage=DamageTally(1, 1, {text: 1}),
            without_record=[text],
            num_without_record=1,
            records=Balance(3, 2, {text: 1}),
        ),
        "run": runs.RUN
        | {"engine": {"runner": text, text: "x"}, "inputs": [{"name": text, "size": 1}], "preset": text},
        "times": None,
    }


@pytest.mark.parametrize("text", MENACES)
def test_no_text_changes_the_page(text: str, tmp_path: Path) -> None:
    harmless, menaced = (
        page(runs.a_run(tmp_path / str(n), **menacing(each))) for n, each in enumerate(("plain", text))
    )
    shapes = [[(tag, sorted(attributes)) for tag, attributes in _Elements(each).found] for each in (harmless, menaced)]
    assert shapes[0] == shapes[1]
    assert not set("\x00\x1b\x85\u202e\u2066\u2029") & set(menaced)


def test_a_page_loads_nothing_and_runs_only_its_own_script(tmp_path: Path) -> None:
    elements = _Elements(page(runs.a_run(tmp_path)))
    policy = next(each["content"] for each in elements.all("meta") if "http-equiv" in each)
    assert policy
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not elements.all("img", "iframe", "object", "embed", "form")
    links = [value for _, attributes in elements.found for name, value in attributes.items() if name in ("href", "src")]
    assert all(link and (link.startswith("#") or link == "data:,") for link in links)
    assert not [name for _, attributes in elements.found for name in attributes if name.startswith(("on", "style"))]


@pytest.mark.parametrize("changes", [{}, {"observations": None}])
def test_what_links_name_is_there_once(changes: dict[str, Any], tmp_path: Path) -> None:
    elements = _Elements(page(runs.a_run(tmp_path, **changes)))
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {(each["href"] or "")[1:] for each in elements.all("a")} <= set(ids)


def test_headings_follow_each_other(tmp_path: Path) -> None:
    levels = [int(tag[1]) for tag, _ in _Elements(page(runs.a_run(tmp_path))).found if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_text_is_marked_by_its_language_and_direction(tmp_path: Path) -> None:
    texts = [each for each in _Elements(page(runs.a_run(tmp_path))).all("div") if each.get("class") == "text"]
    assert {(each["lang"], each["dir"]) for each in texts} == {("en", "auto"), ("fa", "rtl")}


@pytest.mark.parametrize("name", ["run", "manifest", "ledger", "observations", "times"])
def test_a_run_without_one_of_its_files_has_a_report_that_says_so(name: str, tmp_path: Path) -> None:
    text = page(runs.a_run(tmp_path, **{name: None}))
    assert text.count("is not there: ") == 1
    assert "CC-MAIN-2026-04" in text or name == "run"


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe", b'{"files": 1, "records": 1}', b"[" * 100_000])
@pytest.mark.parametrize("name", ["run.json", "manifest.json", "ledger.json", "times.json", "observations.json.zst"])
def test_a_file_that_is_damaged_does_not_keep_the_rest_from_being_shown(name: str, data: bytes, tmp_path: Path) -> None:
    runs.a_run(tmp_path)
    (tmp_path / name).write_bytes(data)
    text = page(tmp_path)
    if data != b'{"files": 1, "records": 1}' or name in ("manifest.json", "ledger.json"):
        assert f"{name} cannot be read (" in text


def test_only_run_json_is_an_unfinished_run(tmp_path: Path) -> None:
    text = page(runs.a_run(tmp_path, manifest=None, ledger=None, observations=None, times=None))
    assert "the same build_cc100 command goes on with it" in text
    assert "there is no ledger that can be read" in text


def test_a_run_that_kept_nothing_has_a_report(tmp_path: Path) -> None:
    nothing = {
        "manifest": runs.manifest([]),
        "ledger": runs.ledger({}),
        "observations": runs.observations({}, []),
    }
    text = page(runs.a_run(tmp_path, **nothing))
    assert "Nothing was read." in text
    assert "Nothing was kept." in text


def test_a_language_with_one_document_has_its_histograms(tmp_path: Path) -> None:
    one = {
        "manifest": runs.manifest([runs.file_of("sw", "head", 1)]),
        "ledger": runs.ledger({"sw": runs.books(1)}),
    }
    text = page(runs.a_run(tmp_path, observations=runs.observations({"sw": runs.shape({"7": 1})}, []), **one))
    assert "Perplexity of 1 document, logarithmic" in text
    assert "1 document<" in text


@pytest.mark.parametrize("odd", ["", "word", "inf", "nan", "-1", "0", "1e999"])
def test_a_perplexity_that_is_no_number_is_not_drawn(odd: str, tmp_path: Path) -> None:
    seen = runs.observations({"en": runs.shape({odd: 5, "41": 1}, (float("1e300"), 0.0))}, [])
    assert "Perplexity of " in page(runs.a_run(tmp_path, observations=seen))


def test_files_of_the_older_form_are_shown(tmp_path: Path) -> None:
    old = {
        "files": [{"path": "shards/sw/head-00000.jsonl.zst", "language": "sw", "bucket": "head", "documents": 12_345}]
    }
    text = page(runs.a_run(tmp_path, manifest=old, run={"inputs": [{"name": "CC-MAIN-2019-30"}]}))
    assert "12,345" in text
    assert "CC-MAIN-2019-30" in text
    assert "cannot be read" not in text


def test_figures_of_the_older_form_are_shown(tmp_path: Path) -> None:
    old = {
        "records": {"read": 5, "kept": 3, "dropped": {"duplicate": 2}},
        "languages": {"en": {"records": {"read": 5}}},
    }
    text = page(runs.a_run(tmp_path, ledger=old))
    assert "stands in another record of the scope too" in text


def test_rejects_of_no_known_language_are_shown(tmp_path: Path) -> None:
    examples = [runs.example("und", "all", 1, reason="too_short", text="brief")]
    text = page(runs.a_run(tmp_path, observations=runs.observations({}, examples)))
    assert "Language not known" in text
    assert ">brief<" in text


def crowd(per_place: int, length: int) -> list[Example]:
    reasons = (None, "bucket_tail", "c4.no_terminal", "duplicate")
    return [
        runs.example(code, "head", number, reason=reason, text="ក" * length)
        for code in LANGUAGES
        for reason in reasons
        for number in range(per_place)
    ]


def test_all_languages_and_millions_of_documents_fit_into_a_small_page(tmp_path: Path) -> None:
    many = {str(number): 10**6 for number in range(10, 100)} | {f"{number}00": 10**5 for number in range(1, 100)}
    inputs = [{"name": f"crawl-data/CC-MAIN-2026-04/{number}.wet.gz", "size": 10**8} for number in range(64_000)]
    text = page(
        runs.a_run(
            tmp_path,
            run=runs.RUN | {"inputs": inputs},
            manifest=runs.manifest([runs.file_of(code, "head", 5_000_000) for code in LANGUAGES]),
            ledger=runs.ledger({code: runs.books(5_000_000, 10**6) for code in LANGUAGES}),
            observations=runs.observations({code: runs.shape(many) for code in LANGUAGES}, crowd(10, 1000)),
        )
    )
    assert len(text.encode()) < 3_000_000
    assert text.count("64,000 archives") == 1
    kept = text.count('>Kept: <bdi>head</bdi></h4> <span class="small">10 examples<')
    assert kept == len(LANGUAGES)


def table_of(text: str) -> str:
    """The table of languages, as it stands in the page."""
    return text.partition('<table id="language-table"')[2].partition("</table>")[0]


def lost(documents: int, reason: str) -> dict[str, Any]:
    return {unit: {"read": documents, "dropped": {reason: documents}} for unit in ("records", "characters")}


def with_languages(**more: dict[str, Any]) -> dict[str, Any]:
    return {"ledger": {"languages": {"en": {}, "fa": {}} | more}}


def test_a_language_that_lost_everything_stands_before_trifles(tmp_path: Path) -> None:
    more = {"de": lost(4, "bucket_tail"), "sw": lost(4004, "bucket_tail")}
    table = table_of(page(runs.a_run(tmp_path, **with_languages(**more))))
    assert table.index("Swahili") < table.index("German")


def test_languages_that_were_not_wanted_are_folded(tmp_path: Path) -> None:
    text = page(runs.a_run(tmp_path, **with_languages(de=lost(4, "language_unwanted"), sw=lost(4, "bucket_tail"))))
    assert "German" not in table_of(text)
    assert "Swahili" in table_of(text)
    assert "1 language outside --languages, of which nothing was kept" in text
    assert "German (4 characters)." in text


@pytest.mark.parametrize(
    ("buckets", "says"),
    [
        ({"en": "all", "sw": "all"}, "No language has a fluency model. "),
        ({"en": "head", "sw": "all"}, "No fluency model: Swahili. "),
        ({"en": "head", "sw": "all", "de": "all"}, "No language but English has a fluency model. "),
        ({"en": "head", "sw": "middle"}, ""),
    ],
)
def test_languages_without_a_fluency_model_are_named(buckets: dict[str, str], says: str, tmp_path: Path) -> None:
    files = [runs.file_of(code, bucket, 3) for code, bucket in buckets.items()]
    text = page(runs.a_run(tmp_path, manifest=runs.manifest(files), ledger=None, observations=None))
    said = says + "Documents without one all stand in the bucket “all”; none was dropped for how fluent it is."
    assert (said in text) == bool(says)
    assert bool(says) == ("none was dropped for how fluent" in text)


def test_the_headline_tells_languages_from_a_handful_of_documents(tmp_path: Path) -> None:
    files = [runs.file_of("en", "head", 100), runs.file_of("sw", "head", 99)]
    text = page(runs.a_run(tmp_path, manifest=runs.manifest(files)))
    assert "<dt>Languages, 1 with 100 documents or more</dt><dd>2</dd>" in text


def test_what_is_no_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "none", tmp_path / "file"):
        assert main([str(place)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{place} is no run directory: it has no run.json" in line


def test_a_place_may_be_a_url(tmp_path: Path) -> None:
    write_report(runs.a_run(tmp_path).as_uri())
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize("words", [[], ["a", "--compare", "a", "b"]])
def test_one_run_or_two_are_wanted(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "give one run directory, or two with --compare A B" in capsys.readouterr().err


def test_the_page_goes_where_it_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, elsewhere = runs.a_run(tmp_path / "run"), tmp_path / "page.html"
    assert main([str(run), "--output", str(elsewhere)]) == 0
    assert capsys.readouterr().out == f"Report: {elsewhere}\n"
    assert elsewhere.exists()
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("words", [["run"], ["--compare", "run", "run"]])
def test_no_folder_is_made_for_a_page(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs.a_run(tmp_path / "run")
    assert main([*words, "--output", "none/page.html"]) == 2
    assert "--output none/page.html: there is no folder none; make it, or choose" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_reasons_of_filters_stand_as_filters_are_asked_and_are_not_said_twice(tmp_path: Path) -> None:
    names = ["c4.b", "gopher.a", "my.own.filter", "filter_error.c4"]
    filtering = {"filtering": {"names": ["my.own.filter", "gopher", "c4"]}}
    text = page(
        runs.a_run(
            tmp_path,
            run=runs.RUN | {"configuration": filtering},
            ledger=runs.ledger({}, records=Balance(8, 4, dict.fromkeys(names, 1))),
        )
    )
    places = [
        text.index(f"<code><bdi>{name}</bdi></code>")
        for name in ("filter_error.c4", "my.own.filter", "gopher.a", "c4.b")
    ]
    assert places == sorted(places)
    assert "dropped by the filter" not in text
    assert '<span class="meaning"></span>' not in text
    assert "a filter raised, and gave no answer" in text


def test_settings_are_called_by_options_that_there_are(tmp_path: Path) -> None:
    known = set(re.findall(r"--\w+", (CHECKOUT / "tests" / "golden" / "help.txt").read_text()))
    assert set(OPTIONS.values()) <= known
    names = {field.name for kind in (Recipe, Configuration) for field in dataclasses.fields(kind)}
    assert {name.partition(".")[0] for name in OPTIONS} <= names
    text = page(runs.a_run(tmp_path))
    assert "<dt>--min_chars</dt><dd><bdi>300</bdi></dd>" in text
