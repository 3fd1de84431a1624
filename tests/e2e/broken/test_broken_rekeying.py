"""``ipsec.rekeys`` sees keys that are not replaced, and what a replacement that ends the tunnel costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from breaking import Judge, access, assert_fails, assert_passes, await_path, swanctl

from scenarios.steps.context import Context

REKEYS = {"verb": "ipsec.rekeys", "from_": "a1", "to": "b1", "destination_port": 9001, "per_second": 10}


@contextmanager
def meanwhile(context: Context, *commands: tuple[str, ...]) -> Iterator[None]:
    """Give site A's gateway *commands* of strongSwan, one each second, while the block runs."""

    def work() -> None:
        for command in commands:
            time.sleep(1)  # packets have crossed by the association that is replaced
            swanctl(access(context, "site-a", "ipsec"), *command)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        worker.join()
        await_path(context)


def test_new_child_sa(context: Context, judged: Judge) -> None:
    with meanwhile(context, ("--rekey", "--child", "site-b")):
        assert_passes(judged(**REKEYS, within_seconds=10))


def test_new_ike_sa(context: Context, judged: Judge) -> None:
    with meanwhile(context, ("--rekey", "--ike", "site-b"), ("--rekey", "--child", "site-b")):
        assert_passes(judged(**REKEYS, within_seconds=10, ike=1))


def test_keys_stay_in_use(context: Context, judged: Judge) -> None:
    failed = assert_fails(judged(**REKEYS, within_seconds=1, ike=1, child_lifetime_seconds=1), "new SPIs of its ESP")
    assert {check.name.rpartition(": ")[2] for check in failed} == {
        "new SPIs of its ESP", "longest use of an SPI", "new IKE SAs of both gateways whose messages were seen",
    }  # fmt: skip


def test_the_tunnel_ends_and_comes_up_anew(context: Context, judged: Judge) -> None:
    with meanwhile(context, ("--terminate", "--ike", "site-b", "--force", "--timeout", "1")):
        closely = {**REKEYS, "per_second": 100}  # it is back soon
        assert_fails(judged(**closely, within_seconds=10), "packets from a1 that arrived exactly once at b1")
