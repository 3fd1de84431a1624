"""The operations: each takes the parsed input and gives the published output, or None where there is none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from common.findings import Finding, Rejected, Tag, nearest
from presto.domain.model import Service
from presto.restconf import answers, network, path_computation
from presto.restconf.orders import changed_swvc, order_findings
from presto.restconf.parse import Parsed, all_given, missing, only, to_model
from presto.restconf.paths import in_an_update, on_the_wire
from presto.restconf.refusals import requested_swvc
from presto.restconf.unsupported import check_honoured
from presto.service.core import Core
from presto_api.restconf.messages import (
    NoInput,
    PublishedUpdateInput,
    ServiceIdInput,
    ServiceListOutput,
    ServiceOutput,
    SipIdInput,
    SipListOutput,
    SipOutput,
    SipUpdateInput,
    UpdateInput,
)
from presto_api.restconf.messages import Service as WireService
from presto_api.restconf.tapi import Wire

Handler = Callable[[Core, Parsed], Awaitable[Wire | None]]


@dataclass(frozen=True)
class Operation:
    """A published operation: its YANG module and what answers it."""

    module: str
    handler: Handler


async def list_sips(core: Core, parsed: Parsed) -> SipListOutput:
    """`get-service-interface-point-list`: all UNIs."""
    only(NoInput, parsed)
    return SipListOutput(sip=[answers.service_interface_point(state) for state in await core.unis()])


async def show_sip(core: Core, parsed: Parsed) -> SipOutput:
    """`get-service-interface-point-details`: one UNI by id or name."""
    (wanted,) = all_given(only(SipIdInput, parsed), "sip-id-or-name")
    return SipOutput(sip=answers.service_interface_point(await core.uni(wanted)))


async def update_sip(core: Core, parsed: Parsed) -> None:
    """`update-service-interface-point`: lock or unlock a UNI for orders."""
    given, findings = to_model(SipUpdateInput, parsed)
    findings += missing(given, "sip-id-or-name", "state")
    if findings:
        raise Rejected(findings)
    await core.lock_uni(given.sip_id_or_name or "", locked=given.state == "LOCKED", request=parsed.request)


async def create_service(core: Core, parsed: Parsed) -> ServiceOutput:
    """`create-connectivity-service`: accepted when everything is right, carried out in the background."""
    return _shown(core, await core.create(*requested_swvc(parsed, core.inventory), request=parsed.request))


async def update_service(core: Core, parsed: Parsed) -> ServiceOutput:
    """`update-connectivity-service`: members that are given replace the service's; one end point at a time."""
    if core.settings.strict:
        _, form = to_model(PublishedUpdateInput, parsed)
        parsed = replace(parsed, findings=form)
    order, form = to_model(UpdateInput, parsed)
    findings = (*form, *order_findings(order, core.inventory), *check_honoured(order))
    wanted = order.service_id_or_name
    if not wanted:
        raise Rejected((*findings, *missing(order, "service-id-or-name")))
    try:
        return _shown(core, await core.update(wanted, changed_swvc(order), findings, request=parsed.request))
    except Rejected as rejected:
        raise Rejected(in_an_update(on_the_wire(rejected.findings))) from None


async def delete_service(core: Core, parsed: Parsed) -> None:
    """`delete-connectivity-service`: accepted in any state, carried out in the background."""
    (wanted,) = all_given(only(ServiceIdInput, parsed), "service-id-or-name")
    await core.delete(wanted, request=parsed.request)


async def list_services(core: Core, parsed: Parsed) -> ServiceListOutput:
    """`get-connectivity-service-list`: all services, oldest first."""
    only(NoInput, parsed)
    found = await core.services()
    return ServiceListOutput(service=[_wire(core, service) for service in found])


async def show_service(core: Core, parsed: Parsed) -> ServiceOutput:
    """`get-connectivity-service-details`: one service by id or name."""
    (wanted,) = all_given(only(ServiceIdInput, parsed), "service-id-or-name")
    return _shown(core, await core.service(wanted))


_COMMON, _CONNECTIVITY = partial(Operation, "tapi-common"), partial(Operation, "tapi-connectivity")
_TOPOLOGY, _PATHS = partial(Operation, "tapi-topology"), partial(Operation, "tapi-path-computation")

OPERATIONS: Mapping[str, Operation] = {
    "get-service-interface-point-list": _COMMON(list_sips),
    "get-service-interface-point-details": _COMMON(show_sip),
    "update-service-interface-point": _COMMON(update_sip),
    "create-connectivity-service": _CONNECTIVITY(create_service),
    "update-connectivity-service": _CONNECTIVITY(update_service),
    "delete-connectivity-service": _CONNECTIVITY(delete_service),
    "get-connectivity-service-list": _CONNECTIVITY(list_services),
    "get-connectivity-service-details": _CONNECTIVITY(show_service),
    "get-connection-details": _CONNECTIVITY(network.show_connection),
    "get-topology-list": _TOPOLOGY(network.list_topologies),
    "get-topology-details": _TOPOLOGY(network.show_topology),
    "get-node-details": _TOPOLOGY(network.show_node),
    "get-link-details": _TOPOLOGY(network.show_link),
    "get-node-edge-point-details": _TOPOLOGY(network.show_node_edge_point),
    "compute-p-2-p-path": _PATHS(path_computation.compute_path),
    "optimize-p-2-p-path": _PATHS(path_computation.optimize_path),
    "delete-p-2-p-path": _PATHS(path_computation.delete_path),
}
"""The 17 published operations."""


def is_published(name: str) -> bool:
    """True for the plain or module-qualified name of an operation."""
    module, _, plain = name.rpartition(":")
    return plain in OPERATIONS and module in {"", OPERATIONS[plain].module}


def find_operation(name: str) -> Operation:
    """The operation of a plain or module-qualified name. Raises Rejected when there is none."""
    plain = name.rpartition(":")[2]
    operation = OPERATIONS.get(plain)
    if operation is None or not is_published(name):
        known = [f"{operation.module}:{plain}"] if operation else OPERATIONS
        raise Rejected([Finding(Tag.NOT_FOUND, (), f'There is no operation "{name[:80]}"', nearest(name, known))])
    return operation


async def run(operation: Operation, core: Core, parsed: Parsed) -> Wire | None:
    """Carry an operation out. Raises Rejected, with published paths."""
    try:
        return await operation.handler(core, parsed)
    except Rejected as rejected:
        raise Rejected(on_the_wire(rejected.findings)) from None


def acknowledgement(core: Core, operation: Operation, service: Service) -> Wire | None:
    """What an operation that orders something answers, from the service that it has stored."""
    if operation.handler not in {create_service, update_service}:
        return None
    return ServiceOutput(service=answers.service(service, None, core.inventory))


def _shown(core: Core, service: Service) -> ServiceOutput:
    return ServiceOutput(service=_wire(core, service))


def _wire(core: Core, service: Service) -> WireService:
    return answers.service(service, core.stage(service), core.inventory, core.missing(service))
