"""The variables of a sabotage's scripts: names that any may use, and their values at a site of a running lab."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scenarios.network.chain import wan_port
from scenarios.references import KINDS
from scenarios.steps.context import Context
from scenarios.steps.verb import PathVerb, Verb
from testbed.nodes.ucpe import BRIDGE, LAN_PORT

SITE_NAMES = {
    "SITE": "name of the site",
    "WAN_PORT": "WAN port of the service at the uCPE",
    "OTHER_WAN_PORT": "a WAN port of the uCPE that the service does not use",
    "WAN": "address of the site on the underlay",
    "NAT": "address that a NAT before the site gives to what it sends",
    "LAN": "prefix of its LAN",
    "GATEWAY": "address of the gateway on its LAN",
    "HOST": "address of its LAN host: that of the step, else its first one",
    "MANAGEMENT": "address of its uCPE on the management network",
    "LINK": "the interface of the underlay's bridge that leads to the site",
    "LAN_LINK": "the interface of its LAN's bridge that leads to that host",
}
"""Also with ``PEER_`` before them: the same of the other site."""

NAMES = {
    **SITE_NAMES,
    **{f"PEER_{name}": f"{meaning}; of the other site" for name, meaning in SITE_NAMES.items()},
    "BRIDGE": "the uCPE's Open vSwitch bridge",
    "LAN_PORT": "the uCPE's port to its LAN",
    "SERVICE": "id of the service",
    "COOKIE": "the upper half of its OpenFlow cookies",
    **{f"{kind.upper()}_{role}": f"the switch's port to the {kind} VNF, {role} side"
       for kind in KINDS for role in ("LAN", "WAN")},
    "CHAIN_LAN": "the switch's port to the first VNF of the chain, LAN side",
    "CHAIN_WAN": "the switch's port to the last VNF of the chain, WAN side",
    "PYTHON": "this machine's Python with the test-bed's packages",
    "FOLDER": "the folder of the sabotage's file",
}  # fmt: skip
STEP = "STEP_"
"""What a step's parameters begin with: ``$STEP_DESTINATION_PORT`` is its ``destination_port``."""

SHELL = {"PATH", "HOME", "PWD", "IFS"}
_USED = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)")
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_LITERAL = re.compile(r"\\.|'[^']*'|(?<![^\s;&|(])#[^\n]*", re.DOTALL)
_HERE_DOCUMENT = re.compile(r"<<-?[ \t]*(?P<quote>['\"\\]?)(?P<word>\w++)")


def used(*scripts: str) -> set[str]:
    """Return the names of the variables that *scripts* use; a script's own are in lower case."""
    return {name for script in scripts for name in _USED.findall(script)} - SHELL


def expanded(*scripts: str) -> set[str]:
    """Return the names that the shell itself looks up: not those in single quotes, in comments, behind a backslash."""
    return used(*(part for script in scripts for part in _expanding(script)))


def _expanding(script: str) -> Iterator[str]:
    """Yield the parts of *script* that the shell expands. Quotes in a here-document are letters."""
    lines, at, plain = script.split("\n"), 0, list[str]()
    places: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        places.setdefault(line.lstrip(), []).append(number)
    while at < len(lines):
        plain.append(lines[at])
        at += 1
        if document := _document(lines[at - 1], at, places):
            quoted, end = document
            yield _unquoted("\n".join(plain))
            yield "" if quoted else _ESCAPED.sub(" ", "\n".join(lines[at:end]))
            at, plain = end + 1, []
    yield _unquoted("\n".join(plain))


def _document(line: str, number: int, places: Mapping[str, Sequence[int]]) -> tuple[bool, int] | None:
    """Return of the here-document that begins behind *line* whether its word is quoted, and the line that ends it.

    *number* is that of its first line, *places* has the numbers of all lines by what they are.
    """
    for found in _HERE_DOCUMENT.finditer(line):
        ends = places.get(found["word"], ())
        if (place := bisect_left(ends, number)) < len(ends):
            return bool(found["quote"]), ends[place]
    return None


def _unquoted(script: str) -> str:
    """Return *script* without its literal parts. A command in double quotes has quotes of its own: "$(one 'two')"."""
    left, inside, at = list[str](), [""], 0
    while at < len(script):
        here, quoted = script[at], inside[-1] == '"'
        if literal := (_ESCAPED if quoted else _LITERAL).match(script, at):
            left.append(" ")
            at = literal.end()
            continue
        if (here == '"' and quoted) or (here == ")" and inside[-1] == "("):
            inside.pop()
        elif here == '"' or (here == "(" and (not quoted or script[at - 1] == "$")):
            inside.append(here)
        left.append(here)
        at += 1
    return "".join(left)


def hosts_of(verb: Verb) -> tuple[str, str] | None:
    """Return the hosts that a step sends between, None for one that has none."""
    return (verb.from_, verb.to) if isinstance(verb, PathVerb) else None


def values(context: Context, folder: Path, site: str, peer: str | None, verb: Verb) -> dict[str, str]:
    """Return the value of each variable that there is at *site*, whose other site is *peer*, for a step of *verb*."""
    found = {
        "BRIDGE": BRIDGE,
        "LAN_PORT": LAN_PORT,
        "SERVICE": context.service_id,
        "COOKIE": f"0x{context.service_id[:8]}",
        "PYTHON": sys.executable,
        "FOLDER": str(folder),
        **dict(_of_site(context, site, verb)),
        **dict(_of_step(verb)),
        **dict(_ports(context, site)),
    }
    if peer:
        theirs = dict(_of_site(context, peer, verb))
        theirs["WAN"] = theirs.get("NAT", theirs["WAN"])  # the one that this site knows
        found |= {f"PEER_{name}": value for name, value in theirs.items()}
    return found


def host_at(context: Context, site: str, verb: Verb) -> str:
    """Return the name of the host at *site* that a step of *verb* uses, else of the first one there."""
    there = context.scenario.topology.sites[site].hosts
    return next((host for host in hosts_of(verb) or () if host in there), next(iter(there)))


def _of_site(context: Context, site: str, verb: Verb) -> Iterator[tuple[str, str]]:
    entry, host = context.scenario.topology.sites[site], host_at(context, site, verb)
    port = wan_port(context.scenario, site, context.view(site).flows(), context.service_id)
    yield "SITE", site
    yield "WAN_PORT", port
    yield "WAN", str(entry.wan[port].address)
    if nat := entry.wan[port].nat:
        yield "NAT", str(nat)
    yield "LAN", str(entry.lan)
    yield "GATEWAY", str(entry.gateway)
    yield "HOST", context.host(host).ip
    yield "MANAGEMENT", context.lab.ucpes[site].address
    yield "LINK", context.lab.underlays[entry.wan[port].underlay].ports[site]
    yield "LAN_LINK", context.lab.lans[site].ports[host]
    for other in entry.wan:
        if other != port:
            yield "OTHER_WAN_PORT", other


def _of_step(verb: Verb) -> Iterator[tuple[str, str]]:
    for key, value in verb.model_dump(by_alias=True).items():
        if isinstance(value, str | int | float):
            yield STEP + key.upper(), str(value)


def _ports(context: Context, site: str) -> Iterator[tuple[str, str]]:
    """Yield the ports of the chain; of several VNFs of one kind those of the first."""
    ports = context.view(site).ports(context.service_id)
    for port in reversed(ports):
        yield f"{port.kind}_{port.role}".upper(), port.name
    if ports:
        yield "CHAIN_LAN", next(port.name for port in ports if port.role == "lan")
        yield "CHAIN_WAN", next(port.name for port in reversed(ports) if port.role == "wan")
