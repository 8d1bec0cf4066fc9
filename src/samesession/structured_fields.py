"""Read and write structured header fields (RFC 9651), as far as DBSC needs them.

A field that breaks the grammar counts as absent, as the RFC says. Only strings and tokens are
read; a parameter of another type is skipped. Where the draft has a string, Chromium sends proofs
and session identifiers without quotes, and an identifier may start with a character that a token
must not start with. So `text` reads both forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_BLANKS = re.compile(r"[ \t]*")
_SPACES = re.compile(r" *")
_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
_STRING = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_ESCAPE = re.compile(r"\\(.)")
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
# Numbers, bytes, booleans and dates: we read no value of these types.
_OTHER = re.compile(r"-?\d{1,15}(?:\.\d{1,3})?|:[A-Za-z0-9+/=]*:|\?[01]|@-?\d{1,15}", re.ASCII)
_BARE = re.compile(r"[A-Za-z0-9_.-]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


class Item(NamedTuple):
    """A string or a token with its parameters; None stands for a value of another type."""

    value: str
    parameters: Mapping[str, str | None]


class _Malformed(Exception):
    """The field breaks the grammar."""


def text(field: str) -> str | None:
    """Return the string in a field, with or without quotes; None if it has none."""
    field = field.strip(" ")
    bare, _, _ = field.partition(";")
    if _BARE.fullmatch(bare):
        return bare
    found = items(field)
    return found[0].value if len(found) == 1 else None


def items(field: str) -> list[Item]:
    """Return the items of a list; an empty list if it is malformed or has other types."""
    reader = _Reader(field)
    try:
        return reader.list()
    except _Malformed:
        return []


def string(value: str) -> str:
    """Return a string with quotes; raise ValueError if it is not printable ASCII."""
    if not _PRINTABLE.fullmatch(value):
        raise ValueError("a string in a header field has printable ASCII characters only")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Reader:
    """Reads a field from its beginning to its end, each character once."""

    def __init__(self, field: str) -> None:
        self._field = field.strip(" ")
        self._at = 0

    def list(self) -> list[Item]:
        found: list[Item] = []
        while self._at < len(self._field):
            found.append(self._item())
            _ = self._skip(_BLANKS)
            if self._at == len(self._field):
                break
            self._take(",")
            _ = self._skip(_BLANKS)
            if self._at == len(self._field):  # a comma at the end
                raise _Malformed
        return found

    def _item(self) -> Item:
        value = self._bare()
        if value is None:
            raise _Malformed
        parameters: dict[str, str | None] = {}
        while self._next(";"):
            self._take(";")
            _ = self._skip(_SPACES)
            key = self._skip(_KEY)
            if not key:
                raise _Malformed
            parameters[key] = None
            if self._next("="):
                self._take("=")
                parameters[key] = self._bare()
        return Item(value, parameters)

    def _bare(self) -> str | None:
        string = _STRING.match(self._field, self._at)
        if string is not None:
            self._at = string.end()
            return _ESCAPE.sub(r"\1", string[1])
        if token := self._skip(_TOKEN):
            return token
        if not self._skip(_OTHER):
            raise _Malformed
        return None

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._field, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[0]

    def _next(self, character: str) -> bool:
        return self._field.startswith(character, self._at)

    def _take(self, character: str) -> None:
        if not self._next(character):
            raise _Malformed
        self._at += 1
