"""A function on many items in several processes: the same results, and nothing that is left behind."""

import multiprocessing
import os
import signal

import pytest

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.processes import Advance, in_any_order


def doubled(item: int, advance: Advance) -> tuple[int, int]:
    advance(item)
    if item == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * item, os.getpid()


def test_each_item_has_its_result_and_progress_is_that_of_all() -> None:
    read: list[int] = []
    results = list(in_any_order(doubled, [1, 2, 3, 4, 5], 2, read.append))
    assert sorted(result for result, _ in results) == [2, 4, 6, 8, 10]
    assert os.getpid() not in {process for _, process in results}
    assert sum(read) == 15


def test_one_worker_is_this_process() -> None:
    assert list(in_any_order(doubled, [1, 2], 1, lambda _: None)) == [(2, os.getpid()), (4, os.getpid())]


def test_a_worker_that_is_killed_is_one_line() -> None:
    with pytest.raises(UserError, match="most often for want of memory: fewer --workers"):
        list(in_any_order(doubled, [13, 1], 2, lambda _: None))


def test_whoever_has_what_he_wants_leaves_no_process_behind() -> None:
    results = in_any_order(doubled, [1, 2, 3, 4], 2, lambda _: None)
    next(results)
    results.close()
    assert multiprocessing.active_children() == []
