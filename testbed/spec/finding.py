"""One fault of a lab's description and where it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SpecFinding:
    """One fault, at *path*: names of the lab's parts such as ``("sites", "site-a", "wan", "wan0", "address")``.

    The path is empty for the name of the lab itself. *hint* says what to do, where that does not follow from *message*.
    """

    path: tuple[str, ...]
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{'.'.join(self.path) or 'name'}: {self.message}{hint}"
