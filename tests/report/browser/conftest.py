"""Reports of real runs, and a real browser to look at them with: Debian's Chromium, driven by playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from beam_jobs import job
from ccnet_pipeline.report import REPORT
from ccnet_pipeline.report import __main__ as report_command
from tests.finished_runs import write_run_file
from tests.report.browser import hostile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, ViewportSize

LANGUAGES = "am,ar,bn,de,el,en,es,fa,fr,gu,ha,he,hi,hy,id,ja,ka,km,ko,my,pt,ru,sw,ta,th,tr,ur,vi,yo,zh-Hans"  # 30
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (1280, 390)  # a desk, a phone
Opened = Callable[..., "Visit"]


class Visit:
    """A page that is open, and what it did that no report should do."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []  # on the console: errors and warnings, and of policies that were broken
        self.asked: list[str] = []  # requests, but for the page itself
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("dialog", self._dismiss)
        page.on("popup", lambda popup: self.said.append(f"popup: {popup.url}"))
        page.on("request", lambda request: self.asked.append(request.url))

    def _dismiss(self, dialog: Dialog) -> None:
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path: Path) -> None:
        self.page.goto(path.as_uri())
        self.asked.remove(path.as_uri())


@contextmanager
def chromium_of() -> Iterator[Browser]:
    """Start the browser; skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: see make report-test")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium here: apt-get install chromium, as make report-test does for root")
    # Root, as in a container, has no sandbox to start it in.
    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=chromium, args=flags)
        yield started
        started.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a file; playwright keeps a loop running meanwhile, which would be in others' way."""
    with chromium_of() as started:
        yield started


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """`opened(path, width=390, scheme="dark")`: the page, which is closed when the test ends."""
    with ExitStack() as stack:

        def visit(path: Path, *, width: int = 1280, scheme: Scheme = "light", **context: Any) -> Visit:
            viewport: ViewportSize = {"width": width, "height": 800}
            made = browser.new_context(viewport=viewport, color_scheme=scheme, **context)
            stack.callback(made.close)
            visit = Visit(made.new_page())
            visit.open(path)
            return visit

        yield visit


def report_of(output: Path, *flags: str) -> Path:
    """Return the report of a run that is made now."""
    assert job.main([f"--output={output}", "--workers=1", "--keep_rejects", *flags]) == 0
    return output / REPORT


@pytest.fixture(scope="session")
def sample_report(lid: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the bundled sample crawl."""
    return report_of(tmp_path_factory.mktemp("sample") / "out", f"--lid_model={lid}")


@pytest.fixture(scope="session")
def large_report(lid: str, generated_crawl: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a generated crawl of 30 languages."""
    crawl = generated_crawl(kind="wet", files=2, records_per_file=300, languages=LANGUAGES, seed=17)
    archives = map(str, sorted(crawl.rglob("*.warc.wet.gz")))
    return report_of(tmp_path_factory.mktemp("large") / "out", f"--lid_model={lid}", "--input", *archives)


@pytest.fixture(scope="session")
def hostile_report(lid: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of pages that would like to run script in it."""
    folder = tmp_path_factory.mktemp("hostile")
    archive = folder / hostile.ARCHIVE
    archive.write_bytes(hostile.archive())
    return report_of(
        folder / hostile.OUTPUT, f"--lid_model={lid}", "--min_chars=20", "--title=field", "--input", str(archive)
    )


@pytest.fixture(scope="session")
def comparison(sample_report: Path, large_report: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page that compares the two runs."""
    page = tmp_path_factory.mktemp("comparison") / "comparison.html"
    runs = [str(sample_report.parent), str(large_report.parent)]
    assert report_command.main(["--compare", *runs, "--output", str(page)]) == 0
    return page


@pytest.fixture(scope="session")
def unfinished_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run that has only begun."""
    folder = tmp_path_factory.mktemp("unfinished")
    write_run_file(folder)
    assert report_command.main([str(folder)]) == 0
    return folder / REPORT


@pytest.fixture(params=["sample", "large"])
def report(request: pytest.FixtureRequest) -> Path:
    """Each of the reports that are to be read."""
    path: Path = request.getfixturevalue(f"{request.param}_report")
    return path
