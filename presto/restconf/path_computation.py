"""The operations that compute, optimise and forget paths between two UNIs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from common.findings import Finding, Rejected, Tag
from orchestrator.inventory import Inventory, Uni
from presto.domain.tunnels import Verdict, sites, tunnel_verdict, tunnels
from presto.domain.underlays import common_underlays
from presto.persistence.paths import Computation
from presto.restconf import identity
from presto.restconf.identity import UNDERLAYS
from presto.restconf.pairs import pairs
from presto.restconf.parse import Parsed, all_given, missing, only, to_model
from presto.restconf.path_constraints import Known, Limit, check_computation, limits
from presto.restconf.path_ends import check_ends
from presto.service.core import Core
from presto_api.restconf.tapi_paths import (
    ComputeInput,
    OptimizeInput,
    PathComputationService,
    PathIdInput,
    PathObjectiveFunction,
    PathOutput,
    PathServiceEndPoint,
)

_REQUESTED = ("routing-constraint", "objective-function", "optimization-constraint")


@dataclass(frozen=True)
class Way:
    """A candidate: an underlay that both uCPEs are on, and whether tunnels between them show that it works."""

    underlay: str
    verdict: Verdict


async def compute_path(core: Core, parsed: Parsed) -> PathOutput:
    """`compute-p-2-p-path`: every underlay that both uCPEs are on and that no constraint bars is a path."""
    given, form = to_model(ComputeInput, parsed)
    uni_findings, unis = check_ends(given, core.inventory)
    bounds = [*limits(given.topology_constraint, [uni.ucpe for uni in unis], await _known(core, given))]
    wrong = [*form, *uni_findings, *check_computation(given), *(it for it in bounds if isinstance(it, Finding))]
    if wrong:
        raise Rejected(wrong)
    near, far = unis
    barring = [bound for bound in bounds if isinstance(bound, Limit)]
    ways = _open(await _ways(core, near, far), barring)
    dumped = given.model_dump(by_alias=True, exclude_unset=True, mode="json")
    for sep, uni in zip(dumped["sep"], unis, strict=True):
        sep["service-interface-point"] = {"service-interface-point-uuid": uni.id}
    document = {**dumped, "limits": [[bound.member, bound.underlay, bound.include] for bound in barring]}
    chosen = _chosen(ways, given.objective_function)
    names = [way.underlay for way in chosen]
    kept = await asyncio.to_thread(
        core.paths.add, f"{near.name}--{far.name}", near.id, far.id, document, names, parsed.request
    )
    return _shown(kept, chosen, core.inventory)


async def optimize_path(core: Core, parsed: Parsed) -> PathOutput:
    """`optimize-p-2-p-path`: computed anew, with what is given in place of what was asked for before."""
    given, form = to_model(OptimizeInput, parsed)
    if wrong := [*form, *missing(given, "path-id-or-name"), *check_computation(given)]:
        raise Rejected(wrong)
    before = await asyncio.to_thread(core.paths.find, given.path_id_or_name or "")
    if before is None:
        raise _unknown(given)
    dumped = given.model_dump(by_alias=True, exclude_unset=True, mode="json")
    document = {**before.document, **{name: dumped[name] for name in _REQUESTED if name in dumped}}
    near, far = (core.inventory.uni(uni) for uni in (before.near, before.far))
    ways = await _ways(core, near, far) if near and far else []
    objective = PathObjectiveFunction.model_validate(document.get("objective-function", {}))
    allowed = [way for way in ways if not any(Limit(*bound).bars(way.underlay) for bound in document["limits"])]
    chosen = _chosen(allowed, objective)
    names = [way.underlay for way in chosen]
    now = await asyncio.to_thread(core.paths.renew, replace(before, document=document), names, parsed.request)
    if now is None:
        raise _unknown(given)
    return _shown(now, chosen, core.inventory, ("lso-change", _change(before, now)))


async def delete_path(core: Core, parsed: Parsed) -> PathOutput:
    """`delete-p-2-p-path`: forgets a computation, or one of its paths; shows what is gone."""
    given = only(PathIdInput, parsed)
    (wanted,) = all_given(given, "path-id-or-name")
    gone = await asyncio.to_thread(core.paths.forget, wanted, parsed.request)
    if gone is None:
        raise _unknown(given)
    return _shown(gone, (), core.inventory)


async def _known(core: Core, given: ComputeInput) -> Known:
    ucpes = core.inventory.ucpes
    links = {identity.underlay_id(wan.underlay): wan.underlay for ucpe in ucpes for wan in ucpe.wan}
    nodes = {identity.node_id(UNDERLAYS, ucpe.id): ucpe.id for ucpe in ucpes}
    topologies = [identity.topology_id(scope) for scope in (UNDERLAYS, *await core.service_ids())]
    constraint = given.topology_constraint
    references = [*(constraint.include_path or ()), *(constraint.exclude_path or ())] if constraint else []
    wanted = [reference.path_uuid for reference in references if reference.path_uuid]
    return Known(topologies, nodes, links, await asyncio.to_thread(core.paths.underlays, wanted))


async def _ways(core: Core, near: Uni, far: Uni) -> list[Way]:
    """The candidates in the order of the inventory, backups last; those that are known not to work behind all."""
    ends = {near.ucpe, far.ucpe}
    services = [
        service
        for service in await core.services()
        if ends <= {site.ucpe for site in sites(service.swvc, core.inventory)}
    ]
    seen = await core.observe(services)
    verdicts: dict[str, list[Verdict]] = {}
    for service in services:
        for tunnel in tunnels(service.swvc, core.inventory):
            if {tunnel.near.ucpe, tunnel.far.ucpe} == ends:
                verdicts.setdefault(tunnel.underlay, []).append(tunnel_verdict(tunnel, seen[service.id]))
    names = common_underlays(core.inventory, [near.ucpe, far.ucpe])
    ways = [Way(name, _best(verdicts.get(name, ()))) for name in names]
    return sorted(ways, key=lambda way: way.verdict.works is False)


def _best(verdicts: Iterable[Verdict]) -> Verdict:
    """The one that tells most: a tunnel that is up, one that is down, one that nothing is known of."""
    rank = (True, False, None)
    return min(verdicts, key=lambda found: rank.index(found.works), default=Verdict(None, "no tunnel uses it"))


def _open(ways: Sequence[Way], bounds: Sequence[Limit]) -> list[Way]:
    """The candidates that no limit bars. Raises Rejected when that leaves none."""
    barred = {way.underlay: [bound.member for bound in bounds if bound.bars(way.underlay)] for way in ways}
    found = [way for way in ways if not barred[way.underlay]]
    if found:
        return found
    if not ways:
        message = "No underlay connects the two uCPEs"
        raise Rejected([Finding(Tag.INVALID_VALUE, ("input", "sep"), message, "Connect them to a common underlay.")])
    reasons = "; ".join(f"{name} by {', '.join(members)}" for name, members in barred.items())
    message = f"The constraints leave no path: they bar {reasons}"
    raise Rejected([Finding(Tag.INVALID_VALUE, ("input", "topology-constraint"), message, "Ask for less.")])


def _chosen(ways: Sequence[Way], objective: PathObjectiveFunction | None) -> list[Way]:
    one = objective is not None and objective.concurrent_paths in {"DISALLOW", "MINIMIZE"}
    return list(ways[:1]) if one else list(ways)


def _change(before: Computation, now: Computation) -> str:
    """What is other than it was, in words."""
    old, new = ([path.underlay for path in computation.paths] for computation in (before, now))
    changes = [f"removed {name}" for name in old if name not in new]
    changes += [f"added {name}" for name in new if name not in old]
    if new and old and new[0] != old[0]:
        changes.append(f"{new[0]} is preferred to {old[0]}")
    return "; ".join(changes) or "none"


def _shown(kept: Computation, ways: Sequence[Way], inventory: Inventory, *more: tuple[str, str]) -> PathOutput:
    document = kept.document
    ends = [PathServiceEndPoint.model_validate(sep) for sep in document["sep"]]
    told = [(f"lso-path-{number}", _told(way, kept, inventory)) for number, way in enumerate(ways, 1)]
    members: dict[str, Any] = {
        "uuid": kept.id,
        "name": pairs(("name", kept.name), *told, *more),
        "path": [{"path-uuid": path.id} for path in kept.paths],
        "end-point": [end.model_dump(by_alias=True, exclude_unset=True) for end in ends],
        **{name: document[name] for name in (*_REQUESTED, "topology-constraint") if name in document},
    }
    return PathOutput(service=PathComputationService.model_validate(members))


def _told(way: Way, kept: Computation, inventory: Inventory) -> str:
    ports = []
    for end in (kept.near, kept.far):
        uni = inventory.uni(end)
        wan = next((wan for wan in inventory.ucpe(uni.ucpe).wan if wan.underlay == way.underlay), None) if uni else None
        ports.append(f"{uni.ucpe}-{wan.port}" if uni and wan else "?")
    state = {True: "ENABLED", False: "DISABLED", None: "unknown"}[way.verdict.works]
    reason = f" ({way.verdict.reason})" if way.verdict.reason else ""
    return f"{way.underlay}, {ports[0]} to {ports[1]}: {state}{reason}"


def _unknown(given: PathIdInput) -> Rejected:
    message = f'There is no path or path computation "{(given.path_id_or_name or "")[:80]}"'
    return Rejected([Finding(Tag.NOT_FOUND, ("input", "path-id-or-name"), message, "Compute it anew.")])
