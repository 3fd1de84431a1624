"""The header `Retry-After` of an answer (RFC 9110 section 10.2.3)."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_DIGITS = 15
"""More are more seconds than anybody waits, whatever they say."""


def retry_after(value: str, now: datetime) -> float:
    """The seconds that a header asks to wait, which may be without end; 0 for what is past or can not be read.

    It holds a number of seconds, or a date in one of the three forms of RFC 9110 section 5.6.7.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= _DIGITS else math.inf
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)  # the third form names no zone, and means UTC
    return max(0.0, (known - now).total_seconds())
