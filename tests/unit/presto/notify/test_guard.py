"""Which addresses a callback may lead to (SSRF), as a table; and that a name is looked at each time."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from presto.mef.hub import check_callback
from presto.notify import guard
from presto.notify.lookups import Lookups
from presto.notify.settings import NotifySettings
from presto_api.mef.envelope import Subscription
from presto_api.mef.problems import Refused

NEVER = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "::",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.1.1",
    "100.100.100.200",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "224.0.0.1",
    "239.255.255.250",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "::169.254.169.254",
]
LOCAL = [
    "127.0.0.1",
    "127.8.9.10",
    "::1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.2.1",
    "fc00::1",
    "fd12:3456::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "::127.0.0.1",
]
PUBLIC = [
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]

PRODUCTION, DEVELOPMENT = NotifySettings(), NotifySettings(development=True)
EVERYTHING = NotifySettings(allowed=(ip_network("0.0.0.0/0"), ip_network("::/0")))


@pytest.mark.parametrize("text", NEVER)
def test_no_setting_opens_these(text: str) -> None:
    for settings in (PRODUCTION, DEVELOPMENT, EVERYTHING):
        assert guard.refusal(ip_address(text), settings)


@pytest.mark.parametrize("text", LOCAL)
def test_local_addresses_need_development_or_a_setting(text: str) -> None:
    assert guard.refusal(ip_address(text), PRODUCTION)
    assert guard.refusal(ip_address(text), DEVELOPMENT) is None
    assert guard.refusal(ip_address(text), EVERYTHING) is None


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_open(text: str) -> None:
    assert guard.refusal(ip_address(text), PRODUCTION) is None


def test_only_the_allowed_network_is_open() -> None:
    settings = NotifySettings(allowed=(ip_network("10.1.0.0/16"),))
    assert guard.refusal(ip_address("10.1.255.1"), settings) is None
    assert guard.refusal(ip_address("::ffff:10.1.0.1"), settings) is None
    assert guard.refusal(ip_address("10.2.0.1"), settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "0x7f.1", "2130706433", "0177.0.0.1", "127.1"])
def test_an_address_is_known_in_every_spelling(host: str) -> None:
    address = guard.literal(host)
    assert address is not None
    assert address.is_loopback


@pytest.mark.parametrize("host", ["fd00:ec2::254%25x", "[fd00:ec2::254%eth0]", "::ffff:169.254.169.254%25lo"])
def test_a_scope_hides_no_address(host: str) -> None:
    address = guard.literal(host)
    assert address is not None
    assert "metadata" in str(guard.refusal(address, DEVELOPMENT))


@pytest.mark.parametrize("host", ["client.example", "1.client.example", "fe.example", ""])
def test_a_name_is_no_address(host: str) -> None:
    assert guard.literal(host) is None


@pytest.mark.parametrize(
    "callback", ["http://.", "http://a..b/", "http://.a", f"http://{'a' * 64}.example", f"http://{'ü' * 60}.example"]
)
def test_what_cannot_be_looked_up_is_no_callback(callback: str) -> None:
    with pytest.raises(Refused):
        check_callback(Subscription(callback=callback))


@pytest.mark.parametrize("end", ["?", "#", "/?", "/x#", "?#", "?a=b", "#a"])
def test_a_base_has_no_query_and_no_fragment(end: str) -> None:
    """Not even an empty one: what is sent would go to `/?/mefApi…`."""
    with pytest.raises(Refused):
        check_callback(Subscription(callback=f"http://client.example{end}"))


@pytest.mark.parametrize(
    "callback",
    ["http://client.example.", f"https://{'a' * 63}.example:8443/x", "http://ü.example", "http://[2001:db8::1]:80/"],
)
def test_what_can_be_looked_up_is_one(callback: str) -> None:
    check_callback(Subscription(callback=callback))


class Names:
    """Answers lookups one after the other, as a name server under an attacker's control does."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)

    def getaddrinfo(self, *_: Any, **__: Any) -> list[Any]:
        found = self.answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]


@pytest.mark.asyncio
async def test_each_lookup_is_checked_and_one_bad_address_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(("8.8.8.8", "8.8.4.4"), ("8.8.8.8", "127.0.0.1"), ("169.254.169.254",))
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    lookups = Lookups()
    assert await guard.resolve("client.example", lookups, PRODUCTION) == ["8.8.8.8", "8.8.4.4"]
    for reason in ("loopback", "metadata"):
        with pytest.raises(guard.Forbidden, match=reason):
            await guard.resolve("client.example", lookups, PRODUCTION)
