"""One client cannot take the streams and subscriptions of all others."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest

from presto.auth.principal import Principal
from presto.extensions.events import Streams, Wanted
from presto.extensions.problems import Refused
from presto.notify.settings import NotifySettings
from presto.persistence.event_log import EventLog

pytestmark = pytest.mark.asyncio

ALL = Wanted(frozenset(), frozenset())
HUB = "/mefApi/legato/serviceOrderingManagement/v6/hub"


def principal(client: str, tenant: str | None) -> Principal:
    return Principal(client, tenant, frozenset(), math.inf)


@pytest.mark.parametrize(
    ("settings", "others"),
    [
        (NotifySettings(client_streams=2), principal("two", "acme")),
        (NotifySettings(tenant_streams=2), principal("two", "globex")),
    ],
)
async def test_streams_of_a_client_and_of_a_tenant_are_bounded(
    client: Any, settings: NotifySettings, others: Principal
) -> None:
    streams, mine = Streams(EventLog(client.core.engine), settings=settings), principal("one", "acme")
    opened = [await streams.open(None, ALL, mine) for _ in range(2)]
    for frames in opened:
        assert await anext(frames) == b"retry: 1000\n\n"
    with pytest.raises(Refused, match="has 2 streams open already") as refused:
        await streams.open(None, ALL, mine)
    assert refused.value.status == 429
    await streams.open(None, ALL, others)
    await cast(AsyncGenerator[bytes, None], opened[0]).aclose()
    await streams.open(None, ALL, mine)


async def test_subscriptions_of_a_tenant_are_bounded(client: Any) -> None:
    most = NotifySettings.listeners
    asked = {"callback": "https://client.example/listener"}
    for _ in range(most):
        assert (await client.http.post(HUB, json=asked)).status_code == 201
    refused = await client.http.post(HUB, json=asked)
    assert refused.status_code == 409
    assert f"{most} subscriptions" in refused.json()["reason"]
