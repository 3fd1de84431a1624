"""The two ends of a path that is asked for."""

from __future__ import annotations

from common.findings import Finding, Path, Tag, nearest
from orchestrator.inventory import Inventory, Uni
from presto_api.restconf.tapi_paths import ComputeInput

_SEP: Path = ("input", "sep")


def check_ends(given: ComputeInput, inventory: Inventory) -> tuple[list[Finding], list[Uni]]:
    """What is wrong with the end points, and the UNIs of those that are right."""
    seps = given.sep or []
    findings: list[Finding] = []
    if len(seps) != 2:
        message = f"A path has two end points, the input has {len(seps)}"
        tag = Tag.INVALID_VALUE if seps else Tag.MISSING_ELEMENT
        findings.append(Finding(tag, _SEP, message, "Give one for each of two UNIs."))
    unis: list[Uni] = []
    for index, sep in enumerate(seps):
        reference = sep.service_interface_point
        found = _uni((reference and reference.service_interface_point_uuid) or "", index, inventory)
        if isinstance(found, Finding):
            findings.append(found)
        elif any(uni.ucpe == found.ucpe for uni in unis):
            message = f"UNI {found.name} is on the same uCPE {found.ucpe} as the other end"
            findings.append(
                Finding(Tag.INVALID_VALUE, _place(index), message, "A path leads from one uCPE to another.")
            )
        else:
            unis.append(found)
    return findings, unis


def _uni(wanted: str, index: int, inventory: Inventory) -> Uni | Finding:
    if not wanted:
        return Finding(Tag.MISSING_ELEMENT, _place(index), "The end point has no service interface point", "Give it.")
    uni = inventory.uni(wanted)
    if uni is None:
        hint = nearest(wanted, (uni.name for uni in inventory.unis), "UNIs")
        return Finding(
            Tag.INVALID_VALUE, _place(index), f'There is no UNI "{wanted[:80]}"', hint, "MEF 70 UNI Identifier"
        )
    return uni


def _place(index: int) -> Path:
    return (*_SEP, index, "service-interface-point", "service-interface-point-uuid")
