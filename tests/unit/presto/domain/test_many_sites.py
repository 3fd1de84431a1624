"""What an order costs grows with its tunnels: at four times the size it takes a little over four times as much."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from orchestrator.prefixes import overlaps
from orchestrator.southbound.memory_inventory import memory_inventory
from orchestrator.tosca import Catalogue
from presto.domain.check import Surroundings, check, completed
from presto.domain.compile import compile_request
from presto.domain.credentials import Credentials, utc_now
from presto.domain.model import EndPoint, Service, State, Swvc
from presto.domain.settings import Settings
from presto.persistence import service_writes
from presto.persistence.store import Store
from presto.persistence.tables import open_engine

SIZE, TIMES, ROOM = 200, 4, 1.75
CATALOGUE = Catalogue()


def hub(sites: int) -> Swvc:
    ends = [EndPoint(uni.name, uni.id, role="leaf") for uni in memory_inventory(sites).unis]
    return Swvc("office", "rooted-multipoint", (EndPoint(ends[0].identifier, ends[0].uni, role="root"), *ends[1:]))


def service(sites: int) -> Service:
    return Service(f"5e4b1c00-0000-4000-8000-{sites:012}", hub(sites), State.ACCEPTED, 1, utc_now(), utc_now())


def checking(sites: int) -> Callable[[], object]:
    inventory = memory_inventory(sites)
    swvc = completed(hub(sites), inventory)
    return lambda: check(swvc, Surroundings(inventory))


def requesting(sites: int) -> Callable[[], object]:
    one, inventory = service(sites), memory_inventory(sites)
    return lambda: compile_request(one, inventory, Credentials(), Settings(authentication="psk"))


def compiling(sites: int) -> Callable[[], object]:
    secrets = Credentials(shared={f"site-00001|site-{number:05}": "s" * 43 for number in range(2, sites + 1)})
    request = compile_request(service(sites), memory_inventory(sites), secrets, Settings(authentication="psk"))
    center = request.deployments[0]
    return lambda: CATALOGUE.compile(center.template, center.inputs)


def seconds(work: Callable[[], object]) -> float:
    """Processor time of the fastest of some runs; what else the machine does makes others slower."""
    gc.collect()
    found = []
    for _ in range(3):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


@pytest.mark.parametrize("make", [checking, requesting, compiling])
def test_the_time_grows_with_the_number_of_tunnels(make: Callable[[int], Callable[[], object]]) -> None:
    small, large = make(SIZE), make(SIZE * TIMES)
    small()  # what is made once is made
    assert seconds(large) < seconds(small) * TIMES * ROOM


def test_the_rows_of_a_service_hold_no_copies_of_it(tmp_path: Path) -> None:
    def size(sites: int) -> int:
        engine = open_engine(str(tmp_path / f"{sites}.db"))
        store, one = Store(engine), service(sites)

        store.writer.run(lambda unit: service_writes.add(unit, one))
        store.progress(one)
        store.close()
        return sum(file.stat().st_size for file in tmp_path.glob(f"{sites}.db*"))

    empty = size(2)
    assert size(SIZE * TIMES) - empty < (size(SIZE) - empty) * TIMES * ROOM


@pytest.mark.parametrize(
    ("prefixes", "found"),
    [
        ([], []),
        (["10.0.0.0/24", "10.0.1.0/24"], []),
        (["10.0.0.0/24", "10.0.0.0/24"], [(0, 1)]),
        (["10.0.1.0/24", "10.0.0.0/16"], [(0, 1)]),
        (["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"], [(0, 1), (0, 2)]),
        (["10.0.0.0/8", "11.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24"], [(0, 2), (2, 3)]),
        (["0.0.0.0/0", "255.255.255.255/32", "0.0.0.0/32"], [(0, 2), (0, 1)]),
    ],
)
def test_each_prefix_inside_another_is_found(prefixes: list[str], found: list[tuple[int, int]]) -> None:
    assert list(overlaps([IPv4Network(prefix) for prefix in prefixes])) == found
