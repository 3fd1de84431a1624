"""Every tone of the page is legible on every ground that it is put on (WCAG 2.2, 1.4.3: 4.5 to 1)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import reports.page

STYLE = (Path(reports.page.__file__).parent / "report.css").read_text(encoding="utf-8")
GROUNDS = ("paper", "raised", "sunken")
TONES = ("ink", "soft", "accent", "passed", "failed", "error", "skipped")
VERDICTS = ("passed", "failed", "error", "skipped")


def _palettes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    light, dark, print_ = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block)) for block in blocks)
    return {"light": light, "dark": dark, "print": print_}


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(char * 2 for char in colour[1:])
    parts = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["light", "dark", "print"])
def test_text_is_legible(name: str) -> None:
    palette = _palettes()[name]
    pairs = [(tone, ground) for tone in TONES for ground in GROUNDS]
    pairs += [(tone, f"{verdict}-wash") for verdict in VERDICTS for tone in ("ink", "soft", verdict)]
    weak = {pair: ratio for pair in pairs if (ratio := _contrast(palette[pair[0]], palette[pair[1]])) < 4.5}
    assert weak == {}


def test_the_measure_itself() -> None:
    assert _contrast("#000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)
