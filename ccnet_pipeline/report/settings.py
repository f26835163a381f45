"""Settings of a run, by the options of build_cc100 that they are set with."""

from collections.abc import Mapping

_SAME = (
    "preset", "unit", "min_chars", "max_record_bytes", "verify_digests", "extractor", "ignore_opt_out", "dedup_scope",
    "dedup_keep", "min_language_score", "languages", "normalization", "keep_buckets", "formats", "shard_bytes",
    "keep_rejects", "keep_labels", "count_copies", "hash_index",
)  # fmt: skip
_OTHERS: Mapping[str, str] = {
    "title_is_paragraph": "--title",
    "masks": "--mask",
    "filtering": "--filters",
    "filtering.names": "--filters",
    "filtering.thresholds_sha256": "--filter_thresholds",
    "blocklist_sha256": "--blocklist",
    "robots_sha256": "--robots",
    "decontamination": "--decontaminate",
    "decontamination.num_words": "--decontaminate_ngram",
    "decontamination.fields": "--decontaminate_fields",
}
OPTIONS: Mapping[str, str] = {**{name: f"--{name}" for name in _SAME}, **_OTHERS}
_VALUES: Mapping[str, Mapping[bool, str]] = {"--title": {True: "paragraph", False: "field"}}


def option_of(name: str) -> str:
    """Return the option that a value of the configuration is set with; its name there if it has none.

    >>> option_of("recipe.languages"), option_of("unicode_version")
    ('--languages', 'unicode_version')
    """
    plain = name.removeprefix("recipe.")
    return OPTIONS.get(plain, plain)


def value_of(option: str, value: object) -> object:
    """Return a value as its option takes it.

    >>> value_of("--title", True)
    'paragraph'
    """
    return _VALUES[option].get(value, value) if option in _VALUES and isinstance(value, bool) else value
