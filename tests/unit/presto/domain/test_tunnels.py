"""Whether what was seen at the two ends of a tunnel says that it carries traffic."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.inventory import Inventory
from orchestrator.model import ContainerObservation, DeploymentObservation, VnfObservation
from presto.domain.credentials import utc_now
from presto.domain.model import EndPoint, EndPointRole, Swvc
from presto.domain.tunnels import Seen, site_verdict, tunnel_verdict, tunnels

UP: dict[str, Any] = {"ike": {"state": "ESTABLISHED"}, "children": [{"state": "REKEYING"}, {"state": "INSTALLED"}]}


def swvc(*roles: EndPointRole) -> Swvc:
    ends = (EndPoint(name, f"site-{name}-lan0", role=role) for name, role in zip("abcd", roles, strict=False))
    return Swvc("acme", "multipoint", tuple(ends))


def site(ucpe: str, peer: str, state: Any = UP, **changes: Any) -> DeploymentObservation:
    container = ContainerObservation("1", "gateway", "lso/vnf-strongswan", changes.pop("container", "running"), 0, None)
    status = changes.pop("status", {"ready": True, "peers": [{"name": peer, **state}]})
    vnf = VnfObservation("gateway", "ipsec", 3, container, status, changes.pop("fault", None))
    return DeploymentObservation(ucpe, "poc-site", **{"vnfs": (vnf,), **changes})


CASES: list[tuple[str, tuple[DeploymentObservation, ...], bool | None, str | None]] = [
    ("both up", (site("site-a", "site-b"), site("site-b", "site-a")), True, None),
    ("one end has no deployment", (site("site-a", "site-b"),), False, "site-b: nothing is deployed"),
    ("nothing deployed", (), False, "site-a: nothing is deployed; site-b: nothing is deployed"),
    (
        "no IKE SA",
        (site("site-a", "site-b", {"ike": None, "children": []}), site("site-b", "site-a")),
        False,
        "site-a: no IKE SA with site-b",
    ),
    (
        "IKE SA still connecting",
        (site("site-a", "site-b", {**UP, "ike": {"state": "CONNECTING"}}), site("site-b", "site-a")),
        False,
        "site-a: no IKE SA with site-b",
    ),
    (
        "no ESP SA",
        (site("site-a", "site-b", {**UP, "children": []}), site("site-b", "site-a")),
        False,
        "site-a: no ESP SA with site-b",
    ),
    (
        "peer is not configured",
        (site("site-a", "other"), site("site-b", "site-a")),
        False,
        "site-a: no IKE SA with site-b",
    ),
    (
        "a uCPE cannot be read",
        (site("site-a", "site-b", problem="site-a: docker: no answer"), site("site-b", "site-a")),
        None,
        "site-a: docker: no answer",
    ),
    (
        "one cannot be read, the other is down",
        (site("site-a", "site-b", problem="site-a: docker: no answer"), site("site-b", "other")),
        False,
        "site-b: no IKE SA with site-a",
    ),
    (
        "the gateway does not run",
        (
            site("site-a", "", container="exited", status=None, fault="its container is exited"),
            site("site-b", "site-a"),
        ),
        False,
        "site-a: gateway: its container is exited",
    ),
    (
        "the gateway runs and does not answer",
        (site("site-a", "", status=None, fault="/vnf/status ended with 1"), site("site-b", "site-a")),
        None,
        "site-a: gateway: /vnf/status ended with 1",
    ),
    (
        "there is no gateway",
        (site("site-a", "", vnfs=()), site("site-b", "site-a")),
        False,
        "site-a: there is no IPsec gateway",
    ),
]


@pytest.mark.parametrize(("ends", "works", "reason"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_tunnel(inventory: Inventory, ends: Any, works: bool | None, reason: str | None) -> None:
    (tunnel,) = tunnels(swvc("symmetric", "symmetric"), inventory)
    verdict = tunnel_verdict(tunnel, Seen(utc_now(), {end.ucpe: end for end in ends}))
    assert (verdict.works, verdict.reason) == (works, reason)


def test_a_service_that_could_not_be_looked_at_is_unknown(inventory: Inventory) -> None:
    (tunnel,) = tunnels(swvc("symmetric", "symmetric"), inventory)
    seen = Seen(problem="it did not answer in 3 s")
    assert tunnel_verdict(tunnel, seen).works is None
    assert site_verdict("site-a", seen).reason == "it did not answer in 3 s"


CHAINS: list[tuple[str, DeploymentObservation, bool | None]] = [
    ("as recorded", site("site-a", "site-b"), True),
    ("not as recorded", site("site-a", "site-b", differences=("missing: rule lan0 -> fw",)), False),
    ("a VNF is not ready", site("site-a", "site-b", status={"ready": False, "peers": []}), False),
    ("a VNF does not run", site("site-a", "site-b", status=None, container="exited"), False),
    ("a VNF does not answer", site("site-a", "site-b", status=None), None),
    ("no VNF", site("site-a", "site-b", vnfs=()), False),
    ("cannot be read", site("site-a", "site-b", problem="no answer"), None),
]


@pytest.mark.parametrize(("end", "works"), [case[1:] for case in CHAINS], ids=[case[0] for case in CHAINS])
def test_a_chain(end: DeploymentObservation, works: bool | None) -> None:
    assert site_verdict("site-a", Seen(utc_now(), {"site-a": end})).works is works


ROLES: list[tuple[tuple[EndPointRole, ...], list[str]]] = [
    (("symmetric", "symmetric"), ["a--b"]),
    (("symmetric", "symmetric", "symmetric"), ["a--b", "a--c", "b--c"]),
    (("root", "leaf", "leaf"), ["a--b", "a--c"]),
    (("root", "root", "leaf"), ["a--b", "a--c", "b--c"]),
]


@pytest.mark.parametrize(("roles", "names"), ROLES)
def test_who_has_a_tunnel_with_whom(inventory: Inventory, roles: Any, names: list[str]) -> None:
    assert [tunnel.name for tunnel in tunnels(swvc(*roles), inventory)] == names
