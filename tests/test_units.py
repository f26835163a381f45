"""The small parts, each on its own: frames, formats, balance, buckets, codes, pages, progress, configuration."""

import dataclasses
import io
import itertools
import lzma
import math
import os
import random
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
import zstandard
from msgspec import UNSET

from beam_jobs import progress, stage_notes
from beam_jobs.blocks import Blocks, block_size
from beam_jobs.books import Sums, close_books
from beam_jobs.elements import CompactNote
from beam_jobs.layout import Layout
from beam_jobs.progress import StageProgress, watched
from beam_jobs.remains import Remains
from beam_jobs.stage_notes import Content
from beam_jobs.transforms.plan import plan_ranges, segment_bits
from beam_jobs.transforms.publish import SumFn
from ccnet_pipeline import formats, storage
from ccnet_pipeline.archive import Record
from ccnet_pipeline.checksums import sha256_of
from ccnet_pipeline.columns import OPTIONAL
from ccnet_pipeline.documents import Document, LanguageLabel, Reject, encode
from ccnet_pipeline.errors import BalanceError, FilterError, UserError
from ccnet_pipeline.extract import Extraction
from ccnet_pipeline.filters import Filtering
from ccnet_pipeline.fluency import Cutoffs, bucket_of, find_models, perplexity, read_cutoffs
from ccnet_pipeline.formats import decode_document, write_parquet, write_text
from ccnet_pipeline.frames import FRAME_BYTES, FrameBuilder, compressor, read_lines, write_lines
from ccnet_pipeline.ledger import Account, Balance, DamageTally, Tally, total
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.pages.wet import read_page
from ccnet_pipeline.recipe import CC100, CCNET, Configuration, Input, Recipe, differences, digest_of_inputs
from ccnet_pipeline.shards.published import FinalFile
from tests.moments import PATIENCE_S

# --- frames


def framed(lines: list[bytes]) -> bytes:
    stream = io.BytesIO()
    write_lines(lines, stream, level=1)
    return stream.getvalue()


def unframed(data: bytes) -> list[bytes]:
    return list(read_lines(io.BytesIO(data)))


def noise(size: int, seed: int) -> bytes:
    """Bytes that do not compress, without a line feed."""
    return random.Random(seed).randbytes(size).replace(b"\n", b"\r")


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b""],
        [b"", b"", b"x", b""],
        [b"one"],
        ["žluťoučký kůň\u2028\x85\r".encode(), b"\x00\xff"],
        [b"x" * (FRAME_BYTES - 1), b"y"],
        [noise(3 * FRAME_BYTES + 7, 1), b"after", noise(FRAME_BYTES, 2)],
        [noise(FRAME_BYTES // 3, seed) for seed in range(8)],
    ],
    ids=["none", "empty", "empties", "one", "bytes", "full", "longer than a frame", "several frames"],
)
def test_lines_come_back_as_they_were(lines: list[bytes]) -> None:
    assert unframed(framed(lines)) == lines


def test_frames_are_joined_byte_by_byte() -> None:
    first, second = [b"a", noise(FRAME_BYTES, 3)], [b"b"]
    assert unframed(framed(first) + framed([]) + framed(second)) == first + second


def test_a_frame_is_given_when_it_is_full_and_holds_whole_lines() -> None:
    builder = FrameBuilder(compressor(1))
    assert builder.flush() is None
    assert builder.add(b"x" * (FRAME_BYTES - 2)) is None  # one short, with its line feed
    frame = builder.add(b"last")
    assert frame is not None
    assert zstandard.ZstdDecompressor().decompress(frame) == b"x" * (FRAME_BYTES - 2) + b"\nlast\n"
    assert builder.flush() is None
    assert FrameBuilder(compressor(1)).add(b"x" * (FRAME_BYTES - 1)) is not None


def test_the_same_lines_give_the_same_bytes() -> None:
    lines = [noise(1000, seed) for seed in range(50)]
    assert framed(lines) == framed(lines)


def test_a_last_line_without_line_feed_is_an_error() -> None:
    data = zstandard.ZstdCompressor().compress(b"whole\nhalf")
    with pytest.raises(ValueError, match="cut off"):
        unframed(data)


