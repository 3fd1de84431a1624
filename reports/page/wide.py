"""The topology drawn for a wide page: sites left and right, underlays between them, tunnels through the underlays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from reports.model import HostPicture, SitePicture, VnfPicture
from reports.page.between import WIDTH, bands, pipe, tunnels, underlay_ground, underlay_label
from reports.page.picture import Picture
from reports.page.svg import box, group, line, linked, mark, tag, text

_CARD = 470.0  # width of a site
_ROW_GAP = 24.0
_HOST = 46.0  # height of a host with its gap
_SHOWN_HOSTS = 4
_VNF_HEIGHT = 78.0


@dataclass(frozen=True)
class _Frame:
    """Where a site stands. Offsets inside a site are counted from its LAN side, so a right-hand site is mirrored."""

    x: float
    y: float
    mirrored: bool

    def left(self, offset: float, width: float = 0) -> float:
        """X of the left edge of something `width` wide that begins `offset` from the LAN side."""
        return self.x + (_CARD - offset - width if self.mirrored else offset)

    @property
    def chain_y(self) -> float:
        return self.y + 110


def wide_drawing(picture: Picture) -> Markup:
    """The SVG element, `WIDTH` units wide and as high as the sites need."""
    frames, height = _frames(picture.topology.sites)
    heights = bands(picture.topology.underlays, height)
    pins = {
        (site.name, wan.underlay): _pin(site, frames[site.name], index)
        for site in picture.topology.sites
        for index, wan in reversed(list(enumerate(site.wan)))
    }
    parts = [
        group(*(_card(picture, site, frames[site.name]) for site in picture.topology.sites)),
        group(*(pipe(pin, heights[name]) for (_, name), pin in pins.items() if name in heights)),
        group(*(underlay_ground(picture, underlay, heights[underlay.name]) for underlay in picture.topology.underlays)),
        group(*tunnels(picture, pins, heights)),
        group(*(underlay_label(picture, underlay, heights[underlay.name]) for underlay in picture.topology.underlays)),
        group(*(_site(picture, site, frames[site.name]) for site in picture.topology.sites)),
    ]
    label = f"Topology: {', '.join(site.name for site in picture.topology.sites)}"
    view = f"-2 -2 {WIDTH + 4:g} {height + 4:g}"
    return tag("svg", *parts, viewBox=view, class_="topology wide", role="group", aria_label=label)


def _frames(sites: tuple[SitePicture, ...]) -> tuple[dict[str, _Frame], float]:
    """Half of the sites left, half right, each column centred; and the height of the whole."""
    half = (len(sites) + 1) // 2
    columns = (sites[:half], sites[half:])
    heights = [sum(map(_card_height, column)) + _ROW_GAP * max(len(column) - 1, 0) for column in columns]
    total = max(*heights, 150.0)
    frames = {}
    for column, height, mirrored in zip(columns, heights, (False, True), strict=True):
        y = (total - height) / 2
        for site in column:
            frames[site.name] = _Frame(WIDTH - _CARD if mirrored else 0, y, mirrored)
            y += _card_height(site) + _ROW_GAP
    return frames, total


def _card_height(site: SitePicture) -> float:
    hosts = min(len(site.hosts), _SHOWN_HOSTS) * _HOST
    ports = 16 * max(len(site.wan), 1)
    return max(56 + hosts + 14 * (len(site.hosts) > _SHOWN_HOSTS), 71 + _VNF_HEIGHT + ports + 18) + 12


def _card(picture: Picture, site: SitePicture, frame: _Frame) -> Markup:
    """The site's ground; it lies below the access links, which begin at the uCPE inside it."""
    return box(frame.x, frame.y, _CARD, _card_height(site), f"card {picture.style(site.element)}", radius=10)


def _site(picture: Picture, site: SitePicture, frame: _Frame) -> Markup:
    height = _card_height(site)
    verdict = picture.verdict(site.element)
    outer = "end" if frame.mirrored else "start"
    indent = 16 if verdict is None else 38
    title = text(frame.left(indent), frame.y + 26, site.name, 15, face="bold", anchor=outer, width=230)
    name = group(title, mark(frame.left(23), frame.y + 21, verdict))
    return group(
        linked(name, picture.anchor(site.element), picture.label(site.element, site.name)),
        _note(frame, _CARD - 16, frame.y + 26, f"LAN {site.lan_prefix}", 11.5, outward=False),
        *_chain_line(site, frame),
        *_hosts(picture, site, frame),
        _ucpe(picture, site, frame, height),
    )


