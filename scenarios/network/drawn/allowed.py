"""What the ordered service lets through between its sites, as far as its file says so without doubt.

Probes may go wherever this says: their ports need not be those that a step names. Flows are searched in order, the
first one that matches decides (MEF 70 R44); where a criterion is met by more than protocol and destination port tell,
nothing is said of those ports, nor by any later flow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from scenarios.file.format import BLOCK, Application, Scenario
from scenarios.network.flows import may_be, port_ranges
from testbed.packets import Kind

ALL_PORTS = range(1, 65536)
SOURCE_PORTS = range(1024, 65536)


@dataclass(frozen=True)
class Allowed:
    """Where probes may go: the destination ports of each protocol, 0 for ICMP; *named* is the one that a step names."""

    ports: Mapping[Kind, Sequence[int]]
    named: int

    @classmethod
    def by(cls, scenario: Scenario, udp_port: int) -> Allowed:
        """Return what *scenario* allows, and *udp_port*, which it allows by the word of a step."""
        found: dict[Kind, Sequence[int]] = {"udp": sorted({udp_port, *ports(scenario, "udp")})}
        if tcp := ports(scenario, "tcp"):
            found["tcp"] = tcp
        if echoes(scenario):
            found["icmp"] = [0]
        return cls(found, udp_port)

    def one_each(self) -> list[tuple[Kind, int]]:
        """Return a destination port of each protocol, the named one of UDP."""
        return [(kind, self.named if kind == "udp" else ports[0]) for kind, ports in self.ports.items()]

    def draw(
        self, rng: Random, count: int, taken: Collection[tuple[str, int]] = frozenset()
    ) -> list[tuple[Kind, int, int]]:
        """Return protocol, source port (or ICMP identifier) and destination port of *count* flows, all different.

        Each protocol has its share of them, and the named port half of those of UDP, or one more. Where a protocol's
        source port is *taken*, the next one does.
        """
        kinds = [list(self.ports)[number % len(self.ports)] for number in range(count)]
        named = {*[number for number, kind in enumerate(kinds) if kind == "udp"][::2]}
        places = [self.named if number in named else rng.choice(self.ports[kind]) for number, kind in enumerate(kinds)]
        sources, used = rng.sample(SOURCE_PORTS, count), set[int]()
        for number, kind in enumerate(kinds):
            while (kind, sources[number]) in taken or sources[number] in used:
                sources[number] = max(SOURCE_PORTS.start, (sources[number] + 1) % SOURCE_PORTS.stop)
            used.add(sources[number])
        flows = list(zip(kinds, sources, places, strict=True))
        rng.shuffle(flows)
        return flows


def ports(scenario: Scenario, protocol: Kind) -> list[int]:
    """Return the destination ports of *protocol*, udp or tcp, that packets between all sites may go to."""
    allowed: set[int] = set()
    decided: set[int] = set()
    for application in scenario.service.applications:
        matched = _ports(application, protocol)
        if _passes(scenario, application) and _is_told(application, {"PROTV4", "DPORT"}):
            allowed |= matched - decided
        decided |= matched
    return sorted(allowed)


def echoes(scenario: Scenario) -> bool:
    """Tell whether ICMP passes between all sites, whatever its type."""
    for application in scenario.service.applications:
        if may_be(application, "icmp"):
            return _passes(scenario, application) and _is_told(application, {"PROTV4"})
    return False


def _passes(scenario: Scenario, application: Application) -> bool:
    """Tell whether *application* is mapped to a policy, everywhere, and not blocked."""
    service = scenario.service
    mapped = [service.mappings.get(application.id, BLOCK[0])]
    mapped += [point.overrides[application.id] for point in service.endpoints if application.id in point.overrides]
    return not set(mapped) & set(BLOCK)


def _is_told(application: Application, known: Iterable[str]) -> bool:
    """Tell whether protocol and destination port alone, as far as they are *known*, decide what matches."""
    criteria = application.criteria
    readable = "DPORT" not in criteria or port_ranges(application, "DPORT")
    return set(criteria) == {"ANY"} or ("PROTV4" in criteria and set(criteria) <= set(known) and bool(readable))


def _ports(application: Application, protocol: Kind) -> set[int]:
    """Return the destination ports of packets of *protocol* that may match."""
    if not may_be(application, protocol):
        return set()
    named = port_ranges(application, "DPORT") or [ALL_PORTS]
    return {port for ports in named for port in ports} & set(ALL_PORTS)
