"""The dataset card as a whole: what people read, behind the front matter."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ccnet_pipeline import storage
from ccnet_pipeline.columns import ColumnType
from ccnet_pipeline.dataset.facts import FEW_DOCUMENTS, Facts, Size, read_facts
from ccnet_pipeline.dataset.front_matter import TERMS, front_matter
from ccnet_pipeline.dataset.limits import limits, named
from ccnet_pipeline.fluency.buckets import BUCKETS
from ccnet_pipeline.formats import TEXT
from ccnet_pipeline.language.codes import LANGUAGES
from ccnet_pipeline.report.numbers import counted
from ccnet_pipeline.shards.published import Manifest

CARD_FILE = "README.md"
_MEANINGS: Mapping[str, str] = {
    "id": "WARC-Record-ID of the page, with `/<language>` where the page gives several documents",
    "text": "its kept paragraphs, one a line",
    "language": "code of CC-100",
    "language_score": "probability of the language, in [0, 1]",
    "perplexity": "of the text by the fluency model of its language, per piece; null: no model",
    "bucket": "`head` (most fluent), `middle` or `tail`; `all`: the language has no model",
    "url": "of the page",
    "domain": "host of the URL, with its port",
    "title": "of the page",
    "date": "when it was fetched, ISO 8601, UTC; of jsonl.zst, `datasets` shows it as `2018-07-23 14:51:49`",
    "dump": "crawl of CommonCrawl",
    "segment": "archive that the page is in",
    "offset": "place of its record in the archive, bytes",
    "digest": "of the record, as CommonCrawl has it",
    "paragraph_ids": "places of the kept paragraphs in the page, from 0",
    "original_paragraphs": "paragraphs of the page",
    "original_characters": "characters of the page, line breaks included",
    "languages": "the best labels of each language model",
    "language_model": "the model that decided on most of the text",
    "n_copies": "records in which the document's paragraphs stood before duplicates were dropped, the median",
}


def write_card(output: str, target: str | None = None, manifest: Manifest | None = None) -> str:
    """Write the dataset card of a run directory that is complete; return its path.

    Args:
        output: the run directory.
        target: the folder that the card is for, if it is another.
        manifest: of what lies there.

    Raises:
        UserError: it is no such directory, or a file of it is damaged.
    """
    path = storage.join(target or output, CARD_FILE)
    storage.write(path, dataset_card(read_facts(output, manifest)).encode())
    return path


def dataset_card(facts: Facts) -> str:
    """Return the text of the card."""
    name = _name(facts)
    parts = (
        front_matter(facts, name), _summary(facts, name), _sizes(facts), _loading(facts), _columns(facts.columns),
        _method(facts), _balance(facts), _models(facts), limits(facts), _terms(), _citation(),
    )  # fmt: skip
    return "\n".join("\n".join(part) + "\n" for part in parts)


def _name(facts: Facts) -> str:
    dumps = facts.dumps
    if not dumps:
        return "Text of web archives in the manner of CC-100"
    return f"CC-100 of {dumps[0] if len(dumps) == 1 else f'{dumps[0]} to {dumps[-1]}'}"


def _summary(facts: Facts, name: str) -> Iterator[str]:
    sizes, inputs = facts.sizes(), len(facts.run.inputs)
    documents, characters = (
        sum(getattr(size, unit) for size in sizes.values()) for unit in ("documents", "characters")
    )
    yield f"# {name}"
    yield ""
    if not sizes:
        yield f"No document was kept of {counted(inputs, 'archive')}."
        return
    yield (
        f"Text of the web in {counted(len(sizes), 'language')}{_substantial(facts)}: "
        f"{counted(documents, 'document')}, {characters:,} characters, of {counted(inputs, 'archive')}"
        + (f" of CommonCrawl ({', '.join(facts.dumps)})." if facts.dumps else ".")
    )
    yield (
        "It was made by cc100-xlmr in the manner of CC-100 and CCNet: duplicate paragraphs are dropped, the language "
        f"is identified{_told_by_fluency(facts)}."
    )


def _substantial(facts: Facts) -> str:
    """Return how many of the languages have more than a few documents, where that is not all."""
    substantial, languages = len(facts.substantial()), len(facts.sizes())
    return "" if substantial == languages else f" ({substantial or 'none'} with {FEW_DOCUMENTS} documents or more)"


def _told_by_fluency(facts: Facts) -> str:
    scored, languages = facts.scored(), len(facts.sizes())
    if not scored:
        return ", and no language had a model that tells fluent text from other text, so text of any quality was kept"
    which = "" if len(scored) == languages else f", for {len(scored):,} of {languages:,} languages ({named(scored)})"
    return f", and a model of the language tells fluent text from other text{which}"


def _sizes(facts: Facts) -> Iterator[str]:
    sizes = facts.sizes()
    yield "## Sizes"
    yield ""
    yield (
        f"Bytes are those of the files ({facts.format}). The mean score of the language and the median perplexity are "
        "those before any document was dropped for its bucket."
        if sizes
        else "There are no files."
    )
    if not sizes:
        return
    buckets = [bucket for bucket in BUCKETS if any(size.buckets[bucket] for size in sizes.values())]
    yield ""
    columns = ["documents", "paragraphs", "characters", "bytes", *buckets, "mean score", "median perplexity"]
    yield from _head("language", "", numbers=columns)
    yield from (_row(_size_cells(facts, language, size, buckets)) for language, size in sizes.items())


def _size_cells(facts: Facts, language: str, size: Size, buckets: Iterable[str]) -> Iterator[str]:
    quality = facts.ledger.languages.get(language)
    known = LANGUAGES.get(language)
    yield _code(language)
    yield known.name if known else ""
    yield from (f"{count:,}" for count in (size.documents, size.paragraphs, size.characters, size.bytes))
    yield from (f"{size.buckets[bucket]:,}" for bucket in buckets)
    yield "" if quality is None or quality.mean_score is None else f"{quality.mean_score:.2f}"
    yield "" if quality is None or quality.median_perplexity is None else f"{quality.median_perplexity:,.3g}"


def _loading(facts: Facts) -> Iterator[str]:
    sizes = facts.sizes()
    if not sizes:
        return
    language = next(iter(sizes))
    files = f"shards/{language}.{TEXT}" if facts.format == TEXT else f"shards/{language}/*.{facts.format}"
    yield "## Loading"
    yield ""
    yield "Each language is a configuration of its code; `default` is all of them. Put the path of this folder, or the"
    yield "name of the dataset, in the place of `corpus`:"
    yield ""
    yield "```python"
    yield "from datasets import load_dataset"
    yield ""
    yield f'documents = load_dataset("corpus", {json.dumps(language)}, split="train")'
    yield f'stream = load_dataset("corpus", {json.dumps(language)}, split="train", streaming=True)'
    yield "```"
    yield ""
    yield f"The files of this language are `{files}`. `manifest.json` has the sha256 of every file."
    if facts.substantial() and _substantial(facts):
        yield ""
        yield f"The tags of this card name the languages of {FEW_DOCUMENTS} documents or more; every language is a"
        yield "configuration."


def _columns(columns: Mapping[str, ColumnType]) -> Iterator[str]:
    yield "## Columns"
    yield ""
    yield from _head("column", "type", "meaning")
    yield from (_row([_code(name), _type(kind), _MEANINGS.get(name, "")]) for name, kind in columns.items())


def _type(kind: ColumnType) -> str:
    if isinstance(kind, list):
        return f"list of {_type(kind[0])}"
    return f"({', '.join(f'{name}: {_type(each)}' for name, each in kind.items())})" if isinstance(kind, dict) else kind


def _method(facts: Facts) -> Iterator[str]:
    configuration = facts.run.configuration
    yield "## Method"
    yield ""
    yield (
        f"cc100-xlmr {configuration.get('package_version', '')}, preset `{facts.run.preset}`, fingerprint of all that "
        f"decides the bytes: `{facts.run.fingerprint}`. `run.json` has the whole configuration."
    )
    yield ""
    yield "1. Text is taken from the archives, paragraph by paragraph; records with too little text are left out."
    yield "2. Paragraphs that stand in several records are dropped, compared without case, digits and punctuation."
    yield "3. Models identify the language; where they are unsure, the text is left out."
    yield f"4. {_scoring(facts)}"
    yield "5. Buckets that are not wanted, and documents that a filter names, are left out."
    yield ""
    yield from _head("setting", "value")
    yield from (_row([_code(name), _code(value)]) for name, value in _settings(configuration))


def _scoring(facts: Facts) -> str:
    scored, languages = facts.scored(), len(facts.sizes())
    if not scored:
        return "No language had a fluency model: all documents are in the bucket `all`, however fluent they are."
    if len(scored) == languages:
        return "A model of each language scores how fluent the text is, and sorts documents into buckets."
    return (
        f"A model scores how fluent the text of its language is, and sorts documents into buckets: {named(scored)}. "
        "The other languages had none: all their documents are in the bucket `all`."
    )


def _settings(configuration: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield all that was set, by name; models have a table of their own, and what is not set none."""
    for name, value in configuration.items():
        if isinstance(value, dict) and name != "models":
            yield from _settings(value, "" if name == "recipe" else f"{prefix}{name}.")
        elif name not in ("models", "package_version") and value not in (None, [], ""):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{prefix}{name}", text


