"""Keys that are publicly known: from documentation, and placeholders for a key. Pure.

Anyone who knows the key can sign any session. A key from a tutorial protects nothing, and neither
does a text that explains how to create a key, pasted in its place.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Keys from documentation and default settings, as they are found in applications.
_SHOWN = (
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",  # Flask, tutorial
    "_5#y2LF4Q8z",  # Flask, quickstart: the part that users leave unchanged
    "A0Zr98j/3yX R~XHH!jmN]LWX/,?RT",  # Flask 0.7, quickstart
    '\xfd{H\xe5<\x95\xf9\xe3\x96.5\xd1\x01O<!\xd5\xa2\xa0\x9fR"\xa1\xa8',  # the same, generated
    '?\xbf,\xb4\x8d\xa3"<\x9c\xb0@\x0f5\xab,w\xee\x8d$0\x13\x8b83',  # Flask 0.5, configuration
    "pf9Wkove4IKEAXvy-cQkeDPhv9Cc3Ag-wyJILbq_dFw",  # Flask-Security, quickstart
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # FastAPI, tutorial
    "thisismyscretkey",  # Superset, default (CVE-2023-27524)
)
# More of them, made of words that a private key may also contain.
_PHRASES = (
    "super secret string",  # Flask-Login
    "hard to guess string",  # Flask Web Development
    "you will never guess",  # The Flask Mega-Tutorial
    "correct horse battery staple",  # xkcd 936
    "this is a secret key",
    "this is my secret key",
    "this should be a secret",
    "this is a secret 1234",
    "test non dev secret",
    "super secret key",
    "my super secret key",
    "development key",
    "development secret key",
    "dev secret key",
)
# Placeholders that ask for a key, in letters and digits.
_INSTRUCTIONS = re.compile(
    "changeme|changethis|changeit|changein|replaceme|replacethis|replacewith|placeholder"
    "|your(?:own)?(?:random|secret|key|super|very|flask)|(?:put|insert|enter)a?your"
    "|(?:key|secret)(?:goes)?here|donotuse|djangoinsecure"
    "|token(?:hex|urlsafe|bytes)|osurandom|opensslrand"
)
_ESCAPE = re.compile(r"""\\(?:x([0-9a-fA-F]{2})|([nrt"'\\]))""")
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


@lru_cache(maxsize=64)  # the settings are read again when one of them changes
def is_published(key: str | bytes) -> bool:
    """Return whether a key comes from documentation, or is a placeholder for a key."""
    for spelling in map(_folded, _spellings(key)):
        if spelling in _FOLDED_PHRASES or any(known in spelling for known in _FOLDED):
            return True
        if _INSTRUCTIONS.search(re.sub("[^a-z0-9]", "", spelling)):
            return True
    return False


def _spellings(key: str | bytes) -> set[str]:
    """Return the texts that a key may stand for, as they end up in environments and files."""
    if isinstance(key, str):
        found = {key}
    else:
        found = {key.decode("latin-1"), key.decode("utf-8", "replace"), key.hex()}
    return found | {_ESCAPE.sub(_unescaped, text) for text in found}


def _unescaped(escape: re.Match[str]) -> str:
    code, letter = escape.groups()
    return chr(int(code, 16)) if code else _LETTERS.get(letter, letter)


def _folded(text: str) -> str:
    """Remove what is often changed: case, spaces, separators, quotes."""
    return re.sub(r"""[\s_'"-]""", "", text).lower()


_FOLDED = tuple(map(_folded, _SHOWN))
_FOLDED_PHRASES = frozenset(map(_folded, _PHRASES))
