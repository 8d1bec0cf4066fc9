"""Read another library's records from its store in batches, to move them into ours.

The reader for each client is in the store's folder. Nothing is written and nothing decoded:
samesession.migration knows the meaning of the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from .steps import Steps

_FEWEST, _MOST = 8, 200  # records in a batch
_BYTES = 2 * 1024 * 1024  # bytes that a batch should hold


class OldRecord(NamedTuple):
    """A record of another library; its id is a secret there, so it stays out of `repr`.

    `name`: see core.old_names. `key`: its key in the store, None if only a hash of it is known.
    `data`: None if it is longer than the limit. `expires`: seconds since 1970, None for never, or
    unknown.
    """

    name: str
    key: str | None
    data: bytes | None
    expires: float | None

    def __repr__(self) -> str:
        return f"OldRecord(expires={self.expires!r})"


class OldRecords(Protocol):
    """All records of another library in one place."""

    @property
    def location(self) -> str:
        """The place, for an operator to read; never a password."""
        ...

    def batch(self) -> Steps[Sequence[OldRecord] | None]:
        """Read the next records, perhaps none; None at the end. Raises StoreUnavailable."""
        ...

    def close(self) -> Steps[None]:
        """Close everything that was opened for it, but nothing that was passed in."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """The records to read: those with a prefix, in a table or collection of this name.

    `table`: None for the library's own default. `max_bytes`: of one record's data.
    """

    prefix: str
    table: str | None
    max_bytes: int
    timeout: float


@dataclass(slots=True)
class Pace:
    """How many records the next batch has, given the sizes in the last one."""

    size: int = field(default=_FEWEST)

    def weigh(self, records: Sequence[OldRecord]) -> None:
        """Take the sizes of a batch into account."""
        total = sum(len(each.data) for each in records if each.data is not None)
        factor = 2.0 if total == 0 else min(2.0, _BYTES / total)
        self.size = max(1, min(_MOST, int(self.size * factor)))
