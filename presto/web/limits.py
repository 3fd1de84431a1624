"""What a request's body may cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

LARGEST_BODY = 1 << 20
"""Bytes: an order with a thousand applications is below 300,000."""

BODY_SECONDS = 30.0
"""Within which a body must arrive."""

LARGE_BODY = 64 << 10
"""Bytes from which on a body is read on a thread, and worked on when no other large one is."""

Read = TypeVar("Read")


async def apart(function: Callable[[bytes], Read], content: bytes) -> Read:
    """What a function reads from a body; on a thread where it is large, so that others are answered meanwhile."""
    return await asyncio.to_thread(function, content) if len(content) > LARGE_BODY else function(content)
