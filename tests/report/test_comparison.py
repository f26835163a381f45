"""What the comparison of two runs shows."""

import re
from pathlib import Path
from typing import Any

import pytest

from ccnet_pipeline.report.__main__ import main
from tests.report import runs


def compared(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return the words of the page, without its elements."""
    places = [str(runs.a_run(folder / name, **changes)) for name, changes in (("a", before), ("b", after))]
    page = folder / "page.html"
    assert main(["--compare", *places, "--output", str(page)]) == 0
    body = page.read_text(encoding="utf-8").replace("<wbr>", "").partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def kept(**documents: int) -> dict[str, Any]:
    files = [runs.file_of(code, "head", number) for code, number in documents.items()]
    books = {code: runs.books(number, 2 * number) for code, number in documents.items()}
    return {"manifest": runs.manifest(files), "ledger": runs.ledger(books)}


def test_a_language_has_its_change(tmp_path: Path) -> None:
    said = compared(tmp_path, kept(sw=10, en=5), kept(sw=15, en=5))
    assert "Swahili sw 10 15 +5 +50.0 %" in said
    assert "English en 5 5 0 0.0 %" in said


def test_languages_come_and_go(tmp_path: Path) -> None:
    said = compared(tmp_path, kept(sw=10), kept(fi=7))
    assert "1 language came Finnish." in said
    assert "1 language went Swahili." in said
    assert "Finnish fi 0 7 +7 new" in said
    assert "Swahili sw 10 0 −10 gone" in said


def test_buckets_and_reasons_have_their_changes(tmp_path: Path) -> None:
    said = compared(tmp_path, kept(sw=10), kept(sw=200))
    assert "Swahili sw head 10 200 +190 × 20.0" in said
    assert "Swahili sw bucket_tail 8,000 160,000 +152,000 × 20.0" in said
    assert "kept 10 200 +190 × 20.0 33.3 % 33.3 % 0.0" in said


def test_settings_models_and_versions_that_differ_are_named(tmp_path: Path) -> None:
    configuration = runs.RUN["configuration"]
    assert isinstance(configuration, dict)
    changed = configuration | {
        "recipe": configuration["recipe"] | {"min_chars": 200},
        "models": {"lid.176.bin": "7e" * 32},
        "package_version": "0.3",
    }
    said = compared(tmp_path, {}, {"run": runs.RUN | {"configuration": changed}})
    for line in ("--min_chars 300 200", "package_version 0.2 0.3", "lid.176.bin none 7e7e", "lid.176.ftz 8f8f"):
        assert line in said
    assert "blocklist_sha256" not in said


def test_the_same_run_twice_has_no_change(tmp_path: Path) -> None:
    said = compared(tmp_path, {}, {})
    assert "The same configuration and models." in said
    assert "+" not in said
    assert "−" not in said


@pytest.mark.parametrize("name", ["run", "manifest", "ledger", "times"])
def test_what_one_run_does_not_say_is_not_compared(name: str, tmp_path: Path) -> None:
    said = compared(tmp_path, {}, {name: None})
    assert f"B: {name}.json is not there: " in said
    assert "gone" not in said
    assert "language went" not in said
    assert "languages went" not in said


def test_what_only_one_run_says_of_its_languages_is_not_gone(tmp_path: Path) -> None:
    said = compared(tmp_path, kept(sw=10), kept(sw=7) | {"manifest": None, "ledger": None})
    assert "Swahili sw 10 – – –" in said


def test_languages_that_neither_run_wanted_are_folded(tmp_path: Path) -> None:
    unwanted = {"languages": {"de": {"characters": {"read": 9, "dropped": {"language_unwanted": 9}}}}}
    said = compared(tmp_path, {"ledger": unwanted}, {"ledger": unwanted})
    assert "1 language outside --languages in both runs German." in said
    assert said.count("German") == 1


def test_both_must_be_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["--compare", str(runs.a_run(tmp_path / "a")), str(tmp_path / "b"), "--output", str(page)]) == 2
    assert f"{tmp_path / 'b'} is no run directory" in capsys.readouterr().err
    assert not page.exists()
