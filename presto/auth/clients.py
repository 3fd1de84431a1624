"""Reading the clients file: everything that is wrong with it at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from common.findings import Fault, FileFinding, nearest
from common.forms import own_words
from common.yaml_reader import Document
from orchestrator.inventory import Inventory
from orchestrator.tosca.documents.document import read_document
from orchestrator.tosca.documents.report import Report
from presto.auth.config import Client, ClientsFile
from presto.auth.errors import ClientsWrong
from presto.auth.scopes import Catalogue
from presto.persistence.tenancy import Assignments

_TEXTS: Mapping[str, str] = {
    "missing": "this is missing",
    "extra_forbidden": "there is no such key here",
    "too_short": "at least one is needed",
}


@dataclass(frozen=True)
class Clients:
    """The file as read, and where each value stands."""

    file: ClientsFile
    document: Document
    folder: Path

    def find(self, client_id: str) -> Client | None:
        """The client of that id."""
        return next((client for client in self.file.clients if client.id == client_id), None)

    def assignments(self, inventory: Inventory) -> Assignments:
        """UNI → tenant."""
        owners: dict[str, str] = {}
        for tenant, values in self.file.tenants.items():
            owners |= {uni.id: tenant for uni in (inventory.uni(name) for name in values.unis) if uni}
        return Assignments(owners)

    def check(self, inventory: Inventory, catalogue: Catalogue) -> None:
        """Whether everything that the file names is there. Raises ClientsWrong with all that is not."""
        report = Report()
        for found in (self._unknown_names(), self._unknown_scopes(catalogue), self._unknown_unis(inventory)):
            report.extend(map(self.document.finding, found))
        _raise(report)

    def _unknown_unis(self, inventory: Inventory) -> Iterator[Fault]:
        owners: dict[str, str] = {}
        for tenant, values in self.file.tenants.items():
            for number, name in enumerate(values.unis):
                here = ("tenants", tenant, "unis", number)
                uni = inventory.uni(name)
                if uni is None:
                    hint = nearest(name, (uni.name for uni in inventory.unis[:50]), "UNIs")
                    yield Fault(here, f'there is no UNI "{name[:60]}"', hint)
                elif owners.setdefault(uni.id, tenant) != tenant:
                    yield Fault(here, f"UNI {uni.name} belongs to tenant {owners[uni.id]} already")

    def _unknown_names(self) -> Iterator[Fault]:
        ids = [client.id for client in self.file.clients]
        issuers = [issuer.issuer for issuer in self.file.issuers]
        for number, client in enumerate(self.file.clients):
            here = ("clients", number)
            if client.id in ids[:number]:
                yield Fault((*here, "id"), f"client {client.id} is there twice")
            if client.tenant and client.tenant not in self.file.tenants:
                hint = nearest(client.tenant, self.file.tenants, "Tenants")
                yield Fault((*here, "tenant"), f'there is no tenant "{client.tenant}" under tenants', hint)
            if client.issuer and client.issuer not in issuers:
                hint = nearest(client.issuer, issuers, "Issuers")
                yield Fault((*here, "issuer"), f'there is no issuer "{client.issuer[:60]}" under issuers', hint)
        for number, issuer in enumerate(issuers):
            if issuer in [*issuers[:number], self.file.issuer]:
                yield Fault(("issuers", number, "issuer"), f"issuer {issuer} is there twice")

    def _unknown_scopes(self, catalogue: Catalogue) -> Iterator[Fault]:
        for number, client in enumerate(self.file.clients):
            for position, scope in enumerate(client.scopes):
                if scope not in catalogue.scopes:
                    hint = nearest(scope, sorted(catalogue.scopes), "Scopes")
                    yield Fault(
                        ("clients", number, "scopes", position), f'no operation has the scope "{scope[:60]}"', hint
                    )


def read_clients(path: Path) -> Clients:
    """The clients of a YAML or JSON file. Raises ClientsWrong."""
    report = Report()
    try:
        document = read_document(str(path), path.read_bytes(), report)
    except OSError as error:
        raise ClientsWrong(f"{path}: {error.strerror}") from None
    _raise(report)
    if document is None:
        raise ClientsWrong(f"{path}: there is nothing in it")
    try:
        return Clients(ClientsFile.model_validate(document.data), document, path.parent)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        spoilt = {detail["loc"][:1] for detail in details if len(detail["loc"]) > 1}
        for detail in details:
            # A list in which nothing is right counts as empty.
            if detail["type"] != "too_short" or detail["loc"] not in spoilt:
                report.note(_finding(document, detail))
    _raise(report)
    raise ClientsWrong(f"{path}: it cannot be used")


def _finding(document: Document, detail: Any) -> FileFinding:
    path = tuple(part for part in detail["loc"] if part not in {"str", "dict[str,any]", "[key]"})
    text = _TEXTS.get(detail["type"], own_words(detail))
    return document.finding(Fault(path, text[:1].lower() + text[1:]))


def _raise(report: Report) -> None:
    if report.findings:
        raise ClientsWrong("\n".join(map(str, report.findings)))
