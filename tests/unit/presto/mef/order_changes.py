"""Changes to the order of the documentation, each as a function, for the cases of what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

URN = "urn:mef:lso:spec:service:{}:v0.0.3:all"
Change = Callable[[Any], object]
NOTE = {"author": "a", "date": "2026-03-01T00:00:00Z", "id": "1", "source": "bus", "text": "t"}


def item(order: Any, number: int) -> Any:
    return order["serviceOrderItem"][number]


def service(order: Any, number: int) -> Any:
    return item(order, number)["service"]


def config(order: Any, number: int) -> Any:
    return service(order, number)["serviceConfiguration"]


def top(**members: Any) -> Change:
    return lambda order: order.update(members)


def without(name: str) -> Change:
    return lambda order: order.pop(name)


def in_item(number: int, **members: Any) -> Change:
    return lambda order: item(order, number).update(members)


def in_service(number: int, **members: Any) -> Change:
    return lambda order: service(order, number).update(members)


def lacks(number: int, name: str) -> Change:
    return lambda order: service(order, number).pop(name)


def swvc(**members: Any) -> Change:
    return lambda order: config(order, 2).update(members)


def uni(**members: Any) -> Change:
    return lambda order: config(order, 0).update(members)


def end(**members: Any) -> Change:
    return lambda order: config(order, 3).update(members)


def unset(number: int, name: str) -> Change:
    return lambda order: config(order, number).pop(name)


def flow(**members: Any) -> Change:
    return lambda order: config(order, 2)["applicationFlowSpecificationList"][1].update(members)


def criteria(**members: Any) -> Change:
    return flow(applicationFlowCriteria=[members])


def policy(**members: Any) -> Change:
    return lambda order: config(order, 2)["policyList"][0].update(polCl=[members])


def policies(*entries: Any) -> Change:
    return swvc(policyList=list(entries))


def groups(*names: str) -> Change:
    return swvc(applicationFlowSpecificationGroupList=[{"name": name} for name in names])


def entry(what: str, name: str, pol: str) -> Any:
    member = {"flow": "applicationFlow", "group": "applicationFlowGroup"}[what]
    return {member: [{"applicationFlowName" if what == "flow" else "name": name}], "policy": {"polName": pol}}


def related(number: int, *pairs: tuple[str, Any]) -> Change:
    values = [
        {"relationshipType": role, "orderItem": to if isinstance(to, dict) else {"itemId": to}} for role, to in pairs
    ]
    return in_item(number, serviceOrderItemRelationship=values)


def action(verb: str, **members: Any) -> Change:
    """The order has one item, with this action on this service."""
    return lambda order: order.update(serviceOrderItem=[{"id": "1", "action": verb, "service": members}])


def topology(name: str = "t", kind: str | None = None, **ends: Any) -> Change:
    given = {"vtName": name, "vtEp": ends, **({"vtType": kind} if kind else {})}
    return swvc(virtualTopologiesList=[given])


def add(kind: str, roles: Any = None, **payload: Any) -> Change:
    """The order adds one enrolled thing; `roles` lead to services."""
    links = [{"relationshipType": role, "service": {"id": to}} for role, to in (roles or {}).items()]
    given = {"@type": URN.format(kind), **payload}
    members = {"serviceRelationship": links} if links else {}
    return action("add", state="active", serviceConfiguration=given, **members)


def beside(kind: str, roles: dict[str, str], **payload: Any) -> Change:
    """One more item, for an enrolled thing; `roles` lead to items."""
    links = [{"relationshipType": role, "orderItem": {"itemId": to}} for role, to in roles.items()]
    given = {"@type": URN.format(kind), **payload}
    new = {"id": "06", "action": "add", "service": {"state": "active", "serviceConfiguration": given}}
    return lambda order: order["serviceOrderItem"].append({**new, "serviceOrderItemRelationship": links})


def modified(word: str, **changes: Any) -> Change:
    """The order modifies a service to what it is, but for these members of it or of its payload."""
    return action("modify", id=word, **{"as-it-is": changes})
