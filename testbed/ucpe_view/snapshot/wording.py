"""What programs print about a network, as parts of a snapshot: pure functions from their text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from testbed.ucpe_view.flows import parse_flows
from testbed.ucpe_view.snapshot.model import Part, names, part

LINKS_NOT_COMPARED = {
    "ifname": "its name",
    "addr_info": "addresses are compared by themselves",
    "flags": "compared as state, carrier and flags",
    "operstate": "follows from state and carrier",
    "qdisc": "queueing disciplines are compared by themselves",
    "linkinfo": "compared as its fields",
    "promiscuity": "how many capture; who sets it for good shows in the flags",
    "allmulti": "how many listen to all groups",
}
ADDRESSES_NOT_COMPARED = {
    "local": "in its name",
    "prefixlen": "in its name",
    "valid_life_time": "runs down",
    "preferred_life_time": "runs down",
}
TIMERS = re.compile(r"_timer$|^ageing_timer_value$")
"""Fields of bridges that run down."""
_MOVING = re.compile(r" (?:expires \d+sec|age \d+sec|used \d+sec|refcnt \d+)| linkdown\b| dead\b|\[\d+:\d+\]")
"""What moves by itself in a line: lifetimes, counters of use, and the carrier, which interfaces have."""
_PORT = re.compile(r"^ *\S+?\(\"?([^\")]+)\"?\): .*?\bconfig: +(.*?) +state:", re.MULTILINE)


def lines(kind: str, text: str) -> Part:
    """Return each line as a thing of *kind*, without what moves by itself."""
    return names(f"{kind}{_still(line)}" for line in text.splitlines() if line.strip() and not line.startswith("#"))


def flows(text: str) -> Part:
    """Return the rules that ``ovs-ofctl dump-flows`` prints."""
    return names(f"OpenFlow rule {flow.text()}" for flow in parse_flows(text))


def groups(text: str) -> Part:
    """Return what ``ovs-ofctl dump-groups`` prints."""
    return names(f"OpenFlow group {line.strip()}" for line in text.splitlines() if "group_id=" in line)


def meters(text: str) -> Part:
    """Return what ``ovs-ofctl dump-meters`` prints: each meter with its bands below it."""
    return names(f"OpenFlow {block}" for block in _blocks(text, "meter="))


def ports(text: str) -> Part:
    """Return the configuration of the ports that ``ovs-ofctl dump-ports-desc`` prints: 0, or what is switched off."""
    flat = re.sub(r"\n {5}", " ", text)
    return part((f"OpenFlow port {name}", {"configuration": config}) for name, config in _PORT.findall(flat))


def links(text: str) -> Part:
    """Return the interfaces in ``ip -json -details address show``."""
    return part((f"interface {link['ifname']}", _link(link)) for link in json.loads(text or "[]") if link)


def addresses(text: str) -> Part:
    """Return the addresses in the same text."""
    return part(
        (
            f"address {address['local']}/{address['prefixlen']} on {link['ifname']}",
            {name: value for name, value in address.items() if name not in ADDRESSES_NOT_COMPARED},
        )
        for link in json.loads(text or "[]")
        if link
        for address in link["addr_info"]
        if "local" in address
    )


def nftables(text: str) -> Part:
    """Return tables, chains and rules of ``nft --stateless list ruleset``, each with what it is in."""
    return names(_nested(text))


def iptables(program: str, text: str) -> Part:
    """Return the chains and rules that ``iptables-legacy-save`` prints, each with its table."""
    return names(f"{program} {line}" for line in _in_tables(text))


def xfrm(kind: str, text: str) -> Part:
    """Return the states or policies that ``ip xfrm`` prints, without their place in the sequence."""
    return names(f"{kind} {re.sub(r' anti-replay context: .*', '', block)}" for block in _blocks(text, "src "))


def sysctls(text: str) -> Part:
    """Return the settings in *text*, lines of path and value, folder by folder."""
    folders: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        path, _, value = line.partition(":")
        folder, _, name = path.removeprefix("/proc/sys/").replace("/", ".").rpartition(".")
        settings = folders.setdefault(f"sysctls {folder}", {})
        settings[name] = f"{settings[name]}; {value}" if name in settings else value
    return part(folders.items())


def shared(text: str) -> Part:
    """Return the queues, semaphores and segments of System V (sysvipc(7)) in the text of ``/proc/sysvipc/*``."""
    kinds = {"msqid": "message queue", "semid": "semaphores", "shmid": "shared memory"}
    found, heads = [], [""]
    for fields in map(str.split, text.splitlines()):
        if fields[:1] == ["key"]:
            heads = fields
            continue
        values = dict(zip(heads, fields, strict=False))
        kept = {name: value for name, value in values.items() if name in ("perms", "nsems", "size", "uid", "gid")}
        found.append((f"{kinds[heads[1]]} {values[heads[1]]} with key {values['key']}", kept))
    return part(found)


def _still(line: str) -> str:
    return " ".join(_MOVING.sub("", line).split())


def _blocks(text: str, start: str) -> Iterator[str]:
    """Yield each line that begins with *start* together with the lines below it."""
    for block in re.split(rf"^(?={re.escape(start)})", text, flags=re.MULTILINE):
        if block.startswith(start):
            yield " ".join(block.split())


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    flags = set(link["flags"])
    info = link.get("linkinfo") or {}
    fields = {**(info.get("info_data") or {}), **(info.get("info_slave_data") or {})}
    return {
        **{name: value for name, value in link.items() if name not in LINKS_NOT_COMPARED},
        **{name: value for name, value in fields.items() if not TIMERS.search(name)},
        "type": info.get("info_kind", ""),
        "state": "up" if "UP" in flags else "down",
        "carrier": "yes" if "LOWER_UP" in flags else "no",
        "flags": " ".join(sorted(flags - {"UP", "LOWER_UP", "NO-CARRIER", "M-DOWN"})),
    }


def _nested(text: str) -> Iterator[str]:
    within: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#") or not line:
            continue
        if line == "}" and within:
            within.pop()
        elif line.endswith("{"):
            within.append(line.removesuffix("{").strip())
            yield f"nftables {' '.join(within)}"
        else:
            yield f"nftables {' '.join(within)}: {line}"


def _in_tables(text: str) -> Iterator[str]:
    table = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("*"):
            table = line.removeprefix("*")
        elif line.startswith((":", "-")):
            yield f"table {table}: {_still(line)}"
