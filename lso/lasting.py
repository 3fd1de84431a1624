"""An output whose reader may go away: what runs goes on to its end, and the exit code stays its own."""

from __future__ import annotations

import os
from typing import Any, TextIO, cast


class _Lasting:
    """Passes everything on to a stream until its reader has seen enough (``lso run X | head``), and nothing after."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, and flush: a pipe tells only then that nobody reads it."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            self._discard()
        return len(text)

    def flush(self) -> None:
        """Do what the stream does, but for a reader that is gone."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._discard()

    def _discard(self) -> None:
        """Send what is left, and what the interpreter flushes at its end, to nobody."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def lasting(stream: TextIO) -> TextIO:
    """Return *stream* so that a reader who goes away changes nothing."""
    return cast("TextIO", _Lasting(stream))
