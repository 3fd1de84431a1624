"""The subnet of a lab's management network: drawn by the lab's id, free, with an address for each uCPE."""

from __future__ import annotations

from testbed.lab import management_network


def test_subnets_of_management_networks_avoid_what_is_used() -> None:
    first = list(management_network.candidates("lab-a", frozenset()))
    assert len(first) == 512
    taken = frozenset(first[:3])
    assert next(management_network.candidates("lab-a", taken)) == first[3]
    assert next(management_network.candidates("lab-b", frozenset())) != first[0]
    assert management_network.address(first[0], 0) == str(first[0][2])


def test_the_machine_has_the_first_address_of_the_subnet() -> None:
    assert management_network.own_address("172.30.9.7") == "172.30.9.1"
