"""The parts of a result that describe rather than judge: topology, engines, versions, machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version

from reports.model import (
    Engine,
    HostPicture,
    SitePicture,
    TopologyPicture,
    UnderlayPicture,
    VnfPicture,
    WanPort,
)
from scenarios.file.format import Scenario, SiteEntry
from scenarios.steps.context import Context
from testbed.doctor import Capability
from testbed.nodes.ucpe import LAN_PORT

LIBRARIES = ("lso-testbed", "docker", "fastapi", "os-ken", "scapy", "tosca-parser")


def topology(scenario: Scenario, context: Context | None) -> TopologyPicture:
    """Return the topology of *scenario* with the chains and tunnels that *context* really saw."""
    chains = context.chains if context else {}
    return TopologyPicture(
        sites=tuple(_site(name, site, chains.get(name, ())) for name, site in scenario.topology.sites.items()),
        underlays=tuple(
            UnderlayPicture(
                name=name,
                prefix=str(entry.prefix),
                delay_ms=entry.delay_ms,
                jitter_ms=entry.jitter_ms,
                loss_percent=entry.loss_percent,
                rate_mbit=entry.rate_mbit,
            )
            for name, entry in scenario.topology.underlays.items()
        ),
        tunnels=tuple(context.tunnels.values()) if context else (),
    )


def _site(name: str, site: SiteEntry, chain: tuple[VnfPicture, ...]) -> SitePicture:
    return SitePicture(
        name=name,
        lan_prefix=str(site.lan),
        lan_port=LAN_PORT,
        hosts=tuple(
            HostPicture(name=host, address=f"{address}/{site.lan.prefixlen}") for host, address in site.hosts.items()
        ),
        chain=chain,
        wan=tuple(
            WanPort(port=port, underlay=wan.underlay, address=str(wan.address)) for port, wan in site.wan.items()
        ),
    )


def engines(capabilities: Iterable[Capability], seen: Mapping[str, str]) -> tuple[Engine, ...]:
    """Return the engines of the run: what was really seen at work, else what this machine would choose."""
    return tuple(
        Engine(capability=item.name, chosen=seen.get(item.name, item.chosen), best=item.best, reason=item.reason)
        for item in capabilities
        if item.chosen
    )


def versions() -> dict[str, str]:
    """Return the versions of what took part in the run."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def machine() -> dict[str, str]:
    """Return what the figures of a run depend on; nothing that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpus": str(os.cpu_count()),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
    }
