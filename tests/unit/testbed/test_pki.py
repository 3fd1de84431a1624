from __future__ import annotations

import os
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from testbed.pki import Authority, Pair, write_private


def handshake(folder: Path, server: Pair, client: Pair, trusted: bytes, name: str) -> None:
    """One TLS connection with both sides checked; raises ``ssl.SSLError`` as the client sees it."""
    for stem, pair in (("server", server), ("client", client)):
        write_private(folder / f"{stem}.pem", pair.certificate)
        write_private(folder / f"{stem}.key", pair.key)
    write_private(folder / "ca.pem", trusted)
    ours, theirs = socket.socketpair()
    listening = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
    listening.verify_mode = ssl.CERT_REQUIRED
    listening.load_cert_chain(folder / "server.pem", folder / "server.key")

    def serve() -> None:
        try:
            with listening.wrap_socket(theirs, server_side=True) as stream:
                stream.sendall(b"hello")
        except ssl.SSLError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    calling = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    calling.load_cert_chain(folder / "client.pem", folder / "client.key")
    try:
        with calling.wrap_socket(ours, server_hostname=name) as stream:
            assert stream.recv(16) == b"hello"
    finally:
        ours.close()
        thread.join()


def test_both_ends_accept_what_the_authority_signed(tmp_path: Path) -> None:
    authority = Authority.create("lab x")
    server, client = authority.issue("site-a", ["172.30.1.2"]), authority.issue("orchestrator")
    handshake(tmp_path, server, client, authority.certificate, "172.30.1.2")


@pytest.mark.parametrize("fault", ["other-address", "foreign-server", "foreign-client"])
def test_anything_else_is_refused(tmp_path: Path, fault: str) -> None:
    authority, foreign = Authority.create("lab x"), Authority.create("lab y")
    server = (foreign if fault == "foreign-server" else authority).issue("site-a", ["172.30.1.2"])
    client = (foreign if fault == "foreign-client" else authority).issue("orchestrator")
    name = "172.30.1.3" if fault == "other-address" else "172.30.1.2"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(tmp_path, server, client, authority.certificate, name)


def test_certificates_are_p256_with_their_names() -> None:
    pair = Authority.create("lab x").issue("site-a", ["10.0.0.1"], ["site-a"])
    certificate = x509.load_pem_x509_certificate(pair.certificate)
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["site-a"]


def test_a_private_file_is_private_even_where_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old and public")
    path.chmod(0o644)
    before = os.umask(0)
    try:
        write_private(path, b"secret")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == b"secret"
