"""The constraint clauses of TOSCA 1.3 (section 3.6.3) on a value of a primitive type."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common.findings import nearest
from orchestrator.tosca.documents.report import show


@dataclass(frozen=True, slots=True)
class Constraint:
    """One clause: `holds` decides about a value, `text` completes the sentence "must …"."""

    text: str
    holds: Callable[[Any], bool]


class BadConstraint(ValueError):
    """The clause itself is wrong; `hint` may say what was meant."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


ANY = "any"
"""Instead of a primitive type that is not known."""

_PYTHON: dict[str | None, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "float": (int, float), "boolean": (bool,), "list": (list,), "map": (dict,),
    None: (dict,), ANY: (object,),
}  # fmt: skip


def parse_constraint(clause: Any, primitive: str | None = ANY) -> Constraint:
    """Turn `{in_range: [1, 9]}` into something that decides about values of a primitive type (None: a data type with
    named fields); raises BadConstraint.
    """
    if not isinstance(clause, dict) or len(clause) != 1:
        raise BadConstraint("a constraint must be a map with one entry", "write - in_range: [1, 65535]")
    [(operator, operand)] = clause.items()
    build = _OPERATORS.get(operator)
    if build is None:
        raise BadConstraint(f"there is no constraint {operator}", nearest(operator, _OPERATORS))
    if primitive != ANY and primitive not in _APPLIES.get(operator, _PYTHON):
        raise BadConstraint(f"{operator} says nothing about {_words(primitive)}", _applies_to(operator))
    constraint = build(operand)
    values = {"equal": [operand], "valid_values": operand}.get(operator, [])
    for value in values:
        if not _is_a(value, primitive):
            raise BadConstraint(f"{show(value)} is not {_words(primitive)}, so {operator} can never be met with it")
    return constraint


def _is_a(value: Any, primitive: str | None) -> bool:
    if isinstance(value, bool):
        return primitive in {"boolean", ANY}
    return isinstance(value, _PYTHON[primitive])


def _words(primitive: str | None) -> str:
    return {None: "a map", "string": "text", "integer": "a whole number", "float": "a number",
            "boolean": "true or false"}.get(primitive, f"a {primitive}")  # fmt: skip


def _applies_to(operator: str) -> str:
    return f"it belongs to {', '.join(name for name in _APPLIES[operator] if name)}"


def violated(constraints: tuple[Constraint, ...], value: Any) -> list[str]:
    """What the value should be and is not."""
    return [constraint.text for constraint in constraints if not _holds(constraint, value)]


def _holds(constraint: Constraint, value: Any) -> bool:
    try:
        return constraint.holds(value)
    except TypeError:  # text compared with a number, the length of a number
        return False


def _equal(operand: Any) -> Constraint:
    return Constraint(f"be {show(operand)}", lambda value: _same(value, operand))


def _comparison(words: str, compare: Callable[[Any, Any], bool]) -> Callable[[Any], Constraint]:
    def build(operand: Any) -> Constraint:
        return Constraint(f"be {words} {show(_number(operand))}", lambda value: compare(value, operand))

    return build


def _in_range(operand: Any) -> Constraint:
    if not isinstance(operand, list) or len(operand) != 2:
        raise BadConstraint("in_range must be a list of two bounds", "write in_range: [1, 65535]")
    low, high = (None if bound == "UNBOUNDED" else _number(bound) for bound in operand)
    if low is not None and high is not None and low > high:
        raise BadConstraint(f"in_range is empty: {show(low)} is greater than {show(high)}")
    return Constraint(
        f"be in the range {operand[0]} to {operand[1]}",
        lambda value: (low is None or value >= low) and (high is None or value <= high),
    )


def _valid_values(operand: Any) -> Constraint:
    if not isinstance(operand, list) or not operand:
        raise BadConstraint("valid_values must be a list with at least one value")
    words = ", ".join(value if isinstance(value, str) else show(value) for value in operand)
    return Constraint(f"be one of {words}", lambda value: any(_same(value, one) for one in operand))


def _length(words: str, compare: Callable[[int, int], bool]) -> Callable[[Any], Constraint]:
    def build(operand: Any) -> Constraint:
        if not isinstance(operand, int) or isinstance(operand, bool) or operand < 0:
            raise BadConstraint(f"a length must be a whole number from 0, not {show(operand)}")
        return Constraint(f"have {words} {operand}", lambda value: compare(len(value), operand))

    return build


def _pattern(operand: Any) -> Constraint:
    if not isinstance(operand, str):
        raise BadConstraint("pattern must be a regular expression in quotes")
    try:
        expression = re.compile(operand)
    except re.error as error:
        raise BadConstraint(f"pattern is not a regular expression: {error}") from error
    return Constraint(f"match the pattern {operand}", lambda value: expression.fullmatch(value) is not None)


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadConstraint(f"a bound must be a number, not {show(value)}")
    return value


def _same(value: Any, other: Any) -> bool:
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


_OPERATORS: dict[str, Callable[[Any], Constraint]] = {
    "equal": _equal,
    "greater_than": _comparison("greater than", lambda value, bound: value > bound),
    "greater_or_equal": _comparison("at least", lambda value, bound: value >= bound),
    "less_than": _comparison("less than", lambda value, bound: value < bound),
    "less_or_equal": _comparison("at most", lambda value, bound: value <= bound),
    "in_range": _in_range,
    "valid_values": _valid_values,
    "length": _length("the length", lambda length, bound: length == bound),
    "min_length": _length("at least the length", lambda length, bound: length >= bound),
    "max_length": _length("at most the length", lambda length, bound: length <= bound),
    "pattern": _pattern,
}

_NUMBERS, _SIZED = ("integer", "float"), ("string", "list", "map")
_APPLIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("greater_than", "greater_or_equal", "less_than", "less_or_equal", "in_range"), _NUMBERS),
    **dict.fromkeys(("length", "min_length", "max_length"), _SIZED),
    "pattern": ("string",),
}
"""Which primitive types a clause can say something about; one that is not named here: about all."""
