"""The topology drawn for a narrow page: one site below the other, chains from top (LAN) to bottom (WAN)."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from reports.model import HostPicture, SitePicture, TunnelPicture, UnderlayPicture, VnfPicture
from reports.page.picture import Picture, ends_text, impairment_text
from reports.page.svg import box, group, line, linked, mark, tag, text

_CARD = 324.0
_GAP = 18.0
_HOST_ROW = 46.0
_VNF_ROW = 46.0
_PORT_ROW = 18.0
_UNDERLAY_ROW = 58.0
_BRACKETS = 48.0  # at most, for the tunnels right of the sites


def narrow_drawing(picture: Picture) -> Markup:
    """The SVG element: sites, tunnels as brackets at their right, underlays at the end."""
    parts: list[Markup] = []
    ports: dict[str, float] = {}
    y = 0.0
    for site in picture.topology.sites:
        parts.append(_site(picture, site, y))
        ports[site.name] = _switch_top(site, y) + 22 + len(site.chain) * _VNF_ROW + 10
        y += _card_height(site) + _GAP
    brackets = group(*_brackets(picture, ports))
    for underlay in picture.topology.underlays:
        parts.append(_underlay(picture, underlay, y))
        y += _UNDERLAY_ROW + 10
    label = f"Topology: {', '.join(site.name for site in picture.topology.sites)}"
    width = _CARD + (10 + _lane(len(picture.topology.tunnels)) * len(picture.topology.tunnels) if brackets else 0)
    view = f"-2 -2 {width + 4:g} {max(y - 6, 1):g}"
    return tag("svg", brackets, *parts, viewBox=view, class_="topology narrow", role="group", aria_label=label)


def _switch_top(site: SitePicture, y: float) -> float:
    return y + 38 + (len(site.hosts) + 1) // 2 * _HOST_ROW + 8


def _card_height(site: SitePicture) -> float:
    rows = 22 + len(site.chain) * _VNF_ROW + max(len(site.wan), 1) * _PORT_ROW + 6
    return _switch_top(site, 0) + rows + 12


def _site(picture: Picture, site: SitePicture, y: float) -> Markup:
    verdict = picture.verdict(site.element)
    title = text(14 if verdict is None else 36, y + 25, site.name, 14.5, face="bold", width=180)
    name = group(title, mark(21, y + 20, verdict))
    return group(
        box(0, y, _CARD, _card_height(site), f"card {picture.style(site.element)}", radius=10),
        linked(name, picture.anchor(site.element), picture.label(site.element, site.name)),
        text(_CARD - 14, y + 25, site.lan_prefix, 11, face="mono", anchor="end", class_="muted"),
        *(_host(picture, site, host, index, y) for index, host in enumerate(site.hosts)),
        _switch(picture, site, y),
    )


def _host(picture: Picture, site: SitePicture, host: HostPicture, index: int, y: float) -> Markup:
    element = host.element(site.name)
    x, top = 14 + index % 2 * 152, y + 38 + index // 2 * _HOST_ROW
    drawn = group(
        box(x, top, 144, 38, f"part {picture.style(element)}", radius=6),
        text(x + 10, top + 16, host.name, 12, face="bold", width=110),
        text(x + 10, top + 30, host.address, 10.5, face="mono", width=126, class_="muted"),
        mark(x + 130, top + 13, picture.verdict(element), 12),
    )
    return linked(drawn, picture.anchor(element), picture.label(element, f"Host {host.name} of {site.name}"))


def _switch(picture: Picture, site: SitePicture, y: float) -> Markup:
    top = _switch_top(site, y)
    bottom = top + 22 + len(site.chain) * _VNF_ROW
    height = bottom - top + max(len(site.wan), 1) * _PORT_ROW + 6
    ports = (
        text(_CARD - 28, bottom + 14 + index * _PORT_ROW, f"{wan.port} {wan.address} {wan.underlay}", 10.5,
             face="mono", anchor="end", width=270, class_="muted")
        for index, wan in enumerate(site.wan)
    )  # fmt: skip
    return group(
        box(14, top, _CARD - 28, height, "switch"),
        line(36, top - 16 if site.hosts else top, 36, bottom, "path"),
        text(52, top + 16, "uCPE · Open vSwitch", 10.5, class_="muted"),
        *(_vnf(picture, site, vnf, top + 22 + index * _VNF_ROW) for index, vnf in enumerate(site.chain)),
        *ports,
    )


def _vnf(picture: Picture, site: SitePicture, vnf: VnfPicture, y: float) -> Markup:
    element = vnf.element(site.name)
    product = f"{vnf.vendor or vnf.kind} {vnf.version}".rstrip()
    drawn = group(
        box(24, y, _CARD - 48, 40, f"part vnf {picture.style(element)}", radius=6),
        text(36, y + 17, vnf.name, 12, face="bold", width=210),
        text(36, y + 32, product, 10.5, width=220, class_="muted"),
        mark(_CARD - 40, y + 20, picture.verdict(element)),
    )
    return linked(drawn, picture.anchor(element), picture.label(element, f"{vnf.name} of {site.name}"))


def _underlay(picture: Picture, underlay: UnderlayPicture, y: float) -> Markup:
    element = underlay.element
    drawn = group(
        box(0, y, _CARD, _UNDERLAY_ROW, f"underlay {picture.style(element)}", radius=12),
        text(14, y + 23, underlay.name, 13, face="bold", width=130),
        text(_CARD - 38, y + 23, underlay.prefix, 10.5, face="mono", anchor="end", class_="muted"),
        mark(_CARD - 20, y + 19, picture.verdict(element)),
        text(14, y + 43, impairment_text(underlay), 11, width=_CARD - 28, class_="muted"),
    )
    return linked(drawn, picture.anchor(element), picture.label(element, f"Underlay {underlay.name}"))


def _brackets(picture: Picture, ports: dict[str, float]) -> Iterator[Markup]:
    tunnels = [item for item in picture.topology.tunnels if item.site_a in ports and item.site_b in ports]
    lane = _lane(len(picture.topology.tunnels))
    for index, tunnel in enumerate(tunnels):
        yield _bracket(picture, tunnel, ports, _CARD + 10 + index * lane)


def _lane(count: int) -> float:
    """Distance between brackets."""
    return min(12.0, (_BRACKETS - 10) / max(count, 1))


def _bracket(picture: Picture, tunnel: TunnelPicture, ports: dict[str, float], x: float) -> Markup:
    start, end = sorted((ports[tunnel.site_a], ports[tunnel.site_b]))
    edge, bend = _CARD - 14, x - 6
    path = (
        f"M{edge:g} {start:g}H{bend:g}Q{x:g} {start:g} {x:g} {start + 6:g}"
        f"V{end - 6:g}Q{x:g} {end:g} {bend:g} {end:g}H{edge:g}"
    )
    drawn = tag("path", d=path, class_=f"tunnel {picture.style(tunnel.element)}")
    return linked(drawn, picture.anchor(tunnel.element), picture.label(tunnel.element, f"Tunnel {ends_text(tunnel)}"))
