"""Text for people: durations, numbers, and strings that came from outside made harmless to show."""

from __future__ import annotations

import unicodedata

_KEPT_CONTROLS = "\n\t"
_NONCHARACTERS = "\ufffe\uffff"
_DIRECTION_OVERRIDES = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def printable(text: str) -> str:
    """`text` with each character that must not reach a reader shown as U+FFFD: controls but newline and tab.

    Messages carry output of programs under test. A terminal would obey their escape sequences, XML 1.0 cannot hold
    them, and direction overrides would make a reader see other words than those written.
    """
    return "".join(char if _is_harmless(char) else "\N{REPLACEMENT CHARACTER}" for char in text)


def _is_harmless(char: str) -> bool:
    if char in _KEPT_CONTROLS:
        return True
    if char in _NONCHARACTERS or unicodedata.category(char) in ("Cc", "Cs"):
        return False
    return unicodedata.bidirectional(char) not in _DIRECTION_OVERRIDES


def duration_text(seconds: float) -> str:
    """A duration with three significant figures below a minute: `12 ms`, `3.42 s`, `45.1 s`, `6 min 05 s`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def number_text(value: float) -> str:
    """A number without needless digits: `0`, `0.25`, `12.5`, `1,480`."""
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count_text(count: int, noun: str, plural: str = "") -> str:
    """`1 step`, `3 steps`; `plural` where that takes more than an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"


def error_title(ending: str) -> str:
    """What the error of a run with that ending is called."""
    return {"refused": "the order was refused", "interrupted": "interrupted"}.get(ending, "test-bed error")
