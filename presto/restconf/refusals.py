"""Why a create would be refused on a network that carries nothing yet: the checks of the operation, and no effect."""

from __future__ import annotations

from common.findings import Finding, Rejected
from orchestrator.inventory import Inventory
from presto.domain.check import Surroundings, check, completed
from presto.domain.model import Swvc
from presto.restconf.orders import new_swvc, order_findings
from presto.restconf.parse import Parsed, parse_body, to_model
from presto.restconf.paths import on_the_wire
from presto.restconf.unsupported import check_honoured
from presto_api.restconf.messages import CreateInput


def requested_swvc(parsed: Parsed, inventory: Inventory) -> tuple[Swvc, tuple[Finding, ...]]:
    """The SWVC that a create asks for, and what is wrong with the message itself."""
    order, form = to_model(CreateInput, parsed)
    return new_swvc(order), (*form, *order_findings(order, inventory), *check_honoured(order))


def refusals(content: bytes, inventory: Inventory) -> list[Finding]:
    """What `create-connectivity-service` with that body would be refused for, with published paths."""
    try:
        swvc, form = requested_swvc(parse_body(content), inventory)
    except Rejected as rejected:
        return list(rejected.findings)
    return on_the_wire((*form, *check(completed(swvc, inventory), Surroundings(inventory))))
