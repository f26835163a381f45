"""Exact equality with the oracle: normal forms and hashes of any text, duplicates, whole runs."""

from __future__ import annotations

import gzip
import json
import math
import random
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import fasttext
import kenlm
import numpy as np
import pytest
import sentencepiece
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from beam_jobs import verify
from beam_jobs.job import main
from ccnet_pipeline.characters.invisible import strip_invisible
from ccnet_pipeline.dedup.blocks import CELL_HASHES, Owners, copies_within, hand_back, owners_of, segments_of
from ccnet_pipeline.dedup.copies import Copies, CopyCounter, CopyStreams, Counts, CountsReader, records_in
from ccnet_pipeline.dedup.duplicates import (
    KEPT,
    REASONS,
    Keep,
    SegmentHashes,
    collect,
    compare_range,
    indices,
    verdicts,
)
from ccnet_pipeline.dedup.hashing import Hashes, paragraph_hashes
from ccnet_pipeline.dedup.normal_form import for_dedup
from ccnet_pipeline.dedup.ranges import RANGE_HASHES, cut_cells
from ccnet_pipeline.dedup.sorting import Bits, bits_needed, sort
from ccnet_pipeline.dedup.tables import BitStreams, TableReader, in_memory, packed_table, parts, table_size
from ccnet_pipeline.fluency.normalize import for_lm_ccnet, for_lm_mended
from ccnet_pipeline.language.loading import ADDED_FILE
from ccnet_pipeline.language.readable import for_identification
from ccnet_pipeline.masking.masker import Masker
from tests import oracle
from tests.filters import of_tests
from tests.lid_models import write_model

# --- text

TRICKY = (
    "İIıẞßΣσςǅﬁ１²½Ⅳ①٠۵५๓𝟗０\x00\x07\t\r\x1c\x1f \x7f\x80\x85\x9f\u00a0\u2028\u2029\u200b\u200d\u3000\ufeff"
    "\u00ad\u034f\u061c\u200c\u200e\u2060\u202c\u2800\u3164\uffa0</>__"
    "\u1ffd\u00b4\u037e\u0300\u0301\u0307\u0323\u0327\u3099\u094d\u0e31\u0e48\u064e가각ᄀ\u1161が゛ئاْéé\u212b\u2126"
    "हिन्दी में Việt Ελλάς ΟΔΟΣ 你好漢汉 🙂 aZ09.,!?\"'" + "".join(oracle.PUNCTUATION)
)
TEXT = st.lists(
    st.one_of(
        st.sampled_from(TRICKY),
        st.characters(codec="utf-8", exclude_characters="\n"),
        st.text("aΣ ．\x1c1", max_size=4),
        st.sampled_from(["</s>", "</S>", "__label__", " ALLE RECHTE VORBEHALTEN", "ISTANBULDA İKİ ILIK", "Ꭰ" * 12]),
    ),
    max_size=40,
).map("".join)
PARAGRAPH = TEXT.filter(lambda text: "\n" not in text)


@settings(max_examples=300, deadline=None)
@given(PARAGRAPH)
@example("0 \x1b")
@example("ΟΔΟΣ.")
@example("")
def test_normal_forms_of_a_paragraph(text: str) -> None:
    assert for_dedup(text) == oracle.normalize_for_dedup(text)
    assert for_lm_ccnet(text) == oracle.normalize_for_lm_ccnet(text)
    assert for_lm_mended(text) == oracle.normalize_for_lm_mended(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(PARAGRAPH, max_size=6))
@example(["ΑΣ", "Α", "", "\x85Σ"])
def test_normal_forms_and_hashes_of_a_page(paragraphs: list[str]) -> None:
    text = "\n".join(paragraphs)
    assert for_dedup(text) == "\n".join(map(oracle.normalize_for_dedup, paragraphs))
    assert for_lm_ccnet(text) == oracle.normalize_for_lm_ccnet(text)
    assert for_lm_mended(text) == oracle.normalize_for_lm_mended(text)
    assert paragraph_hashes(paragraphs).tolist() == [oracle.paragraph_hash(paragraph) for paragraph in paragraphs]


def test_normal_forms_of_every_character() -> None:
    """Alone, and between letters: where case and composition look at the neighbours."""
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000 and code != 10]
    # Nine of ten belong to no script yet, or to whoever wants them: no form of the oracle can change one, for it goes
    # by case, composition, category and its marks alone.
    free = [char for char in characters if unicodedata.category(char) in ("Cn", "Co")]
    text = " ".join(free)
    assert text.lower() == unicodedata.normalize("NFC", text) == unicodedata.normalize("NFD", text) == text
    assert not set(free) & set(oracle.PUNCTUATION)
    assert for_dedup(text) == for_lm_ccnet(text) == for_lm_mended(text) == text
    used = [char for char in characters if unicodedata.category(char) not in ("Cn", "Co")]
    texts = ["".join(f"a{char}B " for char in used[at : at + 64]) for at in range(0, len(used), 64)]
    for text in [*texts, *characters[:0x3000]]:
        assert for_dedup(text) == oracle.normalize_for_dedup(text)
        assert for_lm_ccnet(text) == oracle.normalize_for_lm_ccnet(text)
        assert for_lm_mended(text) == oracle.normalize_for_lm_mended(text)


