"""Sites share the machine's CPUs: evenly, all of them, and taking turns where there are too few."""

from __future__ import annotations

import pytest

from testbed.lab.cpu_pinning import placements


@pytest.mark.parametrize(
    ("sites", "cpus", "expected"),
    [
        (1, {0}, ["0"]),
        (1, {0, 1}, ["0,1"]),
        (2, {0, 1}, ["0", "1"]),
        (2, {4, 2, 6}, ["2", "4,6"]),
        (3, {0, 1}, ["0", "1", "0"]),
        (3, range(8), ["0,1", "2,3,4", "5,6,7"]),
        (2, {3}, ["3", "3"]),
    ],
)
def test_each_site_has_its_share(sites: int, cpus: set[int], expected: list[str]) -> None:
    assert placements(sites, cpus) == expected
