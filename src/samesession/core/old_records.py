"""Records of another library, read from its store batch by batch, to be moved into ours.

Each store's folder has what reads them through its client. Nothing is written, and nothing
decoded: what the bytes mean, samesession.migration knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from .steps import Steps

_FEWEST, _MOST = 8, 200  # records in a batch
_BYTES = 2 * 1024 * 1024  # what a batch should hold


class OldRecord(NamedTuple):
    """A record of another library; its id is a secret there, so it stays out of `repr`.

    `name`: see core.old_names. `key`: what it is filed under, None where only a hash of that
    is known. `data`: None where that is longer than what is read. `expires`: seconds since
    1970, None where that is never, or not known.
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
        """Read the next ones, perhaps none; None at the end. Raises StoreUnavailable."""
        ...

    def close(self) -> Steps[None]:
        """Close what was opened for it; not what was given."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Which records are read: those with a prefix, of a table or collection of this name.

    `table`: None for the library's own default. `max_bytes`: of one record's data.
    """

    prefix: str
    table: str | None
    max_bytes: int
    timeout: float


@dataclass(slots=True)
class Pace:
    """How many records the next batch has, by how large those of the last one were."""

    size: int = field(default=_FEWEST)

    def weigh(self, records: Sequence[OldRecord]) -> None:
        """Take a batch that was read into account."""
        total = sum(len(each.data) for each in records if each.data is not None)
        factor = 2.0 if total == 0 else min(2.0, _BYTES / total)
        self.size = max(1, min(_MOST, int(self.size * factor)))
