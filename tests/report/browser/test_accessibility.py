"""The report by the rules of axe-core: contrast, names, roles, order, on a desk and a phone, light and dark."""

from __future__ import annotations

import pytest

from tests.report.browser.conftest import SCHEMES, WIDTHS, Opened, Scheme

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core here: see make report-test")

# One row, or language, is like another, and axe takes its time for each. What is folded is looked at too.
_PREPARE = """
const others = [...document.querySelectorAll("details.language[hidden]")];
const rows = [...document.querySelectorAll("tbody")].flatMap(body => [...body.rows].slice(4));
const examples = [...document.querySelectorAll("details.place")].flatMap(place => [...place.children].slice(4));
for (const each of [...others, ...rows, ...examples]) each.remove();
for (const each of document.querySelectorAll("details:not([hidden])")) each.open = true;
"""


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        *(("sample_report", width, scheme) for width in WIDTHS for scheme in SCHEMES),
        ("large_report", 390, "dark"),
        ("comparison", 1280, "light"),
    ],
)
def test_axe_finds_no_serious_fault(
    name: str, width: int, scheme: Scheme, opened: Opened, request: pytest.FixtureRequest
) -> None:
    report = request.getfixturevalue(name)
    page = opened(report, width=width, scheme=scheme, bypass_csp=True).page  # axe puts its own script there
    page.evaluate(_PREPARE)
    found = axe.Axe().run(page).response
    faults = [
        f"{fault['id']} ({fault['impact']}): {fault['nodes'][0]['html'][:200]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
    assert faults == []
    assert len(found["passes"]) > 20