@pytest.fixture(scope="session")
def words_read(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """fastText's own reader: the words of a text that take part in a prediction."""
    path = write_model(tmp_path_factory.mktemp("reader") / "lid.bin", ["en"])
    get_line = fasttext.load_model(str(path)).f.getLine

    def read(text: str) -> list[str]:
        words: list[str] = get_line(text + "\n", "strict")[0]
        assert words.pop() == "</s>"  # of the line feed
        return words

    return read


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, max_size=6))
@example(["</s>", "", "</s> a", "a</s>", "a </S> ALLE RECHTE VORBEHALTEN", "<\u00ad/s> b", "</s>\u00a0b"])
@example(["\u3164ISTANBULDA İKİ ILIK", "\u115f" + "A" * 12])
@example(["__label__x a", "__label__b", "__LABEL__ ALLE RECHTE VORBEHALTEN", "a__label__", "____label____label__"])
def test_fasttext_reads_every_word_of_what_it_is_shown(
    words_read: Callable[[str], list[str]], paragraphs: list[str]
) -> None:
    assert [words_read(text) for text in for_identification(paragraphs)] == [
        re.findall(r"[^ \t\v\f\r\0]+", oracle.readable(paragraph)) for paragraph in paragraphs
    ]


@settings(max_examples=300, deadline=None)
@given(TEXT)
@example("\ufeff\u00adTitle\u200d\u200b")
@example("\u200c\u00a0\u200d")
def test_ends_of_lines(text: str) -> None:
    assert strip_invisible(text) == oracle.strip_line(text)
    assert strip_invisible(text) == text.strip() or not text.isascii()


# --- duplicates

Crawl = list[list[list[int]]]  # segments of records of hashes
EDGES = [0, 1, 2, 3, (1 << 64) - 1]
EDGES += [edge + step for edge in (1 << 49, 1 << 56, 1 << 58, 1 << 63, 255 << 56) for step in (-1, 0, 1)]
CRAWLS = st.lists(st.lists(st.lists(st.sampled_from(EDGES), max_size=6), max_size=5), min_size=1, max_size=6)


@dataclass(frozen=True)
class Cut:
    """How the work is cut: nothing of it may show in the result."""

    block: int  # segments
    num_ranges: int
    part: int  # hashes that are sorted together, about
    read: int  # hashes, or owners, that are read at a time


CUTS = st.builds(Cut, st.integers(1, 6), st.sampled_from([1, 7, 64]), st.integers(1, 9), st.integers(1, 9))


@dataclass(frozen=True)
class Block:
    """The table of some segments."""

    segments: list[SegmentHashes]
    hashes: Hashes
    in_several: Bits
    counts: Counts
    owners: Owners

    def within(self, first: int, stop: int) -> slice:
        """The hashes in some cells."""
        start, end = (sum(value >> 56 < cell for value in self.hashes.tolist()) for cell in (first, stop))
        return slice(start, end)

    def counts_of(self, some: slice) -> CountsReader:
        begin, end = (int(self.in_several[:edge].sum()) for edge in (some.start, some.stop))
        return CountsReader(self.counts[begin:end])


def fast_answers(
    tables: list[SegmentHashes], keep: Keep, cut: Cut, rng: random.Random
) -> Iterator[tuple[Bits, Copies]]:
    """What the graph does, without Beam: blocks of segments become tables, which meet range by range, in any order."""
    blocks = [_block(tables[start : start + cut.block], cut) for start in range(0, len(tables), cut.block)]
    answers = [np.zeros(len(block.hashes), np.bool_) for block in blocks]
    copies: list[list[list[int]]] = [[] for _ in blocks]
    ranges = cut_cells(0, cut.num_ranges)
    for first, stop in rng.sample(ranges, len(ranges)):
        slices = [block.within(first, stop) for block in blocks]
        readers = [
            in_memory((block.hashes[some], block.in_several[some]), cut.read)
            for block, some in zip(blocks, slices, strict=True)
        ]
        counter = CopyCounter([block.counts_of(some) for block, some in zip(blocks, slices, strict=True)])
        edges = (first * CELL_HASHES, stop * CELL_HASHES)
        streams = compare_range(readers, *edges, keep, counter, cut.part)
        for number, (some, bits, of_range) in enumerate(zip(slices, streams.streams, counter.copies(), strict=True)):
            answers[number][some] = bits
            copies[number] += [[some.start + place, records] for place, records in of_range.tolist()]
    for block, may_keep, told in zip(blocks, answers, copies, strict=True):
        yield from _handed_back(block, may_keep, np.array(sorted(told), np.uint32).reshape(-1, 2), cut)


def _block(segments: list[SegmentHashes], cut: Cut) -> Block:
    readers = [in_memory((table.unique, table.in_several), cut.read) for table in segments]
    counter = CopyCounter([CountsReader(table.counts) for table in segments])
    pieces = []
    for part_tables in parts(readers, 0, 1 << 64, cut.part):
        part = sort(part_tables)
        hashes, several = part.distinct()
        pieces.append((hashes, several, counter.records_of(part, part_tables)[several], owners_of(part)))
    return Block(segments, *map(np.concatenate, zip(*pieces, strict=True)))


def _handed_back(block: Block, answers: Bits, copies: Copies, cut: Cut) -> Iterator[tuple[Bits, Copies]]:
    begun, num_segments = 0, len(block.segments)
    streams, copy_streams = BitStreams(len(each.unique) for each in block.segments), CopyStreams(num_segments)
    for start in range(0, len(block.owners), cut.read):
        owners = block.owners[start : start + cut.read]
        some = slice(begun, begun + int((owners & 1).sum()))
        streams.extend(hand_back(owners, answers[some], num_segments))
        copy_streams.extend(segments_of(owners), *copies_within(copies, owners, some))
        begun = some.stop
    yield from zip(streams.streams, copy_streams.copies(), strict=True)


