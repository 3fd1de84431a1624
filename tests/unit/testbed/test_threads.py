"""Work on many things in parallel."""

from __future__ import annotations

import pytest

from testbed.threads import in_parallel


def test_all_work_ends_before_the_first_error_is_raised() -> None:
    done: list[int] = []

    def work(item: int) -> None:
        if item == 1:
            raise ValueError(item)
        done.append(item)

    with pytest.raises(ValueError, match="1"):
        in_parallel(work, range(5))
    assert sorted(done) == [0, 2, 3, 4]
