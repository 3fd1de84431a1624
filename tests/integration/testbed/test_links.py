"""Links that cannot be: refused in one sentence where they are named, and nothing of them is made."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from mininet.link import Link, TCIntf, TCLink
from mininet.util import custom

from testbed.containernet import Containernet


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"bw": "10Mbit"}, "bw: '10Mbit' is no bandwidth: a number of Mbit/s above 0, such as 10 or 0.5, is"),
        ({"bw": 0}, "bw: 0 is no bandwidth: a number of Mbit/s above 0, such as 10 or 0.5, is"),
        ({"loss": 150}, "loss: 150 is no loss: a number of per cent from 0 to 100 is"),
        ({"params2": {"loss": -1}}, "loss: -1 is no loss: a number of per cent from 0 to 100 is"),
        ({"delay": "ten"}, "delay: 'ten' is no time: 10ms, 1s or 500us are"),
        ({"delay": "10ms", "jitter": "some"}, "jitter: 'some' is no time: 10ms, 1s or 500us are"),
        ({"cls": partial(TCLink, bw="fast")}, "bw: 'fast' is no bandwidth: a number of Mbit/s above 0"),
        ({"cls": custom(TCLink, loss=101)}, "loss: 101 is no loss"),
        ({"cls": Link, "cls1": partial(TCIntf, delay="late")}, "delay: 'late' is no time"),
    ],
)
def test_shaping_that_cannot_be_is_refused_with_both_nodes(
    net: Containernet, words: dict[str, Any], message: str
) -> None:
    h1, h2 = net.addHost("h1"), net.addHost("h2")
    with pytest.raises(ValueError) as refused:
        net.addLink(h1, h2, **{"cls": TCLink, **words})
    assert str(refused.value).startswith(f"link h1 to h2: {message}")
    assert (net.links, h1.intfList(), h2.intfList()) == ([], [], [])
    net.addLink(h1, h2, cls=TCLink, bw=10, loss="0%")
    net.start()
    assert net.pingAll() == 0.0


@pytest.mark.parametrize(
    ("option", "value", "noun"), [("bw", "10Mbit", "bandwidth"), ("loss", 150, "loss"), ("delay", "ten", "time")]
)
def test_shaping_that_cannot_be_is_refused_while_it_runs(net: Containernet, option: str, value: Any, noun: str) -> None:
    link = net.addLink(net.addHost("h1"), net.addHost("h2"), cls=TCLink, bw=10)
    net.start()
    with pytest.raises(ValueError, match=f"^h1-eth0: {option}: '?{value}'? is no {noun}: "):
        link.intf1.config(**{option: value})
    assert net.pingAll() == 0.0


def test_a_link_to_a_node_that_is_none_is_refused(net: Containernet) -> None:
    h1 = net.addHost("h1")
    for call in (net.addLink, lambda *nodes: net.removeLink(node1=nodes[0], node2=nodes[1])):
        with pytest.raises(ValueError, match="link h1 to nosuch: there is no node nosuch"):
            call(h1, "nosuch")
        with pytest.raises(ValueError, match="link h2 to h1: there is no node h2"):
            call("h2", h1)