def test_frames_cut_off_inside_a_line_are_an_error() -> None:
    data = framed([noise(FRAME_BYTES, 5)])
    with pytest.raises(ValueError, match="cut off"):
        unframed(data[: len(data) // 2])


def test_frames_cut_off_anywhere_are_an_error() -> None:
    one = framed([b"a" * 50, b"bb"])
    for cut in {*range(1, 2 * len(one))} - {len(one)}:
        with pytest.raises((ValueError, EOFError, zstandard.ZstdError)):
            unframed((one + one)[:cut])


def test_a_changed_byte_is_an_error() -> None:
    data = bytearray(framed([noise(1000, 6)]))
    data[500] ^= 1
    with pytest.raises(zstandard.ZstdError):
        unframed(bytes(data))


# --- documents and their forms

FIELDS = [
    "id", "text", "language", "language_score", "perplexity", "bucket", "url", "domain", "title", "date",
    "dump", "segment", "offset", "digest", "paragraph_ids", "original_paragraphs", "original_characters",
]  # fmt: skip


def document(number: int = 0, **changes: Any) -> Document:
    made = Document(
        id=f"id-{number}",
        text=f'Ein Satz, {number}.\n汉字 \\ "quoted" \u2028 \x00',
        language="de",
        language_score=0.9731,
        perplexity=None if number % 2 else 123.4,
        bucket="head",
        url="https://example.org/ä?b=1",
        domain="example.org",
        title="Ein Titel",
        date="2018-12-09T17:01:42Z",
        dump="CC-MAIN-2018-51",
        segment="crawl-data/a.warc.wet.gz",
        offset=5_000_000_000 + number,
        digest="sha1:ABC",
        paragraph_ids=[0, 3 + number],
        original_paragraphs=9,
        original_characters=3_000_000_000,
    )
    return dataclasses.replace(made, **changes)


def test_the_fields_of_a_line_stand_in_the_order_of_the_contract() -> None:
    assert list(msgspec.json.decode(encode(document()))) == FIELDS


def test_a_reject_has_the_same_fields_and_a_reason_at_the_end() -> None:
    reject = Reject(**dataclasses.asdict(document()), reason="bucket_tail")
    assert list(msgspec.json.decode(encode(reject))) == [*FIELDS, "reason"]


def test_a_line_is_utf8_without_line_feeds_and_comes_back_equal() -> None:
    line = encode(document(perplexity=None))
    assert b"\n" not in line
    assert "汉字" in line.decode()
    assert b'"perplexity":null' in line
    assert decode_document(line) == document(perplexity=None)


def parquet(documents: Iterable[Document], optional: Sequence[str] = ()) -> io.BytesIO:
    stream = io.BytesIO()
    write_parquet(documents, stream, optional)
    return stream


@pytest.mark.parametrize(("count", "rows"), [(0, []), (1, [1]), (4, [2, 2]), (5, [2, 2, 1])])
def test_parquet_holds_the_same_documents_and_cuts_row_groups_by_their_bytes(
    monkeypatch: pytest.MonkeyPatch, count: int, rows: list[int]
) -> None:
    monkeypatch.setattr(formats, "GROUP_BYTES", 800)
    documents = [document(number) for number in range(count)]
    file = pq.ParquetFile(parquet(iter(documents)))
    assert file.schema_arrow.names == FIELDS
    assert [Document(**row) for row in file.read().to_pylist()] == documents
    groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    assert [group.num_rows for group in groups] == rows
    assert {group.column(0).compression for group in groups} <= {"ZSTD"}


LABELS = [LanguageLabel("lid.176.bin", "sw", 0.61), LanguageLabel("added", "sw", 0.9)]


def test_labels_are_columns_where_they_are_kept() -> None:
    kept = [document(number, languages=LABELS[number:], language_model="added") for number in range(3)]
    assert list(msgspec.json.decode(encode(kept[0]))) == [*FIELDS, "languages", "language_model"]
    assert [decode_document(encode(each)) for each in kept] == kept
    dropped = Reject.of(kept[0], "bucket_tail")
    assert (dropped.reason, dropped.languages, dropped.language_model) == ("bucket_tail", LABELS, "added")
    rows = pq.read_table(parquet(kept, OPTIONAL["keep_labels"])).to_pylist()
    assert list(rows[0]) == [*FIELDS, "languages", "language_model"]
    assert rows == [msgspec.to_builtins(each) for each in kept]


def test_a_file_of_a_run_with_labels_has_their_columns_without_a_document_too() -> None:
    names = pq.read_schema(parquet([], OPTIONAL["keep_labels"])).names
    assert names == [*FIELDS, "languages", "language_model"]


def test_every_optional_field_of_a_document_is_a_column_of_some_setting_of_a_run() -> None:
    optional = {field.name for field in dataclasses.fields(Document) if field.default is UNSET}
    assert optional == {name for names in OPTIONAL.values() for name in names}
    settings = {field.name for field in dataclasses.fields(Configuration)}
    assert settings >= set(OPTIONAL)


def test_what_comes_again_and_again_is_kept_once_a_row_group() -> None:
    kept = [document(number, languages=LABELS, language_model="added") for number in range(2)]
    group = pq.ParquetFile(parquet(kept, OPTIONAL["keep_labels"])).metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    assert {each.path_in_schema for each in columns if "RLE_DICTIONARY" in each.encodings} == {
        "language", "bucket", "domain", "dump", "segment",
        "languages.list.element.model", "languages.list.element.label", "language_model",
    }  # fmt: skip


def test_parquet_twice_gives_the_same_bytes() -> None:
    first, second = (parquet(document(number) for number in range(99)) for _ in range(2))
    assert first.getvalue() == second.getvalue()


def test_text_has_a_paragraph_a_line_and_a_blank_line_after_each_document() -> None:
    stream = io.BytesIO()
    write_text([document(text="eins\nzwei"), document(text="汉字")], stream)
    assert lzma.decompress(stream.getvalue()).decode() == "eins\nzwei\n\n汉字\n\n"
    empty = io.BytesIO()
    write_text([], empty)
    assert lzma.decompress(empty.getvalue()) == b""


# --- the balance


def an_account(kept: int = 2) -> Account:
    account = Account()
    account.tally.read(3, 30, 300)
    account.tally.keep(kept, 10, 100)
    account.tally.drop("duplicate", 1, 15, 150)
    account.tally.drop("blank", 0, 5, 50)
    account.language("de").read(1, 10, 100)
    account.language("de").keep(1, 10, 100)
    account.damage.count("truncated_gzip", 77, 1)
    return account


def test_a_balance_closes_or_does_not() -> None:
    balance = Balance(read=10, kept=4, dropped={"a": 5, "b": 1})
    assert balance.missing == 0
    balance.drop("a", 2)
    assert (balance.dropped, balance.missing) == ({"a": 7, "b": 1}, -2)
    assert Balance(read=10, kept=4).missing == 6


def test_nothing_is_no_reason() -> None:
    account = an_account()
    assert account.tally.records.dropped == {"duplicate": 1}
    assert account.tally.paragraphs.dropped == {"duplicate": 15, "blank": 5}


def test_a_sum_leaves_its_parts_alone() -> None:
    one, two = an_account(), an_account()
    two.language("sw").read(1, 1, 1)
    two.language("sw").drop("bucket_tail", 1, 1, 1)
    two.damage.count("bad_content_length", 3, 0)
    run = total([one, two])
    assert run.tally.characters == Balance(600, 200, {"duplicate": 300, "blank": 100})
    assert run.languages["de"].paragraphs == Balance(20, 20)
    assert run.languages["sw"].records == Balance(1, 0, {"bucket_tail": 1})
    assert run.damage == DamageTally(157, 2, {"truncated_gzip": 2, "bad_content_length": 1})
    run.check("the run")
    run.language("de").read(5, 5, 5)
    run.tally.drop("duplicate", 5, 5, 5)
    assert one == an_account()
    assert total([]) == Account()


@pytest.mark.parametrize("unit", ["records", "paragraphs", "characters"])
@pytest.mark.parametrize("by", [1, -1])
def test_the_check_says_whose_books_and_what_is_missing(unit: str, by: int) -> None:
    account = an_account()
    account.check("crawl-data/a")
    getattr(account.tally, unit).read += by
    want = rf"the balance of crawl-data/a does not close: \d+ {unit} read, \d+ kept, \d+ dropped, {by} unaccounted"
    with pytest.raises(BalanceError, match=want):
        account.check("crawl-data/a")


@pytest.mark.parametrize("unit", ["records", "paragraphs", "characters"])
def test_the_check_looks_at_every_language(unit: str) -> None:
    account = an_account()
    account.languages["sw"] = Tally(**{unit: Balance(read=7, kept=3, dropped={"bucket_tail": 2})})
    want = f"the balance of the run, sw does not close: 7 {unit} read, 3 kept, 2 dropped, 2 unaccounted for"
    with pytest.raises(BalanceError, match=want):
        account.check("the run")


def final_file(paragraphs: int, characters: int) -> FinalFile:
    return FinalFile("shards/de/all-00000.jsonl.zst", "de", "all", "jsonl.zst", 1, paragraphs, characters, 1, "")


def test_the_books_of_a_run_do_not_depend_on_how_its_segments_are_added_up() -> None:
    names = [f"{number:03d}.wet" for number in range(250)]
    accounts = {name: an_account() if number % 2 else Account() for number, name in enumerate(names)}
    whole = [Sums()]
    parts = [Sums() for _ in range(7)]
    for number, (name, account) in enumerate(accounts.items()):
        whole[0].count(name, account)
        parts[number % 7].count(name, account)
    combine = SumFn()
    told = combine.extract_output(combine.merge_accumulators([combine.add_input(Sums(), part) for part in parts]))
    kept = total(accounts.values()).tally
    files = [final_file(kept.paragraphs.kept, kept.characters.kept)]
    ledger = close_books(told, files, 250)
    assert ledger == close_books(combine.add_input(combine.create_accumulator(), whole[0]), files, 250)
    assert (ledger.num_segments, ledger.num_without_record) == (250, 125)
    assert ledger.without_record == [f"{name} (empty)" for name in names[::2][:100]]


def test_books_that_do_not_close_are_not_published() -> None:
    account = an_account()
    sums = Sums()
    sums.count("a.wet", account)
    kept = account.tally.paragraphs.kept, account.tally.characters.kept
    assert close_books(sums, [final_file(*kept)], 1).records.read == account.tally.records.read
    with pytest.raises(BalanceError, match="1 of 2 segments came to the end"):
        close_books(sums, [final_file(*kept)], 2)
    for more in ((1, 0), (0, 1)):
        with pytest.raises(BalanceError, match=r"the jsonl\.zst shards hold \d+ \w+, but \d+ were kept"):
            close_books(sums, [final_file(kept[0] + more[0], kept[1] + more[1])], 1)
    account.tally.records.read += 1
    with pytest.raises(BalanceError, match=r"the balance of b\.wet does not close"):
        sums.count("b.wet", account)
    broken = Sums(account=account)
    with pytest.raises(BalanceError, match="the balance of the run does not close"):
        SumFn().extract_output(broken)


def test_a_filter_has_few_reasons_in_all_segments_together() -> None:
    def ended(numbers: Iterable[int]) -> str:
        whole = Sums()
        for number in numbers:
            account, part = an_account(), Sums()
            for name in ("my.b", "my.a", "other.c"):
                reasons = number % 2 if name == "other.c" else number
                account.tally.read(1, 1, 1)
                account.tally.drop(f"{name}.r{reasons}", 1, 1, 1)
            part.count(str(number), account)
            whole.add(part)
        kept = whole.account.tally
        files = [final_file(kept.paragraphs.kept, kept.characters.kept)]
        try:
            return str(len(close_books(whole, files, whole.segments).records.dropped) > 100)
        except FilterError as error:
            return str(error)

    line = "--filters my.a has more than 100 different reasons; want a few that can be counted; mend it and start anew "
    assert ended(range(100)) == "True"
    assert ended(range(101)) == ended(reversed(range(101))) == f"{line}with --overwrite"


# --- fluency


@pytest.mark.parametrize(
    ("value", "bucket"),
    [
        (0.0, "head"), (339.9, "head"), (340.0, "middle"), (519.9, "middle"), (520.0, "tail"), (1e300, "tail"),
        (math.inf, "tail"), (None, "all"), (-1.0, "all"),
    ],
)  # fmt: skip
def test_a_bucket_begins_at_its_cut_off(value: float | None, bucket: str) -> None:
    assert bucket_of(value, Cutoffs(340, 520)) == bucket
    assert bucket_of(value, None) == "all"


def test_perplexity() -> None:
    assert perplexity(0.0, 3) == 1.0
    assert perplexity(-3.0, 2) == pytest.approx(31.6227766)
    assert perplexity(-400.0, 1) == sys.float_info.max
    assert perplexity(-4000.0, 10) == sys.float_info.max
    assert perplexity(-3000.0, 10) == pytest.approx(1e300)


def cutoffs_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "cutoffs.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_cutoffs_with_and_without_a_normal_form(tmp_path: Path) -> None:
    path = cutoffs_file(tmp_path, "language,head,middle,normalization\nde,1.5,2,ccnet\nen,3,4, mended \nfr,5,6,\n")
    assert read_cutoffs(path) == {
        "de": Cutoffs(1.5, 2.0, "ccnet"),
        "en": Cutoffs(3.0, 4.0, "mended"),
        "fr": Cutoffs(5.0, 6.0, None),
    }
    assert read_cutoffs(cutoffs_file(tmp_path, "head,language,middle\r\n1,de,2\r\n")) == {"de": Cutoffs(1.0, 2.0)}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("language,head\nde,1\n", "'middle'"),
        ("de,1,2\nen,3,4\n", "'language'|'head'"),
        ("language,head,middle\nde,one,2\n", "'one'"),
        ("language,head,middle\nde,1\n", "float"),
        ("language,head,middle,normalization\nde,1,2,nfc\n", "'nfc'"),
        (b"language,head,middle\n\xff,1,2\n", "decode"),
        pytest.param("language,head,middle\nde,nan,2\n", "nan"),
        pytest.param("language,head,middle\nde,9,2\n", "9"),
        pytest.param("language,head,middle\nde,-1,2\n", "-1"),
    ],
    ids=["column", "header", "number", "short row", "normal form", "not text", "nan", "swapped", "negative"],
)
def test_cutoffs_that_cannot_be_right(tmp_path: Path, text: str | bytes, what: str) -> None:
    path = cutoffs_file(tmp_path, text)
    with pytest.raises(UserError, match=rf"{re.escape(str(path))}.*({what}).*language,head,middle") as caught:
        read_cutoffs(path)
    assert "\n" not in str(caught.value)


