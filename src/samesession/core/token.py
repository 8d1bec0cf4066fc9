"""Create, sign and read the token that a cookie carries.

A token is `sid.secret` and its signature, each unpadded base64url and canonical: one token has
exactly one spelling. Reading costs no I/O, so a forged cookie never reaches a store.

The signature is itsdangerous's, by HMAC-SHA256 under a key that we derive. Proved tokens are
remembered without their secrets: equal bytes have the same proof. Whether the session still exists
is always checked against its record.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from itsdangerous import Signer

from .keys import Purpose, derive
from .memo import Memo

Entropy = Callable[[int], bytes]

SID_BYTES = 16
SECRET_BYTES = 32
HASH_BYTES = 24  # of the SHA-256 of a secret: no one can find another secret with the same 192 bits

# The last character of a sid carries 2 bits, that of a secret or signature 4:
# only spellings whose spare bits are zero are canonical.
SID_PATTERN = r"[A-Za-z0-9_-]{21}[AQgw]"
_DIGEST = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_TOKEN = re.compile(rf"(({SID_PATTERN})\.({_DIGEST}))\.({_DIGEST})", re.ASCII)
_TOKEN_BYTES = 22 + 1 + 43 + 1 + 43

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_PROOF_BYTES = 500  # bytes that an entry takes, approximately


class Token(NamedTuple):
    """Proof that a bearer knows a session's secret, of which a store holds a hash."""

    sid: str
    secret_hash: bytes

    def __repr__(self) -> str:
        return f"Token(sid={self.sid!r})"


class SignedToken(NamedTuple):
    """A token with its cookie value and its secret; `stale`: signed by a fallback key.

    `value`: empty if the secret is not known, because the session was opened by an old cookie.
    """

    token: Token
    value: str
    stale: bool

    def __repr__(self) -> str:
        return f"SignedToken(sid={self.token.sid!r})"


def text(raw: bytes) -> str:
    """Encode bytes as unpadded base64url."""
    return b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


Proofs: TypeAlias = Memo[bytes, tuple[Token, bool]]


def raw_sid(sid: str) -> bytes:
    """Return the bytes that a sid encodes."""
    return a2b_base64(sid.encode("ascii").translate(_STANDARD) + b"==")


class TokenSigner:
    """Creates, signs and reads tokens; the newest key signs, the others only read."""

    __slots__ = ("_entropy", "_proofs", "_salt", "_signers", "mark")

    def __init__(
        self,
        secret_keys: Sequence[bytes],
        prefix: str,
        cookie_name: str,
        entropy: Entropy,
        *,
        proofs: Proofs | None = None,
        purpose: Purpose = Purpose.TOKEN,
    ) -> None:
        """Take the keys, newest first; `proofs`: where to remember proved values.

        `purpose`: a token that was signed for one purpose is invalid for another.
        """
        self._signers = tuple(
            Signer(
                derive(secret, purpose, prefix, cookie_name),
                key_derivation="none",
                digest_method=hashlib.sha256,
            )
            for secret in secret_keys
        )
        self._entropy = entropy
        self._proofs: Proofs = Memo(0) if proofs is None else proofs
        # Remembered under a digest, so that no secret is kept longer than its request. Another
        # key's proof does not count.
        signatures = b"".join(each.get_signature(b"") for each in self._signers)
        self._salt = hashlib.sha256(signatures).digest()[: hashlib.blake2b.SALT_SIZE]
        # Differs between this newest key and others, and reveals nothing else of it.
        self.mark = self._signers[0].get_signature(b"")

    def draw(self, size: int) -> bytes:
        """Return random bytes that no one can guess."""
        return self._entropy(size)

    def draw_sid(self) -> str:
        """Return the sid for a session that may begin."""
        return text(self._entropy(SID_BYTES))

    def mint(self, sid: str | None = None) -> SignedToken:
        """Return a new token; with `sid`, a new secret for that session."""
        return self._signed(sid or self.draw_sid(), text(self._entropy(SECRET_BYTES)))

    def sign(self, signed: SignedToken) -> SignedToken:
        """Sign a token's secret again, with the newest key."""
        sid, secret, _ = signed.value.split(".")
        return self._signed(sid, secret)

    def _signed(self, sid: str, secret: str) -> SignedToken:
        value = self._signers[0].sign(f"{sid}.{secret}").decode("ascii")
        return SignedToken(Token(sid, _hashed(secret)), value, stale=False)

    def random_step(self) -> int:
        """Return a random number that two concurrent requests do not share."""
        return int.from_bytes(self._entropy(4), "big")

    def read(self, value: str) -> SignedToken | None:
        """Read a cookie's value; None if it is malformed or not signed by us."""
        if len(value) != _TOKEN_BYTES or not value.isascii():
            return None
        digest = hashlib.blake2b(value.encode("ascii"), digest_size=32, salt=self._salt).digest()
        proved = self._proofs.get(digest)
        if proved is None:
            proved = self._prove(value)
            if proved is None:
                return None
            self._proofs.put(digest, proved, _PROOF_BYTES)
        return SignedToken(proved[0], value, proved[1])

    def _prove(self, value: str) -> tuple[Token, bool] | None:
        found = _TOKEN.fullmatch(value)
        if found is None:
            return None
        body, sid, secret, signature = found.groups()
        for age, signer in enumerate(self._signers):
            if signer.verify_signature(body, signature):
                return Token(sid, _hashed(secret)), age > 0
        return None


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()[:HASH_BYTES]


def same_secret(token: Token, secret_hash: bytes) -> bool:
    """Compare in constant time the secret of a bearer with the hash of a store."""
    return hmac.compare_digest(token.secret_hash, secret_hash)
