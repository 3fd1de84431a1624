"""What keeps a server with authentication from starting; each text says where and what to do, and shows no secret."""

from __future__ import annotations


class AccessWrong(Exception):
    """Root of them."""


class ClientsWrong(AccessWrong):
    """The clients file cannot be used; the text has everything that is wrong, a line each."""


class KeyUnusable(AccessWrong):
    """A key that cannot be read or must not be used."""


class TlsUnusable(AccessWrong):
    """A certificate or its key cannot be used."""


class UnsafeBinding(AccessWrong):
    """The address can be reached from other machines, and what goes there is not protected."""
