"""Two uCPEs with the real VNF images, shared by all tests here; each test leaves them as it got them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.intent import SiteIntent
from orchestrator.inventory import Inventory, Ucpe, load_inventory
from orchestrator.model import DeploymentRequest, ServiceRequest, UnknownService
from orchestrator.service import Orchestrator
from orchestrator.tosca.catalogue import NO_CHOICE, Catalogue
from testbed.images import store
from testbed.lab import Lab
from testbed.progress import Clock
from testbed.spec.model import HostSpec, LabSpec, SiteSpec, UnderlaySpec, WanSpec

SITES = {"site-a": 1, "site-b": 2}
SPEC = LabSpec(
    "southbound",
    tuple(
        SiteSpec(
            name,
            f"10.{number}.0.0/24",
            f"10.{number}.0.1",
            (HostSpec(f"host-{number}", f"10.{number}.0.10/24"),),
            (WanSpec("wan0", "internet", f"198.51.100.{number}/24"),),
        )
        for name, number in SITES.items()
    ),
    (UnderlaySpec("internet", "198.51.100.0/24"),),
)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to make namespaces and uCPE containers")
    with Lab.create(SPEC, store=store.fill(Clock())) as running:
        yield running


@dataclass(frozen=True)
class View:
    """What a uCPE itself says, by its own tools: the oracle for what the orchestrator did from outside."""

    lab: Lab
    site: str

    def run(self, *argv: str) -> str:
        return self.lab.ucpes[self.site].exec(list(argv), timeout=20).stdout

    def flows(self) -> list[str]:
        """Rules without their counters: `priority=100,in_port=lan0 actions=output:…` with their cookie before."""
        lines = self.run("ovs-ofctl", "-O", "OpenFlow14", "--names", "dump-flows", "br-ucpe").splitlines()
        shown = [re.sub(r"(duration|table|n_packets|n_bytes|reset_counts)\S* ", "", line) for line in lines]
        return sorted(line.strip().replace('"', "") for line in shown if "actions=" in line)

    def packets(self) -> dict[str, int]:
        """Packets by the port that they came in."""
        text = self.run("ovs-ofctl", "-O", "OpenFlow14", "--names", "dump-flows", "br-ucpe").replace('"', "")
        return {port: int(count) for count, port in re.findall(r"n_packets=(\d+).*?in_port=(\S+)", text)}

    def started(self) -> dict[str, str]:
        """Start time of each container by name."""
        names = self.run("docker", "ps", "-aq").split()
        shown = json.loads(self.run("docker", "inspect", *names)) if names else []
        return {item["Name"].lstrip("/"): item["State"]["StartedAt"] for item in shown}

    def state(self) -> dict[str, Any]:
        """All that a service may leave behind."""
        return {
            "ports": sorted(self.run("ovs-vsctl", "list-ports", "br-ucpe").split()),
            "interfaces": sorted(self.run("ovs-vsctl", "--bare", "--columns=name", "list", "Interface").split()),
            "links": sorted(line.split()[0] for line in self.run("ip", "-br", "link").splitlines()),
            "flows": self.flows(),
            "networks": sorted(self.run("docker", "network", "ls", "--format", "{{.ID}} {{.Name}}").splitlines()),
            "containers": sorted(self.started()),
            "volumes": self.run("docker", "volume", "ls", "-q").split(),
            "mounts": self.run(
                "find", "/var/lib/docker/image/overlay2/layerdb", "-path", "*/mounts/*", "-prune", "-print"
            ).split(),
        }


class Faulty(Catalogue):
    """The real catalogue, but one VNF of one site gets another image or another configuration."""

    def __init__(self, site: str, vnf: str, **changes: Any) -> None:
        super().__init__()
        self._site, self._vnf, self._changes = site, vnf, changes

    def compile(self, name: str, inputs: Any, products: Any = NO_CHOICE) -> SiteIntent:
        site = super().compile(name, inputs, products)
        if inputs["site_name"] != self._site:
            return site
        vnfs = tuple(replace(vnf, **self._changes) if vnf.name == self._vnf else vnf for vnf in site.vnfs)
        return replace(site, vnfs=vnfs)


@dataclass
class Bed:
    """The lab, and an orchestrator with a state of its own for one test."""

    lab: Lab
    inventory: Inventory
    state: str
    service_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        self.views = {site: View(self.lab, site) for site in SITES}
        self.orchestrator = Orchestrator(self.inventory, self.state)

    def orchestrator_with(self, catalogue: Catalogue | None = None, **ucpe: Any) -> Orchestrator:
        """Another orchestrator on the same state, which knows site-b otherwise than it is."""
        wrong = tuple(
            Ucpe.model_validate({**item.model_dump(), **ucpe}) if item.id == "site-b" else item
            for item in self.inventory.ucpes
        )
        return Orchestrator(self.inventory.model_copy(update={"ucpes": wrong}), self.state, catalogue)

    def request(
        self, *sites: str, template: str = "poc-site", rules: list[dict[str, Any]] | None = None
    ) -> ServiceRequest:
        """The service on these sites, both by default; `rules` are site-a's firewall rules."""
        deployments = [DeploymentRequest(site, template, inputs(site, template)) for site in sites or SITES]
        if rules is not None:
            deployments[0] = replace(deployments[0], inputs={**deployments[0].inputs, "firewall_rules": rules})
        return ServiceRequest(self.service_id, "test", tuple(deployments))

    def states(self) -> dict[str, dict[str, Any]]:
        return {site: view.state() for site, view in self.views.items()}


def inputs(site: str, template: str = "poc-site") -> dict[str, Any]:
    """Inputs of a site's template, with the other site as its peer."""
    here = SITES[site]
    other, there = next((name, number) for name, number in SITES.items() if name != site)
    values: dict[str, Any] = {
        "site_name": site,
        "lan_address": f"10.{here}.0.1/24",
        "lan_subnets": [f"10.{here}.0.0/24"],
        "wan_address": f"198.51.100.{here}/24",
        "identity": site,
        "authentication": "psk",
        "peers": [
            {
                "name": other,
                "address": f"198.51.100.{there}",
                "identity": other,
                "subnets": [f"10.{there}.0.0/24"],
                "psk": "a key for this test alone",
                "initiate": here == 1,
            }
        ],
    }
    if template == "poc-site":
        values["firewall_rules"] = [{"id": "all", "action": "allow", "direction": "both", "protocol": "any"}]
    return values


@pytest.fixture
def bed(lab: Lab, tmp_path: Path) -> Iterator[Bed]:
    bed = Bed(lab, load_inventory(lab.inventory), f"sqlite:///{tmp_path / 'state.db'}")
    before = bed.states()
    yield bed
    left = bed.states()
    with contextlib.suppress(UnknownService):  # after a failed test, for those that follow
        asyncio.run(bed.orchestrator.remove(bed.service_id))
    bed.orchestrator.close()
    assert left == before, "the test left something behind"


@pytest.fixture
def faulty() -> type[Faulty]:
    return Faulty