def _balance(facts: Facts) -> Iterator[str]:
    ledger = facts.ledger
    balances = (ledger.records, ledger.paragraphs, ledger.characters)
    yield "## What was kept, and what was not"
    yield ""
    yield "Read = kept + dropped, in records of the archives, paragraphs, and characters (line breaks not counted)."
    yield ""
    yield from _head("", numbers=["records", "paragraphs", "characters"])
    for name in ("read", "kept"):
        yield _row([name, *(f"{getattr(balance, name):,}" for balance in balances)])
    for reason in sorted({reason for balance in balances for reason in balance.dropped}):
        yield _row([_code(reason), *(f"{balance.dropped.get(reason, 0):,}" for balance in balances)])


def _models(facts: Facts) -> Iterator[str]:
    models = facts.run.configuration.get("models", {})
    yield "## Models"
    yield ""
    yield from _head("file", "sha256")
    yield from (_row([_code(name), _code(sha256)]) for name, sha256 in models.items())


def _terms() -> Iterator[str]:
    yield "## Terms"
    yield ""
    yield f"CommonCrawl's terms of use hold for whoever uses this text: {TERMS}."
    yield "The text belongs to those who wrote it, and each document names its page. Who made the dataset claims no"
    yield "right in it, and gives none."


def _citation() -> Iterator[str]:
    yield "## Citation"
    yield ""
    yield "The method is that of these two papers; please name CommonCrawl and the dumps, too."
    yield ""
    yield "```bibtex"
    yield from _BIBTEX.strip().splitlines()
    yield "```"


