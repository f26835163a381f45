"""The dataset card: what programs read of it, and what people do."""

import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from ccnet_pipeline.columns import OPTIONAL, column_types
from ccnet_pipeline.dataset import card, write_card
from ccnet_pipeline.dataset.facts import read_facts
from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.formats import FORMATS, JSONL, TEXT
from ccnet_pipeline.language.codes import LANGUAGES
from tests.corpora import change_json, document, write_corpus


def corpus(folder: Path, documents: Sequence[Document] = (), formats: Sequence[str] = (JSONL,)) -> Path:
    return write_corpus(folder / "out", documents, formats=formats)


def of_languages(*codes: str) -> list[Document]:
    return [document(number, code, "all") for number, code in enumerate(codes)]


def written(output: Path) -> tuple[dict[str, Any], str]:
    """The card of a run directory: its front matter, and the rest."""
    text = Path(write_card(str(output))).read_text("utf-8")
    _, front, rest = re.split(r"^---\n", text, maxsplit=2, flags=re.MULTILINE)
    return yaml.safe_load(front), rest


def test_norwegian_is_a_language_and_not_false(tmp_path: Path) -> None:
    front, _ = written(corpus(tmp_path, of_languages("no", "yo", "zh-Hans", "zh-Hant", "bn_rom", "ns", "my_zaw")))
    assert front["language"] == ["bn", "my", "no", "nso", "yo", "zh"]
    names = ["default", "bn_rom", "my_zaw", "no", "ns", "yo", "zh-Hans", "zh-Hant"]
    assert [each["config_name"] for each in front["configs"]] == names
    assert [each["config_name"] for each in front["dataset_info"]] == names


def test_every_language_of_cc100_has_a_code_of_iso_639(tmp_path: Path) -> None:
    front, _ = written(corpus(tmp_path, of_languages(*LANGUAGES)))
    assert len(front["language"]) == len({each.iso639_3 for each in LANGUAGES.values()})
    assert {code for code in front["language"] if not re.fullmatch("[a-z]{2}", code)} == {"nso"}


@pytest.mark.parametrize(
    ("formats", "pattern"),
    [
        ([JSONL], "shards/sw/*.jsonl.zst"),
        ([TEXT, JSONL], "shards/sw/*.jsonl.zst"),
        (FORMATS, "shards/sw/*.parquet"),
        ([TEXT], "shards/sw.txt.xz"),
    ],
)
def test_a_language_is_its_files_in_the_format_that_tells_most(
    tmp_path: Path, formats: Sequence[str], pattern: str
) -> None:
    front, _ = written(corpus(tmp_path, of_languages("sw"), formats))
    [files] = [each["data_files"] for each in front["configs"] if each["config_name"] == "sw"]
    assert files == [{"split": "train", "path": pattern}]
    names = [each["name"] for each in front["dataset_info"][0]["features"]]
    assert names == (["text"] if TEXT in formats and len(formats) == 1 else list(column_types(())))


def test_the_card_says_the_same_wherever_the_run_lies_and_whenever_it_is_written(tmp_path: Path) -> None:
    output = corpus(tmp_path, of_languages("sw"))
    before = Path(write_card(str(output))).read_bytes()
    moved = output.rename(tmp_path / "elsewhere")
    assert Path(write_card(str(moved))).read_bytes() == before
    assert str(tmp_path).encode() not in before


def test_sizes_are_those_of_the_manifest(tmp_path: Path) -> None:
    documents = [*of_languages("sw", "sw"), document(7, "en", "head"), document(8, "en", "middle"), document(9, "en")]
    front, text = written(corpus(tmp_path, documents, FORMATS))
    assert front["size_categories"] == ["n<1K"]
    assert re.search(r"^\| `en` \| English \| 3 \| 6 \| [\d,]+ \| [\d,]+ \| 2 \| 1 \| 0 \| 0.90 \| 100 \|$", text, re.M)
    assert re.search(r"^\| `sw` \| Swahili \| 2 \| 4 \| [\d,]+ \| [\d,]+ \| 0 \| 0 \| 2 \| ", text, re.M)


def test_rejects_are_no_part_of_the_dataset(tmp_path: Path) -> None:
    documents = [*of_languages("sw"), document(5, "en", reason="bucket_tail")]
    front, text = written(corpus(tmp_path, documents))
    assert [each["config_name"] for each in front["configs"]] == ["default", "sw"]
    assert "`en`" not in text


def test_a_run_that_kept_nothing_has_a_card_without_files(tmp_path: Path) -> None:
    front, text = written(corpus(tmp_path))
    assert not {"configs", "dataset_info", "language"} & front.keys()
    assert "No document was kept of 3 archives." in text


def test_a_run_of_an_older_version_has_a_card(tmp_path: Path) -> None:
    output = corpus(tmp_path, of_languages("sw"))
    change_json(output / "run.json", lambda run: (run.pop("inputs"), run.pop("hash_index")))
    change_json(output / "ledger.json", lambda ledger: (ledger.pop("damage"), ledger["languages"].clear()))
    _, text = written(output)
    assert "| `sw` | Swahili | 1 |" in text


@pytest.mark.parametrize("name", ["run.json", "manifest.json", "ledger.json"])
def test_no_card_is_written_of_half_a_run(tmp_path: Path, name: str) -> None:
    output = corpus(tmp_path, of_languages("sw"))
    (output / name).write_text("{")
    with pytest.raises(UserError, match=f"{name} is damaged: .*; restore it from a copy"):
        write_card(str(output))
    (output / name).unlink()
    with pytest.raises(UserError, match=f"holds no run that is complete: it has no {name}"):
        write_card(str(output))
    assert not (output / "README.md").exists()


