"""A model of values some of which are wrong: for checks that go on with the rest.

What is wrong is left empty, but for texts and keys: they stay as they are written, because other parts may name them.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, Literal, get_args, get_origin

from scenarios.file.format import Strict

_SCALARS: dict[object, object] = {int: 0, float: 0.0, bool: False}


def partial(kind: Any, value: object) -> Any:
    """Return *value* as near to a *kind* as it comes, not validated: right values only come out as they would."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is Annotated:
        return partial(arguments[0], value)
    if origin in {Literal, list, tuple, dict}:
        return _container(origin, arguments, value)
    if arguments:  # a union
        return partial(next((one for one in arguments if _fits(value, one)), arguments[0]), value)
    if issubclass(kind, Strict):
        return _model(kind, value if isinstance(value, dict) else {})
    return _scalar(kind, value)


def _fits(value: object, kind: Any) -> bool:
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return isinstance(value, get_origin(plain) or plain)


def _container(origin: Any, arguments: tuple[Any, ...], value: object) -> Any:
    if origin is Literal:
        return value if value in arguments else arguments[0]
    if origin is dict:
        return {key: partial(arguments[1], item) for key, item in value.items()} if isinstance(value, dict) else {}
    return [partial(arguments[0], item) for item in value] if isinstance(value, list) else []


def _scalar(kind: type, value: object) -> Any:
    if kind in {IPv4Address, IPv4Network}:
        return _address(kind, value)
    if kind is str:
        return str(value) if isinstance(value, str | int | float) else ""
    return value if isinstance(value, kind) and not isinstance(value, bool) else _SCALARS.get(kind)


def _model(kind: type[Strict], values: dict[str, object]) -> Strict:
    parts = {}
    for name, field in kind.model_fields.items():
        key = field.alias if field.alias in values else name
        if key in values or field.is_required():
            parts[name] = partial(field.annotation, values.get(str(key)))
        else:
            parts[name] = field.get_default(call_default_factory=True)
    return kind.model_construct(**parts)


def _address(kind: type[IPv4Address | IPv4Network], value: object) -> IPv4Address | IPv4Network | Literal[""]:
    try:
        return kind(value) if isinstance(value, str) and ("/" in value) == (kind is IPv4Network) else ""
    except ValueError:
        return ""
