"""Mint, sign and read the token that a cookie carries.

A token is `sid.secret` and its signature, each unpadded base64url and canonical:
one token has exactly one spelling. Reading costs no I/O, so that a forged
cookie never reaches a store.

The signature is the one of `itsdangerous.Signer(key, key_derivation="none",
digest_method=hashlib.sha256)`, which a test holds it to; it is computed here in
one call, as itsdangerous spends several times the hash on it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .keys import Mac, Purpose, derive

Entropy = Callable[[int], bytes]

SID_BYTES = 16
SECRET_BYTES = 32

# The last character of a sid carries 2 bits, that of a secret or signature 4:
# only spellings whose spare bits are zero are canonical.
SID_PATTERN = r"[A-Za-z0-9_-]{21}[AQgw]"
_DIGEST = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_TOKEN = re.compile(rf"(({SID_PATTERN})\.({_DIGEST}))\.({_DIGEST})", re.ASCII)


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Token(NamedTuple):
    """The bearer's proof: `secret` is kept out of `repr`."""

    sid: str
    secret: str

    def __repr__(self) -> str:
        return f"Token(sid={self.sid!r})"

    @property
    def secret_hash(self) -> bytes:
        """The SHA-256 of the secret, which is all a store ever holds."""
        return hashlib.sha256(self.secret.encode("ascii")).digest()


class SignedToken(NamedTuple):
    """A token with the cookie value that carried it; `stale`: signed by a fallback key."""

    token: Token
    value: str
    stale: bool

    def __repr__(self) -> str:
        return f"SignedToken(sid={self.token.sid!r})"


def text(raw: bytes) -> str:
    """Spell bytes as unpadded base64url."""
    return b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


class TokenSigner:
    """Mint, sign and read tokens; the newest key signs, the others only read."""

    __slots__ = ("_entropy", "_macs", "mark")

    def __init__(
        self, secret_keys: Sequence[bytes], prefix: str, cookie_name: str, entropy: Entropy
    ) -> None:
        """`secret_keys`: the newest first."""
        self._macs = tuple(
            Mac(derive(secret, Purpose.TOKEN, prefix, cookie_name)) for secret in secret_keys
        )
        self._entropy = entropy
        # What tells this newest key from others, and nothing else of it.
        self.mark = self._macs[0].digest()

    def mint(self, sid: str | None = None) -> Token:
        """Draw a new token; with `sid`, a new secret for that session."""
        return Token(
            text(self._entropy(SID_BYTES)) if sid is None else sid,
            text(self._entropy(SECRET_BYTES)),
        )

    def sign(self, token: Token) -> SignedToken:
        """Sign a token with the newest key."""
        body = f"{token.sid}.{token.secret}"
        return SignedToken(token, f"{body}.{_signature(self._macs[0], body)}", stale=False)

    def random_step(self) -> int:
        """Draw a number that two requests at once do not share."""
        return int.from_bytes(self._entropy(4), "big")

    def read(self, value: str) -> SignedToken | None:
        """Read a cookie's value: None when it is malformed or not signed by us."""
        found = _TOKEN.fullmatch(value)
        if found is None:
            return None
        body, sid, secret, signature = found.groups()
        for age, mac in enumerate(self._macs):
            if hmac.compare_digest(_signature(mac, body), signature):
                return SignedToken(Token(sid, secret), value, stale=age > 0)
        return None


def _signature(mac: Mac, body: str) -> str:
    return text(mac.digest(body.encode("ascii")))


def same_secret(token: Token, secret_hash: bytes) -> bool:
    """Compare in constant time what the bearer shows with what the store holds."""
    return hmac.compare_digest(token.secret_hash, secret_hash)
