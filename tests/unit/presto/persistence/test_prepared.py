"""Statements that are compiled once say and store the same as SQLAlchemy's own, in both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlalchemy import Engine, Table, bindparam, delete, insert, select, update

from presto.persistence.order_tables import ElementRow, OrderRow
from presto.persistence.prepared import Prepared
from presto.persistence.tables import open_engine

ORDERS, ELEMENTS = cast(Table, OrderRow.__table__), cast(Table, ElementRow.__table__)
MOMENT = datetime(2026, 3, 1, 12, 30, 15, 250, tzinfo=UTC)
DOCUMENT = {"name": "caf\xe9 %s %(id)s :id ?", "list": [1, 2.5, None, True], "empty": {}}


@pytest.fixture
def engine(database_url: str) -> Engine:
    return open_engine(database_url)


def row(number: int) -> dict[str, Any]:
    place = {"service": "s1", "tenant": "acme", "generation": number}
    return {"id": f"o{number}", "state": "acknowledged", "ordered": MOMENT, "document": DOCUMENT, **place}


both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@both
@pytest.mark.parametrize("count", [1, 3])
def test_rows_are_as_sqlalchemy_writes_them(engine: Engine, count: int) -> None:
    ours, theirs = [row(number) for number in range(count)], [row(number) for number in range(count, 2 * count)]
    with engine.begin() as connection:
        Prepared(insert(ORDERS)).execute(connection, ours)
        connection.execute(insert(ORDERS), theirs)
    with engine.connect() as connection:
        found = [dict(found) for found in connection.execute(select(ORDERS).order_by(ORDERS.c.id)).mappings()]
        query = "SELECT DISTINCT tenant, ordered, started, CAST(document AS TEXT) FROM presto_orders"
        raw = connection.exec_driver_sql(query)
        assert len(raw.all()) == 1, "not even in the database's own terms do they differ"
    assert [(one.pop("id"), one.pop("generation")) for one in found] == [(f"o{n}", n) for n in range(2 * count)]
    assert all(one == found[0] for one in found)
    assert found[0]["document"] == DOCUMENT


@both
def test_changes_and_deletions(engine: Engine) -> None:
    change = Prepared(update(ORDERS).where(ORDERS.c.id == bindparam("its_id")))
    old = Prepared(delete(ORDERS).where(ORDERS.c.ordered < bindparam("too_old")))
    with engine.begin() as connection:
        connection.execute(insert(ORDERS), [row(number) for number in range(3)])
        change.execute(
            connection, [{"its_id": f"o{number}", "state": f"s{number}", "started": MOMENT} for number in (0, 2)]
        )
        change.execute(connection, [{"its_id": "o1", "state": "s1", "started": None}])
        assert [state for (state,) in connection.execute(select(ORDERS.c.state).order_by(ORDERS.c.id))] == [
            "s0",
            "s1",
            "s2",
        ]
        old.execute(connection, [{"too_old": MOMENT}])
        assert len(connection.execute(select(ORDERS.c.id)).all()) == 3
        old.execute(connection, [{"too_old": MOMENT.replace(year=2027)}])
        assert connection.execute(select(ORDERS.c.id)).all() == []


def test_a_value_that_is_missing_is_no_null(tmp_path: Any) -> None:
    with open_engine(str(tmp_path / "lso.db")).begin() as connection:
        statement = Prepared(insert(ORDERS))
        statement.execute(connection, [row(1)])
        with pytest.raises(KeyError, match="document"):
            statement.execute(connection, [{key: value for key, value in row(2).items() if key != "document"}])
