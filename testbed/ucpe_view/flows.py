"""OpenFlow rules as ``ovs-ofctl --names dump-flows`` prints them, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_STATISTIC = re.compile(
    r"\s*(cookie|duration|table|n_packets|n_bytes|idle_timeout|hard_timeout|importance|idle_age|hard_age)=([^,\s]*),?"
)
_FLAG = re.compile(r"\s*(reset_counts|send_flow_rem|check_overlap|no_packet_counts|no_byte_counts)\b,?")
_OUTPUT = re.compile(r'(?:output:(?:"([^"]+)"|([^,()]+)))|\b(LOCAL|IN_PORT|NORMAL|FLOOD|ALL|CONTROLLER)\b')
_DEFAULT_PRIORITY = 32768


@dataclass(frozen=True)
class FlowEntry:
    """One rule with its counters.

    *in_port* is the port's name, None when the rule matches any; *match* holds the other fields, sorted;
    *outputs* are the names that its actions send to (``LOCAL``, ``NORMAL`` … for the reserved ones), in order.
    """

    table: int
    cookie: int
    priority: int
    in_port: str | None
    match: tuple[str, ...]
    actions: str
    outputs: tuple[str, ...]
    idle_timeout: int
    hard_timeout: int
    packets: int
    bytes: int

    @property
    def identity(self) -> FlowEntry:
        """Return the rule without its counters: equal for the same rule at two moments."""
        return replace(self, packets=0, bytes=0)

    def text(self) -> str:
        """Return the rule in one line, without counters and with its cookie in hexadecimal."""
        limits = {"idle_timeout": self.idle_timeout, "hard_timeout": self.hard_timeout}
        timeouts = [f"{name}={seconds}" for name, seconds in limits.items() if seconds]
        place = [f"in_port={self.in_port}"] if self.in_port else []
        head = f"table={self.table} cookie={self.cookie:#x} priority={self.priority}"
        return f"{head} {','.join([*timeouts, *place, *self.match]) or 'any'} actions={self.actions}"


def parse_flows(output: str) -> list[FlowEntry]:
    """Return the rules in *output*; lines that are no rules (reply headers) are passed over."""
    return [_flow(line) for line in output.splitlines() if " actions=" in line]


def _flow(line: str) -> FlowEntry:
    left, actions = line.split(" actions=", 1)
    statistics: dict[str, str] = {}
    while found := (_STATISTIC.match(left) or _FLAG.match(left)):
        statistics[found[1]] = found[2] if found.re is _STATISTIC else ""
        left = left[found.end() :]
    fields = [field for field in left.strip().split(",") if field]
    named = dict(field.split("=", 1) for field in fields if "=" in field)
    in_port = named.get("in_port")
    return FlowEntry(
        table=int(statistics.get("table", "0")),
        cookie=int(statistics.get("cookie", "0"), 16),
        priority=int(named.get("priority", _DEFAULT_PRIORITY)),
        in_port=in_port.strip('"') if in_port else None,
        match=tuple(sorted(f for f in fields if f.split("=")[0] not in ("priority", "in_port"))),
        actions=actions.strip(),
        outputs=outputs(actions),
        idle_timeout=int(statistics.get("idle_timeout", "0")),
        hard_timeout=int(statistics.get("hard_timeout", "0")),
        packets=int(statistics.get("n_packets", "0")),
        bytes=int(statistics.get("n_bytes", "0")),
    )


def outputs(actions: str) -> tuple[str, ...]:
    """Return the ports that the *actions* text sends to, in order."""
    return tuple(next(name for name in found if name) for found in _OUTPUT.findall(actions))
