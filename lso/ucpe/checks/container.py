"""A container as a VNF gets it: two ports of the bridge, capabilities, devices, sysctls, and commands in it."""

from __future__ import annotations

import re

from lso.ucpe.box import Box
from lso.ucpe.capabilities import capabilities
from lso.ucpe.contract import FREE_DISK_MIB, FREE_MEMORY_MIB, clause
from lso.ucpe.inside import Inside
from lso.ucpe.needs import Needs
from lso.ucpe.trial import MTU, NETWORKS, Trial, mac
from orchestrator.model import UcpeError, UcpeRefused
from reports.model import Check


async def run(box: Box, trial: Trial) -> list[Check]:
    """Start one with all that the products of the catalogue need, and look what it has got."""
    await trial.networks()
    image = await trial.image()
    found = [clause("D4").judged("macvlan networks on the ports", True, "made", ", ".join(NETWORKS))]
    refused = await _refused(trial, image, box.needs)
    if refused:
        left_out = [name for name, _ in refused]
        found += [_given(box.needs, name, False, reason) for name, reason in refused]
        await trial.run(image, box.needs.without(left_out))
    inside = Inside(await box.engine())
    status = await inside.read("/proc/self/status")
    return [
        *found,
        *await _got(inside, box.needs.without([name for name, _ in refused]), status),
        await _input(inside),
        clause("D11").judged("no_new_privs", "NoNewPrivs:\t1" in status, "1", _line(status, "NoNewPrivs")),
        *[await _port(inside, number) for number in range(len(NETWORKS))],
        *await _room(inside),
    ]


async def _refused(trial: Trial, image: str, needs: Needs) -> list[tuple[str, str]]:
    """Return each need that the engine refuses a container for, and its words; empty when the container runs.

    An engine names nothing but the first thing that it stumbles over, so each is tried alone then. Raises UcpeRefused
    when not even a container without needs runs, or each need alone is met.
    """
    whole = await _refusal(trial, image, needs)
    if whole is None:
        return []
    await trial.made("the container", lambda: trial.run(image, Needs()))
    kinds = [kind for kind in needs.kinds if await _refusal(trial, image, kind) is not None]
    tried = [(need.names[0], await _refusal(trial, image, need)) for kind in kinds for need in kind.each]
    refused = [(name, reason) for name, reason in tried if reason is not None]
    if not refused:
        raise UcpeRefused(trial.box.ucpe.id, "docker", whole)
    return refused


async def _refusal(trial: Trial, image: str, needs: Needs) -> str | None:
    try:
        await trial.run(image, needs)
    except UcpeRefused as error:
        return error.message
    return None


def _given(needs: Needs, name: str, there: bool, measured: str) -> Check:
    users = f", for {', '.join(needs.users[name])}" if name in needs.users else ""
    if name in needs.devices:
        return clause("D7").judged(f"device {name}", there, f"usable{users}", measured)
    if name in needs.sysctls:
        return clause("D8").judged(f"sysctl {name}", there, f"set to {needs.sysctls[name]}{users}", measured)
    return clause("D6").judged(f"capability {name}", there, f"given{users}", measured)


async def _got(inside: Inside, needs: Needs, status: str) -> list[Check]:
    given = capabilities(int(_line(status, "CapEff") or "0", 16))
    found = [
        _given(needs, name, name in given, "given" if name in given else "not given") for name in needs.capabilities
    ]
    more = sorted(given - set(needs.capabilities))
    found.append(clause("D6").judged("no capability beside these", not more, "none", ", ".join(more) or "none"))
    for device in needs.devices:
        reason = await inside.opened(device)
        found.append(_given(needs, device, not reason, reason or "it can be opened"))
    paths = {name: f"/proc/sys/{name.replace('.', '/')}" for name in needs.sysctls}
    told = await inside.first_lines(list(paths.values()))
    for name, value in needs.sysctls.items():
        measured = " ".join(told.get(paths[name], "cannot be read").split())
        found.append(_given(needs, name, measured == value, measured))
    return found


async def _input(inside: Inside) -> Check:
    """More than one record of TLS, to its end, which is told by close_notify."""
    text = b"".join(b"%07d\n" % number for number in range(8192))
    try:
        echoed = await inside.echo(text)
    except UcpeError as error:
        return clause("D9").judged("input of a command", False, f"{len(text)} octets come back", error.message)
    return clause("D9").judged(
        "input of a command", echoed == text, f"{len(text)} octets come back", f"{len(echoed)} octets"
    )


async def _port(inside: Inside, number: int) -> Check:
    interfaces = await inside.interfaces()
    found = next((one for one in interfaces if one.mac == mac(number)), None)
    expected = f"{mac(number)}, MTU {MTU}"
    measured = (
        ", ".join(f"{one.name} {one.mac} MTU {one.mtu}" for one in ([found] if found else interfaces)) or "no interface"
    )
    return clause("D5").judged(f"port {NETWORKS[number]}", found is not None and found.mtu == MTU, expected, measured)


async def _room(inside: Inside) -> list[Check]:
    memory = int((re.findall(r"MemAvailable:\s+(\d+)", await inside.read("/proc/meminfo")) or ["0"])[0]) >> 10
    disk = await inside.disk_mib()
    found = [clause("M2").judged("free memory", memory >= FREE_MEMORY_MIB, f"≥ {FREE_MEMORY_MIB} MiB", f"{memory} MiB")]
    if disk is not None:
        found.append(clause("M2").judged("free disk", disk >= FREE_DISK_MIB, f"≥ {FREE_DISK_MIB} MiB", f"{disk} MiB"))
    return found


def _line(status: str, name: str) -> str:
    return next((line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:")), "")