Fates = list[list[str | None]]


def fast_fates(crawl: Crawl, keep: Keep, cut: Cut, rng: random.Random) -> tuple[Fates, list[list[int]]]:
    """Why each paragraph goes, and in how many records each that stays stands."""
    tables = [
        collect(
            np.array([h for record in segment for h in record], np.uint64),
            [len(record) for record in segment],
        )
        for segment in crawl
    ]
    fates: Fates = []
    copies: list[list[int]] = []
    for segment, table, (bits, of_table) in zip(crawl, tables, fast_answers(tables, keep, cut, rng), strict=True):
        codes = iter(verdicts(table.paragraphs, bits).tolist())
        records = iter(records_in(of_table, len(bits))[indices(table.paragraphs)].tolist())
        for record in segment:
            of_record = [(next(codes), next(records)) for _ in record]
            fates.append([None if code == KEPT else REASONS[code] for code, _ in of_record])
            copies.append([number for code, number in of_record if code == KEPT])
    return fates, copies


@settings(max_examples=60, deadline=None)
@given(CRAWLS, st.sampled_from(["none", "first"]), CUTS, st.randoms(use_true_random=False))
@pytest.mark.parametrize("group", [None, 1, 2, 3])
def test_duplicates_of_any_crawl(group: int | None, crawl: Crawl, keep: Keep, cut: Cut, rng: random.Random) -> None:
    for scope in oracle.scopes(len(crawl), group):
        segments = [crawl[number] for number in scope]
        records = [record for segment in segments for record in segment]
        fates, copies = fast_fates(segments, keep, cut, rng)
        assert fates == oracle.fates_of(records, keep)
        assert copies == [
            [number for number, fate in zip(*of_record, strict=True) if fate is None]
            for of_record in zip(oracle.copies_of(records), fates, strict=True)
        ]


TABLES = st.lists(
    st.dictionaries(st.one_of(st.sampled_from(EDGES), st.integers(0, (1 << 64) - 1)), st.booleans()), min_size=1
)


@settings(max_examples=200, deadline=None)
@given(TABLES, st.integers(1, 9), st.integers(0, 255), st.integers(1, 256))
@example([{edge: False for edge in EDGES}] * 130, 1 << 20, 254, 2)
def test_tables_in_files_are_read_in_parts_that_can_be_sorted(
    tables: list[dict[int, bool]], most: int, first: int, cells: int
) -> None:
    bounds = first << 56, min(first + cells, 256) << 56
    inside = [[(h, bit) for h, bit in sorted(table.items()) if bounds[0] <= h < bounds[1]] for table in tables]
    readers = [
        in_memory((np.array([h for h, _ in table], np.uint64), np.array([bit for _, bit in table], np.bool_)), most)
        for table in inside
    ]
    told: list[list[tuple[int, bool]]] = [[] for _ in tables]
    for part in parts(readers, *bounds, most):
        together = [h for hashes, _ in part for h in hashes.tolist()]
        assert len({h >> 64 - bits_needed(len(tables)) for h in together}) <= 1
        for of_table, (hashes, bits) in zip(told, part, strict=True):
            of_table.extend(zip(hashes.tolist(), bits.tolist(), strict=True))
    assert told == inside


def test_a_part_has_no_more_hashes_than_are_wanted() -> None:
    """So memory is bounded: the hashes of a crawl spread evenly over all 64 bits."""
    hashes = np.random.default_rng(1).integers(0, 1 << 64, (3, 100_000), np.uint64)
    readers = [in_memory((np.unique(row), np.zeros(100_000, np.bool_)), at_once=1000) for row in hashes]
    sizes = [sum(len(table) for table, _ in part) for part in parts(readers, 0, 1 << 64, most=10_000)]
    assert sum(sizes) == 300_000
    assert 3_000 < min(sizes) < max(sizes) < 11_000


def test_a_slice_of_a_table_is_read_from_its_place() -> None:
    table = np.arange(100, dtype=np.uint64), np.arange(100) % 3 == 0
    data = packed_table(table)
    read = []

    def read_range(offset: int, size: int) -> bytes:
        read.append(size)
        return data[offset : offset + size]

    reader = TableReader(read_range, 100, start=13, count=50, at_once=7)
    for edge, expected in ((20, range(13, 20)), (20, range(0)), (1 << 64, range(20, 63))):
        hashes, in_several = reader.take(edge)
        assert (hashes.tolist(), in_several.tolist()) == (list(expected), [each % 3 == 0 for each in expected])
    assert table_size(100) == len(data)
    assert max(read) == 7 * 8, "no more is in memory than wanted"
    assert len(read) == 1 + 8, "the bits in one read"


@pytest.mark.parametrize(
    ("hashes", "wanted", "ranges"),
    [
        pytest.param(0, 0, 1, id="none"),
        pytest.param(RANGE_HASHES, 0, 1, id="as many as one may have"),
        pytest.param(RANGE_HASHES + 1, 0, 2, id="one more"),
        pytest.param(10**12, 0, 256, id="no more than cells"),
        pytest.param(10**12, 7, 7, id="so many are wanted"),
        pytest.param(0, 4096, 256, id="more than cells are wanted"),
    ],
)
def test_the_number_of_ranges_follows_the_hashes(hashes: int, wanted: int, ranges: int) -> None:
    cut = cut_cells(hashes, wanted)
    assert [cell for first, stop in cut for cell in range(first, stop)] == list(range(256))
    assert len(cut) == ranges
    assert max(stop - first for first, stop in cut) - min(stop - first for first, stop in cut) <= 1


