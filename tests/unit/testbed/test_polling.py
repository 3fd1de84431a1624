from __future__ import annotations

import pytest

from testbed.polling import poll


@pytest.mark.parametrize(
    ("values", "looks", "found", "calls"),
    [
        ([7], 1, 7, 1),
        ([0, 7], 1, None, 1),
        ([0, 0, 7, 8], 3, 7, 3),
        ([0, 0, 0, 7], 3, None, 3),
    ],
    ids=["at-once", "time-is-up", "within-the-looks", "after-the-looks"],
)
def test_it_looks_so_often_at_least(values: list[int], looks: int, found: int | None, calls: int) -> None:
    left = list(values)
    assert poll(lambda: left.pop(0), 0, 0, looks) == found
    assert len(values) - len(left) == calls