def test_every_column_has_a_meaning() -> None:
    assert set(card._MEANINGS) >= {field.name for field in dataclasses.fields(Document)}
    assert {name for names in OPTIONAL.values() for name in names} <= set(card._MEANINGS)


def test_what_was_set_and_what_was_dropped_stands_in_the_card(tmp_path: Path) -> None:
    output = corpus(tmp_path, of_languages("sw"))
    configuration = {
        "models": {"lid.176.ftz": "8f34"},
        "recipe": {"mask": ["a|b"]},
        "decontamination": {"num_words": 13},
    }
    change_json(output / "run.json", lambda run: run["configuration"].update(configuration))
    _, text = written(output)
    for line in (
        "| `lid.176.ftz` | `8f34` |", r'| `mask` | `["a\|b"]` |', "| `decontamination.num_words` | `13` |",
        "| kept | 1 | 2 | ", "| `empty` | 3 | 0 | 0 |",
    ):  # fmt: skip
        assert f"\n{line}" in text
    assert "It was not compared with test sets" not in text


@pytest.mark.parametrize(
    ("codes", "limit"),
    [
        (["hi_rom", "ur_rom"], "Romanised languages are hardly told from each other: `hi_rom`, `ur_rom`."),
        (["bs", "sr"], "Close languages, which are often taken for each other: `bs`, `sr`."),
        (["sw"], "Languages without a fluency model, so that text of any quality was kept: `sw`."),
        (["sw"], "Personal data was not removed"),
    ],
)
def test_the_limits_name_the_languages_that_they_are_of(tmp_path: Path, codes: list[str], limit: str) -> None:
    _, text = written(corpus(tmp_path, of_languages(*codes)))
    assert f"\n- {limit}" in text


def test_languages_that_are_poorly_told_are_named(tmp_path: Path) -> None:
    output = corpus(tmp_path, of_languages("sw", "xh"))
    change_json(output / "ledger.json", lambda ledger: ledger["languages"]["xh"].update(mean_score=0.54))
    _, text = written(output)
    assert "- Languages that are poorly told from others here (mean score below 0.8): `xh`." in text


@pytest.mark.parametrize(
    ("models", "says", "scoring"),
    [
        ([], "no language had a model that tells fluent text", "4. No language had a fluency model"),
        (["en"], "for 1 of 2 languages (`en`).", "into buckets: `en`. The other languages had none"),
        (["en", "zh"], "a model of the language tells fluent text from other text.", "4. A model of each language"),
    ],
)
def test_only_languages_with_a_model_are_told_by_it(tmp_path: Path, models: list[str], says: str, scoring: str) -> None:
    output = corpus(tmp_path, of_languages("en", "zh-Hans"))
    files = {f"{name}.sp.model": "8f" for name in models}
    change_json(output / "run.json", lambda run: run["configuration"].update(models=files))
    _, text = written(output)
    assert says in text
    assert scoring in text


def test_a_wanted_language_that_lost_everything_is_a_limit(tmp_path: Path) -> None:
    def lost(number: int, reason: str) -> dict[str, Any]:
        return {"records": {"read": number, "kept": 0, "dropped": {reason: number - 1, "my_filter": 1}}}

    output = corpus(tmp_path, of_languages("sw"))
    books = {"en": lost(4004, "bucket_tail"), "de": lost(19, "bucket_tail"), "fr": lost(500, "language_unwanted")}
    change_json(output / "ledger.json", lambda ledger: ledger["languages"].update(books))
    _, text = written(output)
    assert "of which nothing was kept, with the main reason: `en` (4,004 documents, `bucket_tail`)." in text


def test_a_handful_of_documents_is_a_configuration_and_no_tag(tmp_path: Path) -> None:
    front, text = written(corpus(tmp_path, of_languages(*["sw"] * 100, "en")))
    assert front["language"] == ["sw"]
    assert [each["config_name"] for each in front["configs"]] == ["default", "en", "sw"]
    assert "in 2 languages (1 with 100 documents or more)" in text
    assert "The tags of this card name the languages of 100 documents or more" in text


def test_the_dumps_are_those_of_the_inputs(tmp_path: Path) -> None:
    output = corpus(tmp_path, of_languages("sw"))
    names = [f"crawl-data/{dump}/segments/1/wet/x.warc.wet.gz" for dump in ("CC-MAIN-2019-04", "CC-MAIN-2018-51")]
    change_json(output / "run.json", lambda run: run.update(inputs=[{"name": name, "size": None} for name in names]))
    assert read_facts(str(output)).dumps == ["CC-MAIN-2018-51", "CC-MAIN-2019-04"]
    front, _ = written(output)
    assert front["pretty_name"] == "CC-100 of CC-MAIN-2018-51 to CC-MAIN-2019-04"


def test_the_hub_takes_the_front_matter(tmp_path: Path) -> None:
    from huggingface_hub import DatasetCard

    loaded = DatasetCard.load(write_card(str(corpus(tmp_path, of_languages("no", "sw")))))
    assert (loaded.data.language, loaded.data.license) == (["no", "sw"], "other")
    assert json.loads(json.dumps(loaded.data.to_dict()))["license_name"] == "commoncrawl-terms-of-use"
