"""Read the public keys of browsers and verify their signatures, by `cryptography`.

A key is stored as a canonical JWK (RFC 7638, section 3). Its SHA-256 is the key's thumbprint.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from .strict_json import BadKey, BadProof, BadSignature, decoded

# Offered to browsers in this order. `none` and all other algorithms are refused.
ALGORITHMS = ("ES256", "RS256")

_COORDINATE_BYTES = 32
_LEAST_BITS, _MOST_BITS = 2048, 4096
_MOST_EXPONENT = 65537


class PublicKey(NamedTuple):
    """A public key and its algorithm."""

    alg: str
    jwk: bytes  # canonical

    def check(self, signature: bytes, signed: bytes) -> None:
        """Raise BadSignature unless this key signed the data."""
        members = json.loads(self.jwk)
        try:
            _VERIFY[self.alg](members, signature, signed)
        except InvalidSignature as error:
            raise BadSignature("the signature is not the key's") from error


def public_key(alg: str, jwk: object) -> PublicKey:
    """Return the key of a JWK; raise BadKey if it is not a public key of the algorithm."""
    if not isinstance(jwk, dict):
        raise BadKey("there is no jwk")
    said = cast("dict[str, Any]", jwk)  # Any: as JSON has it
    if "d" in said or said.get("alg", alg) != alg:
        raise BadKey("the jwk is a private key, or for another algorithm")
    kind, names, load = _KINDS[alg]
    members = {name: each for name in names if isinstance(each := said.get(name), str)}
    if len(members) < len(names) or members["kty"] != kind:
        raise BadKey("the jwk is not of the algorithm's type")
    try:
        _ = load(members)
    except BadKey:
        raise
    except (ValueError, BadProof) as error:  # such as a point that is not on the curve
        raise BadKey("the jwk is not a key") from error
    return PublicKey(alg, json.dumps(members, sort_keys=True, separators=(",", ":")).encode())


_Members = Mapping[str, str]


def _elliptic(members: _Members) -> ec.EllipticCurvePublicKey:
    if members["crv"] != "P-256":
        raise BadKey("the curve is not P-256")
    x, y = (decoded(members[name]) for name in ("x", "y"))
    if len(x) != _COORDINATE_BYTES or len(y) != _COORDINATE_BYTES:
        raise BadKey("a coordinate has the wrong size")
    numbers = int.from_bytes(x, "big"), int.from_bytes(y, "big")
    return ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()


def _rsa(members: _Members) -> rsa.RSAPublicKey:
    modulus, exponent = (_number(members[name]) for name in ("n", "e"))
    if not _LEAST_BITS <= modulus.bit_length() <= _MOST_BITS:
        raise BadKey("the modulus has the wrong size")
    if not modulus & exponent & 1 or not 1 < exponent <= _MOST_EXPONENT:
        raise BadKey("the modulus or the exponent is not allowed")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _number(text: str) -> int:
    found = decoded(text)
    if found.startswith(b"\0"):  # a second spelling of the same key
        raise BadKey("a number starts with zeros")
    return int.from_bytes(found, "big")


def _check_elliptic(members: _Members, signature: bytes, signed: bytes) -> None:
    if len(signature) != 2 * _COORDINATE_BYTES:  # RFC 7518, 3.4
        raise BadSignature("the signature has the wrong size")
    halves = signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]
    der = encode_dss_signature(*(int.from_bytes(half, "big") for half in halves))
    _elliptic(members).verify(der, signed, ec.ECDSA(SHA256()))


def _check_rsa(members: _Members, signature: bytes, signed: bytes) -> None:
    _rsa(members).verify(signature, signed, padding.PKCS1v15(), SHA256())


_KINDS: Mapping[str, tuple[str, tuple[str, ...], Callable[[_Members], object]]] = {
    "ES256": ("EC", ("crv", "kty", "x", "y"), _elliptic),
    "RS256": ("RSA", ("e", "kty", "n"), _rsa),
}
_VERIFY: Mapping[str, Callable[[_Members, bytes, bytes], None]] = {
    "ES256": _check_elliptic,
    "RS256": _check_rsa,
}