# --- whole runs


Lines = dict[tuple[str, str], list[dict[str, Any]]]


@dataclass(frozen=True)
class Result:
    """What a run left."""

    shards: Lines  # by language and bucket
    rejects: Lines  # by language and reason
    ledger: dict[str, Any]
    segments: dict[str, dict[str, Any]]  # the ledger of each


def read_lines(folder: Path) -> Lines:
    found: Lines = {}
    for path in sorted(folder.glob("*/*.jsonl.zst")):
        with zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True) as stream:
            lines = stream.read().decode("utf-8").split("\n")
        assert lines.pop() == ""
        key = (path.parent.name, path.name.rpartition("-")[0])
        found.setdefault(key, []).extend(map(json.loads, lines))
    return found


def ledger_lines(output: Path) -> list[dict[str, Any]]:
    """The balance of each segment, read with zstandard and json alone."""
    lines = []
    for path in sorted((output / "ledger").glob("segments-*.jsonl.zst")):
        with zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True) as stream:
            lines += [json.loads(line) for line in stream.read().decode("utf-8").splitlines()]
    return lines


def run(inputs: Iterable[Path], output: Path, lid_model: Path, *flags: str) -> Result:
    """One run of the command line, in this process."""
    argv = ["--runner=DirectRunner", "--workers=1", "--keep_rejects", f"--lid_model={lid_model}", *flags]
    assert main([*argv, f"--output={output}", "--input", *map(str, inputs)]) == 0
    ledger = json.loads((output / "ledger.json").read_text("utf-8"))
    segments = {line["segment"]: line for line in ledger_lines(output)}
    return Result(read_lines(output / "shards"), read_lines(output / "rejects"), ledger, segments)


def as_json(ledger: oracle.Ledger) -> dict[str, Any]:
    balances = {unit: getattr(ledger, unit) for unit in ("records", "paragraphs", "characters")}
    return {unit: {"read": b.read, "kept": b.kept, "dropped": dict(b.dropped)} for unit, b in balances.items()}


def assert_same(result: Result, expected: oracle.Expected, names: Sequence[str]) -> None:
    """Every document and every reject in its place, every number of the ledger."""
    kept = [((document.language, document.bucket), line_of(document)) for document in expected.documents]
    assert_same_lines(result.shards, kept)
    dropped = [
        ((document.language, reason), rejected(document, reason, expected)) for reason, document in expected.rejects
    ]
    assert_same_lines(result.rejects, dropped)
    ledger = result.ledger
    assert {unit: ledger[unit] for unit in as_json(expected.total)} == as_json(expected.total)
    units = as_json(expected.total)
    assert {name: {unit: each[unit] for unit in units} for name, each in result.segments.items()} == {
        name: as_json(segment) for name, segment in zip(names, expected.segments, strict=True)
    }
    assert {code: {unit: each[unit] for unit in units} for code, each in ledger["languages"].items()} == {
        code: as_json(each) for code, each in sorted(expected.languages.items())
    }


def rejected(document: oracle.Document, reason: str, expected: oracle.Expected) -> dict[str, Any]:
    shared = {"contamination": expected.contaminations[document.id]} if reason == "contaminated" else {}
    return line_of(document) | {"reason": reason} | shared


def line_of(document: oracle.Document) -> dict[str, Any]:
    """A line as it is expected: what is not counted is not in it."""
    return {key: value for key, value in asdict(document).items() if key != "n_copies" or value is not None}


def assert_same_lines(found: Lines, expected: Iterable[tuple[tuple[str, str], dict[str, Any]]]) -> None:
    told: Lines = {}
    for key, line in expected:
        told.setdefault(key, []).append(json.loads(json.dumps(line)))
    assert sorted(found) == sorted(told)
    for key, lines in sorted(told.items()):
        assert [line["id"] for line in found[key]] == [line["id"] for line in lines]
        for line, other in zip(found[key], lines, strict=True):
            assert line == other


Identifies = Callable[[oracle.Settings], oracle.Identify]


def answers_of(path: Path) -> oracle.Answers:
    predict = fasttext.load_model(str(path)).f.predict
    return lambda text, k, least: [
        (label.removeprefix("__label__"), score) for score, label in predict(text + "\n", k, least, "strict")
    ]


@pytest.fixture(scope="session")
def identify(lid_model: Path) -> Identifies:
    """`identify(method)`: what a method knows the language by, one model or two."""
    general, added = answers_of(lid_model), answers_of(ADDED_FILE)
    one = lru_cache(maxsize=1 << 20)(lambda text: general(text, 1, 0.0)[0])
    two = lru_cache(maxsize=1 << 20)(oracle.two_models(general, added, CARD))
    return lambda method: one if method.card is None else two


def in_order(paths: Iterable[Path]) -> list[Path]:
    """The paths in the order of their segments' names."""
    paths = list(paths)
    return [path for _, path in sorted(zip(oracle.segment_names(paths), paths, strict=True))]


