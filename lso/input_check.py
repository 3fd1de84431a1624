"""What the orchestrator would refuse of the template inputs that a scenario chooses, found without network or lab.

The sites are filled in as the API would fill them in for the scenario's order, with keys that are thrown away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from common.findings import Fault, Rejected, nearest
from lso.api import settings
from lso.catalogue import catalogue
from orchestrator.inventory import Inventory
from orchestrator.model import RequestError, TemplateError
from presto.domain import credentials
from presto.domain.check import completed
from presto.domain.compile import compile_request
from presto.domain.model import Service, State
from presto.restconf.parse import parse_body
from presto.restconf.refusals import requested_swvc
from scenarios.file.format import Scenario
from scenarios.ordering.order import create_input
from testbed.lab import inventory

NOBODY = "00000000-0000-0000-0000-000000000000"


def input_faults(scenario: Scenario, known: Inventory, lab: str) -> Iterator[Fault]:
    """Yield what is wrong with the sites that *scenario* comes to, where it changes their inputs or their proofs."""
    yield from _of_no_site(scenario)
    if not scenario.inputs and scenario.authentication == "certificate":
        return
    unis = {point.site: inventory.uni_id(lab, point.site) for point in scenario.service.endpoints}
    content = json.dumps({"input": create_input(scenario.service, unis)}).encode()
    chosen, now = settings(scenario), credentials.utc_now()
    try:
        swvc, _ = requested_swvc(parse_body(content), known)
        swvc = completed(swvc, known)
        names = [point.site for point in scenario.service.endpoints]
        keys = credentials.complete(credentials.Credentials(), NOBODY, names, scenario.authentication, now)
        service = Service(NOBODY, swvc, State.ACCEPTED, 1, now, now)
        request = compile_request(service, known, keys, chosen)
    except (Rejected, LookupError):
        return  # the order itself is refused, which is told at its own places
    for one in request.deployments:
        try:
            catalogue().compile(one.template, one.inputs, one.products)
        except TemplateError as error:
            for finding in error.findings:
                name = str(finding.place[0]) if finding.place else ""
                told = finding.message if len(finding.place) < 2 else f"{finding.path}: {finding.message}"
                yield Fault(_place(scenario, one.ucpe, name), told, finding.hint)
        except RequestError:
            pass  # of its products, which is told at theirs


def _place(scenario: Scenario, site: str, name: str) -> tuple[str | int, ...]:
    if site not in scenario.inputs:
        return ("inputs",)
    return ("inputs", site, name) if name in scenario.inputs[site] else ("inputs", site)


def _of_no_site(scenario: Scenario) -> Iterator[Fault]:
    served = {point.site for point in scenario.service.endpoints}
    for site in scenario.inputs:
        if all(served) and site not in served:
            yield Fault(("inputs", site), f"the service has no end point at {site!r}", nearest(site, served))
