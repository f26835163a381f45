"""The report by the rules of axe-core: contrast, names, roles, order, on a desk and a phone, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.browser.conftest import WIDTHS, Opened, Scheme

AXE = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="no axe-core here: make report-test installs it"
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_no_serious_fault(report: Path, opened: Opened, width: int, scheme: Scheme) -> None:
    page = opened(report, width=width, scheme=scheme, bypass_csp=True).page  # axe puts its own script there
    # What is folded is looked at too.
    page.evaluate("for (const each of document.querySelectorAll('details:not([hidden])')) each.open = true")
    found = AXE.Axe().run(page).response
    faults = [
        f"{fault['id']} ({fault['impact']}): {fault['nodes'][0]['html'][:200]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
    assert faults == []
    assert len(found["passes"]) > 20