CARD = json.loads(ADDED_FILE.with_suffix(".json").read_bytes())
CCNET, CC100 = oracle.CCNET, replace(oracle.CC100_PRESET, card=CARD)
ALL_BUCKETS = frozenset({"head", "middle", "tail", "all"})
PRESETS = [
    pytest.param(CCNET, ("--preset=ccnet", "--dedup_scope=all"), id="ccnet"),
    pytest.param(CC100, ("--preset=cc100",), id="cc100"),
]


@pytest.mark.parametrize(("method", "flags"), PRESETS)
def test_a_crawl_without_language_models(
    method: oracle.Settings,
    flags: tuple[str, ...],
    generated_crawl: Callable[..., Path],
    identify: Identifies,
    lid_model: Path,
    tmp_path: Path,
) -> None:
    paths = in_order(generated_crawl(files=2, records_per_file=250, seed=5).rglob("*.wet.gz"))
    result = run(reversed(paths), tmp_path / "out", lid_model, *flags)
    expected = oracle.build(paths, method, identify(method))
    assert expected.total.records.kept > 200
    assert_same(result, expected, oracle.segment_names(paths))


# --- whole runs with language models

MODEL_OF = {"zh-Hans": "zh", "zh-Hant": "zh"}
NORMAL_FORMS = {"ccnet": oracle.normalize_for_lm_ccnet, "mended": oracle.normalize_for_lm_mended}


@dataclass(frozen=True)
class Models:
    """Small language models: good for nothing but comparing numbers."""

    folder: Path
    cutoffs: dict[str, tuple[float, float]]
    normal_form: dict[str, str]  # by model; "" means the preset's

    def settings(self, method: oracle.Settings) -> oracle.Settings:
        codes = {code: self.cutoffs[MODEL_OF.get(code, code)] for code in ("en", "ru", "zh-Hans", "zh-Hant")}
        return replace(method, cutoffs=codes)

    def perplexity_of(self, preset: str) -> oracle.PerplexityOf:
        loaded = {name: load_model(self.folder, name) for name in self.cutoffs}

        def value(language: str, texts: list[str]) -> float | None:
            name = MODEL_OF.get(language, language)
            if name not in loaded:
                return None
            form = NORMAL_FORMS[self.normal_form[name] or preset]
            return oracle.lm_perplexity([form(text) for text in texts], *loaded[name])

        return value


def load_model(folder: Path, name: str) -> tuple[Callable[[str], list[str]], Callable[[str], float]]:
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{name}.sp.model"))
    ngrams = kenlm.Model(str(folder / f"{name}.arpa"))
    return pieces.encode_as_pieces, lambda line: float(ngrams.score(line, bos=True, eos=True))


def train_model(folder: Path, name: str, lines: Sequence[str]) -> None:
    """SentencePiece, and a bigram model with made-up back-off weights."""
    with (folder / f"{name}.sp.model").open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=file, vocab_size=2500, character_coverage=0.98,
            hard_vocab_limit=False, num_threads=1, minloglevel=2,
        )  # fmt: skip
    encode = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{name}.sp.model")).encode_as_pieces
    sentences = [["<s>", *encode(line), "</s>"] for line in lines]
    singles = Counter(piece for sentence in sentences for piece in sentence)
    pairs = Counter(pair for sentence in sentences for pair in pairwise(sentence))
    total = sum(singles.values())
    unigrams = [f"{math.log10(count / total):.5f}\t{piece}\t-0.30103" for piece, count in sorted(singles.items())]
    bigrams = [
        f"{math.log10(0.9 * count / singles[a]):.5f}\t{a} {b}" for (a, b), count in sorted(pairs.items()) if count > 1
    ]
    header = f"\\data\\\nngram 1={len(unigrams) + 1}\nngram 2={len(bigrams)}\n\n\\1-grams:\n-6.0\t<unk>\t0\n"
    arpa = header + "\n".join(unigrams) + "\n\n\\2-grams:\n" + "\n".join(bigrams) + "\n\n\\end\\\n"
    (folder / f"{name}.arpa").write_text(arpa, "utf-8")


@pytest.fixture(scope="session")
def models(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("lm")
    normal_form = {"en": "mended", "ru": "ccnet", "zh": ""}
    cutoffs = {
        "en": (400.0, 520.0),
        "ru": (450.0, 600.0),
        "zh": (300.0, 400.0),
    }  # about the middle of web pages
    for name, pools in {"en": ["en"], "ru": ["ru"], "zh": ["zh-Hans", "zh-Hant"]}.items():
        form = NORMAL_FORMS[normal_form[name] or "mended"]
        lines = [form(line) for pool in pools for line in pool_lines(test_data, pool, 300)]
        train_model(folder, name, lines)
    rows = [f"{name},{a},{b},{normal_form[name]}" for name, (a, b) in cutoffs.items()]
    (folder / "cutoffs.csv").write_text("\n".join(["language,head,middle,normalization", *rows]) + "\n", "utf-8")
    return Models(folder, cutoffs, normal_form)


def pool_lines(test_data: Path, language: str, count: int) -> list[str]:
    path = test_data / "text" / "train" / f"{language}.txt.zst"
    with zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True) as stream:
        return [line for line in stream.read(2 << 20).decode("utf-8", "ignore").split("\n") if line][:count]


