"""Where a server can be reached and over what: TLS with a CA made on the spot, and what is refused to be bound."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from lso.__main__ import main
from presto.auth.access import Access, Tls
from presto.auth.errors import TlsUnusable, UnsafeBinding
from presto.auth.security import Security
from presto.service.core import Core
from presto.web import guards
from presto.web.app import create_app
from presto.web.connections import Bounds
from presto.web.guards import LOOPBACK_HOSTS
from presto.web.server import BackgroundServer

from .conftest import SECRET


class Authority:
    """A CA in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(
            self._sign(self._name, self._key, authority=True).public_bytes(serialization.Encoding.PEM)
        )

    def issue(self, subject_name: str, *addresses: str, name: str = "", key: Any = None) -> tuple[Path, Path]:
        """A certificate for addresses, and for a name where one is given, and its key."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject_name)])
        certificate, key_file = (self._folder / f"{subject_name}-{kind}.pem" for kind in ("cert", "key"))
        certificate.write_bytes(
            self._sign(subject, key, *addresses, name=name).public_bytes(serialization.Encoding.PEM)
        )
        form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
        return certificate, key_file

    def _sign(
        self, subject: x509.Name, key: Any, *addresses: str, name: str = "", authority: bool = False
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if addresses:
            import ipaddress

            names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
            names += [x509.DNSName(name)] if name else []
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


def trusting(ca: Path, certificate: Path | None = None, key: Path | None = None) -> httpx.Client:
    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(certificate, key)
    return httpx.Client(verify=context)


def test_a_token_and_an_answer_over_tls(
    authority: Authority, new_core: Callable[..., Core], security: Security, tmp_path: Path
) -> None:
    tls = Tls(*authority.issue("server", "127.0.0.1"))
    with BackgroundServer(create_app(new_core(), security=security), tls=tls) as server:
        assert server.url.startswith("https://127.0.0.1:")
        with trusting(authority.file) as http:
            assert http.get(f"{server.url}/docs").headers["strict-transport-security"] == "max-age=31536000"
            form = {"grant_type": "client_credentials", "client_id": "operator", "client_secret": SECRET}
            token = http.post(f"{server.url}/oauth2/token", data=form).json()["access_token"]
            path = f"{server.url}/mefApi/legato/serviceInventory/v7/service"
            assert http.get(path, headers={"authorization": f"Bearer {token}"}).status_code == 200
            metadata = http.get(f"{server.url}/.well-known/oauth-authorization-server").json()
            assert metadata["token_endpoint"] == f"{server.url}/oauth2/token"
        with trusting(Authority(tmp_path, "other").file) as http, pytest.raises(httpx.ConnectError):
            http.get(server.url)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(server.url.replace("https", "http"))


OLDER = {
    "AES128-GCM-SHA256": False,  # the key is sent under the certificate's own: who gets that later reads it all
    "AES256-SHA": False,
    "ECDHE-RSA-AES128-SHA": False,
    "ECDHE-RSA-AES256-GCM-SHA384": True,
    "ECDHE-RSA-CHACHA20-POLY1305": True,
}


def test_tls_1_2_has_forward_secrecy_and_authenticated_encryption(
    authority: Authority, new_core: Callable[..., Core]
) -> None:
    """RFC 9325 section 4.1."""
    tls = Tls(*authority.issue("server", "127.0.0.1", key=rsa.generate_private_key(65537, 2048)))
    with BackgroundServer(create_app(new_core()), tls=tls) as server:
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        for cipher, taken in OLDER.items():
            context = ssl.create_default_context(cafile=authority.file)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(f"{cipher}:@SECLEVEL=0")
            with socket.create_connection(address, timeout=10) as plain:
                if taken:
                    with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                        assert secure.cipher()[0] == cipher  # type: ignore[index]  # it has one
                else:
                    with pytest.raises((ssl.SSLError, ConnectionError)):
                        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_who_never_ends_a_handshake_keeps_nobody_out(authority: Authority, new_core: Callable[..., Core]) -> None:
    tls, bounds = Tls(*authority.issue("server", "127.0.0.1")), Bounds(connections=8)
    with BackgroundServer(create_app(new_core()), tls=tls, bounds=bounds) as server, trusting(authority.file) as http:
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        silent = [socket.create_connection(address, timeout=10) for _ in range(50)]
        assert http.get(f"{server.url}/presto-sdwan/v1/service").status_code == 200
        silent[0].settimeout(10)
        with suppress(ConnectionError):
            assert silent[0].recv(1) == b"", "the first one still has its place"
        for connection in silent:
            connection.close()


def test_a_handshake_has_its_time(authority: Authority, new_core: Callable[..., Core]) -> None:
    tls, bounds = Tls(*authority.issue("server", "127.0.0.1")), Bounds(header_timeout=0.3)
    with BackgroundServer(create_app(new_core()), tls=tls, bounds=bounds) as server:
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        with socket.create_connection(address, timeout=10) as silent, suppress(ConnectionError):
            assert silent.recv(1) == b""


def test_mutual_tls(authority: Authority, new_core: Callable[..., Core], security: Security, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    tls = Tls(*authority.issue("server", "127.0.0.1"), client_ca=authority.file)
    with BackgroundServer(create_app(new_core(), security=security), tls=tls) as server:
        url = f"{server.url}/.well-known/jwks.json"
        with trusting(authority.file, *authority.issue("client")) as http:
            assert http.get(url).status_code == 200
        for certificate in ((), stranger.issue("evil")):
            with trusting(authority.file, *certificate) as http, pytest.raises(httpx.TransportError):
                http.get(url)


CLIENTS, TLS = Path("clients.yaml"), Tls(Path("c.pem"), Path("k.pem"))
OUTSIDE = ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"]  # noqa: S104


@pytest.mark.parametrize("address", OUTSIDE)
@pytest.mark.parametrize(
    ("access", "told"),
    [
        (Access(), "authentication is off: name the clients with --auth"),
        (Access(tls=TLS), "authentication is off"),
        (Access(plain=True), "authentication is off"),
        (Access(CLIENTS), "tokens would go there in the clear: give --tls-certificate"),
        (Access(CLIENTS, TLS), None),
        (Access(CLIENTS, plain=True), None),
    ],
)
def test_addresses_that_others_reach(access: Access, told: str | None, address: str) -> None:
    access.check_binding("localhost", ["127.0.0.1", "::1"])
    if told is None:
        access.check_binding(address, [address])
    else:
        with pytest.raises(UnsafeBinding, match=f"can be reached from other machines, and {told}"):
            access.check_binding(address, ["127.0.0.1", address])


def test_keys_and_certificates_that_cannot_be_used(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("server", "127.0.0.1")
    _, other = authority.issue("other")
    locked = tmp_path / "locked.pem"
    form = (serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x"))
    locked.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(serialization.Encoding.PEM, *form))
    missing, text = tmp_path / "missing.pem", tmp_path / "text.pem"
    text.write_text("CANARY")
    Tls(certificate, key, authority.file).context()
    for tls, told in (
        (Tls(certificate, other), "no certificate in PEM with its key"),
        (Tls(certificate, locked), "without a passphrase"),
        (Tls(missing, key), "No such file"),
        (Tls(text, key), "no certificate in PEM"),
        (Tls(certificate, key, missing), "No such file"),
        (Tls(certificate, key, text), "no CA certificates in PEM"),
    ):
        with pytest.raises(TlsUnusable, match=told):
            tls.context()


def test_host_names_are_a_setting(new_core: Callable[..., Core], security: Security) -> None:
    access = Access(CLIENTS, TLS, host_names=("LSO.example.",))
    assert access.hosts("192.0.2.1") == {"lso.example", "192.0.2.1"}
    assert access.hosts("2001:db8::1") == {"lso.example", "[2001:db8::1]"}
    assert access.hosts("0.0.0.0") == {"lso.example"}  # noqa: S104
    app = create_app(new_core(), hosts=LOOPBACK_HOSTS | access.hosts("192.0.2.1"), security=security)
    with BackgroundServer(app) as server:
        for host, status in (("lso.example:8181", 200), ("192.0.2.1", 200), ("localhost", 200), ("evil.example", 403)):
            answer = httpx.get(f"{server.url}/.well-known/jwks.json", headers={"host": host})
            assert answer.status_code == status, host


@pytest.mark.parametrize("key", ["", "Idempotency-Key: slow\r\n"], ids=["", "key"])
def test_a_body_that_does_not_arrive(new_core: Callable[..., Core], monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr(guards, "BODY_SECONDS", 0.2)
    paths = {
        "/restconf/operations/get-topology-list": b'"ietf-restconf:errors"',
        "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder": b'"reason"',
        "/presto-sdwan/v1/edge": b'"urn:lso:problem:request-timeout"',
    }
    with BackgroundServer(create_app(new_core())) as server:
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        for path, form in paths.items():
            with socket.create_connection(address, timeout=10) as slow:
                headers = f"Host: 127.0.0.1\r\n{key}Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{{"
                slow.sendall(f"POST {path} HTTP/1.1\r\n{headers}".encode())
                answer = b""
                while part := slow.recv(4096):
                    answer += part
            assert answer.startswith(b"HTTP/1.1 408"), answer
            assert form in answer


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--tls-certificate", "c.pem"], "TLS needs --tls-certificate and --tls-key"),
        (["--tls-client-ca", "c.pem"], "TLS needs --tls-certificate and --tls-key"),
        (["--rate", "-1"], "--rate is 0 to"),
        (["--auth", "missing.yaml"], "missing.yaml: No such file"),
        (["--auth", "missing.yaml", "--host", "192.0.2.1"], "tokens would go there in the clear"),
        (["--tls-certificate", "c.pem", "--tls-key", "k.pem"], "c.pem with k.pem: No such file"),
    ],
)
def test_the_verb_tells_what_is_wrong(
    inventory: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    file = tmp_path / "inventory.json"
    file.write_text(inventory.model_dump_json(), encoding="utf-8")
    assert main(["serve", "--inventory", str(file), "--port", "0", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.glob("*.db"))
