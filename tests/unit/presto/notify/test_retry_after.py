"""`Retry-After` in all forms of RFC 9110, and in none."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from presto.notify.delivery import pause
from presto.notify.retry_after import retry_after
from presto.notify.settings import NotifySettings

NOW = datetime(2026, 3, 2, 8, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("0007", 7.0),
        ("9" * 5000, math.inf),
        ("Mon, 02 Mar 2026 08:02:00 GMT", 120.0),
        ("Monday, 02-Mar-26 08:02:00 GMT", 120.0),
        ("Mon Mar  2 08:02:00 2026", 120.0),
        ("Mon, 02 Mar 2026 09:02:00 +0100", 120.0),
        ("Mon, 02 Mar 2026 07:00:00 GMT", 0.0),
        ("Mon, 31 Feb 2026 08:00:00 GMT", 0.0),
        ("Mon, 02 Mar 99999999999999999999 08:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW).total_seconds()),
        ("-5", 0.0),
        ("1.5", 0.0),
        ("1e9", 0.0),
        ("٣٠", 0.0),
        ("soon", 0.0),
        ("", 0.0),
    ],
)
def test_every_form(value: str, seconds: float) -> None:
    assert retry_after(value, NOW) == seconds


def test_what_is_asked_for_is_a_least_and_has_a_most() -> None:
    settings = NotifySettings(first_delay=2, longest_delay=60, longest_wait=3600)
    assert pause(1, 120.0, settings) == 120.0
    assert pause(1, math.inf, settings) == 3600.0
    assert 1.0 <= pause(1, 0.5, settings) <= 2.0
