"""A directory as cachelib keeps it, in which Flask-Session has filed sessions."""

from __future__ import annotations

import hashlib
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Hash = Any  # of hashlib


def old_file(
    directory: Path,
    key: str,
    data: Mapping[str, Any] | bytes,
    *,
    expires: float = 0,
    name_by: Hash = hashlib.sha256,
    protocol: int = pickle.HIGHEST_PROTOCOL,
) -> Path:
    """Write a session's file as cachelib does; `data`: or the bytes in place of its pickle."""
    directory.mkdir(exist_ok=True)
    path = directory / str(name_by(key.encode()).hexdigest())
    raw = data if isinstance(data, bytes) else pickle.dumps(dict(data), protocol)
    path.write_bytes(struct.pack("=I", int(expires)) + raw)
    return path


def counter(directory: Path, count: int) -> None:
    """Write the file in which cachelib counts its files."""
    for name_by in (hashlib.md5, hashlib.sha256):
        path = directory / name_by(b"__wz_cache_count").hexdigest()
        path.write_bytes(struct.pack("=I", 0) + pickle.dumps(count))
