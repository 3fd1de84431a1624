"""What a run's report keeps of the orchestrator: the templates that sites are made from, and the plans made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from lso.catalogue import catalogue
from orchestrator.plan import dump_plan
from orchestrator.store import Store
from presto.domain.settings import Settings
from presto.persistence.tables import orchestrator_url

SECRET = frozenset({"private_key", "psk"})
"""Members of intents (``vnfs/contract``) that prove who a gateway is."""


def templates(products: Mapping[str, Mapping[str, str]]) -> dict[str, Path]:
    """Return the files of the template that sites are made from, by the names that findings give them.

    The descriptors of *products*, site → kind → name, are among them.
    """
    files = dict[str, Path]()
    for chosen in ({}, *products.values()):
        sources = catalogue().template(Settings().template, chosen).sources
        names = (document.name for document in sources.documents)
        files |= {name: path for name, (path, _) in zip(names, sources.digests, strict=True)}
    return files


def plans(database: Path) -> dict[str, Any]:
    """Return the plan of each uCPE as the API with that *database* file has it, without secrets."""
    store = Store(orchestrator_url(create_engine(f"sqlite:///{database}")))
    try:
        records = [entry for service in store.services() for entry in service.records.items()]
    finally:
        store.close()
    return {ucpe: without_secrets(dump_plan(record.plan)) for ucpe, record in records if record.plan}


def without_secrets(value: Any) -> Any:
    """Return the JSON *value* with every secret member taken out."""
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items() if key not in SECRET}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value