@pytest.mark.parametrize(("method", "flags"), PRESETS)
def test_a_crawl_with_language_models(
    method: oracle.Settings,
    flags: tuple[str, ...],
    generated_crawl: Callable[..., Path],
    identify: Identifies,
    models: Models,
    lid_model: Path,
    tmp_path: Path,
) -> None:
    paths = in_order(generated_crawl(files=2, records_per_file=250, seed=6, header_style=2021).rglob("*.wet.gz"))
    result = run(paths, tmp_path / "out", lid_model, *flags, f"--lm_dir={models.folder}")
    preset = flags[0].removeprefix("--preset=")
    normal_form = {"ccnet": "ccnet", "cc100": "mended"}[preset]
    expected = oracle.build(paths, models.settings(method), identify(method), models.perplexity_of(normal_form))
    buckets = {document.bucket for document in expected.documents}
    assert buckets == (ALL_BUCKETS if preset == "ccnet" else ALL_BUCKETS - {"tail"})
    assert_same(result, expected, oracle.segment_names(paths))


@pytest.mark.parametrize(
    ("method", "flags"),
    [
        pytest.param(CCNET, ("--preset=ccnet", "--dedup_scope=all", "--dedup_buckets=5"), id="ccnet"),
        pytest.param(
            replace(CC100, dedup_scope=2, dedup_keep="first"),
            ("--preset=cc100", "--dedup_scope=group:2", "--dedup_keep=first"),
            id="cc100-group-first",
        ),
    ],
)
def test_a_bigger_crawl(
    method: oracle.Settings,
    flags: tuple[str, ...],
    generated_crawl: Callable[..., Path],
    identify: Identifies,
    lid_model: Path,
    tmp_path: Path,
) -> None:
    paths = in_order(generated_crawl(files=5, records_per_file=200, seed=7).rglob("*.wet.gz"))
    result = run(paths, tmp_path / "out", lid_model, *flags)
    assert_same(result, oracle.build(paths, method, identify(method)), oracle.segment_names(paths))


# --- real archives


def real_wets(test_data: Path) -> list[Path]:
    return sorted(path for path in (test_data / "commoncrawl").rglob("*.wet*") if path.name != "SOURCES.md")


@pytest.mark.parametrize(("method", "flags"), PRESETS)
def test_real_archives(
    method: oracle.Settings,
    flags: tuple[str, ...],
    test_data: Path,
    identify: Identifies,
    lid_model: Path,
    tmp_path: Path,
) -> None:
    """Every WET file at hand, sound or damaged; each its own group, for they share pages."""
    paths = in_order(real_wets(test_data))
    assert len(paths) >= 16
    result = run(paths, tmp_path / "out", lid_model, *flags, "--dedup_scope=group:1", "--languages=all")
    expected = oracle.build(paths, replace(method, dedup_scope=1, languages=None), identify(method))
    assert expected.total.records.kept > 20
    assert_same(result, expected, oracle.segment_names(paths))


def test_the_oracle_reads_sound_archives_as_warcio_does(test_data: Path, generated_crawl: Callable[..., Path]) -> None:
    paths = [
        test_data / "commoncrawl" / "whirlwind-python" / "whirlwind.warc.wet",
        test_data / "commoncrawl" / "whirlwind-python" / "whirlwind.warc.wet.gz",
        *generated_crawl(files=2, records_per_file=250, seed=5).rglob("*.wet.gz"),
    ]
    for path in paths:
        told = []
        with path.open("rb") as file:
            archive = ArchiveIterator(file)
            for record in archive:
                body = record.content_stream().read()
                headers = {name.lower(): value for name, value in record.rec_headers.headers}
                told.append(oracle.Record(archive.get_record_offset(), record.rec_type, headers, body))
        assert oracle.read_wet(path) == told


# --- odd pages

SENTENCES = {
    "en": "The committee will meet again in the town hall on Monday morning to discuss the new water supply",
    "de": "Der Ausschuss trifft sich am Montag wieder im kleinen Rathaus und spricht über neue Quellen",
    "ru": "Комитет снова соберётся в понедельник утром в небольшой ратуше чтобы обсудить новое водоснабжение",
    "el": "Η ΕΠΙΤΡΟΠΗ ΘΑ ΣΥΝΕΔΡΙΑΣΕΙ ΞΑΝΑ ΤΗ ΔΕΥΤΕΡΑ ΤΟ ΠΡΩΙ ΣΤΟ ΜΙΚΡΟ ΔΗΜΑΡΧΕΙΟ ΓΙΑ ΤΙΣ ΝΕΕΣ ΠΗΓΕΣ",
    "zh-Hans": "委员 会议 将于 星期一 上午 在 这个 小镇 讨论 新的 供水 问题 并且 听取 居民 的 意见 和 报告",
    "zh-Hant": "委員 會議 將於 星期一 上午 在 這個 小鎮 討論 新的 供水 問題 並且 聽取 居民 的 意見 和 報告",
    "hi": "समिति सोमवार की सुबह छोटे नगर भवन में फिर मिलेगी और नई जल आपूर्ति के बारे में चर्चा करेगी",
}
COMMON = [
    "Home", "HOME", "Copyright 2018", "copyright 2019", "Copyright ２０２０…", "。", "．．", "\x01\x02", "…",
    "All rights reserved", "All rights reserved.", "Tous droits réservés", "Tous droits re\u0301serve\u0301s",
    "¿Qué?",
]  # fmt: skip
BLANK = ["", " ", "\u00a0", "\u3000", "\t", "\x1f", "\u2028", "\u200b", "\ufeff\u00ad", "\u200c"]
STARTS = ["", "", " ", "\u00a0", "\ufeff", "</s> ", "__label__"]
ENDS = ["\n", "\n", "\n", "\r\n", "\r"]


