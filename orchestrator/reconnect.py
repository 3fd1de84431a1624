"""Work on a switch whose connection may be lost meanwhile: the connection is made anew and the work repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from orchestrator.model import UcpeError, UcpeUnreachable
from orchestrator.southbound.contract import Switch, Uplink

T = TypeVar("T")

PAUSES = (0.1, 0.5, 1.0)
"""Seconds before the second attempt and those after it."""


async def on_switch(uplink: Uplink, work: Callable[[Switch], Awaitable[T]]) -> T:
    """Do work that may be repeated, from its start on a new connection each time that the switch dropped the former.

    Open vSwitch drops a connection when the datapath id changes, and when 5 s after a probe of inactivity (itself sent
    after 5 s without a message) it has seen no answer. On a machine with too much to do either side may be that late,
    and the next message then meets a closed connection. Raises what the work raises while the connection holds, and
    UcpeUnreachable when it is lost once more after the last pause.
    """
    for pause in PAUSES:
        try:
            return await _attempt(uplink, work)
        except _Lost:
            await asyncio.sleep(pause)
    try:
        return await _attempt(uplink, work)
    except _Lost as lost:
        raise lost.error from lost


class _Lost(Exception):
    """There is no connection any more, or not again."""

    def __init__(self, error: UcpeError) -> None:
        super().__init__(str(error))
        self.error = error


async def _attempt(uplink: Uplink, work: Callable[[Switch], Awaitable[T]]) -> T:
    try:
        switch = await uplink.switch()
    except UcpeUnreachable as error:
        raise _Lost(error) from error
    try:
        return await work(switch)
    except UcpeError as error:
        if switch.failure:
            raise _Lost(error) from error
        raise
