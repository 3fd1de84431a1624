"""TCP through both full chains ÷ TCP through a bare tunnel, in turns within one run."""

from __future__ import annotations

import argparse
from statistics import median

from benchmarks.bare_tunnel import bare_tunnel
from benchmarks.poc import ordered_poc
from testbed.traffic import iperf3

ROUNDS, SECONDS = 5, 3


def main() -> None:
    """Print both throughputs of each round and the median of the ratios: the machine itself changes between rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    chain, bare = [], []
    with ordered_poc() as context, bare_tunnel() as (left, right, address):
        source, target = context.host("a1"), context.host("b1")
        for _ in range(rounds):
            bare.append(iperf3(left, right, address, seconds=SECONDS).bits_per_second / 1e6)
            chain.append(
                iperf3(source.namespace, target.namespace, target.ip, port=5201, seconds=SECONDS).bits_per_second / 1e6
            )
            print(f"bare tunnel {bare[-1]:6.1f} Mbit/s   both chains {chain[-1]:6.1f} Mbit/s", flush=True)
    ratio = median(one / other for one, other in zip(chain, bare, strict=True))
    print(f"TCP through both chains / bare tunnel: {ratio:.2f} (median of {rounds} rounds)")


if __name__ == "__main__":
    main()
