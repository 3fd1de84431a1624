"""All figures of the README, one after the other: ``python -m benchmarks [NAME…]``."""

from __future__ import annotations

import argparse
import importlib
import sys

BENCHMARKS = {
    "deployment": "order to established tunnel, and the whole scenario run",
    "throughput": "TCP through both chains ÷ a bare tunnel, in one run",
    "digests": "TCP through both chains with and without digests of all packets",
    "containernet": "20 Docker hosts on one switch: start and stop",
    "presto": "the API under load, with uCPEs in memory",
    "mesh": "a full mesh of 20 sites: order to all tunnels, and the cost of idling",
    "many_sites": "one service over 1,000 sites in memory",
    "judging": "verdicts over captures: frames a second, and memory",
}


def main() -> None:
    """Run the benchmarks that are named, or all."""
    lines = "\n".join(f"  {name:14}{text}" for name, text in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"benchmarks:\n{lines}\n\nEach has options of its own: python -m benchmarks.NAME --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*BENCHMARKS, []], help="which (default: all)")
    for name in parser.parse_args().names or BENCHMARKS:
        print(f"== {name}: {BENCHMARKS[name]}", flush=True)
        sys.argv = [name]
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
