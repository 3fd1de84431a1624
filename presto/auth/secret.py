"""Client secrets: made once, shown once, and kept as what scrypt (RFC 7914) makes of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

_N, _R, _P, _LENGTH = 1 << 14, 8, 1, 32
"""16 MiB and some tens of milliseconds for each try."""
_LARGEST_N = 1 << 17


def new_secret() -> str:
    """A secret of 256 bits, in letters that every header and form takes, known for what it is by how it begins."""
    return f"lso_{secrets.token_urlsafe(32)}"


def hashed(secret: str) -> str:
    """`scrypt$N$r$p$salt$hash`, as it stands in the clients file."""
    salt = secrets.token_bytes(16)
    derived = hashlib.scrypt(secret.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=_LENGTH)
    return "$".join(("scrypt", str(_N), str(_R), str(_P), _text(salt), _text(derived)))


def check_form(text: str) -> str:
    """The text, when it is a hash of ours. Raises ValueError, which does not repeat it: it may be a bare secret."""
    _parts(text)
    return text


def matches(secret: str, kept: str) -> bool:
    """Whether a secret is the one that was hashed; takes the same time for every wrong one."""
    n, r, p, salt, expected = _parts(kept)
    derived = hashlib.scrypt(
        secret.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r + (1 << 20), dklen=len(expected)
    )
    return hmac.compare_digest(derived, expected)


def _parts(text: str) -> tuple[int, int, int, bytes, bytes]:
    wrong = ValueError("is no hash of a secret; `lso client add` makes one")
    try:
        kind, n, r, p, salt, derived = text.split("$")
        numbers = int(n), int(r), int(p)
        found = (*numbers, _bytes(salt), _bytes(derived))
    except (ValueError, binascii.Error):
        raise wrong from None
    power_of_two = numbers[0] & (numbers[0] - 1) == 0
    in_range = 1 < numbers[0] <= _LARGEST_N and power_of_two and numbers[1:] == (_R, _P)
    if kind != "scrypt" or not in_range or len(found[3]) < 16 or len(found[4]) != _LENGTH:
        raise wrong
    return found


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


UNKNOWN = "$".join(
    ("scrypt", str(_N), str(_R), str(_P), _text(secrets.token_bytes(16)), _text(secrets.token_bytes(_LENGTH)))
)
"""What the secret of an unknown client is compared with, so that it takes as long as that of a known one."""
