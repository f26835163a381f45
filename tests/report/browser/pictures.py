"""Take the pictures of the report that the documentation shows: python -m tests.report.browser.pictures.

They are of the sample crawl, on a desk and on a phone.
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import FloatRect, ViewportSize

from tests.conftest import CHECKOUT
from tests.report.browser.conftest import chromium_of, report_of

_PICTURES: Final[dict[str, tuple[ViewportSize, FloatRect]]] = {
    "report.png": ({"width": 1280, "height": 800}, {"x": 0, "y": 0, "width": 1280, "height": 1380}),
    "report-phone.png": ({"width": 390, "height": 844}, {"x": 0, "y": 0, "width": 390, "height": 1100}),
}


def main(lid_model: str) -> None:
    """Build the sample, and take the pictures; `lid_model` is as `build_cc100 --lid_model` takes it."""
    with tempfile.TemporaryDirectory() as folder, chromium_of() as browser:
        report = report_of(Path(folder) / "sample", f"--lid_model={lid_model}")
        for name, (viewport, clip) in _PICTURES.items():
            page = browser.new_page(viewport=viewport, color_scheme="light")
            page.goto(report.as_uri())
            page.screenshot(path=CHECKOUT / "docs" / name, clip=clip, full_page=True)


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["lid.176.ftz"])
