"""Statements that are compiled once, for the few that every order needs.

To have SQLAlchemy find the compiled form of a statement and prepare its values costs several times what the database
takes to carry it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import CompoundSelect, Select

Row = Mapping[str, Any]


class Prepared:
    """A statement whose values have the same names each time; what the database returns is as its driver has it.

    It goes past the session, and so past the limit to the tenant that is being served.
    """

    def __init__(self, statement: UpdateBase | Select[Any] | CompoundSelect[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def execute(self, connection: Connection, rows: Sequence[Row]) -> CursorResult[Any]:
        """Carry it out for each row. Raises KeyError when a value is missing."""
        compiled = self._compiled.get(connection.dialect.name)
        if compiled is None:
            compiled = self._compiled[connection.dialect.name] = _Compiled(self._statement, connection.dialect, rows[0])
        return connection.exec_driver_sql(compiled.text, [compiled.values(row) for row in rows])


class _Compiled:
    """The text for a dialect, and how the driver wants the values: by name, or in order."""

    def __init__(self, statement: Any, dialect: Dialect, example: Row) -> None:
        compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=list(example))
        self.text = str(compiled)
        self._names = list(compiled.positiontup or compiled.bind_names.values())
        self._in_order = compiled.positional
        found = [(number, _processor(compiled, dialect, name)) for number, name in enumerate(self._names)]
        self._processors = [(number, process) for number, process in found if process is not None]

    def values(self, row: Row) -> Any:
        """The values of a row."""
        values = [row[name] for name in self._names]
        for number, process in self._processors:
            values[number] = process(values[number])
        return tuple(values) if self._in_order else dict(zip(self._names, values, strict=True))


def _processor(compiled: SQLCompiler, dialect: Dialect, name: str) -> Callable[[Any], Any] | None:
    return compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
