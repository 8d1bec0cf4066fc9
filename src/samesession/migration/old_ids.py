"""Read the ids of filed sessions from another library's cookies, signed or not. Pure.

    id                 as Flask-Session and Quart-Session write it by default
    id . signature     with SESSION_USE_SIGNER: itsdangerous, HMAC-SHA1 under a key that is
                       derived from SECRET_KEY and the library's name

An id has the form that the library makes, or no store is asked: so none of other length, with
other characters, or with a part of another key in it. Its bearer proves nothing by it that the
library did not take for proof, but that it is not signed: a library that signs takes no bare id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from itsdangerous import Signer

_SIGNATURE = r"[A-Za-z0-9_-]{27}"  # base64url of a SHA-1
_LONGEST = 255  # characters of a cookie's value: twice what the libraries make


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
        """`pattern`: the form of an id. `secret_keys`: the newest first.

        `prefix`: what a key begins with in a store. `signed`: take no id without a signature.
        """
        signature = rf"\.({_SIGNATURE})"
        self._form = re.compile(rf"({pattern})(?:{signature}){'' if signed else '?'}", re.ASCII)
        # itsdangerous wants the newest last.
        self._signer = Signer(
            [*reversed(secret_keys)],
            salt=salt.encode("ascii"),
            key_derivation="hmac",
            digest_method=hashlib.sha1,
        )
        self._prefix = prefix

    def key_in(self, value: str) -> str | None:
        """Return the key under which a cookie's session is filed; None for no such cookie."""
        found = self._form.fullmatch(value) if len(value) <= _LONGEST else None
        if found is None:
            return None
        id_, signature = found.groups()
        if signature is not None and not self._signer.verify_signature(id_.encode(), signature):
            return None
        return f"{self._prefix}{id_}"
