"""The typed client against a running server: orders, services, pages, listeners, errors, lost connections."""

from __future__ import annotations

import itertools
import re
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from presto.mef import inventory, ordering
from presto_api.mef.envelope import Order
from presto_api.mef.payload import EndPoint, Swvc, Uni
from presto_client import (
    Client,
    ClientCredentials,
    Conflict,
    NotFound,
    Options,
    PrestoError,
    Refused,
    Token,
    Unreachable,
    payload,
)
from presto_client.pages import query_name


def ids(presto: Client) -> list[str]:
    return [order.id for order in presto.orders.all()]


def test_an_order_from_the_first_request_to_its_services(presto: Client, example: Any) -> None:
    placed = presto.orders.create(example)
    assert placed.state in {"acknowledged", "inProgress"}
    ended = presto.orders.wait(placed.id, interval=0.005)
    assert ended.state == "completed"
    assert [item.state for item in ended.service_order_item] == ["completed"] * 5
    assert ended.external_id == "acme-2026-001"
    found = [
        payload(presto.services.get(str(item.service.id)).service_configuration) for item in ended.service_order_item
    ]
    assert [type(shape) for shape in found] == [Uni, Uni, Swvc, EndPoint, EndPoint]
    assert isinstance(found[2], Swvc) and found[2].sw_vc_identifier == "acme-office"
    (service,) = presto.connectivity.services()
    assert service.uuid == ended.service_order_item[2].service.id
    assert presto.connectivity.service("acme-office").lifecycle_state == "INSTALLED"
    assert len(presto.connectivity.unis()) == 4


def test_a_typed_order_is_sent_as_it_was_written(presto: Client, example: Any) -> None:
    order = Order.model_validate(example)
    placed = presto.orders.create(order)
    sent = order.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert sent == example
    assert placed.description == example["description"]
    presto.orders.wait(placed.id, interval=0.005)


def test_everything_wrong_comes_with_its_place(presto: Client, example: Any) -> None:
    example["serviceOrderItem"][3]["service"]["serviceConfiguration"]["policyMap"][1]["policy"]["polName"] = "busyness"
    del example["serviceOrderItem"][2]["service"]["state"]
    with pytest.raises(Refused) as refused:
        presto.orders.create(example)
    assert refused.value.status == 422
    assert [(finding.code, finding.path) for finding in refused.value.findings] == [
        ("missingProperty", "/serviceOrderItem/2/service/state"),
    ]
    example["serviceOrderItem"][2]["service"]["state"] = "active"
    with pytest.raises(Refused) as refused:
        presto.orders.create(example)
    (finding,) = refused.value.findings
    assert finding.path == "/serviceOrderItem/3/service/serviceConfiguration/policyMap/1/policy/polName"
    assert finding.hint == 'Did you mean "business"?'


def test_errors_of_every_face(presto: Client) -> None:
    for ask in (
        lambda: presto.orders.get("no such/order"),
        lambda: presto.services.get("none"),
        lambda: presto.orders.hubs.get("none"),
        lambda: presto.connectivity.service("none"),
    ):
        with pytest.raises(NotFound) as missing:
            ask()
        assert missing.value.findings[0].reason
    with pytest.raises(Refused) as refused:
        presto.orders.page(state="done")  # type: ignore[arg-type]
    assert refused.value.findings[0].code == "invalidQuery"


def test_pages_are_followed_to_the_end(presto: Client, example: Any) -> None:
    placed = presto.orders.create(example)
    presto.orders.wait(placed.id, interval=0.005)
    first = presto.services.page(limit=3)
    rest = presto.services.page(offset=3, limit=20)
    assert (len(first.records), first.total, len(rest.records)) == (3, 16, 13)
    everything = [service.id for service in presto.services.all()]
    assert everything == [service.id for service in (*first.records, *rest.records)]
    urn = "urn:mef:lso:spec:service:swvc-end-point:v0.0.3:all"
    assert len(list(presto.services.all(type=urn, state="active"))) == 2
    item = placed.service_order_item[2].id
    (swvc,) = presto.services.all(service_order_id=placed.id, service_order_item_id=item)
    assert swvc.external_id == "acme-offices"
    before = datetime.now(UTC) - timedelta(hours=1)
    assert ids(presto) == [placed.id]
    assert list(presto.orders.all(order_date_lt=before)) == []
    assert [order.id for order in presto.orders.all(order_date_gt=before, state="completed")] == [placed.id]


def test_filters_have_their_published_names() -> None:
    from presto_client.orders import OrderFilters
    from presto_client.services import ServiceFilters

    assert {query_name(name) for name in OrderFilters.__annotations__} == set(ordering.FILTERS)
    published = set(inventory.FILTERS)
    assert {query_name(name) for name in ServiceFilters.__annotations__} == published


def test_listeners(presto: Client) -> None:
    for hubs, event in ((presto.orders.hubs, "serviceOrderCreateEvent"), (presto.services.hubs, "serviceCreateEvent")):
        made = hubs.register("https://client.example/x", [event])
        assert (hubs.get(made.id).callback, made.query) == ("https://client.example/x", f"eventType={event}")
        hubs.unregister(made.id)
        with pytest.raises(NotFound):
            hubs.get(made.id)


def test_an_order_whose_answer_is_lost_is_sent_again_under_its_key(
    presto: Client, relay: Callable[[int], Any], example: Any
) -> None:
    lossy = relay(1)
    with Client(Options(url=lossy.url, pause=0.01)) as client:
        placed = client.orders.create(example)
    first, second = (re.search(rb"(?i)idempotency-key: (\S+)", request) for request in lossy.requests)
    assert first and second and first[1] == second[1]
    assert ids(presto) == [placed.id]


