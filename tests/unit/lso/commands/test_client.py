"""``lso client``: what it lists, what its help says, and files that cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def clients(lso: Any, tmp_path: Path) -> Path:
    file = tmp_path / "clients.yaml"
    assert lso("client", "add", str(file), "portal", "--role", "operate", "--role", "read").code == 0
    arguments = ["--scope", "serviceFind", "--tenant", "acme", "--uni", "site-a-lan0"]
    assert lso("client", "add", str(file), "acme", *arguments).code == 0
    return file


def test_the_list_has_each_client_and_no_secret(lso: Any, clients: Path) -> None:
    ran = lso("client", "list", str(clients))
    assert ran.code == 0
    head, *rows = [line.split() for line in ran.out.splitlines()]
    assert head == ["id", "tenant", "roles", "scopes", "proves", "itself", "by"]
    assert rows == [["portal", "operate,", "read", "secret"], ["acme", "acme", "serviceFind", "secret"]]
    assert "scrypt" not in ran.out and "lso_" not in ran.out
    assert json.loads(lso("client", "list", str(clients), "--json").out)[1] == {
        "id": "acme",
        "tenant": "acme",
        "roles": [],
        "scopes": ["serviceFind"],
        "proves itself by": ["secret"],
    }
    assert lso("client", "remove", str(clients), "portal").code == 0
    assert "portal" not in lso("client", "list", str(clients)).out


@pytest.mark.parametrize("action", ["list", "add", "remove"])
def test_each_action_has_a_description_and_its_examples(lso: Any, action: str) -> None:
    ran = lso("client", action, "--help")
    assert ran.code == 0
    examples = [line for line in ran.out.partition("examples:")[2].splitlines() if line.strip()]
    assert examples and all(line.startswith(f"  lso client {action} clients.yaml") for line in examples)
    assert len(ran.out.partition("positional arguments:")[0].splitlines()) > 3, "a description stands before them"


@pytest.mark.parametrize("place", ["/proc/clients.yaml", "{folder}", "{folder}/none/clients.yaml", "{folder}/binary"])
@pytest.mark.parametrize("action", ["list", "add", "remove"])
def test_a_file_that_cannot_be_is_a_sentence(lso: Any, tmp_path: Path, place: str, action: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    path = place.format(folder=tmp_path)
    rights = ["--role", "read"] if action == "add" else []
    ran = lso("client", action, path, *([] if action == "list" else ["portal"]), *rights)
    assert (ran.code, ran.out) == (2, "")
    assert path in ran.err.splitlines()[0]
    assert "Errno" not in ran.err and "codec" not in ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_public_key_that_cannot_be_read_is_named(lso: Any, tmp_path: Path, content: bytes | None) -> None:
    key = tmp_path / "robot.pem"
    if content:
        key.write_bytes(content)
    ran = lso("client", "add", str(tmp_path / "c.yaml"), "robot", "--role", "read", "--public-key", str(key))
    assert ran.code == 2
    assert ran.err == f"lso: {key}: {'it is not text' if content else 'No such file or directory'}\n"
