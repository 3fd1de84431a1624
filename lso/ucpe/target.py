"""Which box is meant: a uCPE of a running lab, one of an inventory file, or one by its addresses."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from pydantic import ValidationError

from common.findings import nearest
from lso.exits import UsageError
from lso.labs import attach
from orchestrator.inventory import Inventory, Tls, Ucpe, Uni, load_inventory
from orchestrator.model import InventoryError, UnknownUcpe

ADDRESSES = ("docker", "ovsdb", "openflow", "bridge")
TLS = ("ca", "certificate", "key")

Target = tuple[Ucpe, tuple[Uni, ...], tuple[str, ...]]
"""The uCPE, the UNIs on it, and further ports that its bridge has to have."""


def target(options: Namespace) -> Target:
    """Return the box that the options name; raises UsageError with all that is wrong."""
    given = [name for name in (*ADDRESSES, *TLS, "port") if getattr(options, name)]
    if given:
        if options.inventory or options.box:
            word = f"--{given[0]} is for a box by its addresses: leave out the others, or LAB, UCPE and --inventory"
            raise UsageError(word)
        return _by_addresses(options)
    if options.inventory:
        return _of(_loaded(options.inventory), options.box, options.inventory)
    if len(options.box) != 2:
        raise UsageError("say which box: LAB UCPE, or --inventory FILE UCPE, or its addresses (lso ucpe check --help)")
    lab, name = options.box
    return _of(_loaded(attach(lab).inventory), [name], lab)


def _loaded(path: Path) -> Inventory:
    try:
        return load_inventory(path)
    except InventoryError as error:
        raise UsageError(str(error)) from error


def _of(inventory: Inventory, names: list[str], where: object) -> Target:
    known = [ucpe.id for ucpe in inventory.ucpes]
    if len(names) != 1 and len(known) != 1:
        raise UsageError(f"{where}: say which uCPE. {nearest('', known)}")
    try:
        ucpe = inventory.ucpe(names[0] if names else known[0])
    except UnknownUcpe as error:
        raise UsageError(f"{where}: {error}") from error
    return ucpe, inventory.unis_on(ucpe.id), ()


def _by_addresses(options: Namespace) -> Target:
    missing = [f"--{name}" for name in ADDRESSES if not getattr(options, name)]
    files = [name for name in TLS if getattr(options, name)]
    if files or str(options.ovsdb).startswith("ssl:") or str(options.openflow).startswith("ssl:"):
        missing += [f"--{name}" for name in TLS if name not in files]
    if missing:
        raise UsageError(f"a box by its addresses needs {', '.join(missing)} too")
    tls = Tls(ca=options.ca, certificate=options.certificate, key=options.key) if files else None
    values = {name: getattr(options, name) for name in ADDRESSES}
    try:
        return Ucpe(id="box", tls=tls, **values), (), tuple(options.port)
    except ValidationError as error:
        told = [f"--{detail['loc'][0]}: {detail['msg']}" for detail in error.errors()]
        raise UsageError("\n".join(told)) from error
