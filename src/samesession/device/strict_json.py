"""Read base64url and JSON strictly: each value has one spelling."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NoReturn, cast

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")


class BadProof(Exception):
    """A browser's proof is invalid; the message is the reason and does not quote the proof."""


class BadKey(BadProof):
    """The key in a proof is not accepted."""


class BadSignature(BadProof):
    """The key did not sign the proof."""


def decoded(text: str) -> bytes:
    """Return the decoded bytes; raise BadProof unless the text is their canonical base64url."""
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise BadProof("a part is not base64url")
    found = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if urlsafe_b64encode(found).rstrip(b"=") != text.encode():
        raise BadProof("a part has bits after its last byte")
    return found


def parsed(raw: bytes) -> dict[str, Any]:
    """Return the members of a JSON object; raise BadProof if a name appears twice."""
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadProof("it is not JSON") from error
    if not isinstance(found, dict):
        raise BadProof("it is not a JSON object")
    return cast("dict[str, Any]", found)  # Any: as JSON has it


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadProof("a name appears twice in an object")
    return found


def _refuse(_: str) -> NoReturn:
    raise BadProof("NaN and Infinity are not JSON")
