"""The password of the maintainers' page, kept as a scrypt hash (RFC 7914)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

LEAST, MOST = 10, 200  # characters
_COST, _BLOCK, _LANES = 2**15, 8, 1  # 32 MB and about 0.1 s a try


def hashed(password: str, cost: int = _COST) -> str:
    """What `[admin] password_hash` holds for a password."""
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, cost, _BLOCK, _LANES)
    return f"scrypt${cost}${_BLOCK}${_LANES}${_text(salt)}${_text(digest)}"


def is_right(password: str, stored: str) -> bool:
    """Whether the password is the one that was hashed."""
    _, cost, block, lanes, salt, wanted = stored.split("$")
    found = _scrypt(password, base64.urlsafe_b64decode(f"{salt}=="), int(cost), int(block), int(lanes))
    return hmac.compare_digest(_text(found), wanted)


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    memory = 256 * cost * block  # twice what it takes
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=block, p=lanes, maxmem=memory, dklen=32)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
