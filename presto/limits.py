"""What a request's body may cost."""

from __future__ import annotations

LARGEST_BODY = 1 << 20
"""Bytes: an order with a thousand applications is below 300,000."""

BODY_PATIENCE = 30.0
"""Seconds that a body may take to arrive."""


class BodyTooBig(Exception):
    """More of a body arrived than is taken; nothing of it was used."""