def test_models_are_found_by_name(tmp_path: Path) -> None:
    for name in ("de.sp.model", "de.arpa", "en.sp.model", "en.arpa", "en.arpa.bin"):
        (tmp_path / name).touch()
    cutoffs_file(tmp_path, "language,head,middle\nde,1,2\nen,3,4\nfr,5,6\n")
    found = find_models(tmp_path)
    assert list(found) == ["de", "en"]
    assert found["de"].ngrams.name == "de.arpa"
    assert found["en"].ngrams.name == "en.arpa.bin"
    assert found["en"].cutoffs == Cutoffs(3.0, 4.0)


# --- pages


def page(body: str | bytes, min_chars: int = 0, offset: int = 7, segment: str = "a.wet", **headers: str) -> Page:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body.encode() if isinstance(body, str) else body
    return read_page(Record("conversion", fields, data, offset), segment, min_chars=min_chars)


def lines(body: str | bytes) -> list[str]:
    return page(body).paragraphs(title_is_paragraph=True)


@pytest.mark.parametrize(
    ("body", "want"),
    [
        ("T\na\nb\n", ["T", "a", "b"]),  # the usual: one line feed at the end
        ("T\na\nb", ["T", "a", "b", ""]),  # none: one blank paragraph stays
        ("T\na\n\n", ["T", "a", ""]),  # only two blank lines go, of the text's and the record's own
        ("T\na\n\n\n", ["T", "a", "", ""]),
        ("T\n", ["T"]),
        ("T", ["T", ""]),
        ("T\r\na\r\nb\r\n", ["T", "a", "b"]),
        ("T\ra\rb\r", ["T", "a", "b"]),
        ("T\n\ra\n", ["T", "", "a"]),
        (" \u3000T\t\n\xa0a b\u2003\n", ["T", "a b"]),
        ("T\n \t\u3000\nb\n", ["T", "", "b"]),
        ("\nT\na\n", ["", "T", "a"]),
        ("T\u2028x\x85y\x0bz\na\n", ["T\u2028x\x85y\x0bz", "a"]),  # no line ends for us
        ("T\x00\n\x00\n", ["T\x00", "\x00"]),  # NUL is text
        (b"T\xff\n\xe6\xb1 \xed\xa0\x80\n", ["T\ufffd", "\ufffd \ufffd\ufffd\ufffd"]),
        (b"\xef\xbb\xbfT\n", ["\ufeffT"]),
    ],
)
def test_lines_of_a_body(body: str | bytes, want: list[str]) -> None:
    assert lines(body) == want
    got = page(body)
    assert got.title == want[0]
    assert got.paragraphs(title_is_paragraph=False) == want[1:]
    assert got.reason is None


