"""What the product asks for and uses, and whether that grows while it is asked and told the same things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lso.checking.judged import judged, noted
from lso.vnf.rig import Rig
from lso.vnf.session import Session
from lso.vnf.state import processes
from reports.model import Check
from testbed.host.engine import engine
from testbed.nodes.ucpe import CAPABILITIES
from testbed.polling import poll

MEMORY_MB, PROCESSES = 300, 100
ROUNDS = 10
GROWTH_MB, WRITTEN_KB, LOGGED_KB = 20, 512, 64
"""After `ROUNDS` rounds of two applies and two looks: what is more is written or kept at each call."""
_SETTLING = 5.0


def run(session: Session) -> Iterator[Check]:
    """Look at the product, work it, look again."""
    subject, rig = session.subject, session.rig
    beyond = sorted(set(subject.capabilities) - set(CAPABILITIES))
    asked = " ".join(subject.capabilities) or "none"
    yield judged(
        "capabilities",
        not beyond,
        "those that a uCPE has",
        asked + (f"; a uCPE lacks {' '.join(beyond)}" if beyond else ""),
    )
    yield noted("devices and sysctls", " ".join([*subject.devices, *(subject.sysctls or {})]) or "none")
    for pid in processes(rig):
        if not _within(pid, subject.capabilities):
            yield judged("privilege of processes", False, "the descriptor's capabilities", f"process {pid} has more")
    memory, running = _memory_mb(rig), len(processes(rig))
    yield judged("memory", memory <= MEMORY_MB, f"at most {MEMORY_MB} MB", f"{memory:.1f} MB")
    yield judged("processes", running <= PROCESSES, f"at most {PROCESSES}", str(running))
    written, logged = _written_kb(rig), _logged_kb(rig)
    good, other = rig.intent(), rig.intent(session.kind.other)
    for _ in range(ROUNDS):
        rig.applied(other)
        rig.applied(good)
    poll(lambda: len(processes(rig)) <= running, _SETTLING, 0.1)
    yield judged("processes left over", len(processes(rig)) <= running, str(running), str(len(processes(rig))))
    for name, grown, most in (
        ("memory", (_memory_mb(rig) - memory), GROWTH_MB),
        ("files in the container", _written_kb(rig) - written, WRITTEN_KB),
        ("log", _logged_kb(rig) - logged, LOGGED_KB),
    ):
        unit = "MB" if name == "memory" else "kB"
        what = f"growth of {name} in {ROUNDS} rounds"
        yield judged(what, grown <= most, f"at most {most} {unit}", f"{max(grown, 0):.1f} {unit}")


def _within(pid: int, capabilities: tuple[str, ...]) -> bool:
    """Whether a process has no more capabilities in effect than *capabilities* are."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it ended just now
        return True
    effective = int(next(line for line in status.splitlines() if line.startswith("CapEff")).split()[1], 16)
    return effective.bit_count() <= len(capabilities)


def _memory_mb(rig: Rig) -> float:
    """The proportional set sizes of its processes together."""
    total = 0
    for pid in processes(rig):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def _written_kb(rig: Rig) -> float:
    """The size of what differs from the image."""
    (found,) = engine().api.containers(size=True, filters={"id": rig.vnf.container.id})
    return int(found.get("SizeRw", 0)) / 1024


def _logged_kb(rig: Rig) -> float:
    return len(rig.vnf.container.logs()) / 1024