def odd_line(rng: random.Random, language: str, lines: list[str]) -> str:
    kind = rng.random()
    if kind < 0.15:
        return rng.choice(COMMON)
    if kind < 0.3:
        return rng.choice(BLANK)
    if kind < 0.35 and lines:
        return rng.choice(lines)
    words = SENTENCES[rng.choice(list(SENTENCES)) if kind < 0.5 else language].split(" ")
    glue = "" if language.startswith("zh") else rng.choice([" ", " ", " ", "\u00a0", "\u202f", " \u200e"])
    line = rng.choice(STARTS) + glue.join(rng.sample(words, rng.randint(3, len(words))))
    return line.upper() if rng.random() < 0.1 else line


def odd_body(rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.05:
        return rng.choice(
            [b"", b"\n", b"\r\n\r\n", b" \n\xc2\xa0\n", b"title", b"title\n", b"\n" * 400, b"t" + b"\n" * 400]
        )
    if kind < 0.15:  # around the least length
        words = odd_line(rng, "en", []) + " "
        text = (words * 300)[: rng.choice([298, 299, 300, 301])].strip()
        return f"title\n{text}{rng.choice(['', chr(10), chr(10) * 2])}".encode()
    language = rng.choice(list(SENTENCES))
    lines: list[str] = []
    for _ in range(rng.randint(2, 24)):
        lines.append(odd_line(rng, language, lines))
    body = "".join(line + rng.choice(ENDS) for line in lines) + rng.choice(["", "", "end", "\n", " \n\n"])
    data = bytearray(body.encode())
    if rng.random() < 0.1:
        data[rng.randrange(len(data) + 1) : 0] = rng.choice([b"\xff", b"\xc3", b"\xe4\xbd", b"\xed\xa0\x80"])
    return bytes(data)


def odd_record(rng: random.Random) -> bytes:
    body = odd_body(rng)
    uri = rng.choice(["http://example.com/a", "https://пример.рф:8080/ß", "http://a.b/c d", "http://[bad/", "x"])
    headers = {
        "WARC-Type": "conversion" if rng.random() < 0.93 else rng.choice(["metadata", "resource", "warcinfo"]),
        "WARC-Target-URI": uri,
        "WARC-Date": "2019-02-15T18:40:25Z",
        "WARC-Record-ID": f"<urn:uuid:{rng.getrandbits(128):032x}>",
        "WARC-Block-Digest": "sha1:VQW3KXUOALO543IJGTK2JLVEAN2XXKHI",
        "WARC-Identified-Content-Language": "eng",
        "Content-Type": "text/plain",
    }
    for name in rng.sample(["WARC-Target-URI", "WARC-Date", "WARC-Block-Digest"], rng.choice([0, 0, 0, 1])):
        del headers[name]
    lines = [f"{name.lower() if rng.random() < 0.1 else name}: {value}\r\n" for name, value in headers.items()]
    rng.shuffle(lines)
    return f"WARC/1.0\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


def write_odd_crawl(folder: Path, rng: random.Random) -> list[Path]:
    """Segments in several folders; some members hold several records; one archive is not compressed."""
    info = b"isPartOf: CC-MAIN-2019-09\r\n"
    head = f"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: {len(info)}\r\n\r\n".encode() + info + b"\r\n\r\n"
    paths = [
        folder / name for name in ("b/0.warc.wet.gz", "a/z.warc.wet.gz", "b/1.warc.wet", "c.warc.wet.gz", "a/y.wet.gz")
    ]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        records = [head, *(odd_record(rng) for _ in range(70))]
        members = []
        while records:
            size = rng.choice([1, 1, 1, 2, 5])
            members.append(b"".join(records[:size]))
            del records[:size]
        path.write_bytes(b"".join(members if path.suffix == ".wet" else map(gzip.compress, members)))
    return paths


ODD = [
    pytest.param(CCNET, ("--preset=ccnet", "--dedup_scope=all"), id="ccnet"),
    pytest.param(CC100, ("--preset=cc100", "--dedup_buckets=7"), id="cc100"),
    pytest.param(
        replace(CCNET, dedup_scope=2, dedup_keep="first", count_copies=True, min_chars=0),
        ("--preset=ccnet", "--dedup_scope=group:2", "--dedup_keep=first", "--count_copies", "--min_chars=0"),
        id="ccnet-group-first",
    ),
    pytest.param(
        replace(
            CC100,
            dedup_scope=3,
            dedup_keep="first",
            languages=frozenset({"en", "el", "zh-Hant"}),
            max_record_bytes=900,
        ),
        (
            "--dedup_scope=group:3",
            "--dedup_keep=first",
            "--languages=en,el,zh-Hant",
            "--max_record_bytes=900",
        ),
        id="cc100-few-languages",
    ),
    pytest.param(
        replace(
            CC100, dedup_keep="first", count_copies=True, min_chars=1, keep_buckets=frozenset({"head", "tail", "all"})
        ),
        ("--dedup_keep=first", "--count_copies", "--min_chars=1", "--keep_buckets=head,tail,all"),
        id="cc100-some-buckets",
    ),
    pytest.param(replace(CC100, keep_buckets=frozenset({"head"})), ("--keep_buckets=head",), id="cc100-head-only"),
]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("method", "flags"), ODD)
def test_odd_pages(
    seed: int,
    method: oracle.Settings,
    flags: tuple[str, ...],
    identify: Identifies,
    models: Models,
    lid_model: Path,
    tmp_path: Path,
) -> None:
    paths = in_order(write_odd_crawl(tmp_path / "crawl", random.Random(seed)))
    result = run(paths, tmp_path / "out", lid_model, *flags, f"--lm_dir={models.folder}")
    normal_form = "ccnet" if "--preset=ccnet" in flags else "mended"
    expected = oracle.build(paths, models.settings(method), identify(method), models.perplexity_of(normal_form))
    assert len(expected.documents) > 5
    assert any(re.search("/", document.id) for document in expected.documents) == (method.unit == "paragraph")
    assert_same(result, expected, oracle.segment_names(paths))


