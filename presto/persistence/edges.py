"""uCPEs that were enrolled at run time: kept in the database, and added to those of the inventory file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import JSON, Engine, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from common.forms import own_words
from orchestrator.inventory import Inventory, Tls, Ucpe, Uni
from orchestrator.model import InventoryError
from presto.domain.check_edges import Enrolment, TlsTexts
from presto.persistence.tables import Base
from presto.persistence.unit_of_work import UnitOfWork

_UNIS = TypeAdapter(tuple[Uni, ...])


class EdgeRow(Base):
    """A uCPE that was enrolled at run time, with its UNIs. `tls` holds PEM texts, one of them a private key: secret."""

    __tablename__ = "presto_edges"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    ucpe: Mapped[Any] = mapped_column(JSON)
    unis: Mapped[Any] = mapped_column(JSON)
    tls: Mapped[Any] = mapped_column(JSON)


class Edges:
    """The enrolled uCPEs behind an open engine. Their TLS files lie in a private folder while the server runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._folder: Path | None = None

    def close(self) -> None:
        """Remove the TLS files."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def all(self) -> tuple[Enrolment, ...]:
        """All of them, with their TLS files in place."""
        with Session(self._engine) as session:
            rows = session.scalars(select(EdgeRow).order_by(EdgeRow.id))
            return tuple(self.with_tls_files(_enrolment(row)) for row in rows)

    def save(self, unit: UnitOfWork, enrolment: Enrolment) -> None:
        """Keep one. Raises sqlalchemy.exc.IntegrityError when there is one of that id."""
        ucpe = enrolment.ucpe.model_copy(update={"tls": None})
        tls = enrolment.tls and vars(enrolment.tls)
        unis = _UNIS.dump_python(enrolment.unis, mode="json")
        unit.session.add(EdgeRow(id=ucpe.id, ucpe=ucpe.model_dump(mode="json"), unis=unis, tls=tls))

    def forget(self, unit: UnitOfWork, ucpe: Ucpe) -> bool:
        """Forget one; False when it was not enrolled. Its files stay until `remove_tls_files`."""
        gone = delete(EdgeRow).where(EdgeRow.id == ucpe.id).returning(EdgeRow.id)
        return bool(unit.session.execute(gone).all())

    def with_tls_files(self, enrolment: Enrolment) -> Enrolment:
        """The same with its TLS texts in files, as the southbound wants them, until `remove_tls_files`."""
        if enrolment.tls is None:
            return enrolment
        folder = Path(tempfile.mkdtemp(dir=self._private()))
        files = {name: folder / f"{name}.pem" for name in vars(enrolment.tls)}
        for name, text in vars(enrolment.tls).items():
            files[name].touch(mode=0o600)
            files[name].write_text(text, encoding="utf-8")
        ucpe = enrolment.ucpe.model_copy(update={"tls": Tls(**files)})
        return replace(enrolment, ucpe=ucpe)

    def remove_tls_files(self, ucpe: Ucpe) -> None:
        """Remove the TLS files of one."""
        if ucpe.tls and self._folder and ucpe.tls.key.is_relative_to(self._folder):
            shutil.rmtree(ucpe.tls.key.parent, ignore_errors=True)

    def _private(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="lso-edges-"))
        return self._folder


def joined(base: Inventory, enrolled: Iterable[Enrolment]) -> Inventory:
    """The inventory with the enrolled uCPEs. Raises InventoryError when a name stands in both."""
    enrolled = tuple(enrolled)
    values = {
        "ucpes": (*base.ucpes, *(one.ucpe for one in enrolled)),
        "unis": (*base.unis, *(uni for one in enrolled for uni in one.unis)),
    }
    try:
        return Inventory(**{**dict(base), **values})
    except ValidationError as error:
        reason = "; ".join(own_words(detail) for detail in error.errors())
        raise InventoryError(f"the inventory file and the enrolled uCPEs do not fit: {reason}") from None


def without(inventory: Inventory, ucpe: Ucpe) -> Inventory:
    """The inventory less one uCPE and its UNIs."""
    ucpes = tuple(other for other in inventory.ucpes if other is not ucpe)
    unis = tuple(uni for uni in inventory.unis if uni.ucpe != ucpe.id)
    return Inventory(**{**dict(inventory), "ucpes": ucpes, "unis": unis})


def _enrolment(row: EdgeRow) -> Enrolment:
    tls = TlsTexts(**row.tls) if row.tls else None
    return Enrolment(Ucpe.model_validate(row.ucpe), _UNIS.validate_python(row.unis), tls)
