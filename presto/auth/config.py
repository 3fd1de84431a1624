"""The clients file: who may ask for tokens, and what they may do with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from presto.auth.errors import KeyUnusable
from presto.auth.keys import VerificationKey, public_key
from presto.auth.secret import check_form

Role = Literal["read", "operate", "admin"]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
"""Taken as it is by HTTP Basic, forms and log lines."""
TenantName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_AUDIENCE = "urn:lso-testbed:presto"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Client(_Model):
    """A client: how it proves who it is (a secret, a key, or the tokens of an outside issuer) and what it may do."""

    id: ClientId
    secret: Annotated[str, AfterValidator(check_form)] | None = Field(default=None, repr=False)
    public_key: str | dict[str, Any] | None = None
    issuer: str | None = None
    scopes: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    tenant: TenantName | None = None

    @field_validator("public_key")
    @classmethod
    def _key(cls, value: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        if value is not None:
            _checked_key(value)
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not (self.secret or self.public_key or self.issuer):
            raise ValueError("the client cannot prove who it is: give secret, public_key or issuer")
        if self.issuer and (self.secret or self.public_key):
            raise ValueError("a client of an outside issuer gets its tokens there: leave secret and public_key out")
        if not (self.scopes or self.roles):
            raise ValueError("the client may do nothing: give roles or scopes")
        return self

    @property
    def key(self) -> VerificationKey | None:
        """The key that its assertions are signed with."""
        return public_key(self.public_key) if self.public_key else None


class Tenant(_Model):
    """A tenant, and the UNIs (by id or name) that are its alone."""

    unis: tuple[str, ...] = ()


class Issuer(_Model):
    """An outside issuer whose access tokens (RFC 9068) are accepted; `jwks` is the file with its public keys."""

    issuer: Annotated[str, StringConstraints(min_length=1)]
    jwks: Path
    audience: str | None = None


def _checked_issuer(value: str) -> str:
    """RFC 8414 section 2; http is for the one who tries things out on his own machine."""
    try:
        url = urlsplit(value)
        wrong = bool(url.query or url.fragment or url.username or not url.hostname or url.port == 0)
    except ValueError:
        wrong = True
    if wrong or not (url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK)):
        raise ValueError("an issuer is an https URL without query and fragment, such as https://lso.example")
    return value


class ClientsFile(_Model):
    """The whole file. `token_lifetime` is in seconds.

    `issuer` is the URL that clients know this server by, where it cannot see that itself, as behind a proxy.
    """

    issuer: Annotated[str, AfterValidator(_checked_issuer)] | None = None
    audience: Annotated[str, StringConstraints(min_length=1)] = _AUDIENCE
    token_lifetime: int = Field(default=900, ge=30, le=86400)
    clients: tuple[Client, ...] = Field(min_length=1)
    tenants: dict[TenantName, Tenant] = {}
    issuers: tuple[Issuer, ...] = ()


def _checked_key(value: str | dict[str, Any]) -> None:
    try:
        public_key(value)
    except KeyUnusable as error:
        raise ValueError(str(error)) from None