@pytest.mark.parametrize(
    ("recipe", "paragraphs"),
    [(CC100, ["T", "a", "", "b"]), (CCNET, ["\ufeffT", "a\u00ad", "\u200b\u2060", "b"])],
    ids=["cc100", "ccnet"],
)
def test_what_shows_nothing_leaves_the_ends_of_lines_but_for_cc_net(recipe: Recipe, paragraphs: list[str]) -> None:
    record = Record("conversion", {}, "\ufeffT\n a\u00ad\n\u200b\u2060\nb\n".encode(), 7)
    got = Extraction("a.wet", dataclasses.replace(recipe, min_chars=0)).page_of(record)
    assert isinstance(got, Page)
    assert got.paragraphs(title_is_paragraph=True) == paragraphs


@pytest.mark.parametrize("body", ["", "\n", "\r\n\r\n", " \n\t\n\u3000", b"\n\n\n\n"])
def test_a_body_without_text_is_empty(body: str | bytes) -> None:
    got = page(body)
    assert (got.reason, got.title) == ("empty", "")
    assert got.paragraphs(title_is_paragraph=True) == got.paragraphs(title_is_paragraph=False) == []


@pytest.mark.parametrize(
    ("body", "characters"), [("A long title\nabc\nde\n", 6), ("T\n汉字\n", 2), ("T\n\U0001f600\n", 1), ("Title\n", 0)]
)
def test_short_is_measured_after_the_title_in_code_points(body: str, characters: int) -> None:
    assert page(body, min_chars=characters).reason is None
    assert page(body, min_chars=characters + 1).reason == "too_short"


