"""Names of old sessions, which another library or the framework's cookie keeps.

A library files a session under its prefix and id. cachelib names files by a hash of both, and
stores neither. So the name of an old session is always such a hash here: it can be computed from
the id and from the file's name.
"""

from __future__ import annotations

import hashlib
import re

_FILE_NAME = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{64})", re.ASCII)
_MD5_LENGTH = 32


def names_of(old_id: str) -> tuple[str, str]:
    """Return the name of an old session, and the one that only its file may have.

    `old_id`: as a store files it, with the prefix. The first name is SHA-256's. The other is MD5's,
    by which cachelib before 0.16 named files: no one can find a second id for a hash of 128 random
    bits that they do not know.
    """
    raw = old_id.encode("utf-8", "surrogatepass")
    md5 = hashlib.md5(raw, usedforsecurity=False)
    return f"sha256:{hashlib.sha256(raw).hexdigest()}", f"md5:{md5.hexdigest()}"


def name_of_file(file_name: str) -> str | None:
    """Return the name of the old session in a cachelib file; None if it has none."""
    if _FILE_NAME.fullmatch(file_name) is None:
        return None
    return f"{'md5' if len(file_name) == _MD5_LENGTH else 'sha256'}:{file_name}"
