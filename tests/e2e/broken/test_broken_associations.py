"""``ipsec.established`` sees an association that nobody ordered, ``ipsec.as_ordered`` also one that has gone since."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from breaking import (
    Judge,
    access,
    assert_fails,
    assert_passes,
    await_path,
    forget_associations,
    intent,
    judge_one,
    swanctl,
)

from reports.model import StepResult
from scenarios.network.tunnels import child_of, ike_of, installed, peer_of
from scenarios.network.underlay_audit import audited
from scenarios.steps.context import Context
from testbed.polling import poll
from testbed.traffic import ping
from testbed.ucpe_view import ContainerAccess

SITES = ("site-a", "site-b")
ESTABLISHED, AS_ORDERED, EXPLAINED = "ipsec.established", "ipsec.as_ordered", "underlay.explained"
CONFIGURATION = "/dev/shm/vnf/swanctl/swanctl.conf"  # noqa: S108  (in the container)
SHADOW = """
      shadow {
        local_ts = %s
        remote_ts = %s
        esp_proposals = null-sha256
      }
"""
BACKDOOR = """
connections {
  backdoor {
    remote_addrs = %any
    local {
      auth = psk
    }
    remote {
      auth = psk
    }
    children {
      all {
        local_ts = 0.0.0.0/0
        remote_ts = 0.0.0.0/0
      }
    }
  }
}
"""
LOOSE = (
    (r"(remote {[^}]*id = )\S+", r"\1%any", "identities that site-a takes"),
    (r"(remote {\s*auth = )\w+", r"\1psk", "authentication"),
    (r"dpd_delay = \w+", "", "what its connections leave too long"),
    (r"(esp_proposals = .*)", r"\1\n rekey_time = 0", "what its connections leave too long"),
    (r"local_ts = \S+", "local_ts = 0.0.0.0/0", "what site-a is to protect"),
    (r"\Z", BACKDOOR, "connections that nobody ordered"),
)
"""What in a gateway's configuration is another, and the check that must tell it."""

LIFETIMES = {"ike_lifetime_seconds": 60, "child_lifetime_seconds": 80}
Watched = Callable[..., StepResult]


@pytest.fixture
def watched(context: Context, tmp_path: Path) -> Iterator[Watched]:
    """Judge a verb about all that happened since the test began, when a new key exchange made new associations."""
    await_path(context)
    with audited(context.scenario, context.lab) as audit:
        forget_associations(context)
        rekeyed(context, "site-b", "--ike")
        yield lambda verb, **changes: judge_one(replace(context, audit=audit, **changes), tmp_path, verb)


def association(context: Context, site: str, what: str) -> str:
    """The SPI of the IKE or CHILD SA that *site*'s gateway has now, empty while there is none."""
    peer = peer_of(context.vnf_status(site, "ipsec"), next(other for other in SITES if other != site))
    return str(ike_of(peer).get("initiator_spi", "") if what == "--ike" else child_of(peer).get("spi_in", ""))


def rekeyed(context: Context, site: str, what: str) -> None:
    before = association(context, site, what)
    swanctl(access(context, site, "ipsec"), "--rekey", what, next(other for other in SITES if other != site))
    assert poll(lambda: association(context, site, what) not in ("", before), 10), f"no rekeying of {what}"
    await_path(context)


def algorithms(change: dict[str, str]) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["ipsec"].update(change)


@contextmanager
def other_algorithms(context: Context, **proposals: str) -> Iterator[None]:
    """Set up all associations anew with other *proposals*; those of the order come back at the end of the block."""
    with ExitStack() as stack:
        for site in SITES:
            stack.enter_context(intent(context, site, "ipsec", algorithms(proposals)))
        await_path(context)
        yield
    await_path(context)


@contextmanager
def second_child(context: Context) -> Iterator[None]:
    """Let a CHILD SA with NULL encryption stand beside the ordered one."""
    gateways = {site: access(context, site, "ipsec") for site in SITES}
    lans = {site: str(context.scenario.topology.sites[site].lan) for site in SITES}
    before = {site: vnf.run(["cat", CONFIGURATION]) for site, vnf in gateways.items()}
    try:
        for site, other in (SITES, SITES[::-1]):
            head, children, tail = before[site].partition("children {")
            loaded(gateways[site], head + children + SHADOW % (lans[site], lans[other]) + tail)
        told = swanctl(gateways["site-a"], "--initiate", "--child", "shadow", "--timeout", "5")
        assert poll(lambda: count(context) == 2, 10), f"the second CHILD SA does not come up: {told}"
        yield
    finally:
        swanctl(gateways["site-a"], "--terminate", "--child", "shadow", "--timeout", "5")
        for site, vnf in gateways.items():
            loaded(vnf, before[site])
        assert poll(lambda: count(context) == 1, 10)


def loaded(vnf: ContainerAccess, configuration: str) -> None:
    environment = "SWANCTL_DIR=/dev/shm/vnf/swanctl STRONGSWAN_CONF=/dev/shm/vnf/strongswan.conf"
    vnf.run(["sh", "-c", f"cat >{CONFIGURATION} && {environment} swanctl --load-conns"], input=configuration)


def count(context: Context) -> int:
    return len(installed(peer_of(context.vnf_status("site-b", "ipsec"), "site-a")))


