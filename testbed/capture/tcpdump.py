"""One capture is one tcpdump in a namespace, proven live at its start and proven complete at its end.

Live means two things at once: tcpdump has said "listening" (filter installed, file open), and the namespace's
``/proc/net/packet`` shows *its* socket attached to the interface and running. No marker frame is sent: it would
disturb the counters under test.

Complete means that every frame which the kernel had matched when :meth:`Capture.stop` began is in the file. tcpdump
forgets what it has not read yet when it is interrupted, so it is first asked for its counters (SIGUSR1) until it
has caught up.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from testbed.capture.messages import Counters, Messages, asleep, attached, last_answer, last_counters
from testbed.capture.pcap import count_frames
from testbed.errors import ProbeError
from testbed.host.child_process import Child, exit_status, start, stop
from testbed.host.namespace import Namespace
from testbed.polling import poll

SNAPLEN = 2048
WHOLE = 65_400
"""Octets that hold also what segmentation offload makes of TCP, and that fit into 64 KiB with their description."""
_BUFFER_KIB, _LEAST_ROOM = 8192, 512
"""What the kernel keeps until tcpdump reads it, at least and in frames; each takes the room of the longest."""
_EXIT_SECONDS = 1.0
# Packages of tcpdump give the root's privileges up in ways of their own, one of which crashes (Ubuntu 24.04 as it was
# released). So it never has them: neither the file nor the interface needs more than this.
USER = "tcpdump"
PRIVILEGES = (
    *(f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
    *(f"--{kind}-caps=-all,+net_raw" for kind in ("inh", "ambient")),
)

Direction = Literal["in", "out", "inout"]


class CaptureError(ProbeError):
    """A capture could not be started, was not complete, or lost frames."""


@dataclass(frozen=True)
class CaptureResult:
    """A finished capture: its file, how many frames it holds and how many of them were cut at the snapshot length.

    *received* counts the frames that the kernel handed over; *dropped_by_kernel* is 0, or :meth:`Capture.stop` raises.
    """

    path: Path
    interface: str
    filter: str
    packets: int
    truncated: int
    received: int
    dropped_by_kernel: int


@dataclass
class Capture:
    """A capture of *interface* in *namespace* into the pcap file *path* (nanosecond stamps, private file).

    *filter* is a BPF expression; *snaplen* bytes of each frame are kept: ask for :data:`WHOLE` where segmentation
    offload makes super-frames whose content matters. *direction* is as the interface sees it. *lab* is the lab that the
    process belongs to. After *limit* frames the capture ends by itself. What tcpdump has to do may take *deadline*
    seconds each time. Start and stop one instance once.
    """

    namespace: Namespace
    interface: str
    path: Path
    filter: str = ""
    snaplen: int = SNAPLEN
    direction: Direction = "inout"
    lab: str | None = None
    limit: int | None = None
    deadline: float = 10.0
    _child: Child | None = field(default=None, init=False, repr=False)
    _messages: Messages | None = field(default=None, init=False, repr=False)

    def start(self) -> None:
        """Start tcpdump and wait until the capture is live.

        Raises :class:`CaptureError`: no such interface, bad filter, link down.
        """
        self.launch()
        self.confirm()

    def launch(self) -> None:
        """Start tcpdump without waiting; :meth:`confirm` must follow before traffic.

        Raises :class:`CaptureError` when the name of the file does not end in ``.pcap``.
        """
        if self.path.suffix != ".pcap":  # the distributions' AppArmor profile lets tcpdump write nothing else
            raise CaptureError(f"{self.path}: the name of a capture file must end in .pcap")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "w", encoding="utf-8", opener=_private) as file:
            self._child = start(
                self._command(), namespace=self.namespace, lab=self.lab, stdout=file, privileges=PRIVILEGES
            )
        self._messages = Messages(self._child)

    def confirm(self) -> None:
        """Wait until frames are being captured; see :meth:`start`."""
        child, messages = self._running()
        try:
            if not messages.until(lambda text: "listening on" in text, self.deadline):
                raise self._failure("does not listen")
            if not poll(lambda: attached(child.pid), self.deadline):
                raise self._failure("has no packet socket attached to the interface")
        except CaptureError:
            self.abandon()
            raise

    def stop(self) -> CaptureResult:
        """End the capture with every frame that was matched until now in the file.

        Raises :class:`CaptureError` when the kernel dropped frames or tcpdump died: absence would prove nothing.
        """
        try:
            self.finish()
            return self.collect()
        finally:
            self.abandon()

    def finish(self) -> None:
        """Let tcpdump catch up, then ask it to end; :meth:`collect` follows. Raises as :meth:`stop`."""
        self._drain()
        self._running()[0].send_signal(signal.SIGINT)

    def catch_up(self) -> bool:
        """Wait until the file holds all that the kernel had matched when this began; the capture goes on.

        Returns False when it has ended at its limit: then frames may have come that it does not hold. Raises
        :class:`CaptureError` when it has ended otherwise, lost frames or cannot catch up.
        """
        full = None
        try:
            counters = self._drain()
        except CaptureError:
            full = self._counters_at_limit()
            if full is None:
                raise
            counters = full
        if counters.dropped:
            raise self._lost(counters)
        if not poll(lambda: self._written()[0] >= counters.captured, self.deadline):
            raise self._failure(f"does not write the {counters.captured} frames that it has read")
        return full is None

    def collect(self) -> CaptureResult:
        """Return the result of a finished capture. Raises as :meth:`stop`."""
        messages = self._running()[1]
        if not messages.until_end(self.deadline):
            raise self._failure("does not end")
        return self._result(last_counters(messages.text))

    def abandon(self) -> None:
        """Kill tcpdump; the file may be incomplete. Safe to repeat."""
        if self._child:
            stop(self._child, first_signal=signal.SIGKILL)
            self._child = None

    def _command(self) -> list[str]:
        return [
            "tcpdump", "-n", "-U", "--immediate-mode", "--time-stamp-precision=nano",
            "-s", str(self.snaplen), "-B", str(max(_BUFFER_KIB, _LEAST_ROOM * self.snaplen // 1024)),
            "-Q", self.direction,
            *(["-c", str(self.limit)] if self.limit else []),
            "-i", self.interface, "-w", "-", "--", *([self.filter] if self.filter else []),
        ]  # fmt: skip

    def _running(self) -> tuple[Child, Messages]:
        if not self._child or not self._messages:
            raise CaptureError(f"the capture of {self.interface} is not running")
        return self._child, self._messages

    def _counters_at_limit(self) -> Counters | None:
        """Return the last counters of a capture that has ended at its limit, None for any other."""
        messages = self._running()[1]
        counters = last_counters(messages.text) if messages.ended else None
        return counters if counters and counters.captured == self.limit else None

    def _drain(self) -> Counters:
        """Wait until tcpdump has read all that the kernel had matched when this began, and return its counters then.

        *captured* may lag *received* for ever: by the frames that were seen before the filter was in place, and by
        those of the other direction, which tcpdump itself leaves out. So it is also enough that it sleeps, which it
        does only when there is no frame for it.
        """
        first = current = self._ask()
        end = time.monotonic() + self.deadline
        while current.captured < first.received - first.dropped:
            if asleep(self._running()[0].pid):
                return self._ask()
            if time.monotonic() > end:
                raise self._failure(f"cannot catch up with the traffic: {current}")
            self._running()[1].until(lambda _: False, 0.005)
            current = self._ask()
        return current

    def _ask(self) -> Counters:
        child, messages = self._running()
        known = len(messages.text)
        child.send_signal(signal.SIGUSR1)
        messages.until(lambda text: last_answer(text[known:]) is not None, self.deadline)
        answer = last_answer(messages.text[known:])
        if answer is None:
            raise self._failure("does not tell its counters")
        return answer

    def _result(self, counters: Counters | None) -> CaptureResult:
        if counters is None:
            raise self._failure("ended without its counters")
        if counters.dropped:
            raise self._lost(counters)
        packets, truncated = self._written()
        if packets != counters.captured:
            raise self._failure(f"wrote {packets} of {counters.captured} frames")
        return CaptureResult(
            self.path, self.interface, self.filter, packets, truncated, counters.received, counters.dropped
        )

    def _written(self) -> tuple[int, int]:
        """Return how many frames the file holds, and how many of them were cut."""
        try:
            return count_frames(self.path)
        except (OSError, ValueError) as fault:
            raise self._failure(f"has a file that cannot be read ({fault})") from fault

    def _lost(self, counters: Counters) -> CaptureError:
        return self._failure(f"lost {counters.dropped} of {counters.received} frames: the machine is too busy")

    def _failure(self, what: str) -> CaptureError:
        child, messages = self._running()
        if messages.ended:  # and so does the process, in a moment
            poll(lambda: child.poll() is not None, _EXIT_SECONDS)
            what += f" ({exit_status(child)})"
        printed = messages.text.strip()
        return CaptureError(f"the capture of {self.interface} {what}; tcpdump said: {printed or 'nothing'}")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def live(wanted: Sequence[Capture]) -> Iterator[None]:
    """Run all *wanted* captures around the block, live before it starts; what they hold when it ends may be cut.

    Raises :class:`CaptureError` when one cannot be started.
    """
    try:
        for capture in wanted:
            capture.launch()
        for capture in wanted:
            capture.confirm()
        yield
    finally:
        for capture in wanted:
            capture.abandon()


@contextmanager
def captures(wanted: Sequence[Capture]) -> Iterator[list[CaptureResult]]:
    """Run all *wanted* captures around the block: all live before it starts, all complete when it has ended.

    The list is empty inside the block and holds one result for each capture, in order, after it. When the block
    raises, the captures are ended and its exception goes on. Raises as :meth:`Capture.start` and :meth:`Capture.stop`.
    """
    results: list[CaptureResult] = []
    with live(wanted):
        yield results
        for capture in wanted:
            capture.finish()
        results.extend(capture.collect() for capture in wanted)
