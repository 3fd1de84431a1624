"""What a scenario's application flows say of protocols and ports: all that probes need to know of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from scenarios.file.format import BLOCK, Application, Scenario
from testbed.packets import Kind

EVERY_PORT = range(65536)
NUMBERS: Mapping[Kind, int] = {"icmp": 1, "tcp": 6, "udp": 17}
KINDS = {number: kind for kind, number in NUMBERS.items()}
_NAMES = {str(kind): number for kind, number in NUMBERS.items()}
_NAMES |= {"gre": 47, "esp": 50, "ah": 51, "ospf": 89, "sctp": 132}
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


def source_ports(scenario: Scenario, flow: str) -> list[range]:
    """Return the source ports that packets of *flow* may have: all, unless it names some."""
    application = next((entry for entry in scenario.service.applications if entry.id == flow), None)
    return (port_ranges(application, "SPORT") if application else None) or [EVERY_PORT]


def open_ports(scenario: Scenario, protocol: Kind) -> list[int]:
    """Return the first destination port of each range that a flow of *protocol*, which is not blocked, names."""
    return sorted({ports.start for ports in open_ranges(scenario, protocol)})


def open_ranges(scenario: Scenario, protocol: Kind) -> list[range]:
    """Return the ranges of destination ports that flows of *protocol*, which are not blocked, name."""
    flows = (flow for flow in _passing(scenario) if may_be(flow, protocol))
    return [ports for flow in flows for ports in port_ranges(flow, "DPORT") or ()]


def one_way_ports(scenario: Scenario, protocol: Kind, port: int) -> list[int]:
    """Return the source ports from which packets of *protocol* to *port* may pass, and to which no flow lets any pass.

    So what comes back in such a connection passes by its state alone.
    """
    flow = next((one for one in scenario.service.applications if may_be(one, protocol) and _names(one, port)), None)
    if (
        flow is None
        or flow not in _passing(scenario)
        or any(port_ranges(one, "DPORT") is None for one in _passing(scenario) if may_be(one, protocol))
    ):
        return []
    sources = {number for ports in port_ranges(flow, "SPORT") or (range(1024, 65536),) for number in ports}
    return sorted(sources.difference(*open_ranges(scenario, protocol), (0,)))


def _names(flow: Application, port: int) -> bool:
    ports = port_ranges(flow, "DPORT")
    return ports is None or any(port in entry for entry in ports)


def may_pass(scenario: Scenario, protocol: Kind | int, port: int | None = None) -> bool:
    """Tell whether some flow might let packets of *protocol*, a name or number, to destination *port* pass.

    Criteria that say more than protocol and destination port are taken to hold, and without a port that one too.
    """

    def holds(flow: Application) -> bool:
        return may_be(flow, protocol) and (port is None or _names(flow, port))

    return any(map(holds, _passing(scenario)))


def _passing(scenario: Scenario) -> Iterator[Application]:
    """Yield the flows that some end point does not block."""
    service = scenario.service
    for flow in service.applications:
        own = [point.overrides.get(flow.id) for point in service.endpoints]
        if any(policy not in BLOCK for policy in (*filter(None, own), service.mappings.get(flow.id, flow.id))):
            yield flow


def may_be(flow: Application, protocol: Kind | int) -> bool:
    """Tell whether *flow* may have packets of *protocol*, a name or number; one that names none may have any.

    So may one with a name that nobody knows.
    """
    named, number = _values(flow, "PROTV4"), _NAMES.get(str(protocol), protocol)
    return named is None or not {number, None}.isdisjoint(map(_number, named))


def _number(protocol: str) -> int | None:
    return int(protocol) if protocol.isdecimal() else _NAMES.get(protocol.lower())


def port_ranges(flow: Application, criterion: str) -> list[range] | None:
    """Return the port ranges that *criterion* of *flow* names; None when it names none that can be read."""
    found = [_PORTS.fullmatch(value) for value in _values(flow, criterion) or ()]
    if not found or None in found:
        return None
    return [range(int(match[1]), int(match[2] or match[1]) + 1) for match in found if match]


def _values(flow: Application, criterion: str) -> list[str] | None:
    value = flow.criteria.get(criterion)
    if value is None:
        return None
    return [str(item).strip() for item in (value if isinstance(value, list) else [value])]
