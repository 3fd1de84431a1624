from __future__ import annotations

from typing import Any

import pytest

from testbed.containernet import Docker, ParameterError
from testbed.containernet.containers.creation import arguments, exposed, network_mode, publishes_all
from testbed.containernet.containers.parameters import OPTIONS, REFUSED, WITHOUT_EFFECT, read
from testbed.containernet.plan import Plan

IMAGE = "lso/base"


def owner() -> Any:
    raise AssertionError("naming makes no lab")


def name(cls: type[Docker] = Docker, **given: Any) -> Docker:
    """Name a container, as a network does."""
    with Plan(owner).as_host():
        return cls("d1", **given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"enviroment": {"A": "b"}}, 'd1: enviroment is no parameter of a container. Did you mean "environment"?'),
        ({"mem_limits": 1}, 'd1: mem_limits is no parameter of a container. Did you mean "mem_limit"?'),
        ({"colour": 1}, "d1: colour is no parameter of a container"),
        ({"privileged": True}, "d1: privileged is not supported: name the capabilities that it needs in cap_add"),
        ({"cpu": 0.5}, "d1: cpu is not supported: it is a word of CPULimitedHost: use cpus, or cpu_quota"),
        ({"restart_policy": {"Name": "always"}}, "a container that the engine starts again has lost its links"),
        ({"cpu_shares": 0.3}, "d1: cpu_shares=0.3: must be a whole number"),
        ({"cpus": 0}, "d1: cpus=0: must be a number above 0"),
        ({"cpus": 1, "cpu_quota": 1000}, "d1: cpus says the same as cpu_quota and cpu_period"),
        ({"mem_limit": "much"}, "d1: mem_limit='much': must be a number of bytes, or one with a unit such as 64m"),
        ({"cap_add": "NET_RAW"}, "d1: cap_add='NET_RAW': must be a list"),
        ({"dns": "192.0.2.1"}, "d1: dns='192.0.2.1': must be a list"),
        ({"devices": ["tun"]}, "must be a list such as ['/dev/net/tun']"),
        ({"volumes": {"/srv/x": {"binding": "/data"}}}, "must be such as {'/srv/data': {'bind': '/data'"),
        ({"volumes": {"/srv/x": {"bind": "/data", "mod": "ro"}}}, "mod: only bind and mode are known"),
        ({"ports": ["http"]}, "'http' is no port: 80, '53/udp' and (53, 'udp') are"),
        ({"ports": [70000]}, "70000 is no port"),
        ({"port_bindings": [80]}, "must be a dictionary such as {80: 8080}"),
        ({"publish_all_ports": "yes"}, "d1: publish_all_ports='yes': must be True or False"),
        ({"network_mode": "host"}, "d1: network_mode='host': its links would be the machine's own interfaces"),
        ({"network_mode": "none", "ports": [80]}, "ports cannot be published without a network of Docker's"),
        ({"inNamespace": False}, "d1: inNamespace=False: a container always has a network of its own"),
    ],
)
def test_what_cannot_be_is_refused_by_name_when_it_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as refused:
        name(dimage=IMAGE, **given)
    assert message in str(refused.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ParameterError) as refused:
        name(build_params={"tag": "x"}, enviroment={}, privileged=True, cpus=-1, ports=["x"])
    assert len(str(refused.value).splitlines()) == 5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "d1: neither dimage nor build_params names an image"),
        ({"build_params": {"tag": "t:1"}}, "d1: build_params: path names no folder with a Dockerfile"),
        (
            {"build_params": {"path": ".", "dockerfil": "D"}},
            "d1: build_params: dockerfil is no parameter of a build",
        ),
    ],
)
def test_an_image_that_cannot_be_is_refused_when_it_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as refused:
        name(**given)
    assert message in str(refused.value)


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_a_word_is_known_and_none_stands_for_not_given(option: str) -> None:
    assert read("d1", {option: None}) == {}


