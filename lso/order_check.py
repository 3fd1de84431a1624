"""What the API would refuse of a scenario's order, found without network, lab or root.

The API's own checks look at the very body that a run would send, over the inventory that the topology would give.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from common.findings import Fault
from common.json_text import BodyTooBig
from lso.catalogue import catalogue
from lso.input_check import input_faults
from lso.order_places import in_the_order, in_the_rpc, place
from orchestrator.inventory import Inventory
from orchestrator.model import UnknownProduct
from presto.restconf import refusals as restconf
from presto.web.limits import LARGEST_BODY
from scenarios.file.format import Application, Policy, Scenario, Service
from scenarios.ordering.order import create_input
from scenarios.ordering.order_items import add_items, criterion_fault
from scenarios.ordering.ordering_client import order_body
from testbed.lab import inventory
from testbed.spec.model import LabSpec

LAB = "lab"
ENGINES = {"esp": "libipsec", "datapath": "netdev"}


def order_faults(scenario: Scenario) -> Iterator[Fault]:
    """Yield why the order would be refused, in the API's words, at the places of the scenario's values.

    And which products of its sites the orchestrator does not have.
    """
    yield from _product_faults(scenario)
    known = _inventory(scenario.lab_spec())
    faults = _by_ordering if scenario.service.face == "mef-ordering" else _by_rpc
    try:
        yield from faults(scenario.service, known)
    except BodyTooBig as error:
        yield Fault(("service",), str(error), "order less with one service")
    else:
        yield from input_faults(scenario, known, LAB)


def _product_faults(scenario: Scenario) -> Iterator[Fault]:
    for site, products in scenario.products.items():
        for kind, name in products.items():
            try:
                catalogue().product(kind, name)
            except UnknownProduct as error:
                yield Fault(("products", site, kind), error.message, error.hint)


def _by_rpc(service: Service, known: Inventory) -> Iterator[Fault]:
    unis = {point.site: inventory.uni_id(LAB, point.site) for point in service.endpoints}
    places = in_the_rpc(service)
    for finding in restconf.refusals(_content({"input": create_input(service, unis)}), known):
        rule = f" [{finding.rule}]" if finding.rule else ""
        yield Fault(place(finding.path, places), f"{finding.message}{rule}", finding.hint)


def _by_ordering(service: Service, known: Inventory) -> Iterator[Fault]:
    from presto.mef import refusals as mef  # noqa: PLC0415  (a second of imports, which other scenarios do not need)

    service = _writable(service)
    places = in_the_order(service)
    for problem in mef.refusals(_content(order_body(add_items(service))), known):
        yield Fault(place(problem.path, places), problem.body()["reason"], problem.hint)


def _writable(service: Service) -> Service:
    """Return the service without the criteria of applications and policies that no payload can have: that is told."""
    lists = {key: [_written(key, entry) for entry in getattr(service, key)] for key in ("applications", "policies")}
    return service.model_copy(update=lists)


def _written(key: str, entry: Application | Policy) -> Application | Policy:
    faulty = any(criterion_fault(key, name, value) for name, value in entry.criteria.items())
    return entry.model_copy(update={"criteria": {}}) if faulty else entry


def _content(body: object) -> bytes:
    content = json.dumps(body).encode()
    if len(content) > LARGEST_BODY:
        raise BodyTooBig(f"The body is larger than {LARGEST_BODY} bytes")
    return content


def _inventory(spec: LabSpec) -> Inventory:
    """Return what a lab's orchestrator would read; where the uCPEs would be reached does not matter here."""
    addresses = {site.name: "192.0.2.1" for site in spec.sites}
    return Inventory.model_validate(inventory.inventory(LAB, spec, addresses, Path(), ENGINES))
