"""The front matter of a dataset card: YAML between two lines of ---, which the Hugging Face hub and `datasets` read.

A line has a key and a value in JSON, which YAML contains: there every text is in quotes, so that `no`, Norwegian, is
not taken for false. Paths are relative, so the card is as true in a copy, or on the hub. The keys are those of
https://huggingface.co/docs/hub/datasets-cards
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ccnet_pipeline.columns import features
from ccnet_pipeline.dataset.facts import Facts
from ccnet_pipeline.formats import TEXT
from ccnet_pipeline.language.codes import LANGUAGES
from ccnet_pipeline.shards.published import SHARDS

ALL = "default"  # the configuration with all languages, which is meant where none is named
TERMS = "https://commoncrawl.org/terms-of-use"
_SIZES = (
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"), (10**11, "10B<n<100B"), (10**12, "100B<n<1T"),
)  # fmt: skip
_SUBTAG = re.compile(r"[a-z]{2,3}")
# What CC-100 calls otherwise than ISO 639, or by a code that ISO 639 has given up.
_BY_ISO_639_3 = frozenset({"ns"})


def front_matter(facts: Facts, name: str) -> Iterator[str]:
    """Yield its lines; `name` is that of the dataset, for people.

    Languages of few documents have no tag, unless all are such; each has its configuration.
    """
    sizes = facts.sizes()
    # A tag promises text of the language; a handful of documents may be there by mistake alone.
    tagged = facts.substantial() or sizes
    languages = sorted({code for language in tagged if (code := hub_code(language))})
    documents = sum(size.documents for size in sizes.values())
    yield "---"
    yield from _entries(
        pretty_name=name,
        language=languages,
        multilinguality=["multilingual" if len(languages) > 1 else "monolingual"],
        license="other",
        license_name="commoncrawl-terms-of-use",
        license_link=TERMS,
        task_categories=["text-generation", "fill-mask"],
        task_ids=["language-modeling", "masked-language-modeling"],
        language_creators=["found"],
        annotations_creators=["no-annotation"],
        source_datasets=["original"],
        size_categories=[size_category(documents)],
        configs=[_configuration(facts, language) for language in _configurations(sizes)],
        dataset_info=[
            {"config_name": language, "features": features(facts.columns)} for language in _configurations(sizes)
        ],
    )
    yield "---"


def _entries(**values: Any) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, list):
            if value:  # what is empty is left out: the hub takes no empty list
                yield f"{key}:"
                yield from (f"- {_json(each)}" for each in value)
        else:
            yield f"{key}: {_json(value)}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _configurations(languages: Iterable[str]) -> list[str]:
    codes = sorted(languages)
    return [ALL, *codes] if codes else []


def _configuration(facts: Facts, language: str) -> dict[str, Any]:
    folder = "*" if language == ALL else language
    pattern = f"{SHARDS}{folder}.{TEXT}" if facts.format == TEXT else f"{SHARDS}{folder}/*.{facts.format}"
    more = {"sample_by": "paragraph"} if facts.format == TEXT else {}  # a blank line ends a document
    return {"config_name": language, "data_files": [{"split": "train", "path": pattern}], **more}


def hub_code(language: str) -> str | None:
    """Return the code of a language that the hub knows: of ISO 639; None: there is none in the name.

    >>> [hub_code(code) for code in ("sw", "zh-Hans", "bn_rom", "my_zaw", "ns", "ceb", "arb_Arab", "x1")]
    ['sw', 'zh', 'bn', 'my', 'nso', 'ceb', 'arb', None]
    """
    if language in _BY_ISO_639_3:
        return LANGUAGES[language].iso639_3
    subtag = re.split("[-_]", language)[0]
    return subtag if _SUBTAG.fullmatch(subtag) else None


def size_category(documents: int) -> str:
    """Return the hub's word for a number of documents.

    >>> size_category(0), size_category(1000), size_category(10**12)
    ('n<1K', '1K<n<10K', 'n>1T')
    """
    return next((name for limit, name in _SIZES if documents < limit), "n>1T")
