"""The three connections to one uCPE over the management network."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from orchestrator.inventory import Ucpe
from orchestrator.southbound.docker import DockerEngine
from orchestrator.southbound.openflow import OpenFlowSwitch
from orchestrator.southbound.ovsdb import OvsdbClient
from orchestrator.southbound.ports import PortTable
from orchestrator.southbound.tls import Endpoint, client_context


class RemoteUplink:
    """An open session with a uCPE: its engine, the ports of its bridge, the rules of its bridge."""

    def __init__(
        self,
        ucpe: Ucpe,
        context: ssl.SSLContext | None,
        docker: DockerEngine,
        ovsdb: OvsdbClient,
        switch: OpenFlowSwitch,
    ) -> None:
        self.ucpe = ucpe
        self.docker = docker
        self.ports = PortTable(self._database, ucpe.bridge)
        self._context = context
        self._ovsdb = ovsdb
        self._switch = switch

    async def switch(self) -> OpenFlowSwitch:
        """The OpenFlow connection, made anew when it was lost.

        Open vSwitch ends all of them when the bridge's datapath id changes; where that is not configured, it follows
        the lowest MAC address among the ports, and so may change with each port.
        """
        if self._switch.failure:
            await self._switch.close()
            self._switch = await OpenFlowSwitch.connect(self._switch.endpoint, self._context)
        return self._switch

    async def _database(self) -> OvsdbClient:
        """The OVSDB connection, made anew when it was lost."""
        if self._ovsdb.failure:
            await self._ovsdb.close()
            self._ovsdb = await OvsdbClient.connect(self._ovsdb.endpoint, self._context)
        return self._ovsdb

    async def close(self) -> None:
        """Close the three connections."""
        await asyncio.gather(self.docker.close(), self._ovsdb.close(), self._switch.close())


@contextlib.asynccontextmanager
async def connected(ucpe: Ucpe) -> AsyncIterator[RemoteUplink]:
    """Connect to the three endpoints at once; raises UcpeUnreachable, UcpeRefused or InventoryError."""
    context = client_context(ucpe)
    results = await asyncio.gather(
        DockerEngine.connect(ucpe),
        OvsdbClient.connect(Endpoint(ucpe.id, "ovsdb", ucpe.ovsdb), context),
        OpenFlowSwitch.connect(Endpoint(ucpe.id, "openflow", ucpe.openflow), context),
        return_exceptions=True,
    )
    docker, ovsdb, switch = results
    if isinstance(docker, BaseException) or isinstance(ovsdb, BaseException) or isinstance(switch, BaseException):
        made = [item for item in results if not isinstance(item, BaseException)]
        await asyncio.gather(*(item.close() for item in made))
        raise next(item for item in results if isinstance(item, BaseException))
    uplink = RemoteUplink(ucpe, context, docker, ovsdb, switch)
    try:
        yield uplink
    finally:
        await uplink.close()
