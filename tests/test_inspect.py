"""What the inspector says of an archive."""

import bz2
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from ccnet_pipeline.archive import Record, read_archive
from ccnet_pipeline.inspect import main
from ccnet_pipeline.sample import crawl_directory
from tests.archive.archives import member, wet
from tests.fetch.server import FaultServer
from tests.moments import PATIENCE_S

WARC = sorted(crawl_directory().rglob("*.warc.gz"))[0]
WET = sorted(crawl_directory().rglob("*.wet.gz"))[0]


Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """`told(*argv)`: what the command prints, with exit status 0."""

    def run(*argv: object) -> str:
        assert main([str(each) for each in argv]) == 0
        return capsys.readouterr().out

    return run


def count(text: str, name: str) -> int:
    found = re.search(rf"^    {re.escape(name)} +([\d,]+)$", text, re.MULTILINE)
    assert found, (name, text)
    return int(found[1].replace(",", ""))


def test_web_pages(told: Told, lid_model: Path) -> None:
    text = told(WARC, "--lid_model", lid_model)
    assert f"{WARC}   {WARC.stat().st_size:,} bytes\nrecords: 359\n" in text
    assert [count(text, name) for name in ("request", "response", "warcinfo")] == [179, 179, 1]
    assert [count(text, status) for status in ("200", "301", "404")] == [177, 1, 1]
    assert (count(text, "http_status"), count(text, "not_html"), count(text, "record_type")) == (2, 1, 180)
    pages = count(text, "with text")
    assert f"languages of pages: {pages}\n" in text
    assert count(text, "sw") > 3
    assert "\nno damage\n" in text
    assert text.count("\n--record ") == 3


def test_the_language_of_a_page_is_not_that_of_its_menu(told: Told, lid_model: Path, tmp_path: Path) -> None:
    menu = "Home, news, sport, weather, about us, contact us, sign in, and all that we have for you today. " * 7
    text = "Viele Menschen lesen gern alte Geschichten in der Bibliothek ihrer Stadt. " * 100
    archive = tmp_path / "menu.warc.wet"
    archive.write_bytes(wet(1, f"Title\n{menu}\n{text}".encode()))
    assert count(told(archive, "--lid_model", lid_model), "de") == 1


def test_extracted_text(told: Told) -> None:
    text = told(WET, "--documents", "0")
    assert count(text, "conversion") + count(text, "warcinfo") == int(re.search(r"records: (\d+)", text)[1])  # type: ignore[index]
    assert "HTTP status" not in text
    assert "languages" not in text
    assert "--record" not in text


def test_a_record_that_was_shown_can_be_printed(told: Told) -> None:
    offset, url = re.search(r"^--record (\d+)   (\S+)", told(WARC), re.MULTILINE).groups()  # type: ignore[union-attr]
    text = told(WARC, "--record", offset)
    assert f"warc-target-uri: {url}\n" in text
    with WARC.open("rb") as stream:
        (page,) = (r for r in read_archive(stream) if isinstance(r, Record) and r.offset == int(offset))
    assert page.headers["warc-record-id"] in text
    assert len(text.split("\n\n", 1)[1]) > 300


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """An archive of two members: one record, then 50."""
    texts = [wet(k, b"Text number %d.\n" % k * 30) for k in range(51)]
    path = tmp_path / "many.warc.wet.gz"
    path.write_bytes(member(texts[0]) + member(b"".join(texts[1:])))
    return path


def test_of_many_records_at_an_offset_each_can_be_printed(told: Told, many: Path) -> None:
    offset = len(member(wet(0, b"Text number 0.\n" * 30)))
    first = told(many, "--record", offset)
    assert first.startswith(f"record 1 of 50 at this offset; --record {offset}:2 for the next\nwarc-type: conversion\n")
    assert "Text number 1." in first
    assert told(many, "--record", f"{offset}:1") == first
    for number in (2, 17, 49):
        text = told(many, "--record", f"{offset}:{number}")
        assert text.startswith(f"record {number} of 50 at this offset; --record {offset}:{number + 1} for the next\n")
        assert f"Text number {number}." in text
    text = told(many, "--record", f"{offset}:50")
    assert text.startswith("record 50 of 50 at this offset\nwarc-type: conversion\n")
    assert "Text number 50." in text


def test_a_sole_record_needs_no_number(told: Told, many: Path) -> None:
    assert told(many, "--record", "0").startswith("warc-type: conversion\n")


def test_the_first_pages_are_named_as_record_takes_them(told: Told, many: Path) -> None:
    names = re.findall(r"^--record (\S+)   (\S+)", told(many, "--documents", 4), re.MULTILINE)
    offset = names[1][0]
    assert [name for name, _ in names] == ["0", offset, f"{offset}:2", f"{offset}:3"]
    for name, url in names:
        assert f"warc-target-uri: {url}\n" in told(many, "--record", name)


