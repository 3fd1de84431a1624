"""What is read of the network: VNFs, chains, underlays, tunnels, and explanations of packets."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

PACKET = {
    "service": "acme",
    "endPoint": "a",
    "source": "10.1.0.10",
    "destination": "10.2.0.10",
    "protocol": "tcp",
    "sourcePort": 40000,
    "destinationPort": 443,
}


@pytest_asyncio.fixture
async def acme(client: Any, order: dict[str, Any]) -> dict[str, Any]:
    """The documented service, active."""
    assert (await client.call("create-connectivity-service", order)).status_code == 200
    found: dict[str, Any] = await client.until("acme", "active")
    return found


@pytest.mark.asyncio
async def test_every_product_is_in_the_catalogue(face: Any) -> None:
    found = await face.get("/vnfCatalog")
    assert [kind["kind"] for kind in found["kinds"]] == ["firewall", "ipsec", "statistics"]
    gateway = next(product for product in found["kinds"][1]["products"] if product["name"] == "strongswan")
    assert gateway["image"] == "lso/vnf-strongswan"
    assert gateway["labels"] == {
        "lso.vnf.contract": "1",
        "lso.vnf.kind": "ipsec",
        "lso.vnf.vendor": "strongswan",
        "lso.vnf.version": "5.9.8",
    }
    assert "poc-site" in found["templates"]


@pytest.mark.asyncio
async def test_chains_as_ordered_and_as_observed(face: Any, network: Any, acme: Any) -> None:
    site_a, site_b = await face.get("/vnfChain?service=acme")
    assert [vnf["name"] for vnf in site_a["ordered"]] == ["firewall", "statistics", "ipsec"]
    assert (site_a["edge"], site_b["edge"]) == ("site-a", "site-b")
    assert [vnf["ready"] for vnf in site_a["observed"]] == [True]
    assert site_a["asOrdered"] is False, "one VNF out of three is there"
    assert len(await face.get("/vnfChain?edge=site-b")) == 1
    assert await face.get("/vnfChain?edge=site-c") == []
    await face.problem("GET", "/vnfChain?edge=nowhere", 404)
    await face.problem("GET", "/vnfChain?service=nothing", 404)


@pytest.mark.asyncio
async def test_what_cannot_be_read_is_not_known(face: Any, network: Any, acme: Any) -> None:
    network.unreachable.add("site-a")
    site_a, site_b = await face.get("/vnfChain")
    assert (site_a["asOrdered"], site_a["problem"]) == (None, "site-a: docker: no answer in time")
    assert site_b["problem"] is None
    (tunnel,) = await face.get("/tunnel")
    assert (tunnel["state"], tunnel["reason"]) == ("unknown", "site-a: docker: no answer in time")


@pytest.mark.asyncio
async def test_underlays_and_who_rides_them(face: Any, acme: Any) -> None:
    (internet,) = await face.get("/underlay")
    assert (internet["name"], internet["type"], internet["prefixes"]) == ("internet", "public", ["198.51.100.0/24"])
    assert [port["edge"] for port in internet["ports"]] == ["site-a", "site-b", "site-c", "site-d"]
    assert internet["services"] == ["acme"]


@pytest.mark.asyncio
async def test_a_tunnel_that_is_cut_is_down(face: Any, network: Any, acme: Any) -> None:
    (tunnel,) = await face.get("/tunnel?service=acme")
    assert (tunnel["name"], tunnel["underlay"], tunnel["state"]) == ("a--b", "internet", "up")
    assert [end["ike"]["state"] for end in tunnel["ends"]] == ["ESTABLISHED"] * 2
    await face.problem("GET", "/tunnel?service=nothing", 404)


@pytest.mark.asyncio
async def test_delay_and_loss_of_a_tunnel(face: Any, network: Any, acme: Any) -> None:
    (tunnel,) = await face.get("/tunnel?service=acme")
    for end in tunnel["ends"]:
        assert end["performance"].pop("measuredAt")
        assert end["performance"] == {
            "echoesSent": 5,
            "echoesReceived": 5,
            "packetLossPercent": 0.0,
            "roundTripDelayMs": {"minimum": 10.0, "mean": 12.0, "maximum": 14.0, "variation": 1.0},
        }
        assert end["notMeasured"] is None
    network.cut.add("site-b")
    (tunnel,) = await face.get("/tunnel?service=acme&echoes=50")
    lost = [(end["performance"]["echoesSent"], end["performance"]["roundTripDelayMs"]) for end in tunnel["ends"]]
    assert lost == [(50, None), (50, None)]
    assert [end["performance"]["packetLossPercent"] for end in tunnel["ends"]] == [100.0, 100.0]


@pytest.mark.asyncio
async def test_what_is_not_measured_says_why(face: Any, network: Any, acme: Any) -> None:
    (tunnel,) = await face.get("/tunnel?echoes=0")
    assert [(end["performance"], end["notMeasured"]) for end in tunnel["ends"]] == [(None, "it was not measured")] * 2
    assert network.measured == []
    network.unreachable.add("site-a")
    (tunnel,) = await face.get("/tunnel")
    site_a, site_b = tunnel["ends"]
    assert (site_a["performance"], site_a["notMeasured"]) == (None, "site-a: docker: no answer in time")
    assert site_b["performance"]["packetLossPercent"] == 0.0
    for echoes in ("-1", "51", "many"):
        problem = await face.problem("GET", f"/tunnel?echoes={echoes}", 422)
        assert [finding["pointer"] for finding in problem["findings"]] == ["/echoes"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changes", "verdict", "policy", "rules", "cited"),
    [
        ({}, "allow", "secure", ("web", "web"), ["MEF 70 R43", "MEF 70 R44", "MEF 70 R54", "MEF 70 ENCRYPTION"]),
        ({"destinationPort": 23}, "block", "block", ("telnet", "telnet"), ["MEF 70 R43", "MEF 70 R44", "MEF 70 R54"]),
        ({"destinationPort": 8080}, "block", None, ("default", "default"), ["MEF 70 R45"]),
        ({"destination": "10.3.0.1"}, "block", "secure", ("web", None), ["MEF 70 R43"]),
        ({"source": "10.7.0.1"}, "block", "secure", ("web", "web"), ["MEF 70 R43"]),
        (
            {"protocol": "icmp", "icmpType": "echo-request", "sourcePort": None, "destinationPort": None},
            "allow",
            "secure",
            ("ping", "ping"),
            ["MEF 70 R54"],
        ),
    ],
)
async def test_a_packet_explained(
    face: Any,
    acme: Any,
    changes: Any,
    verdict: str,
    policy: str | None,
    rules: tuple[str, str | None],
    cited: list[str],
) -> None:
    found = await face.call("POST", "/explain", json={**PACKET, **changes})
    assert (found["verdict"], found["policy"]) == (verdict, policy)
    assert (found["ingressRule"], found["egressRule"]) == rules
    assert set(cited) <= {reason["rule"] for reason in found["reasons"]}
    assert found["encrypted"] is (True if verdict == "allow" else None)
    if rules[1]:
        (path,) = found["paths"]
        assert path == {
            "underlay": "internet",
            "nearAddress": "198.51.100.1",
            "farAddress": "198.51.100.2",
            "suitable": True,
            "used": True,
        }


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changes", "status", "pointer"),
    [
        ({"service": "nothing"}, 404, "/service"),
        ({"endPoint": "c"}, 422, "/endPoint"),
        ({"source": "somewhere"}, 422, "/source"),
        ({"protocol": "tpc"}, 422, "/protocol"),
        ({"destinationPort": 65536}, 422, "/destinationPort"),
        ({"destinationPort": None}, 422, ""),
        ({"protocol": "icmp"}, 422, ""),
        ({"icmpType": "echo"}, 422, "/icmpType"),
        ({"colour": "blue"}, 422, "/colour"),
        ({"sourcePort": "80"}, 422, "/sourcePort"),
    ],
)
async def test_packets_that_are_none(face: Any, acme: Any, changes: Any, status: int, pointer: str) -> None:
    body = await face.problem("POST", "/explain", status, json={**PACKET, **changes})
    assert [finding["pointer"] for finding in body["findings"]] == [pointer]