# --- filters


@pytest.mark.parametrize(("method", "flags"), PRESETS)
def test_documents_that_filters_have_a_reason_against(
    method: oracle.Settings,
    flags: tuple[str, ...],
    identify: Identifies,
    models: Models,
    lid_model: Path,
    tmp_path: Path,
) -> None:
    paths = in_order(write_odd_crawl(tmp_path / "crawl", random.Random(5)))
    names = ("tests.filters.of_tests.with_g", "tests.filters.of_tests.odd")
    chosen = {name: getattr(of_tests, name.rpartition(".")[2]) for name in names}
    told = (f"--filters={','.join(names)}", f"--lm_dir={models.folder}")
    result = run(paths, tmp_path / "out", lid_model, *flags, *told)
    normal_form = "ccnet" if "--preset=ccnet" in flags else "mended"
    asked = replace(models.settings(method), filters=chosen)
    expected = oracle.build(paths, asked, identify(method), models.perplexity_of(normal_form))
    of_filters = Counter(reason.rpartition(".")[0] for reason, _ in expected.rejects if "." in reason)
    assert min(of_filters[name] for name in names) > 5
    assert len(expected.documents) > 5
    assert_same(result, expected, oracle.segment_names(paths))


@pytest.mark.parametrize(("method", "flags"), PRESETS)
def test_addresses_and_numbers_are_masked_and_the_balance_closes(
    method: oracle.Settings,
    flags: tuple[str, ...],
    identify: Identifies,
    models: Models,
    lid_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "STARTS", ["", "ann@example.org ", "+49 30 1234567: ", "bob@b.example "])
    paths = in_order(write_odd_crawl(tmp_path / "crawl", random.Random(6)))
    told = ("--mask=phone,email", f"--lm_dir={models.folder}")
    result = run(paths, tmp_path / "out", lid_model, *flags, *told)
    masked = replace(models.settings(method), mask=Masker(("email", "phone")).masked)
    normal_form = "ccnet" if "--preset=ccnet" in flags else "mended"
    expected = oracle.build(paths, masked, identify(method), models.perplexity_of(normal_form))
    assert expected.total.characters.dropped["masked"] > 500
    assert any("[mail]" in document.title for document in expected.documents)
    assert_same(result, expected, oracle.segment_names(paths))
    assert verify.main([str(tmp_path / "out")]) == 0  # paragraphs that differed in an address alone are no duplicates


# --- test files


def word_soup(rng: random.Random, document: oracle.Document) -> str:
    """A piece of a document, written in another way: other capitals, marks, line breaks."""
    lines = document.text.split("\n")
    begin = rng.randrange(len(lines))
    text = "\n".join(lines[begin : begin + 2])
    return "".join(char.upper() if rng.random() < 0.3 else char for char in text).replace(" ", rng.choice([" ", ", "]))


@pytest.mark.parametrize(("method", "flags"), PRESETS)
def test_documents_that_share_words_with_test_files(
    method: oracle.Settings, flags: tuple[str, ...], identify: Identifies, lid_model: Path, tmp_path: Path
) -> None:
    rng = random.Random(3)
    paths = in_order(write_odd_crawl(tmp_path / "crawl", rng))
    clean = oracle.build(paths, method, identify(method)).documents
    texts: dict[str, list[str]] = {"a/long.jsonl": [], "b.txt": [], "c.tsv": []}
    for document in rng.sample(clean, 40):
        texts["a/long.jsonl"].append(word_soup(rng, document))
        texts["b.txt"].append(rng.choice(document.text.split("\n")))
        texts["c.tsv"].append(rng.choice(document.text.split("\n")).replace("\t", " "))
    for name, of_file in texts.items():
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"x": [text]}) if name.endswith("l") else text for text in of_file]
        path.write_text("\n".join(lines), "utf-8")
    excepted = clean[0].text
    (tmp_path / "except.txt").write_text(excepted, "utf-8")
    told = ("--decontaminate", str(tmp_path / "tests"), f"--decontaminate_except={tmp_path / 'except.txt'}")
    result = run(paths, tmp_path / "out", lid_model, *flags, *told, "--decontaminate_ngram=9")
    runs = oracle.test_runs(texts, excepted.split("\n"), 9)
    expected = oracle.build(paths, replace(method, test_runs=runs, num_words=9), identify(method))
    assert len(expected.contaminations) > 20
    assert len(expected.documents) > 30
    assert_same(result, expected, oracle.segment_names(paths))
    counted = Counter(each["file"] for each in expected.contaminations.values())
    assert result.ledger["contamination"]["files"] == counted
    by_words = Counter(each["words"] for each in expected.contaminations.values())
    assert result.ledger["contamination"]["words"] == dict(sorted(by_words.items(), key=lambda x: (-x[1], x[0]))[:100])