def test_a_great_many_records_are_not_all_counted(told: Told, many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccnet_pipeline.inspect._MOST_COUNTED", 20)
    offset = len(member(wet(0, b"Text number 0.\n" * 30)))
    text = told(many, "--record", f"{offset}:4")
    assert text.startswith(f"record 4 of more than 20 at this offset; --record {offset}:5 for the next\n")
    text = told(many, "--record", f"{offset}:40")
    assert text.startswith(f"record 40 of more than 40 at this offset; --record {offset}:41 for the next\n")


def test_records_of_a_block_of_bzip2(told: Told, tmp_path: Path) -> None:
    """A record is found by the block that it begins in, without what is before."""
    texts = [wet(k, b"Title\n" + b"%d " % k * 3000) for k in range(60)]
    path = tmp_path / "x.warc.wet.bz2"
    path.write_bytes(bz2.compress(b"".join(texts), 1))
    names = re.findall(r"^--record (\S+)   (\S+)", told(path, "--documents", 60), re.MULTILINE)
    assert len({name.partition(":")[0] for name, _ in names}) > 3
    for name, url in names[::7]:
        assert f"warc-target-uri: {url}\n" in told(path, "--record", name)


def test_help_says_how_a_record_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "--record OFFSET[:N]" in capsys.readouterr().out


def test_a_record_that_gives_no_page_is_printed_as_it_is(told: Told) -> None:
    assert "isPartOf: CC-MAIN-2026-04" in told(WARC, "--record", "0")


def test_a_record_of_a_zstd_archive_with_a_dictionary(told: Told, tmp_path: Path) -> None:
    texts = [wet(number, f"Text number {number}.\n".encode() * 30) for number in range(40)]
    dictionary = zstandard.train_dictionary(4096, [*texts] * 5)
    compressor = zstandard.ZstdCompressor(dict_data=dictionary)
    raw = dictionary.as_bytes()
    data = (0x184D2A5D).to_bytes(4, "little") + len(raw).to_bytes(4, "little") + raw
    offsets = []
    for text in texts:
        offsets.append(len(data))
        data += compressor.compress(text)
    path = tmp_path / "x.warc.zst"
    path.write_bytes(data)
    assert "Text number 17." in told(path, "--record", offsets[17])


def test_damage_is_told_with_its_place(told: Told, tmp_path: Path) -> None:
    first, second, third = (bytearray(member(wet(number, b"x" * 500))) for number in range(3))
    second[len(second) // 2] ^= 0xFF
    (tmp_path / "x.wet.gz").write_bytes(first + second + third)
    text = told(tmp_path / "x.wet.gz")
    assert count(text, "conversion") == 2
    assert f"damage: {len(second)} bytes and 1 members lost\n" in text
    assert f"    at byte {len(first)}: bad_gzip, {len(second)} bytes\n" in text


def test_only_so_many_records_are_read(told: Told) -> None:
    with FaultServer(crawl_directory()) as server:
        url = server.url + str(WARC.relative_to(crawl_directory()))
        assert "records: 5\n" in told(url, "--records", "5")
        assert "no damage" in told(url, "--records", "5")


def test_what_a_page_says_cannot_reach_the_terminal(told: Told, tmp_path: Path) -> None:
    body = "Title\x1b[2J\n" + "text\x07 " * 100
    (tmp_path / "x.wet").write_bytes(wet(1, body.encode()))
    text = told(tmp_path / "x.wet")
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "Title\ufffd[2J" in text


def test_nor_can_what_a_header_says(told: Told, tmp_path: Path) -> None:
    record = wet(1, b"title\n" + b"text \x1b[2J" * 100)
    record = record.replace(b"example.org", b"exa\x1b]0;PWNED\x07mple").replace(b"2018", b"\x1b[5m8")
    record = wet(2, b"x").replace(b"conversion", b"ty\x1b[31mpe") + record
    (tmp_path / "x.wet").write_bytes(record)
    offset = record.index(b"WARC/1.0", 10)
    for text in (told(tmp_path / "x.wet"), told(tmp_path / "x.wet", "--record", offset)):
        assert "mple/1" in text
        assert "\x1b" not in text
        assert "\x07" not in text


@pytest.mark.parametrize(
    ("argv", "status", "line"),
    [
        (["nothing.warc"], 2, "inspect: nothing.warc: No such file or directory; give the path of an archive"),
        ([str(WET), "--record", "1"], 2, "no record begins at byte 1 of .*; without --record the first ones are shown"),
        (["ftp://host/x.warc"], 2, "not from ftp://"),
        (["file:///nothing.warc"], 2, "inspect: /nothing.warc: No such file or directory"),
        ([str(WET.parent)], 2, "Is a directory; give the path of an archive"),
        ([str(WET), "--record", "-5"], 2, "--record takes OFFSET or OFFSET:N, such as 1234 or 1234:2, not -5$"),
        ([str(WET), "--record", "0:0"], 2, "--record takes OFFSET or OFFSET:N, such as 1234 or 1234:2, not 0:0$"),
        ([str(WET), "--record", "1:2:3"], 2, "--record takes OFFSET or OFFSET:N"),
        ([str(WET), "--record", "0:2"], 2, "1 record at byte 0 of .*, not 2 or more$"),
        ([str(WET), "--documents", "-1"], 2, "--documents must be 0 or more, not -1"),
        ([], 2, "the following arguments are required"),
        ([str(WET), "--lid_model", "none"], 2, "--lid_model none: no such file"),
    ],
)
def test_mistakes(argv: list[str], status: int, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == status
    error = capsys.readouterr().err
    assert re.search(line, error)
    assert error.count("\n") == 1


def test_a_file_that_is_not_there_on_the_server(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with FaultServer(tmp_path) as server:
        assert main([f"{server.url}x.warc.gz"]) == 1
    assert "404" in capsys.readouterr().err


def test_as_a_command() -> None:
    command = [sys.executable, "-m", "ccnet_pipeline.inspect", str(WET), "--documents", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert done.stdout.count("\n--record ") == 1
    assert done.stderr == ""
