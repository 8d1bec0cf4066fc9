"""Read the ids of filed sessions from another library's cookies, signed or not. Pure.

    id                 the default of Flask-Session and Quart-Session
    id . signature     with SESSION_USE_SIGNER: itsdangerous, HMAC-SHA1 with a key that is
                       derived from SECRET_KEY and the library's name

An id must have the form that the library generates, or no store is asked. So an id cannot have
another length, other characters, or a part of another key in it. An id proves as much here as
it did to the library, with one exception: bare ids are refused if the library signs them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from itsdangerous import Signer

_SIGNATURE = r"[A-Za-z0-9_-]{27}"  # base64url of a SHA-1
_LONGEST = 255  # characters of a cookie's value: twice what the libraries generate


class OldIds:
    """The ids of one library's sessions."""

    def __init__(
        self,
        pattern: str,
        secret_keys: Sequence[bytes],
        *,
        salt: str,
        prefix: str,
        signed: bool,
    ) -> None:
        """`pattern`: the form of an id. `secret_keys`: newest first.

        `prefix`: that of a store's keys. `signed`: refuse ids without a signature.
        """
        signature = rf"\.({_SIGNATURE})"
        self._form = re.compile(rf"({pattern})(?:{signature}){'' if signed else '?'}", re.ASCII)
        # itsdangerous expects the newest last.
        self._signer = Signer(
            [*reversed(secret_keys)],
            salt=salt.encode("ascii"),
            key_derivation="hmac",
            digest_method=hashlib.sha1,
        )
        self._prefix = prefix

    def key_in(self, value: str) -> str | None:
        """Return the key under which a cookie's session is filed; None if the cookie is invalid."""
        found = self._form.fullmatch(value) if len(value) <= _LONGEST else None
        if found is None:
            return None
        id_, signature = found.groups()
        if signature is not None and not self._signer.verify_signature(id_.encode(), signature):
            return None
        return f"{self._prefix}{id_}"
