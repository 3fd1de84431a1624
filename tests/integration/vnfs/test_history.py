"""The IPsec gateway tells of every security association that it has had, with what the wire and its status show."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from .gateways import Pair, Site, esp_of
from .products import VNFS
from .test_processes import PROCESS_1, kill

SCHEMAS = [json.loads(path.read_text(encoding="utf-8")) for path in (VNFS / "contract").glob("*.schema.json")]
REGISTRY: Registry[Any] = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS]
)
VALIDATOR = Draft202012Validator({"$ref": "urn:lso:vnf-contract:1:ipsec-history"}, registry=REGISTRY)
SWANCTL = ("env", "STRONGSWAN_CONF=/dev/shm/vnf/strongswan.conf", "swanctl")


def history(site: Site) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(site.vnf.inside("/vnf/history"))
    VALIDATOR.validate(told)
    return told


def spis(site: Site) -> set[tuple[str, str]]:
    return {(child["spi_in"], child["spi_out"]) for child in history(site)["children"]}


def rekey(up: Pair, site: Site, what: str) -> None:
    """Rekey the IKE or CHILD SA of *site*'s only peer and wait until another one stands."""

    def current() -> Any:
        (peer,) = site.vnf.status()["peers"]
        return peer["ike"]["initiator_spi"] if what == "--ike" else peer["children"][-1]["spi_in"]

    before = current()
    site.vnf.inside(*SWANCTL, "--rekey", what, site.intent["ipsec"]["peers"][0]["name"])
    up.wait(lambda: current() != before, f"another SA after {what}")
    up.wait_established()


def test_what_stands_is_told_with_its_ends_and_algorithms(up: Pair) -> None:
    (peer,) = up.a.vnf.status()["peers"]
    told = history(up.a)
    assert told["complete"] is True
    ike = next(one for one in told["ike"] if one["initiator_spi"] == peer["ike"]["initiator_spi"])
    assert {key: ike[key] for key in peer["ike"] if key != "state"} == {
        key: value for key, value in peer["ike"].items() if key != "state"
    }
    assert (ike["peer"], ike["local_address"], ike["remote_address"]) == ("site-2", "198.51.100.1", "198.51.100.2")
    child = next(one for one in told["children"] if one["spi_in"] == peer["children"][-1]["spi_in"])
    assert (child["peer"], child["encryption"], child["protocol"]) == ("site-2", "AES_GCM_16-256", "ESP")
    assert (child["local_subnets"], child["remote_subnets"]) == (["10.1.0.0/24"], ["10.2.0.0/24"])
    assert told["proposals"] == {"ike": "aes256gcm16-prfsha384-ecp384", "esp": "aes256gcm16-ecp384"}
    (connection,) = told["connections"]
    (configured,) = connection["children"]
    assert (configured["local_subnets"], configured["remote_subnets"]) == (["10.1.0.0/24"], ["10.2.0.0/24"])
    assert (connection["local"], connection["remote"]) == (
        [{"authentication": "certificate", "identity": "site-1"}],
        [{"authentication": "certificate", "identity": "site-2"}],
    )


def test_a_rekeyed_child_has_the_ordered_group(up: Pair) -> None:
    rekey(up, up.a, "--child")
    current = up.a.children()[-1]
    for site, own in ((up.a, current["spi_in"]), (up.b, current["spi_out"])):
        child = next(one for one in history(site)["children"] if one["spi_in"] == own)
        assert (child["rekeyed"], child["dh"]) == (True, "ECP_384")


@pytest.mark.parametrize("which", ["a", "b"])
def test_every_packet_has_an_spi_of_both_histories_through_rekeyings(up: Pair, which: str) -> None:
    site = getattr(up, which)
    seen = set()
    for number in range(6):
        wire, arrived = up.exchange(f"canary {number}".encode())
        assert arrived
        seen |= {esp[:4].hex() for frame in wire if (esp := esp_of(frame))}
        rekey(up, site, "--ike" if number % 3 == 2 else "--child")
    mine, theirs = spis(up.a), spis(up.b)
    assert len(seen) >= 4
    assert seen <= {spi for pair in mine for spi in pair}
    assert {(outgoing, incoming) for incoming, outgoing in theirs} == mine
    ike = [{(one["initiator_spi"], one["responder_spi"]) for one in history(end)["ike"]} for end in (up.a, up.b)]
    assert ike[0] == ike[1]
    assert len(ike[0]) >= 3


def test_when_both_replace_one_at_once_both_tell_of_two(up: Pair) -> None:
    """The one that is deleted again at once (RFC 7296, section 2.8.1) is in neither status any more."""
    both, before = (up.a, up.b), spis(up.a)

    def lost() -> int:
        return sum(site.vnf.container.logs().count(b"collision lost, deleting redundant child") for site in both)

    def replace(site: Site) -> None:
        site.vnf.inside(*SWANCTL, "--rekey", "--child", site.intent["ipsec"]["peers"][0]["name"])

    def at_once() -> bool:
        with ThreadPoolExecutor() as pool:
            list(pool.map(replace, both))
        up.wait_established()
        return lost() > lost_before

    lost_before = lost()
    up.wait(at_once, "both ends replace a CHILD SA before they hear of the other's", 60)
    up.wait(lambda: all(len(children_of(site)) == 1 for site in both), "all but one CHILD SA are gone")
    mine, theirs = spis(up.a), spis(up.b)
    assert mine == {(outgoing, incoming) for incoming, outgoing in theirs}
    assert len(mine - before) > 1


def children_of(site: Site) -> list[dict[str, Any]]:
    return [child for peer in site.vnf.status()["peers"] for child in peer["children"]]


def test_what_was_is_known_after_a_restart(up: Pair, wait_until: Callable[..., Any]) -> None:
    before = spis(up.b)
    assert kill(up.b.vnf, PROCESS_1, wait_until)
    up.b.wire_up()
    up.b.vnf.wait_ready(up.b.intent)
    up.wait_established(60)
    assert before < spis(up.b)
    assert history(up.b)["complete"] is True


def test_a_connection_that_no_intent_named_is_foreign(up: Pair) -> None:
    assert up.a.vnf.status()["foreign"] == []


def test_a_history_without_room_says_so(up: Pair) -> None:
    limit = 2097152
    up.a.vnf.inside("sh", "-c", f"cp /var/lib/vnf/history /tmp/h; truncate -s {limit} /var/lib/vnf/history")
    try:
        assert history(up.a)["complete"] is False
        before = up.a.vnf.inside("stat", "-c", "%s", "/var/lib/vnf/history")
        rekey(up, up.a, "--child")
        assert up.a.vnf.inside("stat", "-c", "%s", "/var/lib/vnf/history") == before
    finally:
        up.a.vnf.inside("sh", "-c", "cat /tmp/h >/var/lib/vnf/history")