@pytest.mark.parametrize("option", sorted(REFUSED))
def test_a_refused_word_says_what_to_do(option: str) -> None:
    with pytest.raises(ParameterError, match=f"^d1: {option} is not supported: .{{12,}}"):
        read("d1", {option: True})


def test_the_word_that_does_nothing_upstream_does_nothing_and_it_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    name(dimage=IMAGE, cpu_share=0.3)
    assert "cpu_share does nothing, as in Containernet; cpu_shares would" in caplog.text
    assert list(WITHOUT_EFFECT) == ["cpu_share"]


def test_words_of_ones_own_class_are_known() -> None:
    class Tagged(Docker):
        def __init__(self, name: str, colour: str = "red", **params: Any) -> None:
            self.colour = colour
            super().__init__(name, IMAGE, **params)

        def config(self, vlan: int = 1, **params: Any) -> Any:  # type: ignore[override]
            return super().config(**params)

    assert vars(name(Tagged, colour="blue", vlan=7))["colour"] == "blue"
    with pytest.raises(ParameterError, match=r'vlam is no parameter of a container\. Did you mean "vlan"'):
        name(Tagged, vlam=7)


def test_words_become_what_the_engine_takes() -> None:
    options = read("d1", {
        "cpus": 1.5, "volumes": {"/srv/x": {"bind": "/data", "mode": "ro"}, "/srv/y": "/y"}, "cap_add": ["net_raw"],
        "environment": ["COLOUR=green", "EMPTY=", "GONE"], "tmpfs": ["/scratch:size=1m"], "labels": ["mine"],
        "mem_reservation": "8m", "blkio_weight": 100, "user": 1000, "working_dir": "/srv", "devices": ["/dev/net/tun"],
    })  # fmt: skip
    asked = arguments(options, {"mem_reservation": "8m", "blkio_weight": 100, "cpu_quota": -1}, ["run"])
    host = asked.pop("host_config")
    assert options["environment"] == {"COLOUR": "green", "EMPTY": "", "GONE": None}
    assert options["labels"] == {"mine": ""}
    assert (host["NanoCpus"], host["MemoryReservation"], host["BlkioWeight"]) == (1_500_000_000, 8 << 20, 100)
    assert host["Binds"] == ["/srv/x:/data:ro", "/srv/y:/y"]
    assert host["CapAdd"] == ["NET_ADMIN", "NET_RAW"]
    assert host["Tmpfs"] == {"/scratch": "size=1m"}
    assert "CpuQuota" not in host
    assert (asked["user"], asked["working_dir"], asked["command"], asked["entrypoint"]) == ("1000", "/srv", ["run"], [])


TABLE: list[tuple[dict[str, Any], list[tuple[int, str]], bool, str]] = [
    ({}, [], False, "none"),
    ({"ports": [9999]}, [(9999, "tcp")], True, "bridge"),
    ({"ports": [9999], "publish_all_ports": False}, [(9999, "tcp")], False, "bridge"),
    ({"ports": ["53/udp", (54, "udp")]}, [(53, "udp"), (54, "udp")], True, "bridge"),
    ({"publish_all_ports": True}, [], True, "bridge"),
    ({"publish_all_ports": False}, [], False, "none"),
    ({"port_bindings": {80: 8080}}, [(80, "tcp")], False, "bridge"),
    ({"port_bindings": {"53/udp": ("127.0.0.1", 5353)}}, [(53, "udp")], False, "bridge"),
    ({"ports": [80], "port_bindings": {80: 8080}}, [(80, "tcp")], True, "bridge"),
    ({"ports": [80], "port_bindings": {80: 8080}, "publish_all_ports": False}, [(80, "tcp")], False, "bridge"),
    ({"network_mode": "bridge"}, [], False, "bridge"),
]


@pytest.mark.parametrize(("given", "ports", "everything", "network"), TABLE)
def test_what_is_published_is_what_was_asked_for(
    given: dict[str, Any], ports: list[tuple[int, str]], everything: bool, network: str
) -> None:
    options = read("d1", given)
    assert (exposed(options), publishes_all(options), network_mode(options)) == (ports, everything, network)
