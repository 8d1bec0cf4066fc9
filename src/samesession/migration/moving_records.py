"""Decode another library's records into sessions that can be moved, or return why not.

Pure. `unpickles` is set by an operator, and never by a request.
"""

from __future__ import annotations

from typing import Any

from ..core.old_sessions import OldSessions
from ..errors import BadRecord
from .plain_pickle import is_pickle, load_plain

EXPIRED = "it has expired"
PICKLED = "it is a pickle, which --unsafe-pickle reads"
TOO_LARGE = "it is larger than SESSION_MAX_BYTES"


def data_of(
    raw: bytes, reader: OldSessions, *, is_file: bool, unpickles: bool, max_bytes: int
) -> dict[str, Any]:
    """Return the data of a record; raise BadRecord with the reason if there is none.

    `is_file`: it is from cachelib, which writes only pickles.
    """
    if not is_file:
        try:
            return reader.data(raw)
        except BadRecord:
            if not is_pickle(raw):
                raise
    if not unpickles:
        raise BadRecord(PICKLED)
    return load_plain(raw, max_bytes=max_bytes)
