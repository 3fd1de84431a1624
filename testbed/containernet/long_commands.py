"""Commands that are longer than a terminal's line."""

from __future__ import annotations

import shlex
from typing import Any

# The kernel cuts what a terminal in canonical mode gets beyond 4,095 bytes, in silence; BusyBox takes 1,023 at a time
# and shows its prompt after each.
LIMIT = 1000  # bytes with the newline
PIECE = 180  # characters: every one of them may need five bytes in quotes


class LongCommands:
    """Mixin for Mininet nodes: a long command is assembled in the shell, piece by piece, and then run."""

    waiting: bool

    def write(self, data: str) -> None:
        """Write *data* to the shell, or to the program that runs in it; only a shell can be given more than a line."""
        if self.waiting or len(data.encode()) <= LIMIT:
            super().write(data)  # type: ignore[misc]
            return
        for line in pieces(data.rstrip("\n")):
            super().write(line)  # type: ignore[misc]
            self._await_prompt()
        super().write('eval "$mininet_line"\n')  # type: ignore[misc]

    def _await_prompt(self) -> None:
        node: Any = self
        node.waiting = True
        node.waitOutput()


def pieces(command: str) -> list[str]:
    """Return the lines that put *command* into a variable of any POSIX shell."""
    parts = [command[start : start + PIECE] for start in range(0, len(command), PIECE)]
    return ["mininet_line=\n", *(f"mininet_line=${{mininet_line}}{shlex.quote(part)}\n" for part in parts)]
