"""A controller without a program, for machines where none is installed."""

from __future__ import annotations

from typing import Any

from mininet.node import Controller


class NoController(Controller):  # type: ignore[misc]
    """A controller without a program: switches that are started with it learn by themselves."""

    def checkListening(self) -> None:  # noqa: N802  (Mininet's name)
        """Do nothing: nobody will listen."""

    def start(self) -> None:
        """Do nothing: there is no program to start."""

    def stop(self, *_args: Any, **_kwargs: Any) -> None:
        """End the node's own shell."""
        self.terminate()


def without_program(controllers: list[Any]) -> tuple[list[Any], bool]:
    """Return the *controllers* that a switch can be connected to, and whether one has no program."""
    real = [controller for controller in controllers if not isinstance(controller, NoController)]
    return real, len(real) < len(controllers)
