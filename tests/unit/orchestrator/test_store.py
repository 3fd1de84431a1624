"""State: what is recorded before and after a change, placeholder addresses, privacy of the file."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.intent import PortIntent, Role, SiteIntent, VnfIntent
from orchestrator.model import StoreError, UnknownService
from orchestrator.plan import SitePlan, plan_site, port_keys
from orchestrator.store import CHANGING, Store
from orchestrator.ucpe.execute import Record

ONE, TWO = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"
PORTS: list[tuple[str, Role]] = [("fw", "lan"), ("fw", "wan")]


def plan(generation: int = 1, *vnfs: str) -> SitePlan:
    ports = (PortIntent("lan", 1400), PortIntent("wan", 1500))
    site = SiteIntent(
        "t", tuple(VnfIntent(name, "firewall", "x", "i", (), (), {}, ports, {"s": "key"}, True) for name in vnfs)
    )
    return plan_site(ONE, generation, site, "u1", {key: number for number, key in enumerate(port_keys(site))})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "orchestrator.db"


on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest, path: Path) -> Iterator[Store]:
    asked = "database_url" in request.fixturenames
    store = Store(request.getfixturevalue("database_url") if asked else f"sqlite:///{path}")
    yield store
    store.close()


def test_the_files_are_their_owners_alone(store: Store, path: Path) -> None:
    store.enter(ONE, "one")
    files = sorted(path.parent.iterdir())
    assert path in files
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_file_that_was_open_to_others_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o644)
    Store(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@on_both
@pytest.mark.usefixtures("database_url")
def test_generations_count_up_and_the_name_may_change(store: Store) -> None:
    assert [store.enter(ONE, name).generation for name in ("a", "b")] == [1, 2]
    assert store.enter(TWO, "c").generation == 1
    assert [(item.id, item.name, item.generation) for item in store.services()] == [(ONE, "b", 2), (TWO, "c", 1)]


def test_a_plan_survives_the_process(store: Store, path: Path) -> None:
    store.enter(ONE, "one")
    store.begin(ONE, {"u1": plan(1, "fw")})
    again = Store(f"sqlite:///{path}")  # the first one never said goodbye, as after kill -9
    found = again.service(ONE)
    assert (found.records, found.states) == ({"u1": Record(None, plan(1, "fw"))}, {"u1": CHANGING})
    assert not found.records["u1"].settled
    again.finish(ONE, "u1", Record(plan(1, "fw")), "applied", None)
    again.close()
    assert store.service(ONE).records["u1"] == Record(plan(1, "fw"))


@on_both
@pytest.mark.usefixtures("database_url")
def test_a_removal_that_was_interrupted_is_not_settled(store: Store) -> None:
    store.enter(ONE, "one")
    store.begin(ONE, {"u1": plan(1, "fw")})
    store.finish(ONE, "u1", Record(plan(1, "fw")), "applied", None)
    store.begin(ONE, {"u1": None})
    assert store.service(ONE).records["u1"] == Record(plan(1, "fw"), plan(1, "fw"))


@on_both
@pytest.mark.usefixtures("database_url")
def test_placeholders_are_unique_stable_and_given_back(store: Store) -> None:
    store.enter(ONE, "one")
    store.enter(TWO, "two")
    assert store.placeholders(ONE, "u1", PORTS) == {("fw", "lan"): 0, ("fw", "wan"): 1}
    assert store.placeholders(ONE, "u2", PORTS) == {("fw", "lan"): 2, ("fw", "wan"): 3}
    assert store.placeholders(TWO, "u1", PORTS) == {("fw", "lan"): 4, ("fw", "wan"): 5}
    assert store.placeholders(ONE, "u1", [("ips", "lan"), *PORTS]) == {
        ("ips", "lan"): 6,
        ("fw", "lan"): 0,
        ("fw", "wan"): 1,
    }
    store.begin(ONE, {"u1": plan(1, "fw"), "u2": plan(1, "fw")})
    store.finish(ONE, "u1", Record(plan(1, "fw")), "applied", None)  # without `ips`
    store.leave(ONE, "u2")
    assert store.placeholders(TWO, "u2", PORTS) == {("fw", "lan"): 2, ("fw", "wan"): 3}
    assert store.placeholders(TWO, "u3", PORTS) == {("fw", "lan"): 6, ("fw", "wan"): 7}


@on_both
@pytest.mark.usefixtures("database_url")
def test_a_rolled_back_first_deployment_keeps_nothing(store: Store) -> None:
    store.enter(ONE, "one")
    store.placeholders(ONE, "u1", PORTS)
    store.begin(ONE, {"u1": plan(1, "fw")})
    store.finish(ONE, "u1", Record(), "rolled-back", "no image")
    assert store.service(ONE).records["u1"] == Record()
    assert store.placeholders(ONE, "u2", PORTS) == {("fw", "lan"): 0, ("fw", "wan"): 1}


@on_both
@pytest.mark.usefixtures("database_url")
def test_a_forgotten_service_is_gone_with_all_it_had(store: Store) -> None:
    store.enter(ONE, "one")
    store.placeholders(ONE, "u1", PORTS)
    store.begin(ONE, {"u1": plan(1, "fw")})
    store.forget(ONE)
    with pytest.raises(UnknownService):
        store.service(ONE)
    store.enter(TWO, "two")
    assert store.placeholders(TWO, "u1", PORTS)["fw", "lan"] == 0


@pytest.mark.parametrize("call", [lambda s: s.service(ONE), lambda s: s.begin(ONE, {}), lambda s: s.forget(ONE)])
def test_an_unknown_service_is_named(store: Store, call: object) -> None:
    with pytest.raises(UnknownService, match=ONE):
        call(store)  # type: ignore[operator]


@pytest.mark.parametrize("url", ["sqlite:////proc/no/such/place.db", "nosuch://x", "not a url"])
def test_a_database_that_cannot_be_opened(url: str) -> None:
    with pytest.raises(StoreError, match="cannot open the state database"):
        Store(url)


def test_an_error_shows_no_secret(store: Store, path: Path) -> None:
    store.enter(ONE, "one")
    with sqlite3.connect(path) as other:
        other.execute("drop table deployments")
    with pytest.raises(StoreError) as caught:
        store.begin(ONE, {"u1": plan(1, "fw")})
    assert "key" not in str(caught.value)
