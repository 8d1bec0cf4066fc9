"""Turn what another library has filed into sessions that can be moved, or say why it cannot be.

Pure; `unpickles` is what an operator has asked for, and no request ever.
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
    """Return the data of a record; raise BadRecord with why there is none.

    `is_file`: it is of cachelib, which writes pickles alone.
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
