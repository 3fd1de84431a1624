from __future__ import annotations

from dataclasses import replace

import pytest

from testbed.spec.check import SpecError, check
from testbed.spec.model import HostSpec, Impairment, LabSpec, SiteSpec, UnderlaySpec, WanSpec

SITE = SiteSpec(
    "site-a",
    "10.1.0.0/24",
    "10.1.0.1",
    (HostSpec("host-a", "10.1.0.10/24"),),
    (WanSpec("wan0", "internet", "198.51.100.1/24"),),
)
GOOD = LabSpec("poc", (SITE,), (UnderlaySpec("internet", "198.51.100.0/24"),))


def with_site(**changes: object) -> LabSpec:
    return replace(GOOD, sites=(replace(SITE, **changes),))  # type: ignore[arg-type]


def test_a_good_lab_has_no_findings() -> None:
    check(GOOD)
    check(with_site(wan=(WanSpec("wan0", "internet", "198.51.100.1/24", nat="198.51.100.77"),)))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param(replace(GOOD, name="Poc 1"), ["'Poc 1' is no name"], id="name"),
        pytest.param(
            with_site(name="internet"),
            ["sites.internet: the name 'internet' is taken: it is an underlay"],
            id="name-twice",
        ),
        pytest.param(
            with_site(lan_prefix="10.1.0.1/24"), ["sites.site-a.lan: '10.1.0.1/24' is no IPv4 network"], id="prefix"
        ),
        pytest.param(with_site(lan_prefix="fd00::/64"), ["'fd00::/64' is no IPv4 network"], id="ipv6-prefix"),
        pytest.param(
            with_site(lan_gateway="10.2.0.1"), ["sites.site-a.gateway: 10.2.0.1 is outside the LAN"], id="gateway"
        ),
        pytest.param(
            with_site(hosts=(HostSpec("h", "10.9.0.1/24"),)),
            ["sites.site-a.hosts.h: 10.9.0.1 is outside the LAN"],
            id="host",
        ),
        pytest.param(
            with_site(wan=(WanSpec("wan0", "mpls", "1.2.3.4/24"),)),
            ["sites.site-a.wan.wan0.underlay: no underlay 'mpls'"],
            id="unknown",
        ),
        pytest.param(
            with_site(wan=(WanSpec("wan0", "internet", "1.2.3.4/24"),)),
            ["sites.site-a.wan.wan0.address: 1.2.3.4 is outside"],
            id="wan",
        ),
        pytest.param(
            with_site(wan=SITE.wan * 2), ["'wan0' is given twice", "on underlay 'internet' already"], id="port-twice"
        ),
        pytest.param(
            with_site(wan=(WanSpec("wan0", "internet", "198.51.100.1/24", nat="192.0.2.1"),)),
            ["sites.site-a.wan.wan0.nat: 192.0.2.1 is outside 198.51.100.0/24 of underlay internet"],
            id="nat-elsewhere",
        ),
        pytest.param(
            with_site(wan=(WanSpec("wan0", "internet", "198.51.100.1/24", nat="198.51.100.1"),)),
            ["sites.site-a.wan.wan0.nat: 198.51.100.1 is given twice: it is that of wan0 of site-a"],
            id="nat-with-the-address-of-the-site",
        ),
        pytest.param(
            replace(
                with_site(wan=(WanSpec("wan0", "internet", "198.51.100.1/24", nat="198.51.100.77"),)),
                underlays=(UnderlaySpec("internet", "198.51.100.0/24", Impairment(delay_ms=1)),),
            ),
            ["sites.site-a.wan.wan0.nat: underlay 'internet' is impaired, and no port behind a NAT can be"],
            id="nat-and-impairment",
        ),
        pytest.param(
            replace(GOOD, underlays=(UnderlaySpec("internet", "x"),)),
            ["underlays.internet.prefix: 'x' is no IPv4 network"],
            id="no-prefix",
        ),
    ],
)
def test_every_fault_is_found(spec: LabSpec, words: list[str]) -> None:
    with pytest.raises(SpecError) as raised:
        check(spec)
    for word in words:
        assert any(word in str(finding) for finding in raised.value.findings), raised.value.findings


def test_all_faults_are_found_at_once() -> None:
    with pytest.raises(SpecError) as raised:
        check(replace(with_site(lan_gateway="1.1.1.1", wan=(WanSpec("wan0", "mpls", "1.2.3.4/24"),)), name="?"))
    assert len(raised.value.findings) == 3
