"""What lies between the sites of the wide drawing: underlays, access links, and tunnels through the underlays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from markupsafe import Markup

from reports.model import TunnelPicture, UnderlayPicture
from reports.page.picture import Picture, ends_text, impairment_lines, spi_text
from reports.page.svg import box, group, linked, mark, tag, text

WIDTH = 1240.0
MIDDLE = (520.0, 720.0)  # left and right edge of the underlays
_UNDERLAY_HEAD = 84.0

_Point = tuple[float, float]


def bands(underlays: tuple[UnderlayPicture, ...], height: float) -> dict[str, tuple[float, float]]:
    """Top and bottom of each underlay, which share the height evenly."""
    gap = 16.0
    each = (height - gap * max(len(underlays) - 1, 0)) / max(len(underlays), 1)
    return {item.name: (index * (each + gap), index * (each + gap) + each) for index, item in enumerate(underlays)}


def underlay_ground(picture: Picture, underlay: UnderlayPicture, band: tuple[float, float]) -> Markup:
    """The ground of an underlay; access links and tunnels lie above it."""
    left, right = MIDDLE
    top, bottom = band
    ground = f"underlay {picture.style(underlay.element)}"
    return box(left, top, right - left, bottom - top, ground, radius=14)


def underlay_label(picture: Picture, underlay: UnderlayPicture, band: tuple[float, float]) -> Markup:
    """The words of an underlay; they lie above the tunnels, with a halo."""
    left, right = MIDDLE
    top = band[0]
    element = underlay.element
    room = right - left - 28
    drawn = group(
        text(left + 14, top + 24, underlay.name, 13, face="bold", width=room - 20, class_="halo"),
        mark(right - 20, top + 19, picture.verdict(element)),
        text(left + 14, top + 41, underlay.prefix, 10.5, face="mono", width=room, class_="muted halo"),
        *(
            text(left + 14, top + 57 + 15 * index, words, 10.5, width=room, class_="muted halo")
            for index, words in enumerate(impairment_lines(underlay))
        ),
    )
    return linked(drawn, picture.anchor(element), picture.label(element, f"Underlay {underlay.name}"))


def pipe(pin: _Point, band: tuple[float, float]) -> Markup:
    """The access link from a WAN port to its underlay, drawn wide so that tunnels lie inside it."""
    x, y = pin
    edge = MIDDLE[0] + 4 if x < WIDTH / 2 else MIDDLE[1] - 4
    entry = min(max(y, band[0] + 24), band[1] - 14)
    bend = (x + edge) / 2
    return tag("path", d=f"M{x:g} {y:g}C{bend:g} {y:g} {bend:g} {entry:g} {edge:g} {entry:g}", class_="pipe")


def tunnels(
    picture: Picture, pins: Mapping[tuple[str, str], _Point], bands: Mapping[str, tuple[float, float]]
) -> Iterator[Markup]:
    """Every tunnel over the underlay that carries it; `pins` maps (site, underlay) to where its WAN port is."""
    for name, band in bands.items():
        drawn = [
            (tunnel, pins[tunnel.site_a, name], pins[tunnel.site_b, name])
            for tunnel in picture.topology.tunnels
            if (tunnel.underlay or next(iter(bands))) == name
            and (tunnel.site_a, name) in pins and (tunnel.site_b, name) in pins
        ]  # fmt: skip
        across = [item for item in drawn if item[1][0] != item[2][0]]
        levels = _levels([(one[1] + two[1]) / 2 for _, one, two in across], band[0] + _UNDERLAY_HEAD, band[1] - 12)
        labelled = len(drawn) == len(across) and len(across) * 40 <= band[1] - band[0] - _UNDERLAY_HEAD
        for (tunnel, one, two), level in zip(across, levels, strict=True):
            yield _across(picture, tunnel, one, two, level)
            if labelled:
                yield _tunnel_label(tunnel, level, alone=len(across) == 1)
        yield from (_beside(picture, *item) for item in drawn if item[1][0] == item[2][0])


def _levels(wanted: list[float], top: float, bottom: float) -> list[float]:
    """Heights near those wanted, in the same order, evenly apart where they would crowd, all within top and bottom."""
    if not wanted:
        return []
    step = min(40.0, (bottom - top) / len(wanted))
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    levels = [0.0] * len(wanted)
    reached = top + step / 2 - step
    for position, index in enumerate(order):
        latest = bottom - step / 2 - step * (len(wanted) - 1 - position)
        reached = levels[index] = min(max(wanted[index], reached + step), latest)
    return levels


def _across(picture: Picture, tunnel: TunnelPicture, one: _Point, two: _Point, level: float) -> Markup:
    (x1, y1), (x2, y2) = sorted((one, two))
    left, right = MIDDLE
    path = (
        f"M{x1:g} {y1:g}C{(x1 + left) / 2:g} {y1:g} {(x1 + left) / 2:g} {level:g} {left:g} {level:g}"
        f"H{right:g}C{(x2 + right) / 2:g} {level:g} {(x2 + right) / 2:g} {y2:g} {x2:g} {y2:g}"
    )
    return _tunnel(picture, tunnel, path)


def _beside(picture: Picture, tunnel: TunnelPicture, one: _Point, two: _Point) -> Markup:
    """A tunnel between two sites of one column: it bends back inside the underlay."""
    x = one[0]
    reach = MIDDLE[0] + 90 if x < WIDTH / 2 else MIDDLE[1] - 90
    return _tunnel(picture, tunnel, f"M{x:g} {one[1]:g}C{reach:g} {one[1]:g} {reach:g} {two[1]:g} {x:g} {two[1]:g}")


def _tunnel(picture: Picture, tunnel: TunnelPicture, path: str) -> Markup:
    drawn = tag("path", d=path, class_=f"tunnel {picture.style(tunnel.element)}")
    return linked(drawn, picture.anchor(tunnel.element), picture.label(tunnel.element, f"Tunnel {ends_text(tunnel)}"))


def _tunnel_label(tunnel: TunnelPicture, level: float, *, alone: bool) -> Markup:
    middle, room = sum(MIDDLE) / 2, MIDDLE[1] - MIDDLE[0] - 16
    above = tunnel.algorithm if alone else ends_text(tunnel)
    below = spi_text(tunnel) if alone else tunnel.algorithm
    return group(
        text(middle, level - 8, above or tunnel.state, 11, face="bold", anchor="middle", width=room),
        text(middle, level + 17, below, 10, face="mono", anchor="middle", width=room, class_="muted"),
    )
