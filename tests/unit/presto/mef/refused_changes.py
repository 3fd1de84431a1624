"""Changes of a service that are refused: a name, and the order, on a server that has the documented service."""

from __future__ import annotations

from .order_changes import URN, Change, action, add, item, modified
from .refused_orders import PLACE, UCS_OF

# SWVC, END-POINT, UNI … stand for the ids of the parts of the service.
LATER: dict[str, Change] = {
    "again": lambda _order: None,
    "uni-in-use-deleted": action("delete", id="UNI"),
    "uni-in-use-inactive": modified("UNI", state="inactive", place=PLACE),
    "uni-modified-without-place": modified("UNI"),
    "uni-renamed": modified("UNI", place=PLACE, uniIdentifier="site-b-lan0"),
    "uni-becomes-an-end-point": action(
        "modify", id="UNI", state="active", serviceConfiguration={"@type": URN.format("ucs-uni"), "ucsIdentifier": "x"}
    ),
    "ucs-in-use-deleted": action("delete", id="UCS"),
    "ucs-in-use-inactive": modified("UCS", state="inactive"),
    "ucs-reserved": modified("UCS", state="reserved"),
    "ucs-becomes-private": modified("UCS", ucsType="PRIVATE"),
    "ucs-uni-in-use-deleted": action("delete", id="UCS-UNI"),
    "ucs-uni-with-end-points-deleted": action("delete", id="FREE-UCS-UNI"),
    "ucs-end-point-in-use-inactive": modified("UCS-END", state="inactive"),
    "ucs-end-point-modified-without-its-ends": modified("UCS-END", relationships=()),
    "ucs-of-another-swvc": add("ucs", {UCS_OF: "END-POINT"}, ucsIdentifier="internet"),
    "swvc-designed": modified("SWVC", state="designed"),
    "swvc-modified-without-state": modified("SWVC", state=None),
    "swvc-renamed-to-nothing": modified("SWVC", swVcIdentifier=""),
    "end-point-renamed": modified("END-POINT", swVcEndPointIdentifier="site-x"),
    "end-point-inactive-alone": modified("END-POINT", state="inactive"),
    "end-point-modified-without-relationships": modified("END-POINT", relationships=()),
    "end-point-in-two-items": lambda order: (
        modified("END-POINT")(order),
        order["serviceOrderItem"].append({**item(order, 0), "id": "2"}),
    ),
    "end-point-modified-and-deleted": lambda order: (
        modified("END-POINT")(order),
        order["serviceOrderItem"].append({"id": "2", "action": "delete", "service": {"id": "END-POINT"}}),
    ),
    "last-end-point-deleted": action("delete", id="END-POINT"),
    "swvc-deleted-and-a-uni-modified": lambda order: (
        action("delete", id="SWVC")(order),
        order["serviceOrderItem"].append({"id": "2", "action": "delete", "service": {"id": "UNI"}}),
    ),
    "end-point-of-a-deleted-swvc-kept": lambda order: (
        modified("END-POINT")(order),
        order["serviceOrderItem"].append({"id": "2", "action": "delete", "service": {"id": "SWVC"}}),
    ),
}