def test_a_cancel_whose_answer_is_lost_is_answered_when_it_is_sent_again(
    presto: Client, relay: Callable[[int], Any], example: Any, network: Any
) -> None:
    network.gate.clear()
    placed = presto.orders.create(example)
    lossy = relay(1)
    with Client(Options(url=lossy.url, pause=0.01)) as client:
        cancelled = client.extensions.cancel(placed.id)
    assert (len(lossy.requests), cancelled.id) == (2, placed.id)
    assert cancelled.state in {"rejected", "failed"}


def test_a_listener_whose_removal_is_not_answered_is_removed(presto: Client, relay: Callable[[int], Any]) -> None:
    made = presto.orders.hubs.register("https://client.example/x")
    lossy = relay(1)
    with Client(Options(url=lossy.url, pause=0.01)) as client:
        client.orders.hubs.unregister(made.id)
    assert len(lossy.requests) == 2
    with pytest.raises(NotFound):
        presto.orders.hubs.get(made.id)


def test_a_listener_is_not_registered_twice(presto: Client, relay: Callable[[int], Any]) -> None:
    lossy = relay(1)
    with Client(Options(url=lossy.url, pause=0.01)) as client, pytest.raises(Unreachable):
        client.orders.hubs.register("https://client.example/x")
    assert len(lossy.requests) == 1


def test_a_server_that_is_not_there() -> None:
    with (
        Client(Options(url="http://127.0.0.1:9", pause=0.001)) as client,
        pytest.raises(Unreachable, match=":9 does not"),
    ):
        client.orders.get("x")


SECRET = "do-not-show"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (Options(url="ftp://127.0.0.1"), "is no base of a server"),
        (Options(url="http://user:do-not-show@127.0.0.1"), "has a user or a password: leave them out"),
        (Options(url="http://user:do-not-show/@127.0.0.1"), "has a user or a password: leave them out"),
        *(
            (Options(url=f"http://127.0.0.1:8181/{path}"), f"leave out /{path}")
            for path in ("restconf", "mefApi", "presto-sdwan/v1", "docs")
        ),
        (Options(url="http://127.0.0.1:65536"), "a port is 1 to 65535"),
        (Options(url="http://a:port"), "is no URL"),
        (Options(url="http://presto.example", credentials=Token(SECRET)), "use https"),
        (Options(url="http://presto.example", credentials=ClientCredentials("a", SECRET)), "use https"),
        (Options(url="https://presto.example", ca=Path("/nowhere")), "/nowhere cannot be used"),
    ],
)
def test_options_that_cannot_be_used(options: Options, text: str) -> None:
    with pytest.raises(PrestoError, match=text) as error:
        Client(options)
    assert SECRET not in str(error.value)
    assert SECRET not in repr(options) or "user:" in options.url


def test_headers_that_cannot_be_sent_are_neither_tried_again_nor_shown(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("presto_client.connection.time.sleep", slept.append)
    with Client(Options(url=server, credentials=Token(f"{SECRET}\r"))) as client:
        for ask in (lambda: client.orders.get("x"), lambda: client.extensions.events().__enter__()):
            with pytest.raises(PrestoError, match="printable ASCII") as error:
                ask()
            assert not isinstance(error.value, Unreachable)
            assert SECRET not in "".join(traceback.format_exception(error.value))
    assert slept == []


@pytest.mark.parametrize("key", ["a\nb", "\u00e9", ""])
def test_a_key_that_is_none(presto: Client, example: Any, key: str) -> None:
    with pytest.raises(PrestoError, match="Idempotency-Key is not 1 to 255 printable"):
        presto.orders.create(example, key)
    assert ids(presto) == []


def test_the_error_classes_form_one_tree() -> None:
    assert issubclass(NotFound, Refused) and issubclass(Conflict, Refused) and issubclass(Refused, PrestoError)


def test_the_events_of_an_order_come_as_they_happen_and_again_by_number(presto: Client, example: Any) -> None:
    placed = presto.orders.create(example)
    presto.orders.wait(placed.id, interval=0.005)
    with presto.extensions.events(after=0, services=[placed.id]) as events:
        seen = list(itertools.takewhile(lambda event: event.data["event"].get("state") != "completed", events))
    assert [event.type for event in seen][:1] == ["serviceOrderCreateEvent"]
    with presto.extensions.events(after=seen[0].number, types=["serviceOrderStateChangeEvent"]) as events:
        first = next(events)
    assert (first.type, first.data["event"]) == (
        "serviceOrderStateChangeEvent",
        {"id": placed.id, "state": "inProgress"},
    )


def test_tunnels_are_typed(presto: Client, example: Any) -> None:
    presto.orders.wait(presto.orders.create(example).id, interval=0.005)
    (tunnel,) = presto.extensions.tunnels(echoes=2)
    for end in tunnel.ends:
        assert end.performance is not None
        assert end.performance.round_trip_delay_ms is not None
        assert (end.performance.packet_loss_percent, end.performance.round_trip_delay_ms.mean) == (0, 10.5)
        assert end.performance.measured_at.tzinfo is not None
    (tunnel,) = presto.extensions.tunnels(tunnel.service_name, echoes=0)
    assert [end.performance for end in tunnel.ends] == [None, None]
    with pytest.raises(NotFound):
        presto.extensions.tunnels("none")


def test_problems_of_the_extensions_have_their_findings(presto: Client) -> None:
    with pytest.raises(NotFound) as missing:
        presto.extensions.get("/edge/none")
    assert "none" in missing.value.findings[0].reason
    with pytest.raises(Refused) as refused, presto.extensions.events(after=10**6):
        pass
    assert (refused.value.status, refused.value.findings[0].path) == (422, "/since")
