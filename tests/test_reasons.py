"""The table of reasons has every reason there is."""

import re

from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.reasons import REASONS, in_order, reason_of
from ccnet_pipeline.web import opt_out
from tests.conftest import CHECKOUT


def test_every_bucket_has_its_reason() -> None:
    assert {reason_of(f"bucket_{bucket}").step for bucket in BUCKETS} == {"fluency"}


def test_a_filter_may_be_named_like_a_reason_of_ours() -> None:
    for name in ("opt_out_x.f.r", "filter_error_x.f.r", "blank.f.r"):
        assert reason_of(name).step == "filters"
        assert reason_of(name).meaning == f"dropped by the filter {name.removesuffix('.r')}: r"
    assert reason_of("filter_error.opt_out_x.f").meaning == reason_of("filter_error.*").meaning


def test_every_way_to_opt_out_has_its_reason() -> None:
    ways = set(re.findall(r"`(opt_out_\w+)`", opt_out.__doc__ or ""))
    assert ways
    assert ways <= {reason.name for reason in REASONS}


def test_the_table_of_the_docs_names_the_same_reasons() -> None:
    rows = (CHECKOUT / "docs" / "method.md").read_text(encoding="utf-8").partition("| reason |")[2].partition("\n\n")[0]
    named = {name for row in rows.splitlines() if row for name in re.findall(r"`([a-z_]+\*?)`", row.split("|")[1])}
    ours = {reason.name for reason in REASONS if reason.step != "filters"}
    specific = {name for name in ours if name.startswith("opt_out_") and name not in named}  # of opt_out_*
    assert named - {reason.name for reason in REASONS} == set()
    assert ours - specific == named & ours


def test_reasons_stand_in_the_order_of_the_steps() -> None:
    names = [reason.name for reason in REASONS]
    assert in_order(names) == names
