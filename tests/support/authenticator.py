"""A browser's authenticator in software: a key that proves a session, and can misbehave.

It does what Chromium does: it registers where a response offers that, asks for a challenge and
signs it. What it sends can be bent before it is signed, or after.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from .browser import Answer

# Any: members of JSON objects.
Bend = Callable[[dict[str, Any], dict[str, Any]], None]

_REGISTRATION = re.compile(
    r'\((?P<algs>[A-Z0-9 ]+)\);path="(?P<path>[^"]*)";challenge="(?P<challenge>[^"]*)"'
)
_CHALLENGE = re.compile(r'"(?P<challenge>[^"]*)";id="(?P<id>[^"]*)"')


def encoded(raw: bytes) -> str:
    """Write bytes as base64url."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def written(members: Mapping[str, Any]) -> str:
    return encoded(json.dumps(members, sort_keys=True, separators=(",", ":")).encode())


def made(alg: str) -> Any:  # Any: of two kinds
    return ec.generate_private_key(ec.SECP256R1()) if alg == "ES256" else rsa_key()


@lru_cache(maxsize=4)  # one takes a moment to make
def rsa_key(bits: int = 2048, nth: int = 0) -> rsa.RSAPrivateKey:
    """Give the nth key of a size."""
    return rsa.generate_private_key(65537, bits)


class Authenticator:
    """One key, and what a browser knows of the session that it is for."""

    def __init__(self, alg: str = "ES256", *, key: Any = None) -> None:
        self.alg = alg
        self.key = made(alg) if key is None else key
        self.session: dict[str, Any] = {}  # as the registration's answer says
        self.challenge: str | None = None  # the last that a response gave

    @property
    def jwk(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        if self.alg == "ES256":
            x, y = (encoded(each.to_bytes(32, "big")) for each in (numbers.x, numbers.y))
            return {"crv": "P-256", "kty": "EC", "x": x, "y": y}
        return {"e": number(numbers.e), "kty": "RSA", "n": number(numbers.n)}

    def sign(self, signed: bytes) -> bytes:
        if self.alg == "RS256":
            return bytes(self.key.sign(signed, padding.PKCS1v15(), SHA256()))
        halves = decode_dss_signature(self.key.sign(signed, ec.ECDSA(SHA256())))
        return b"".join(half.to_bytes(32, "big") for half in halves)

    def proof(self, challenge: str, *, new: bool = False, bend: Bend | None = None) -> str:
        """Sign a challenge; `new`: with the public key; `bend` changes header and payload."""
        header: dict[str, Any] = {"alg": self.alg, "typ": "dbsc+jwt"}
        if new:
            header["jwk"] = self.jwk
        payload: dict[str, Any] = {"jti": challenge}
        if bend is not None:
            bend(header, payload)
        signed = f"{written(header)}.{written(payload)}"
        return f"{signed}.{encoded(self.sign(signed.encode()))}"


def registration_of(answer: Answer) -> re.Match[str] | None:
    """Give what a response offers: `algs`, `path` and `challenge`; None: nothing."""
    said = answer.header("Secure-Session-Registration")
    if said is None:
        return None
    found = _REGISTRATION.fullmatch(said)
    assert found is not None, said
    return found


def challenge_of(answer: Answer) -> str | None:
    """Give the challenge of a response; None: there is none."""
    said = answer.header("Secure-Session-Challenge")
    if said is None:
        return None
    found = _CHALLENGE.fullmatch(said)
    assert found is not None, said
    return found["challenge"]
