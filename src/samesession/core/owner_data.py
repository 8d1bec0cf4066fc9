"""Export everything that is stored about an owner, in batches, for data protection requests.

In the types of JSON, because people and unrelated programs read it (GDPR, 15 and 20).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from ..errors import BadRecord
from . import codec
from .plain_json import plain
from .record import Record
from .session_info import SessionInfo
from .steps import Steps

# The description of a session, and its record.
Described: TypeAlias = tuple[SessionInfo, Record]


class OwnerExport:
    """All sessions of an owner, in batches: only one batch is in memory at a time."""

    def __init__(self, batch: Callable[[], Steps[Sequence[Described] | None]]) -> None:
        """`batch`: returns the next sessions, which may be none, and None at the end."""
        self._batch = batch
        self._told: set[str | None] = set()  # a store may list a session twice

    def next(self) -> Steps[Iterator[dict[str, Any]] | None]:
        """Return the next sessions as `export_owner` returns them; None at the end."""
        found = yield from self._batch()
        return None if found is None else self._new(found)

    def _new(self, found: Sequence[Described]) -> Iterator[dict[str, Any]]:
        for info, record in found:
            if info.sid not in self._told:
                self._told.add(info.sid)
                yield _exported(info, record)


def _exported(info: SessionInfo, record: Record) -> dict[str, Any]:
    try:
        data = plain(codec.decode(record.payload))
    except BadRecord:
        data = None  # ours, but unreadable
    return {
        "sid": info.sid,
        "owner": info.owner,
        "label": info.label,
        "created": _spelt(info.created),
        "authenticated": _spelt(info.authenticated),
        "last_seen": _spelt(info.last_seen),
        "expires": _spelt(info.expires),
        "device_bound": info.device_bound,
        "data": data,
    }


def _spelt(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
