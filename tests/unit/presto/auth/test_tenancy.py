"""Each tenant sees its own things and the common UNIs, whatever is asked, and whichever query asks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from common.database import WRITES
from common.findings import Rejected, Tag
from presto.domain.model import EndPoint, Service, Swvc
from presto.notify.register import Register
from presto.persistence.order_tables import ElementRow, ListenerRow, OrderRow
from presto.persistence.tables import ServiceRow
from presto.persistence.tenancy import ANOTHER, Assignments, acting_for, current, may_hear
from presto.service.core import Core
from presto.service.orders import Orders

pytestmark = pytest.mark.asyncio
UNI = "0000000{}-0000-4000-8000-000000000000".format


def swvc(name: str, *sites: int) -> Swvc:
    ends = tuple(EndPoint(f"end-{site}", UNI(site)) for site in sites)
    return Swvc(name, "point-to-point", ends)


async def create(core: Core, tenant: str | None, order: Swvc) -> Service:
    with acting_for(tenant):
        return await core.create(order)


@pytest.fixture
def core(new_core: Callable[..., Core]) -> Core:
    return new_core(assignments=Assignments({UNI(1): "acme", UNI(3): "globex"}))


async def test_services_of_another_tenant_are_not_there(core: Core) -> None:
    ours = await create(core, "acme", swvc("net", 1, 2))
    with acting_for("globex"):
        assert await core.services() == ()
        for name in (ours.id, "net"):
            for question in (core.service(name), core.delete(name), core.update(name, lambda swvc: swvc)):
                with pytest.raises(Rejected) as told:
                    await question
                assert [finding.tag for finding in told.value.findings] == [Tag.NOT_FOUND]
                assert "net" not in told.value.findings[0].hint
    for tenant in ("acme", None):
        with acting_for(tenant):
            assert [service.id for service in await core.services()] == [ours.id]
            assert (await core.service("net")).tenant == "acme"


async def test_a_name_is_a_tenants_own(new_core: Callable[..., Core]) -> None:
    core = new_core()
    await create(core, "acme", swvc("net", 1, 2))
    theirs = await create(core, "globex", swvc("net", 3, 4))
    with acting_for("globex"):
        assert (await core.service("net")).id == theirs.id
    with pytest.raises(Rejected, match='A service "net" exists'):
        await create(core, "globex", swvc("net", 3, 4))


async def test_the_uni_of_another_tenant_is_unknown(core: Core) -> None:
    with pytest.raises(Rejected) as told:
        await create(core, "acme", swvc("net", 1, 3))
    texts = [finding.text for finding in told.value.findings]
    assert f'There is no UNI "{UNI(3)}"' in texts[0]
    assert "site-c" not in str(texts)
    with acting_for("acme"), pytest.raises(Rejected, match="There is no UNI"):
        await core.uni("site-c-lan0")
    with acting_for("acme"):
        assert [state.uni.name for state in await core.unis()] == ["site-a-lan0", "site-b-lan0", "site-d-lan0"]
        assert "site-c" not in [ucpe.id for ucpe in core.inventory.ucpes]


async def test_the_operator_brings_no_tenants_uni_into_the_service_of_another(core: Core) -> None:
    ours = await create(core, "acme", swvc("net", 1, 2))
    with pytest.raises(Rejected, match="There is no UNI"):
        await core.update(ours.id, lambda old: replace(old, end_points=swvc("net", 1, 3).end_points))


async def test_a_common_uni_in_use_does_not_tell_by_whom(core: Core) -> None:
    await create(core, "acme", swvc("secret-net", 1, 2))
    with pytest.raises(Rejected) as told:
        await create(core, "globex", swvc("net", 2, 3))
    texts = str([finding.text for finding in told.value.findings])
    assert "secret-net" not in texts
    assert ANOTHER in texts
    with acting_for("globex"):
        assert {state.uni.name: state.service for state in await core.unis()}["site-b-lan0"] == ANOTHER
    with acting_for(None):
        assert {state.uni.name: state.service for state in await core.unis()}["site-b-lan0"] == "secret-net"


async def test_a_tenant_locks_its_own_unis_only(core: Core) -> None:
    with acting_for("acme"):
        await core.lock_uni("site-a-lan0", locked=True)
        with pytest.raises(Rejected) as told:
            await core.lock_uni("site-b-lan0", locked=True)
    assert [finding.tag for finding in told.value.findings] == [Tag.ACCESS_DENIED]
    await core.lock_uni("site-b-lan0", locked=True)


async def test_work_in_the_background_serves_nobody(core: Core, network: Any) -> None:
    seen: list[str | None] = []
    deploy = network.deploy

    async def watched(*arguments: Any) -> Any:
        seen.append(current())
        return await deploy(*arguments)

    network.deploy = watched
    await create(core, "acme", swvc("net", 1, 2))
    await network.asked(1)
    assert seen == [None]


async def test_no_statement_of_a_session_escapes(core: Core) -> None:
    await create(core, "acme", swvc("net", 1, 2))
    orders, register = Orders(core.engine), Register(core.engine)
    with acting_for("acme"):
        listener, _ = register.add("ordering", "http://192.0.2.1/x", None)
    tables: tuple[Any, ...] = (ServiceRow, ElementRow, ListenerRow)
    for tenant, there in (("globex", 0), ("acme", 1), (None, 1)):
        with acting_for(tenant), Session(core.engine) as session:
            for table in tables:
                row = session.scalar(select(table.id).limit(1))
                assert bool(row) == there, (tenant, table)
                assert min(1, session.scalar(select(func.count()).select_from(table)) or 0) == there, (tenant, table)
                if there:
                    assert session.get(table, row) is not None
    ids = {table: _some_id(core, table) for table in tables}
    with acting_for("globex"), Session(core.engine.execution_options(**{WRITES: True})) as session, session.begin():
        assert [session.get(table, ids[table]) for table in tables] == [None] * 3
        assert session.execute(delete(ListenerRow).returning(ListenerRow.id)).all() == []
    with acting_for("acme"):
        assert register.find("ordering", listener.id) == listener
        assert await orders.orders([OrderRow.id.is_not(None)], 0, 10) == ([], 0)


def _some_id(core: Core, table: Any) -> Any:
    with Session(core.engine) as session:
        return session.scalar(select(table.id).limit(1))


@pytest.mark.parametrize(
    ("listener", "subject", "hears"), [("", "acme", True), ("", "", True), ("acme", "acme", True), ("acme", "", False)]
)
async def test_who_hears_of_what(listener: str, subject: str, hears: bool) -> None:
    assert may_hear(listener, subject) is hears
    assert not may_hear("globex", "acme")


async def test_events_belong_to_whom_their_object_belongs_to(core: Core) -> None:
    await create(core, "acme", swvc("net", 1, 2))
    await core.lock_uni("site-c-lan0", locked=True)
    await core.lock_uni("site-d-lan0", locked=True)
    owners = [(event.object, event.tenant) for event in core.events.read(0, 100)]
    assert {tenant for thing, tenant in owners if thing not in {UNI(3), UNI(4)}} == {"acme"}
    assert [pair for pair in owners if pair[0] in {UNI(3), UNI(4)}] == [(UNI(3), "globex"), (UNI(4), "")]