def test_headers_of_a_page() -> None:
    got = page(
        "T\n",
        warc_record_id="<urn:uuid:58da2d7e-25ec-40f4-9b03-e8aab3ae3b39>",
        warc_target_uri="http://a.b/ä",
        warc_date="2018-12-09T17:01:42Z",
        warc_block_digest="sha1:X",
    )
    assert got.id == "58da2d7e-25ec-40f4-9b03-e8aab3ae3b39"
    assert (got.url, got.date, got.digest, got.offset) == ("http://a.b/ä", "2018-12-09T17:01:42Z", "sha1:X", 7)


def test_a_record_without_headers_has_a_stable_id_of_its_own() -> None:
    got = page("T\n")
    assert (got.url, got.date, got.digest) == ("", "", "")
    assert got.id == "e54db64a-f11d-5a75-8cb5-280379ac912f"  # uuid5 in the URL name space of "a.wet#7": never changes
    assert len({got.id, page("T\n", offset=8).id, page("T\n", segment="b.wet").id}) == 3
    assert page("other\n", warc_record_id="<>").id == got.id


# --- progress


@pytest.fixture
def stage(tmp_path: Path) -> StageProgress:
    (tmp_path / "000").mkdir()
    return StageProgress("read", str(tmp_path), num_segments=10)


def finish(stage: StageProgress, *numbers: int, pages: int = 1000) -> None:
    for number in numbers:
        note = Path(stage.folder, "000") / f"{number:06d}.done.json"
        note.write_bytes(msgspec.json.encode({"pages": pages, "cpu_s": 1.0}))


def test_a_stage_that_has_not_begun(stage: StageProgress) -> None:
    stage.look(100.0)
    assert (stage.began, stage.done, stage.pages) == (None, 0, 0)
    assert stage.pages_per_s(200.0) == 0.0
    assert stage.seconds_left(200.0) is None
    assert stage.line(200.0) == "0/10 segments, 0 documents"


def test_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    stage = StageProgress("read", str(tmp_path / "not yet"), num_segments=1)
    stage.look(1.0)
    assert stage.began is None


def test_a_look_into_a_store_that_is_down_holds_up_no_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    looking, answered, over = threading.Event(), threading.Event(), threading.Event()

    def look(*_: object) -> None:
        looking.set()
        over.wait(PATIENCE_S)
        answered.set()

    def interrupted() -> None:
        with progress.shown(Layout("s3://bucket/out", "s3://bucket/work"), 1, 0):
            assert looking.wait(PATIENCE_S)
            raise KeyboardInterrupt

    monkeypatch.setattr(StageProgress, "look", look)
    monkeypatch.setattr(progress, "_MOMENT_S", 0.01)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not answered.is_set()
    over.set()


