"""What the user got wrong: exit code 2, what and where in a sentence, nothing of the inside, no secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.southbound.memory_inventory import memory_inventory


@pytest.mark.parametrize("verb", [["serve", "--lab", "nope"], ["exec", "nope", "a1"], ["down", "nope"]])
def test_a_lab_that_does_not_run(lso: Any, verb: list[str]) -> None:
    ran = lso(*verb)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("lso: no lab 'nope' runs; running labs: ")
    assert ran.err.count("\n") == 1


def test_an_inventory_that_is_not_there(lso: Any, tmp_path: Path) -> None:
    ran = lso("serve", "--port", "0", "--inventory", str(tmp_path / "none.json"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"lso: {tmp_path / 'none.json'}: cannot be read: No such file or directory\n"


def test_findings_of_a_scenario_begin_with_their_place(lso: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").touch()
    ran = lso("up", str(tmp_path / "empty.yaml"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"{tmp_path / 'empty.yaml'}:1:1: ")
    assert ran.err.endswith("lso: 1 finding, nothing was started\n")


def test_help_shows_an_example_of_two_lines_as_two(lso: Any) -> None:
    assert "--host-name lso.example \\\n      --tls-certificate" in lso("serve", "--help").out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        *((["order", "list", "--limit", text], "is not a whole number from 1 to 1000000") for text in ("0", "-1", "x")),
        (["order", "list", "--limit", "9" * 5000], "is not a whole number from 1 to 1000000"),
        *(
            (["serve", "--inventory", "x", f"--port={text}"], "is no port from 0 to 65535")
            for text in ("65536", "-1", "x", "9" * 5000)
        ),
        *(
            (["serve", "--inventory", "x", f"--listeners={text}"], "is no number from 1 to 999999999")
            for text in ("0", "1000000000", "x", "9" * 5000)
        ),
        *(
            (["serve", "--inventory", "x", f"--host-name={text}"], "is no host name, such as lso.example")
            for text in ("a b", "", "a:80", "a/", "a..b", "ü.example", "2001:db8::1", "[lso]", "a" * 254)
        ),
        (["serve", "--inventory", "x", "--keep-answers", "x"], "x is not between 0 and 8784 hours"),
        (["serve", "--inventory", "x", "--callback-allow", "x"], "x is no network, such as 192.0.2.0/24"),
        (["serve", "--inventory", "x", "--callback-allow", "1.2.3.4/8"], "1.2.3.4/8 is no network, such as 192"),
    ],
)
def test_values_that_are_none(lso: Any, arguments: list[str], told: str) -> None:
    ran = lso(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err and "invalid" not in ran.err


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://user:secretpw@127.0.0.1:18181", "lso: the URL of the server has a user or a password"),
        ("http://user:secretpw/@127.0.0.1", "lso: the URL of the server has a user or a password"),
        ("http://127.0.0.1:99999", "lso: http://127.0.0.1:99999 is no base of a server: a port is 1 to 65535"),
        ("http://127.0.0.1:0", "lso: http://127.0.0.1:0 is no base of a server: a port is 1 to 65535"),
    ],
)
def test_servers_that_cannot_be(lso: Any, url: str, told: str) -> None:
    ran = lso("order", "list", "--url", url)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(told) and "secretpw" not in ran.err


@pytest.mark.parametrize("name", ["lso.example", "LSO.example.", "a_b-1", "192.0.2.1", "[2001:db8::1]"])
def test_host_names_that_can_be(lso: Any, name: str) -> None:
    ran = lso("serve", "--inventory", "x", "--host-name", name)
    assert (ran.code, ran.err) == (2, "lso: x: cannot be read: No such file or directory\n")


def test_a_client_whose_id_is_none(lso: Any, tmp_path: Path) -> None:
    ran = lso("client", "add", str(tmp_path / "new.yaml"), "bad id", "--role", "read")
    assert ran.code == 2
    assert [line.split(": ")[-2] for line in ran.err.splitlines()] == ["clients[0].id"]


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    """The file of a good inventory."""
    file = tmp_path / "inventory.json"
    file.write_text(memory_inventory(2).model_dump_json(), encoding="utf-8")
    return str(file)


def test_a_template_that_there_is_not(lso: Any, inventory: str, tmp_path: Path) -> None:
    ran = lso("serve", "--inventory", inventory, "--template", "nope", "--port", "0")
    known = "gateway-site, poc-site, statistics-first-site"
    assert (ran.code, ran.out, ran.err) == (2, "", f"lso: there is no template nope (Known: {known})\n")
    assert [path.name for path in tmp_path.iterdir()] == ["inventory.json"], "nothing was begun"


@pytest.mark.parametrize(
    ("product", "told"),
    [
        ("site-00001:firewall=nope", "there is no product nope (Known: "),
        ("site-a:firewall=nope", 'uCPE site-a is not in the inventory (Did you mean "site-00002"?)'),
        ("firewall=nope", "--product 'firewall=nope' is not as in site-a:firewall=NAME"),
        ("site-00001:firewall", "--product 'site-00001:firewall' is not as in site-a:firewall=NAME"),
    ],
)
def test_a_product_that_there_is_not(lso: Any, inventory: str, product: str, told: str) -> None:
    ran = lso("serve", "--inventory", inventory, "--product", product, "--port", "0")
    assert ran.code == 2
    assert told in ran.err


def test_a_product_that_is_chosen_twice(lso: Any, inventory: str) -> None:
    twice = ["--product", "site-00001:firewall=a", "--product", "site-00001:firewall=b"]
    ran = lso("serve", "--inventory", inventory, *twice, "--port", "0")
    assert (ran.code, ran.err) == (2, "lso: --product site-00001:firewall is given twice\n")


@pytest.mark.parametrize(
    ("products", "told"),
    [
        (
            ["x", "site-00001:firewall=", "site-00001:ipsec=a", "site-00001:ipsec=b"],
            ["'x' is not as in", "'site-00001:firewall=' is not as in", "site-00001:ipsec is given twice"],
        ),
        (
            ["site-a:firewall=nope", "site-00001:firewall=nftable", "site-00002:ipsec=iptables"],
            [
                "uCPE site-a is not in the inventory",
                "site-a:firewall: there is no product nope",
                'site-00001:firewall: there is no product nftable (Did you mean "nftables"?)',
                "site-00002:ipsec: iptables is a product of the kind firewall, not ipsec",
            ],
        ),
    ],
)
def test_all_that_is_wrong_with_products_is_told_at_once(
    lso: Any, inventory: str, products: list[str], told: list[str]
) -> None:
    given = [word for product in products for word in ("--product", product)]
    ran = lso("serve", "--inventory", inventory, *given, "--port", "0")
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert len(lines) == len(told), ran.err
    assert all(text in line for text, line in zip(told, lines, strict=True)), ran.err


_PORT = "the port in its URL is no number from 1 to 65535 (postgresql+psycopg://USER:PASSWORD@HOST:PORT/NAME)"
_FILE = "SQLite keeps it in a file: write sqlite:////PATH, or the path alone"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        *((f"postgresql+psycopg://lso:secretpw@127.0.0.1:{port}/lso", _PORT) for port in ("abc", "0", "65536")),
        ("postgresql+psycopg://lso:secretpw/lso", _PORT),
        ("postgresql+psycopg://lso:secretpw@[::1/lso", _PORT),
        ("sqlite:///lso.db?timeout=secretpw", "an option in its URL has a value of the wrong kind"),
        *((url, _FILE) for url in ("sqlite://", "sqlite:///", "sqlite:///:memory:")),
    ],
)
def test_databases_that_cannot_be(
    lso: Any, inventory: str, url: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LSO_DATABASE", url)  # on the command line a password is warned of as well
    ran = lso("serve", "--inventory", inventory, "--port", "0")
    assert (ran.code, ran.out, ran.err) == (2, "", f"lso: cannot open the database: {told}\n")
