"""The options that name a Dask scheduler elsewhere, and whether Dask is there at all."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from lso.exits import UsageError


@dataclass(frozen=True)
class Scheduler:
    """Where a scheduler is, and the PEM files of mutual TLS: the authority, our certificate and its key."""

    address: str
    ca: Path
    certificate: Path
    key: Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("workers on other machines (docs/many-machines.md)")
    group.add_argument("--scheduler", metavar="URL", help="a Dask scheduler, tls://HOST:PORT")
    for name, what in (("ca", "the authority's certificate"), ("certificate", "our own"), ("key", "its key")):
        group.add_argument(f"--tls-{name}", metavar="PEM", type=Path, help=what)


def positive(text: str) -> int:
    """Return the number of labs that *text* is. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 1000):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 1 to 999")
    return int(text)


def scheduler_of(options: argparse.Namespace) -> Scheduler | None:
    """Return the scheduler that the options name, None for workers of our own. Raises UsageError."""
    files = {name: getattr(options, f"tls_{name}") for name in ("ca", "certificate", "key")}
    if not options.scheduler:
        if any(files.values()):
            raise UsageError("--tls-ca, --tls-certificate and --tls-key are for --scheduler")
        return None
    if not options.scheduler.startswith("tls://"):
        told = "tls://HOST:PORT alone, for workers run as root what they are sent"
        raise UsageError(f"--scheduler {options.scheduler}: {told}")
    missing = [f"--tls-{name}" for name, file in files.items() if file is None]
    if missing:
        raise UsageError(f"--scheduler needs {', '.join(missing)}")
    for name, file in files.items():
        if not file.is_file():
            raise UsageError(f"--tls-{name} {file}: there is no such file")
    need_dask()
    return Scheduler(options.scheduler, files["ca"], files["certificate"], files["key"])


def need_dask() -> None:
    """Raise UsageError where Dask is not installed."""
    try:
        import distributed  # noqa: F401, PLC0415
    except ImportError:
        raise UsageError("Dask distributed is missing: pip install 'lso-testbed[matrix]'") from None