def test_speed_and_time_left(stage: StageProgress) -> None:
    Path(stage.folder, "000", ".writing-000000.pages.zst-ab").touch()
    stage.look(100.0)
    assert (stage.began, stage.done) == (100.0, 0)
    assert stage.line(110.0) == "0/10 segments, 0 documents"
    finish(stage, 0, 1)
    stage.look(150.0)
    stage.look(150.0)  # each note counts once
    assert (stage.began, stage.done, stage.pages) == (100.0, 2, 2000)
    assert stage.pages_per_s(150.0) == 40.0
    assert stage.seconds_left(150.0) == 200.0
    assert stage.line(150.0) == "2/10 segments, 2,000 documents, 40 documents/s, 0:03:20 left"
    finish(stage, *range(2, 10))
    stage.look(3700.0)
    assert stage.line(3700.0) == "10/10 segments, 10,000 documents, 3 documents/s"


def test_what_an_earlier_run_left_counts_as_done_but_not_for_the_speed(stage: StageProgress) -> None:
    finish(stage, 0, 1, 2, 3, pages=5000)
    stage.look(100.0)
    assert (stage.began, stage.done_before, stage.pages_before) == (None, 4, 20000)
    assert stage.seconds_left(110.0) is None
    assert stage.line(110.0) == "4/10 segments, 20,000 documents"
    finish(stage, 4, pages=500)
    stage.look(110.0)
    assert stage.began == 100.0  # at the last look at which it had not
    assert stage.pages_per_s(110.0) == 50.0
    assert stage.seconds_left(110.0) == 50.0
    assert stage.line(110.0) == "5/10 segments, 20,500 documents, 50 documents/s, 0:00:50 left"


def test_a_stage_in_bytes_moves_within_a_segment(tmp_path: Path) -> None:
    stage = StageProgress("read", str(tmp_path), num_segments=2, total_bytes=200_000_000)
    stage.look(0.0)
    folder = tmp_path / "000"
    folder.mkdir()
    archive, note = io.BytesIO(bytes(30_000_000)), folder / f"{storage.TEMPORARY_PREFIX}000000.reading"
    with watched(archive, str(note)) as stream:
        stage.look(0.0)
        while stream.read(10_000_000):
            note.unlink(missing_ok=True)
            stream._noted_at = 0.0  # as if half a second had passed
        assert stream.bytes == 30_000_000
        stage.began = 0.0
        stage.look(30.0)
        assert stage.line(30.0) == "0/2 segments, 30.0 MB, 0 documents, 0:02:50 left"
    assert list(folder.iterdir()) == []
    (folder / "000000.done.json").write_bytes(msgspec.json.encode({"pages": 1000, "bytes": 100_000_000}))
    stage.look(100.0)
    assert stage.line(100.0) == "1/2 segments, 100.0 MB, 1,000 documents, 10 documents/s, 0:01:40 left"
    (folder / "000001.done.json").write_bytes(msgspec.json.encode({"pages": 1000, "bytes": 140_000_000}))
    stage.look(200.0)
    assert stage.line(200.0) == "2/2 segments, 240.0 MB, 2,000 documents, 10 documents/s"


def test_a_note_that_is_being_written_counts_nothing(tmp_path: Path) -> None:
    stage = StageProgress("read", str(tmp_path), num_segments=2, total_bytes=100)
    (tmp_path / "000").mkdir()
    (tmp_path / "000" / ".writing-000000.reading").touch()
    (tmp_path / "000" / ".writing-000001.reading").write_text("50")
    stage.look(0.0)
    assert (stage.bytes, stage.fraction) == (50, 0.5)


def test_hours_are_told(stage: StageProgress) -> None:
    Path(stage.folder, "000", ".writing-x").touch()
    stage.look(0.0)
    finish(stage, 0)
    stage.look(1000.0)
    assert stage.line(1000.0).endswith(", 2:30:00 left")


def test_other_files_of_the_folder_are_no_notes(stage: StageProgress) -> None:
    for name in ("000000.pages.zst", "000000.hashes", ".writing-000000.done.json-0f"):
        Path(stage.folder, "000", name).touch()
    stage.look(1.0)
    assert stage.done == 0


def test_a_damaged_note_does_not_stop_the_display(stage: StageProgress) -> None:
    Path(stage.folder, "000", "000000.done.json").touch()
    finish(stage, 1)
    stage.look(1.0)
    assert (stage.done, stage.pages) == (2, 1000)


def test_a_folder_where_nothing_happens_is_not_listed_again_whatever_its_clock(stage: StageProgress) -> None:
    folder = Path(stage.folder, "000")
    for hours in (-5, 0, 5):  # of the machine that has the disk, and of whoever looks
        os.utime(folder, (time.time() + hours * 3600,) * 2)
        stamp, done, now = (folder.stat().st_mtime,) * 2, stage.done, 1000.0 * (6 + hours)
        stage.look(now)
        for late in (0.5, 1.1):  # it has just changed, and may do so again without another time of change
            finish(stage, stage.done)
            os.utime(folder, stamp)
            stage.look(now + late)
        assert stage.done == done + 2
        finish(stage, stage.done)
        os.utime(folder, stamp)
        stage.look(now + 9.0)
        assert stage.done == done + 2
        Path(folder, f"{stage.done:06d}.done.json").unlink()


def test_a_stage_that_stands_still_tells_no_time_left(stage: StageProgress) -> None:
    stage.look(0.0)
    finish(stage, 0)
    stage.look(100.0)
    assert stage.line(159.0).endswith(", 0:23:51 left")
    stage.look(160.0)
    assert stage.line(160.0) == "1/10 segments, 1,000 documents, 6 documents/s, nothing new for 0:01:00"