def test_rekeyings_by_either_end_are_as_ordered(context: Context, watched: Watched) -> None:
    for site in SITES:
        for what in ("--child", "--ike", "--child"):
            rekeyed(context, site, what)
            assert ping(context.host("a1").namespace, context.host("b1").ip, count=3, interval=0.01).received
    for verb in (ESTABLISHED, AS_ORDERED, EXPLAINED):
        assert_passes(watched(verb))


@pytest.mark.parametrize("site", SITES)
def test_a_gateway_that_was_started_again_is_as_ordered(context: Context, watched: Watched, site: str) -> None:
    before = association(context, site, "--child")
    vnf = context.view(site).vnf(context.service_id, "ipsec")
    assert vnf
    context.view(site).run(["docker", "restart", "--time", "0", vnf.container.name])
    assert poll(lambda: association(context, site, "--child") not in ("", before), 60), "the tunnel does not come back"
    await_path(context)
    for verb in (ESTABLISHED, AS_ORDERED, EXPLAINED):
        assert_passes(watched(verb))


@pytest.mark.parametrize(
    ("proposals", "kind"),
    [
        ({"esp_proposal": "aes128-sha256-ecp384"}, "ESP"),
        ({"ike_proposal": "aes128-sha256-prfsha256-ecp256"}, "IKE"),
        ({"encryption": "integrity-only"}, "ESP"),
    ],
    ids=["aes-128-cbc", "weaker-ike", "null"],
)
def test_weaker_associations_for_a_while(
    context: Context, watched: Watched, proposals: dict[str, str], kind: str
) -> None:
    assert_passes(watched(AS_ORDERED))
    with other_algorithms(context, **proposals):
        pass
    assert_passes(watched(ESTABLISHED))
    failed = assert_fails(watched(AS_ORDERED), f"algorithms of {kind}")
    assert failed[0].element == "tunnel:site-a--site-b"
    assert_passes(watched(EXPLAINED))


def test_a_second_child_with_null_encryption(context: Context, watched: Watched, judged: Judge) -> None:
    with second_child(context):
        assert_fails(judged(ESTABLISHED, within_seconds=1), "CHILD SAs at site-a", "CHILD SAs at site-b")
        assert_fails(watched(AS_ORDERED), "algorithms of ESP")
    assert_passes(watched(ESTABLISHED))
    failed = assert_fails(watched(AS_ORDERED), "algorithms of ESP", "ESP with another algorithm")
    assert "NULL" in failed[0].measured
    assert_passes(watched(EXPLAINED))


def test_what_a_gateway_would_take_is_judged_though_nothing_of_it_stands(context: Context, watched: Watched) -> None:
    vnf = access(context, "site-a", "ipsec")
    ordered = vnf.run(["cat", CONFIGURATION])
    try:
        for pattern, other, told in LOOSE:
            changed, times = re.subn(pattern, other, ordered)
            assert times == 1, pattern
            loaded(vnf, changed)
            assert_fails(watched(AS_ORDERED), told)
    finally:
        loaded(vnf, ordered)
    assert_passes(watched(AS_ORDERED))


def test_lifetimes_are_those_of_the_order(context: Context, watched: Watched) -> None:
    ordered = context.scenario.model_copy(update={"inputs": dict.fromkeys(SITES, LIFETIMES)})
    with ExitStack() as stack:
        for site in SITES:
            stack.enter_context(intent(context, site, "ipsec", lambda document: document["ipsec"].update(LIFETIMES)))
        await_path(context)
        assert_passes(watched(AS_ORDERED, scenario=ordered))
    await_path(context)
    assert_passes(watched(AS_ORDERED))
    failed = assert_fails(watched(AS_ORDERED, scenario=ordered))
    assert [check.name.partition(": ")[2] for check in failed] == ["what its connections leave too long"] * len(SITES)


def test_a_rekeying_without_the_ordered_group(context: Context, watched: Watched) -> None:
    with other_configuration(context, r"(esp_proposals = \w+)-\w+", r"\1"):
        rekeyed(context, "site-a", "--child")
        failed = assert_fails(watched(AS_ORDERED), "groups of site-a", "groups of site-b")
        assert failed[0].measured == "CHILD SA with none"
    rekeyed(context, "site-b", "--child")
    assert len(assert_fails(watched(AS_ORDERED))) == len(failed)


@contextmanager
def other_configuration(context: Context, pattern: str, other: str) -> Iterator[None]:
    """Set up all associations anew with something in both gateways' configuration that no intent has."""
    gateways = [access(context, site, "ipsec") for site in SITES]
    before = [vnf.run(["cat", CONFIGURATION]) for vnf in gateways]
    try:
        for vnf, text in zip(gateways, before, strict=True):
            loaded(vnf, re.sub(pattern, other, text))
        anew(context)
        yield
    finally:
        for vnf, text in zip(gateways, before, strict=True):
            loaded(vnf, text)
        anew(context)


def anew(context: Context) -> None:
    """End the associations and wait for those that come up by the configuration that is loaded."""
    before = association(context, "site-a", "--child")
    swanctl(access(context, "site-a", "ipsec"), "--terminate", "--ike", "site-b", "--force", "--timeout", "1")
    assert poll(lambda: association(context, "site-a", "--child") not in ("", before), 30), "no association comes up"
    await_path(context)
