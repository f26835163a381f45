"""The bundled crawl: what the builder makes, readable by others, and with every kind of page in it."""

import gzip
import shutil
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from ccnet_pipeline.language import for_identification
from ccnet_pipeline.language.loading import ADDED, load, with_second
from ccnet_pipeline.recipe import CC100
from ccnet_pipeline.sample import DUMP, crawl_directory, text_directory
from ccnet_pipeline.sample.__main__ import main
from ccnet_pipeline.sample.build import build, differences
from ccnet_pipeline.sample.pages import Page, read_documents, sample_pages

KINDS = {
    "article",
    "syndicated",
    "mirror",
    "mirror_near",
    "listing",
    "frame_only",
    "mixed",
    "disfluent",
    "too_short",
    "title_only",
    "empty",
    "damaged_bytes",
    "junk_keywords",
    "junk_code",
    "junk_digits",
    "junk_letters",
    "junk_mojibake",
}


@pytest.fixture(scope="module")
def pages() -> list[Page]:
    return sample_pages(text_directory())


def archives(kind: str) -> list[Path]:
    """The archives that the crawl's own list names, in its order."""
    root = crawl_directory()
    names = gzip.decompress((root / f"crawl-data/{DUMP}/{kind}.paths.gz").read_bytes()).decode("ascii").split()
    return [root / name for name in names]


def test_committed_crawl_is_what_the_builder_makes(tmp_path: Path) -> None:
    assert differences(crawl_directory()) == []
    build(tmp_path)
    assert differences(tmp_path) == []


def test_building_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    made = [build(tmp_path / place) for place in ("one", "two")]
    assert made[0] == made[1]
    for name, _ in made[0]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_check_finds_changed_missing_and_foreign_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crawl = tmp_path / "crawl"
    shutil.copytree(crawl_directory(), crawl)
    assert main(["--output", str(crawl), "--check"]) == 0
    changed, missing = (path.relative_to(crawl_directory()) for path in archives("wet")[:2])
    (crawl / changed).write_bytes((crawl / changed).read_bytes()[:-10])
    (crawl / missing).unlink()
    (crawl / "notes.txt").write_text("not ours")
    assert main(["--output", str(crawl), "--check"]) == 1
    report = capsys.readouterr().err
    for name in (changed.as_posix(), missing.as_posix(), "notes.txt"):
        assert name in report


def test_output_that_is_a_file_is_the_users_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--output", str(tmp_path / "file")]) == 2
    assert "give a folder" in capsys.readouterr().err


def test_layout_is_that_of_common_crawl() -> None:
    wet, warc = archives("wet"), archives("warc")
    assert (len(wet), len(warc)) == (4, 2)
    assert {path.parent.parent for path in wet} == {path.parent.parent for path in warc}
    assert all(path.is_file() for path in wet + warc)
    for path in wet:
        assert path.parent.name == "wet"
        assert path.name.startswith("CC-MAIN-20260112")
        assert path.name.endswith(".warc.wet.gz")


@pytest.mark.parametrize("kind", ["wet", "warc"])
def test_warcio_reads_every_record_and_the_digests_hold(kind: str) -> None:
    for path in archives(kind):
        types: Counter[str] = Counter()
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, check_digests="raise"):
                record.content_stream().read()
                types[record.rec_type] += 1
        assert types["warcinfo"] == 1
        if kind == "wet":
            assert types["conversion"] > 50
        else:
            assert types["request"] == types["response"] > 100


def test_every_record_is_a_gzip_member_of_its_own() -> None:
    path = archives("wet")[0]
    with path.open("rb") as stream:
        reader = ArchiveIterator(stream)
        starts = []
        for record in reader:
            record.raw_stream.read()
            starts.append(reader.get_record_offset())
    content = path.read_bytes()
    # 1f 8b 08: gzip, deflate; then no flags and a time stamp of zero.
    assert all(content[start : start + 8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00" for start in starts)


def test_wet_records_are_the_pages(pages: list[Page]) -> None:
    found = {}
    for path in archives("wet"):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if record.rec_type == "conversion":
                    found[record.rec_headers.get_header("WARC-Target-URI")] = record.raw_stream.read()
    assert found == {page.url: page.text for page in pages}


def test_warc_holds_the_same_pages_and_answers_without_text(pages: list[Page]) -> None:
    statuses: Counter[str] = Counter()
    media: Counter[str] = Counter()
    urls, ids = set(), set()
    for path in archives("warc"):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if record.rec_type == "response":
                    statuses[record.http_headers.get_statuscode()] += 1
                    media[record.http_headers.get_header("Content-Type").split(";")[0]] += 1
                    urls.add(record.rec_headers.get_header("WARC-Target-URI"))
                    ids.add(record.rec_headers.get_header("WARC-Record-ID"))
    assert {page.url for page in pages} < urls
    assert statuses["404"] == statuses["301"] == media["application/pdf"] == 2
    for path in archives("wet"):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if record.rec_type == "conversion":
                    assert record.rec_headers.get_header("WARC-Refers-To") in ids


def test_every_kind_of_page_is_present(pages: list[Page]) -> None:
    assert {page.kind for page in pages} == KINDS
    assert len({page.url for page in pages}) == len(pages)
    assert any("zh-Hant" in page.languages for page in pages)
    damaged = b"".join(page.text for page in pages if page.kind == "damaged_bytes")
    assert b"\x00" in damaged
    with pytest.raises(UnicodeDecodeError):
        damaged.decode("utf-8")


def test_languages_and_scripts(pages: list[Page]) -> None:
    articles = [page for page in pages if page.kind == "article"]
    languages = {language for page in articles for language in page.languages}
    letters = {char for page in articles for line in page.paragraphs for char in line if char.isalpha()}
    scripts = {unicodedata.name(char).split()[0] for char in letters}
    assert len(languages) >= 20
    named = {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "DEVANAGARI", "THAI", "HANGUL", "HIRAGANA", "CJK"}
    assert named <= scripts


def test_languages_that_lid176_lacks_are_identified(lid_model: Path) -> None:
    models = load(with_second(lid_model, ADDED, added_by_default=True))
    identifier = models.identifier(CC100.judgement)
    for language in ("ha", "lg", "tn", "zu"):
        assert language not in models.general.codes()
        for document in read_documents(text_directory() / f"{language}.txt"):
            found = identifier.identify(for_identification(document.paragraphs))
            assert {(each.language, each.decided_by) for each in found} == {(language, ADDED)}, document.title


def test_most_documents_stand_on_one_page_only(pages: list[Page]) -> None:
    """Both presets drop every copy of a paragraph, so an article that stood twice would be lost."""
    copies = Counter(line for page in pages for line in set(page.text.decode("utf-8", "replace").split("\n")))
    for path in text_directory().glob("*.txt"):
        documents = read_documents(path)
        unique = [
            document for document in documents if all(copies[paragraph] == 1 for paragraph in document.paragraphs)
        ]
        assert len(unique) > len(documents) / 2, path.stem


def test_documents_are_long_enough_to_be_kept() -> None:
    for path in text_directory().glob("*.txt"):
        for document in read_documents(path):
            assert len("\n".join(document.paragraphs)) >= 330, (path.stem, document.title)


def test_it_stays_small() -> None:
    sample = crawl_directory().parent
    assert sum(path.stat().st_size for path in sample.rglob("*") if path.is_file()) < 3_000_000