def test_a_look_into_an_object_store_is_one_listing_and_the_notes_that_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    folder, names, asked = "s3://bucket/work/extract", ["000/000000.done.json", "000/000000.hashes"], []

    def read_note(path: str, _: object) -> Content:
        asked.append(path)
        return Content(pages=10, bytes=1000)

    def sizes(path: str) -> dict[str, int]:
        asked.append(path)
        return dict.fromkeys(names, 1)

    monkeypatch.setattr(stage_notes, "sizes", sizes)
    monkeypatch.setattr(stage_notes, "read_note", read_note)
    stage = StageProgress("read", folder, num_segments=2000, total_bytes=2_000_000)
    stage.look(0.0)
    assert (stage.done, asked, stage.line(0.0)) == (1, [folder], "1/2000 segments, 0 bytes, 0 documents")
    names += ["000/000001.done.json", "001/001000.done.json"]
    stage.look(10.0)
    stage.look(15.0)
    assert asked[1:] == [folder, f"{folder}/000/000001.done.json", f"{folder}/001/001000.done.json", folder]
    assert stage.line(10.0).startswith("3/2000 segments, 2.0 kB, 20 documents, 2 documents/s, ")
    names += [f"001/{number:06d}.done.json" for number in range(1001, 2000)]
    stage.look(20.0)
    assert len(asked) < 300  # what the other notes hold is taken from those that were read
    assert stage.pages == 10 * (2 + 999)


# --- configuration


def config(**changes: Any) -> Configuration:
    made = Configuration(
        package_version="1",
        shard_format=1,
        unicode_version="14.0.0",
        blocklist_sha256="ef",
        robots_sha256="12",
        extractor_version="resiliparse 2.0.1",
        recipe=CC100,
        formats=("jsonl.zst",),
        shard_bytes=1,
        keep_rejects=False,
        lid_models=("lid",),
        models={"lid": "ab"},
        inputs_sha256="cd",
        num_segments=2,
    )
    return dataclasses.replace(made, **changes)


def other(value: Any) -> Any:
    """A different value of the same type."""
    changes: dict[type, Callable[[Any], Any]] = {
        bool: lambda v: not v,
        int: lambda v: v + 1,
        float: lambda v: v / 2,
        str: lambda v: {"all": "group:2", "none": "first", "paragraph": "document", "mended": "ccnet"}.get(v, v + "x"),
        tuple: lambda v: v[:-1] or (*v, "parquet"),
        dict: lambda v: v | {"more": "ef"},
        type(None): lambda _: 0.5,
        Recipe: lambda v: CCNET,
    }
    return changes[type(value)](value)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Configuration)])
def test_the_fingerprint_depends_on_every_setting(name: str) -> None:
    changed = config(**{name: other(getattr(config(), name))})
    assert changed.fingerprint != config().fingerprint
    assert re.fullmatch("[0-9a-f]{16}", changed.fingerprint)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Recipe)])
def test_the_fingerprint_depends_on_every_setting_of_the_recipe(name: str) -> None:
    recipe = dataclasses.replace(CC100, **{name: other(getattr(CC100, name))})
    changed = config(recipe=recipe)
    assert changed.fingerprint != config().fingerprint
    found = differences(msgspec.to_builtins(config()), msgspec.to_builtins(changed))
    assert [line.partition(" was ")[0] for line in found] == [f"recipe.{name}"]


def test_the_fingerprint_depends_on_the_filters_their_order_and_their_versions() -> None:
    one = config(filtering=Filtering(("c4", "a.b"), {"c4": "1", "a.b": "x"}))
    changes = {
        "filtering.names": Filtering(("a.b", "c4"), {"c4": "1", "a.b": "x"}),
        "filtering.versions.a.b": Filtering(("c4", "a.b"), {"c4": "1", "a.b": "y"}),
        "filtering.thresholds_sha256": Filtering(("c4", "a.b"), {"c4": "1", "a.b": "x"}, "ab"),
    }
    for what, filtering in changes.items():
        changed = config(filtering=filtering)
        found = differences(msgspec.to_builtins(one), msgspec.to_builtins(changed))
        assert [line.partition(" was ")[0] for line in found] == [what]
        assert changed.fingerprint != one.fingerprint


def test_the_fingerprint_depends_on_values_only() -> None:
    assert config().fingerprint == config(models=dict(config().models)).fingerprint
    two = {"a": "1", "b": "2"}
    assert config(models=two).fingerprint == config(models=dict(reversed(two.items()))).fingerprint


def test_names_and_sizes_identify_the_input() -> None:
    digests = [
        digest_of_inputs([Input("a", 1), Input("b", size), *more])
        for size, more in [(2, ()), (3, ()), (None, ()), (2, (Input("c", 1),))]
    ]
    assert len(set(digests)) == 4
    assert digest_of_inputs([Input("a", 1), Input("b", 2)]) == digests[0]


def test_the_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "lid").write_bytes(b"model")
    assert sha256_of(tmp_path / "lid") == "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"


def test_differences_are_named_by_their_path() -> None:
    old = {"a": 1, "recipe": {"keep": "none", "same": 2, "gone": 3}, "models": {"lid": "x"}, "list": [1]}
    new = {"a": 1, "recipe": {"keep": "first", "same": 2, "new": 4}, "models": {"lid": "x"}, "list": [1, 2]}
    assert sorted(differences(old, new)) == [
        "list was [1], now [1, 2]",
        "recipe.gone was 3, now None",
        "recipe.keep was 'none', now 'first'",
        "recipe.new was None, now 4",
    ]
    assert differences(old, old) == []


