"""The clients file: everything that is wrong at once, with its place; and the verb that keeps it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lso.__main__ import main
from presto.auth import secret
from presto.auth.clients import read_clients
from presto.auth.errors import ClientsWrong, KeyUnusable
from presto.auth.keys import public_key, signing_key
from presto.auth.security import Security, key_file
from presto.service.core import Core
from presto.web.app import create_app

from .conftest import CLIENT_KEY, HASHED, SECRET, clients_file, pem

Write = Callable[[Any], Path]
FORM = f"""\
token_lifetime: 5
clients:
  - id: a b
    secret: {HASHED}
    roles: [read]
  - id: bare
    secret: CANARY-bare-secret
    roles: [reed]
  - id: none
    scopes: [listServiceOrder]
  - id: idle
    secret: {HASHED}
  - id: key
    public_key: {{kty: oct, k: Q0FOQVJZ}}
    rolls: [read]
    roles: [read]
surprise: 1
"""
FORM_FINDINGS = [
    "2:1: clients",
    "3:5: clients[0].id: string should match pattern",
    "7:5: clients[1].secret: is no hash of a secret; `lso client add` makes one",
    "8:5: clients[1].roles[0]: input should be 'read', 'operate' or 'admin'",
    "9:5: clients[2]: the client cannot prove who it is: give secret, public_key or issuer",
    "11:5: clients[3]: the client may do nothing: give roles or scopes",
    "14:5: clients[4].public_key: is no public key; give the public half only",
    "15:5: clients[4].rolls: there is no such key here",
    "17:1: surprise: there is no such key here",
    "1:1: token_lifetime: input should be greater than or equal to 30",
]


def test_the_form_is_told_at_once_and_shows_no_secret(write_clients: Write) -> None:
    path = write_clients(FORM)
    with pytest.raises(ClientsWrong) as told:
        read_clients(path)
    text = str(told.value)
    missing = [found for found in FORM_FINDINGS[1:] if found.split(": ", 1)[1] not in text]
    assert not missing, text
    assert "CANARY" not in text
    assert HASHED not in text
    for line in text.splitlines():
        assert line.startswith(f"{path}:"), line


def test_what_is_not_there_is_told_at_once(write_clients: Write, new_core: Callable[..., Core], tmp_path: Path) -> None:
    document = clients_file()
    document["clients"] += [
        {"id": "operator", "secret": HASHED, "scopes": ["listServiceOrders"], "tenant": "acmee"},
        {"id": "lost", "issuer": "https://nobody.example", "roles": ["read"]},
    ]
    document["tenants"] |= {"third": {"unis": ["site-a-lan0", "site-aa-lan0"]}}
    security = Security(read_clients(write_clients(document)), signing_key(tmp_path / "key.pem"))
    with pytest.raises(ClientsWrong) as told:
        create_app(new_core(), security=security)
    lines = str(told.value).splitlines()
    places = [line.split(": ", 1)[1] for line in lines]
    assert sorted(places) == sorted(
        [
            "clients[7].id: client operator is there twice",
            'clients[7].tenant: there is no tenant "acmee" under tenants (Did you mean "acme"?)',
            'clients[7].scopes[0]: no operation has the scope "listServiceOrders" (Did you mean "listServiceOrder"?)',
            'clients[8].issuer: there is no issuer "https://nobody.example" under issuers '
            '(Did you mean "https://idp.example"?)',
            "tenants.third.unis[0]: UNI site-a-lan0 belongs to tenant acme already",
            'tenants.third.unis[1]: there is no UNI "site-aa-lan0" (Did you mean "site-a-lan0"?)',
        ]
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("clients: [", "expected node content"),
        ("clients: !!python/object/apply:os.system [id]", "tag"),
        ("clients: []", "at least one is needed"),
        ("- a", "valid dictionary"),
        ("clients: 1", "valid tuple"),
    ],
)
def test_files_that_are_none(write_clients: Write, text: str, told: str) -> None:
    with pytest.raises(ClientsWrong, match=told):
        read_clients(write_clients(text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ClientsWrong, match="No such file"):
        read_clients(tmp_path / "clients.yaml")


def test_json_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "clients.json"
    path.write_text(json.dumps({"clients": [{"id": "a", "roles": ["read"], "secret": HASHED}]}))
    assert read_clients(path).file.clients[0].roles == ("read",)


@pytest.mark.parametrize("keys", ["", "{}", '{"keys": [{"kty": "RSA"}]}', '{"keys": 1}', None])
def test_keys_of_an_outside_issuer_that_cannot_be_used(write_clients: Write, tmp_path: Path, keys: str | None) -> None:
    clients = read_clients(write_clients(clients_file()))
    file = tmp_path / "outside.json"
    file.unlink() if keys is None else file.write_text(keys)
    with pytest.raises(ClientsWrong, match=r"outside\.json: keys of issuer https://idp\.example"):
        Security(clients, signing_key(tmp_path / "key.pem"))


def test_secrets() -> None:
    assert secret.matches(SECRET, HASHED)
    assert not secret.matches(SECRET + "x", HASHED)
    assert not secret.matches(SECRET, secret.UNKNOWN)
    assert secret.hashed(SECRET) != HASHED, "a salt of its own"
    parts = HASHED.split("$")
    for number, value in ((0, "md5"), (1, "3"), (1, "1048576"), (2, "64"), (4, "YQ"), (5, "YQ"), (5, "!")):
        changed = "$".join([*parts[:number], value, *parts[number + 1 :]])
        with pytest.raises(ValueError, match="is no hash of a secret"):
            secret.check_form(changed)


def test_the_signing_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "presto-token-key.pem"
    made = signing_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing_key(path).kid == made.kid
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    path.chmod(0o640)
    with pytest.raises(KeyUnusable, match="others can read"):
        signing_key(path)
    path.chmod(0o600)
    path.write_text("CANARY")
    with pytest.raises(KeyUnusable, match="no private key in PEM"):
        signing_key(path)


@pytest.mark.parametrize(
    ("database", "name"),
    [
        ("/var/lib/lso/presto.db", "/var/lib/lso/presto-token-key.pem"),
        ("sqlite:////var/lib/lso/other.db", "/var/lib/lso/other-token-key.pem"),
        ("postgresql+psycopg://lso@db/lso", "/etc/lso/token-key.pem"),
    ],
)
def test_where_the_signing_key_lies(database: str, name: str) -> None:
    assert str(key_file(Path("/etc/lso/clients.yaml"), database)) == name


def test_weak_keys_are_not_taken() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP521R1())):  # noqa: S505
        with pytest.raises(KeyUnusable, match="unsupported key type"):
            public_key(pem(key))


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, key = tmp_path / "clients.yaml", tmp_path / "robot.pem"
    key.write_text(pem(CLIENT_KEY))
    assert (
        main(["client", "add", str(path), "portal", "--role", "operate", "--tenant", "acme", "--uni", "site-a-lan0"])
        == 0
    )
    shown = capsys.readouterr().out.split("client_secret: ")[1].split()[0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert shown not in path.read_text()
    assert main(["client", "add", str(path), "robot", "--role", "admin", "--public-key", str(key)]) == 0
    assert "client_secret" not in capsys.readouterr().out
    clients = read_clients(path)
    portal = clients.find("portal")
    assert portal is not None
    assert portal.secret is not None
    assert secret.matches(shown, portal.secret)
    assert clients.file.tenants["acme"].unis == ("site-a-lan0",)
    before = path.read_text()
    assert main(["client", "add", str(path), "portal"]) == 2, "no rights"
    assert main(["client", "add", str(path), "x", "--role", "read", "--uni", "site-a-lan0"]) == 2, "no tenant"
    assert main(["client", "remove", str(path), "nobody"]) == 2
    assert path.read_text() == before
    assert main(["client", "remove", str(path), "portal"]) == 0
    assert [client["id"] for client in yaml.safe_load(path.read_text())["clients"]] == ["robot"]
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []
