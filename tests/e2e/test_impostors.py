"""``ping``, ``traffic.tcp`` and ``traffic.udp`` see that something else answers in the place of a host."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from breaking import Judge, access, assert_fails, assert_passes, await_path, nft

from reports.model import Verdict
from scenarios.steps.context import Context
from testbed.host.namespace import Namespace
from testbed.polling import poll

ENDS = {"from_": "a1", "to": "b1"}
TRAFFIC = {
    "traffic.tcp": ENDS | {"seconds": 1, "at_least_mbit": 1},
    "traffic.udp": ENDS | {"seconds": 1, "rate_mbit": 5, "loss_percent_at_most": 2},
}


@contextmanager
def taken(context: Context, site: str) -> Iterator[Namespace]:
    """Give the address of b1 to *site*'s gateway, and yield where that is."""
    gateway = access(context, site, "ipsec")
    address = f"{context.host('b1').ip}/32"
    gateway.run(["ip", "address", "add", address, "dev", "lo"])
    try:
        yield gateway.namespace
    finally:
        gateway.run(["ip", "address", "del", address, "dev", "lo"])
        await_path(context)


@pytest.mark.parametrize("site", ["site-a", "site-b"])
def test_a_gateway_answers_pings_for_a_host(context: Context, judged: Judge, site: str) -> None:
    with taken(context, site):
        result = judged("ping", **ENDS, count=3)
        failed = assert_fails(result, "answers at a1 that are not those of b1", "answers that b1 itself gave")
        assert not any(check.name.endswith(": lost") for check in failed), "every echo is answered, by somebody"
    assert_passes(judged("ping", **ENDS, count=3))


def test_a_gateway_changes_what_is_asked(context: Context, judged: Judge) -> None:
    """The host answers, so that ping is content; but not what it was asked."""
    with nft(context, "site-b", "ipsec", "insert rule inet gateway forward icmp type echo-request ip dscp set cs1"):
        assert_fails(judged("ping", **ENDS, count=3), "echo requests at b1 that are not those of a1")
    assert_passes(judged("ping", **ENDS, count=3))


@contextmanager
def accomplice(context: Context, *load: str) -> Iterator[None]:
    """Have the gateway of b1's site measure with the server at b1, as soon as there is one."""
    near = access(context, "site-b", "ipsec").namespace
    client = ["iperf3", "-c", context.host("b1").ip, "-p", "5201", "-t", "1", "--connect-timeout", "500", *load]
    with ThreadPoolExecutor(max_workers=1) as other:
        measured = other.submit(poll, lambda: near.run(client, check=False).returncode == 0, 20)
        yield
        assert measured.result(), "the accomplice found no server at b1"


@pytest.mark.parametrize("verb", TRAFFIC)
def test_another_server_answers_for_the_host(context: Context, judged: Judge, verb: str) -> None:
    with taken(context, "site-a") as place:
        impostor = place.popen(["iperf3", "-s", "-p", "5201", "-B", context.host("b1").ip])
        try:
            with accomplice(context, *(("-u", "-b", "5M", "-l", "1200") if verb == "traffic.udp" else ())):
                result = judged(verb, **TRAFFIC[verb])
        finally:
            impostor.kill()
            impostor.communicate()
        assert_fails(result, "test that the server at b1 took", "streams as the server at b1 knows them")
        rate = next(check for check in result.checks if check.name.startswith(("throughput", "lost")))
        assert rate.verdict is Verdict.PASSED, "the server at b1 was busy, with another client"
    assert_passes(judged(verb, **TRAFFIC[verb]))