def test_what_was_stored_as_json_does_not_differ_from_what_was_stored() -> None:
    stored = msgspec.json.decode(msgspec.json.encode(config()))
    assert differences(stored, msgspec.json.decode(msgspec.json.encode(config()))) == []


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"min_language_score": 1.01}, "--min_language_score"),
        ({"min_language_score": -0.01}, "--min_language_score"),
        ({"min_language_score": math.nan}, "--min_language_score"),
        ({"min_chars": -1}, "--min_chars"),
        ({"max_record_bytes": 0}, "--max_record_bytes"),
        ({"keep_buckets": ()}, "--keep_buckets"),
        ({"keep_buckets": ("head", "best")}, "--keep_buckets"),
        *[({"dedup_scope": scope}, "--dedup_scope") for scope in ("", "group", "group:", "group:0", "group:-1",
                                                                  "group:x", "group:1.5", "some", "all:3", "group:²")],
    ],
)  # fmt: skip
def test_a_recipe_refuses_what_makes_no_sense(changes: dict[str, Any], option: str) -> None:
    with pytest.raises(UserError, match=f"^{option} "):
        dataclasses.replace(CC100, **changes)


def test_scopes_are_runs_of_segments() -> None:
    assert (CC100.group_size, CC100.scope_of(0), CC100.scope_of(99)) == (None, 0, 0)
    grouped = dataclasses.replace(CC100, dedup_scope="group:3")
    assert [grouped.scope_of(number) for number in range(7)] == [0, 0, 0, 1, 1, 1, 2]


def test_what_fails_in_a_locked_folder_is_not_taken_for_another_run(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), storage.locked(str(tmp_path)):
        raise BlockingIOError  # as of a terminal that cannot take more at the moment


# --- how the work is cut


@pytest.mark.parametrize(
    ("scope", "size"), [(0, 1), (1, 1), (4, 4), (128, 128), (129, 33), (512, 128), (513, 103), (64_000, 128)]
)
def test_blocks_are_whole_small_scopes_or_equal_parts_of_large_ones(scope: int, size: int) -> None:
    assert block_size(scope) == size


@pytest.mark.parametrize("scope", [None, 1, 3, 7, 100])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_a_block_is_consecutive_segments_of_one_scope(scope: int | None, size: int) -> None:
    blocks = Blocks(num_segments=20, scope_segments=scope, block_segments=size, group_segments=5)
    members = itertools.groupby(range(20), key=blocks.block_of)
    for block, segments in ((block, list(segments)) for block, segments in members):
        assert segments == list(range(block, block + len(segments)))
        assert len(segments) <= size
        assert {blocks.scope_of(number) for number in segments} == {block // (scope or 20)}
        of_scope = [number for number in range(20) if number // (scope or 20) == block // (scope or 20)]
        assert blocks.is_alone(block) == (segments == of_scope)
    named = [block for each in range(blocks.scope_of(19) + 1) for block in blocks.of_scope(each)]
    assert named == sorted(set(map(blocks.block_of, range(20))))
    assert [blocks.group_of(number) for number in (0, 4, 5, 19)] == [0, 0, 5, 15]


def test_each_segment_of_a_block_finds_its_answers_and_the_largest_comes_first() -> None:
    note = CompactNote(block=5, segments=[(5, 9), (6, 100), (7, 0), (8, 1)], cells=[], entries=110)
    assert list(segment_bits(note)) == [(6, (5, 2, 100)), (5, (5, 0, 9)), (8, (5, 15, 1)), (7, (5, 15, 0))]


@pytest.mark.parametrize("has_index", [False, True])
def test_a_table_is_needed_until_all_have_answers_and_always_for_an_index(has_index: bool, tmp_path: Path) -> None:
    layout = Layout(output="", work=str(tmp_path))
    blocks = Blocks(num_segments=2, scope_segments=None, block_segments=1, group_segments=2, has_index=has_index)
    storage.write_note(layout.compacted(0, "done.json"), CompactNote(0, [(0, 8)], cells=[8], entries=8))
    is_found = []
    for block in (0, 1):
        storage.write(layout.scattered(block), b"1")
        is_found.append(Remains(layout, blocks, frees=True).compact_note(0) is not None)
    assert is_found == [False, not has_index]


def test_a_range_has_the_slices_of_its_cells_and_the_first_one_those_of_every_block() -> None:
    empty, full = [0] * 256, [number % 3 for number in range(256)]
    notes = [CompactNote(0, [(0, 0)], empty, 0), CompactNote(1, [(1, 255)], full, 255)]
    ranges = dict(plan_ranges(9, notes, 64))
    assert ranges[9, 0] == (4, [(0, 0, 0, 0), (1, 0, 3, 255)])
    assert ranges[9, 252] == (256, [(1, 252, 3, 255)])
    slices = [each for _, of_range in ranges.values() for each in of_range if each[0] == 1]
    assert [start for _, start, _, _ in slices] == [sum(full[:first]) for _, first in ranges]
    assert sum(count for _, _, count, _ in slices) == 255
