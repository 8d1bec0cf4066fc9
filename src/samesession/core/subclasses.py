"""Decide which objects of a subclass a session keeps, and as which type.

Text, numbers, bytes and containers are kept as their base class, as in Flask: JSON has no more of
them. A moment, a UUID and the like are kept exactly, so an object that adds data to its base is
refused: without that data it would come back as another value. No code of the object runs for this
check.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Container
from decimal import Decimal
from enum import Enum
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Final, TypeGuard

# From the most to the least derived: a datetime is a date, too.
EXACT: Final = (dt.datetime, dt.date, dt.time, dt.timedelta, uuid.UUID, Decimal)


def is_member(value: object) -> TypeGuard[Enum]:
    """Return whether a value is a member of an Enum, even one that is text or a number.

    The value that it equals today does not show which member it was.
    """
    return isinstance(value, Enum)


def base_of(value: object, kinds: Container[type]) -> type | None:
    """Return the kind that an object can be kept as; None if it is none, or several."""
    for kind in type(value).__mro__:
        if kind in kinds:
            return None if _adds_data(value, kind) else kind
    return None


def _adds_data(value: object, base: type) -> bool:
    """Return whether an object has fields that its base does not have.

    These are an instance's attributes, `__slots__`, and the fields of a class written in C.
    """
    if getattr(value, "__dict__", None):
        return True
    return any(
        isinstance(field, GetSetDescriptorType | MemberDescriptorType)
        and not name.startswith("__")
        and not hasattr(base, name)
        for kind in type(value).__mro__
        if kind not in base.__mro__
        for name, field in vars(kind).items()
    )


# A subclass may override how it is spelled, for people to read. These methods are taken at import,
# because tests may replace the classes later.
spell_date: Final = dt.date.isoformat
spell_decimal: Final = Decimal.__str__
_Datetime: Final = dt.datetime
_spell_time: Final = dt.time.isoformat


def spell_datetime(value: dt.datetime) -> str:
    """Return a datetime's ISO spelling; the offset is kept, the zone's name is not."""
    # ISO has no spelling for a fold of 1.
    return _Datetime.isoformat(value) + ("f" if value.fold else "")


def plain_datetime(value: dt.datetime) -> dt.datetime:
    """Return the same moment as a datetime without overridden methods."""
    return _Datetime.combine(_Datetime.date(value), _Datetime.timetz(value))


def spell_time(value: dt.time) -> str:
    """Return a time's ISO spelling, with a fold as in `spell_datetime`."""
    return _spell_time(value) + ("f" if value.fold else "")