def _chain_line(site: SitePicture, frame: _Frame) -> Iterator[Markup]:
    """The line that a packet follows, from the hosts' bus through the chain to each WAN port."""
    bus = frame.left(117)
    if site.hosts:
        last = frame.y + 46 + min(len(site.hosts), _SHOWN_HOSTS) * _HOST - 27
        yield line(bus, min(frame.y + 65, frame.chain_y), bus, max(last, frame.chain_y), "path")
        yield line(bus, frame.chain_y, frame.left(128), frame.chain_y, "path")


def _hosts(picture: Picture, site: SitePicture, frame: _Frame) -> Iterator[Markup]:
    for index, host in enumerate(site.hosts[:_SHOWN_HOSTS]):
        y = frame.y + 46 + index * _HOST
        yield line(frame.left(108), y + 19, frame.left(117), y + 19, "path")
        yield _host(picture, site, host, frame.left(14, 94), y)
    hidden = len(site.hosts) - _SHOWN_HOSTS
    if hidden > 0:
        y = frame.y + 46 + _SHOWN_HOSTS * _HOST + 6
        yield text(frame.left(14, 94) + 47, y, f"and {hidden} more", 10.5, anchor="middle", class_="muted")


def _host(picture: Picture, site: SitePicture, host: HostPicture, x: float, y: float) -> Markup:
    element = host.element(site.name)
    drawn = group(
        box(x, y, 94, 38, f"part {picture.style(element)}", radius=6),
        text(x + 8, y + 16, host.name, 11.5, face="bold", width=66),
        text(x + 8, y + 30, host.address, 10, face="mono", width=84, class_="muted"),
        mark(x + 83, y + 11, picture.verdict(element), 11),
    )
    return linked(drawn, picture.anchor(element), picture.label(element, f"Host {host.name} of {site.name}"))


def _ucpe(picture: Picture, site: SitePicture, frame: _Frame, height: float) -> Markup:
    x, y = frame.left(128, 328), frame.y + 40
    lan_side = frame.left(128)
    pins = [_pin(site, frame, index) for index in range(len(site.wan))]
    last = frame.left(128 + 310)
    rows = frame.y + 40 + 31 + _VNF_HEIGHT + 18
    return group(
        box(x, y, 328, height - 52, "switch"),
        text(x + 14, y + 19, "uCPE · Open vSwitch", 10.5, class_="muted"),
        line(lan_side, frame.chain_y, last, frame.chain_y, "path"),
        *(line(last, frame.chain_y, px, py, "path") for px, py in pins),
        *(_vnf(picture, site, vnf, frame, index) for index, vnf in enumerate(site.chain)),
        tag("circle", cx=lan_side, cy=frame.chain_y, r=4, class_="pin"),
        *(tag("circle", cx=px, cy=py, r=4, class_="pin") for px, py in pins),
        _note(frame, 142, rows, site.lan_port, 10),
        *(
            _note(frame, 442, rows + 16 * index, f"{wan.port} {wan.address}".rstrip(), 10, outward=False)
            for index, wan in enumerate(site.wan)
        ),
    )


def _note(frame: _Frame, offset: float, y: float, content: str, size: float, *, outward: bool = True) -> Markup:
    """A small text that begins at `offset`, or ends there when it reads towards the LAN side."""
    anchor = "end" if frame.mirrored == outward else "start"
    return text(frame.left(offset), y, content, size, face="mono", anchor=anchor, class_="muted")


def _pin(site: SitePicture, frame: _Frame, index: int) -> tuple[float, float]:
    """Where WAN port `index` leaves the uCPE; `wan_side` is the card's inner border minus its padding."""
    spread = 26 * (index - (len(site.wan) - 1) / 2)
    return frame.left(456), frame.chain_y + spread


def _vnf(picture: Picture, site: SitePicture, vnf: VnfPicture, frame: _Frame, index: int) -> Markup:
    count = len(site.chain)
    gap, pad, size = (12, 8, 11.5) if count < 4 else (7, 6, 10.5)
    width = min((292 - gap * (count - 1)) / count, 132)
    room = width - pad - 3
    start = (292 - count * width - gap * (count - 1)) / 2
    x = frame.left(146 + start + index * (width + gap), width)
    y = frame.chain_y - _VNF_HEIGHT / 2
    element = vnf.element(site.name)
    drawn = group(
        box(x, y, width, _VNF_HEIGHT, f"part vnf {picture.style(element)}", radius=6),
        mark(x + width - 12, y + 12, picture.verdict(element), 12),
        text(x + pad, y + 34, vnf.name, size, face="bold", width=room),
        text(x + pad, y + 50, vnf.vendor or vnf.kind, size - 1, width=room),
        text(x + pad, y + 65, vnf.version, size - 1.5, face="mono", width=room, class_="muted"),
    )
    return linked(drawn, picture.anchor(element), picture.label(element, f"{vnf.name} of {site.name}"))
