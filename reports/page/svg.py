"""The few SVG building blocks that the drawings share. Text and attributes are always escaped."""

from __future__ import annotations

from markupsafe import Markup, escape

from reports.model import Verdict
from reports.text import printable

# No font can be measured here, so widths are those of a wide common face (DejaVu Sans); others leave a little room.
_GLYPH_WIDTH = {"": 0.6, "bold": 0.67, "mono": 0.605}

Value = str | float | int | None


def tag(name: str, *children: str, **attributes: Value) -> Markup:
    """An element. `class_` becomes `class`, `text_anchor` becomes `text-anchor`; attributes of None are left out."""
    pairs = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _value(value))
        for key, value in attributes.items()
        if value is not None
    )
    if not children:
        return Markup("<{}{}/>").format(name, pairs)
    inner = Markup("").join(child if isinstance(child, Markup) else escape(printable(child)) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(name, pairs, inner)


def _value(value: str | float | int) -> str:
    return printable(value) if isinstance(value, str) else f"{value:.1f}".rstrip("0").rstrip(".")


def group(*children: Markup, **attributes: Value) -> Markup:
    """A `g` element; empty when it has no children."""
    return tag("g", *children, **attributes) if any(children) else Markup("")


def text(
    x: float, y: float, content: str, size: float, *, face: str = "", anchor: str = "start",
    width: float | None = None, class_: str = "",
) -> Markup:  # fmt: skip
    """A line of text with its baseline at `y`, cut to `width`; a cut one shows the whole as its tooltip.

    `face` is empty, `bold` or `mono`; `class_` adds a tone (`muted`).
    """
    shown = content if width is None else fitted(content, width, size, face)
    whole = tag("title", content) if shown != content else Markup("")
    classes = " ".join(filter(None, ("t", face, class_)))
    anchored = None if anchor == "start" else anchor
    return tag("text", whole, shown, x=x, y=y, font_size=size, class_=classes, text_anchor=anchored)


def fitted(content: str, width: float, size: float, face: str = "") -> str:
    """`content` cut with an ellipsis to about `width` user units at font size `size`."""
    room = max(1, int(width / (size * _GLYPH_WIDTH[face])))
    return content if len(content) <= room else content[: room - 1].rstrip() + "…"


def box(x: float, y: float, width: float, height: float, class_: str, *, radius: float = 8) -> Markup:
    """A rounded rectangle."""
    return tag("rect", x=x, y=y, width=width, height=height, rx=radius, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def mark(x: float, y: float, verdict: Verdict | None, size: float = 14) -> Markup:
    """The sign of a verdict centred at (x, y): a shape, not only a colour. Nothing where nothing was judged."""
    if verdict is None:
        return Markup("")
    corner = {"x": x - size / 2, "y": y - size / 2, "width": size, "height": size}
    return tag("use", href=f"#mark-{verdict}", class_=f"mark v-{verdict}", **corner)


def linked(content: Markup, target: str | None, label: str) -> Markup:
    """`content` as a link to the page's element `target`, named `label`; bare where there is no target."""
    if target is None:
        return content
    return tag("a", tag("title", label), content, href=f"#{target}")
