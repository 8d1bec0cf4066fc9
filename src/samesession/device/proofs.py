"""Read a browser's proof: a JWT (RFC 7519) over a challenge, signed with the session's key.

Its `typ` is "dbsc+jwt". In a registration the header also has the public key. Of the claims only
`jti` is read, which is the challenge: it belongs to one session and is short-lived. An invalid
proof raises BadProof. A proof cannot make us look anything up: URLs of keys (`jku`, `x5u`) are
ignored, and algorithms that were not offered are refused.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .keys import ALGORITHMS, PublicKey, public_key
from .strict_json import BadProof, decoded, parsed

MOST_CHARACTERS = 4096  # an RSA key of 4,096 bits takes 1,900
_TYPE = "dbsc+jwt"
_MOST_OF_CHALLENGE = 128


class Registration(NamedTuple):
    """A new public key, and the challenge that was signed with its private key."""

    key: PublicKey
    challenge: str


class _Signed(NamedTuple):
    header: dict[str, Any]
    challenge: str
    signed: bytes
    signature: bytes


def registration(text: str) -> Registration:
    """Return the key and the challenge of a registration; raise BadProof if it is invalid."""
    found = _taken_apart(text)
    key = public_key(found.header["alg"], found.header.get("jwk"))
    key.check(found.signature, found.signed)
    return Registration(key, found.challenge)


def proved_challenge(text: str, key: PublicKey) -> str:
    """Return the challenge in a proof; raise BadProof unless the known key signed it."""
    found = _taken_apart(text)
    if found.header["alg"] != key.alg:
        raise BadProof("the algorithm is not the key's")
    key.check(found.signature, found.signed)
    return found.challenge


def _taken_apart(text: str) -> _Signed:
    if len(text) > MOST_CHARACTERS:
        raise BadProof("the proof is too long")
    parts = text.split(".")
    if len(parts) != 3:  # noqa: PLR2004  # header, payload, signature: RFC 7515, 3.1
        raise BadProof("the proof does not have three parts")
    raw_header, raw_payload, signature = (decoded(part) for part in parts)
    header = parsed(raw_header)
    if header.get("typ") != _TYPE or header.get("alg") not in ALGORITHMS:
        raise BadProof("the type or the algorithm is not accepted")
    if "crit" in header:  # RFC 7515, 4.1.11: we understand no extension
        raise BadProof("the header has a critical extension")
    challenge = parsed(raw_payload).get("jti")
    if not isinstance(challenge, str) or not 0 < len(challenge) <= _MOST_OF_CHALLENGE:
        raise BadProof("there is no challenge")
    signed = text.rpartition(".")[0].encode()
    return _Signed(header, challenge, signed, signature)
