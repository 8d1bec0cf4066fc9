"""The key of a browser's device, for tests of an application that binds sessions to devices.

The key sends nothing itself, so it does for the test clients of both frameworks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from ..core.token import text
from ..device_requests import PROOF, REFRESH, REGISTER, SESSION_ID
from ..structured_fields import Item, items

_OFFER, _CHALLENGE = "Secure-Session-Registration", "Secure-Session-Challenge"
_HALF = 32  # bytes of a coordinate, and of half a signature
_Post = tuple[str, dict[str, str]]


class ResponseHeaders(Protocol):
    """The headers of a response, in either framework."""

    def get(self, key: str, /) -> str | None:
        """Return a header's value."""
        ...


class DeviceKey:
    """A key like that of a browser, which keeps it in its device. Needs `samesession[device]`.

    A test posts what a browser would post: each method returns the path and the headers. Sessions
    are bound over https alone, so the test's requests must be sent over https, too::

        key = DeviceKey()
        login = client.post("/login", base_url="https://localhost")
        path, headers = key.registration(login.headers)
        client.post(path, headers=headers, base_url="https://localhost")

    With Quart's client, write `scheme="https"`, and await the requests.

    .. versionadded:: 1.0
    """

    def __init__(self, path: str = "/_session/device") -> None:
        """Create a new key; `path` is the application's SESSION_DEVICE_PATH."""
        from cryptography.hazmat.primitives.asymmetric import ec

        self._path = path
        self._key = ec.generate_private_key(ec.SECP256R1())

    def registration(self, headers: ResponseHeaders) -> _Post:
        """Return the request that binds the session, as a response's headers offer.

        The response to it has the bound cookie. Raises AssertionError if there is no offer.
        """
        said = headers.get(_OFFER)
        assert said is not None, "the response does not offer to bind the session: was it https?"
        # A list of algorithms, which is in parentheses, and its parameters.
        offer = _item("offer" + said.partition(")")[2])
        where = self._path + REGISTER
        assert str(offer.parameters.get("path")).endswith(where), f"{said} is not for {where}"
        return where, {PROOF: self._proof(str(offer.parameters.get("challenge")), new=True)}

    def question(self, sid: str) -> _Post:
        """Return the request for a challenge, by which a session's device is proved again.

        Its response is a 403 with the challenge: see `proof`. `sid` is `session.info.sid`.
        """
        return self._path + REFRESH, {SESSION_ID: sid}

    def proof(self, headers: ResponseHeaders) -> _Post:
        """Return the request that answers the challenge in a response's headers.

        The response to it has the bound cookie. Raises AssertionError if there is no challenge.
        """
        said = headers.get(_CHALLENGE)
        assert said is not None, "the response does not have a challenge"
        challenge = _item(said)
        path, asked = self.question(str(challenge.parameters.get("id")))
        return path, {**asked, PROOF: self._proof(challenge.value)}

    def _proof(self, challenge: str, *, new: bool = False) -> str:
        """Return the JWT by which the key signs a challenge; `new`: with the public key."""
        header: dict[str, Any] = {"alg": "ES256", "typ": "dbsc+jwt"}
        if new:
            header["jwk"] = self._jwk()
        signed = f"{_json(header)}.{_json({'jti': challenge})}"
        return f"{signed}.{text(self._signature(signed.encode()))}"

    def _jwk(self) -> dict[str, str]:
        numbers = self._key.public_key().public_numbers()
        x, y = (text(each.to_bytes(_HALF, "big")) for each in (numbers.x, numbers.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}

    def _signature(self, signed: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        halves = decode_dss_signature(self._key.sign(signed, ec.ECDSA(SHA256())))
        return b"".join(half.to_bytes(_HALF, "big") for half in halves)


def _item(field: str) -> Item:
    found = items(field)
    assert len(found) == 1, f"{field!r} is not what samesession sends"
    return found[0]


def _json(members: Mapping[str, Any]) -> str:
    return text(json.dumps(members).encode())