_BIBTEX = """
@inproceedings{wenzek-etal-2020-ccnet,
  title = {{CCN}et: Extracting High Quality Monolingual Datasets from Web Crawl Data},
  author = {Wenzek, Guillaume and Lachaux, Marie-Anne and Conneau, Alexis and Chaudhary, Vishrav
            and Guzm{\\'a}n, Francisco and Joulin, Armand and Grave, Edouard},
  booktitle = {Proceedings of the Twelfth Language Resources and Evaluation Conference},
  year = {2020},
  pages = {4003--4012},
  url = {https://aclanthology.org/2020.lrec-1.494}
}
@inproceedings{conneau-etal-2020-unsupervised,
  title = {Unsupervised Cross-lingual Representation Learning at Scale},
  author = {Conneau, Alexis and Khandelwal, Kartikay and Goyal, Naman and Chaudhary, Vishrav and Wenzek, Guillaume
            and Guzm{\\'a}n, Francisco and Grave, Edouard and Ott, Myle and Zettlemoyer, Luke and Stoyanov, Veselin},
  booktitle = {Proceedings of the 58th Annual Meeting of the Association for Computational Linguistics},
  year = {2020},
  pages = {8440--8451},
  url = {https://aclanthology.org/2020.acl-main.747}
}
"""


def _head(*texts: str, numbers: Sequence[str] = ()) -> Iterator[str]:
    """Yield the head of a table, whose columns of texts come first."""
    yield _row([*texts, *numbers])
    yield "|" + "---|" * len(texts) + "---:|" * len(numbers)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    """Return a text that stands as it is, in a cell of a table."""
    plain = " ".join(text.replace("|", "\\|").replace("`", "'").split())
    return f"`{plain}`"
