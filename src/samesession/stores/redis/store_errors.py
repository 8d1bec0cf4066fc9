"""Translate redis-py's errors into ours, for all methods of the store."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from ...core.steps import Steps
from ...core.store import Colour
from ...errors import BadRecord, StoreUnavailable
from ..kit.deadline import Deadline
from . import library_errors as errors
from .answers import OTHER_TYPE, Misread
from .client import Client


class Reached(Protocol):
    """The part of the store that an operation needs before its own work."""

    timeout: float
    deadline: Deadline
    has_loaded: bool
    colours: Colour

    @property
    def client(self) -> Client:
        """The client of this process and event loop."""
        ...

    def load_library(self) -> Steps[None]:
        """Load redis-py."""
        ...


R = TypeVar("R", bound=Reached)
T = TypeVar("T")
P = ParamSpec("P")


def as_store_errors(
    method: Callable[Concatenate[R, P], Steps[T]],
) -> Callable[Concatenate[R, P], Steps[T]]:
    """Raise redis-py's errors as ours; for WRONGTYPE, the key belongs to another program.

    An invalid answer costs the connection it came on, and no other: under asyncio all requests of a
    loop share one.
    """
    return _guarded(method, begins=True)


def as_store_errors_still(
    method: Callable[Concatenate[R, P], Steps[T]],
) -> Callable[Concatenate[R, P], Steps[T]]:
    """Do the same, and keep the deadline of the operation before."""
    return _guarded(method, begins=False)


def _guarded(
    method: Callable[Concatenate[R, P], Steps[T]], *, begins: bool
) -> Callable[Concatenate[R, P], Steps[T]]:

    @wraps(method)
    def steps(store: R, /, *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
        try:
            if not store.has_loaded:
                yield from store.load_library()
            if store.colours is Colour.SYNC:
                (store.deadline.begin if begins else store.deadline.go_on)(store.timeout)
            return (yield from method(store, *args, **kwargs))
        except errors.ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                raise BadRecord(OTHER_TYPE) from error
            if isinstance(error, errors.ReadOnlyError):
                yield from store.client.reconnect()
            # Its text may quote what was sent: only the code is kept.
            raise StoreUnavailable(f"Redis refused: {errors.code_of(error)}") from None
        except (Misread, errors.InvalidResponse) as error:
            # The next answers on that connection may belong to other commands, and redis-py 5 keeps
            # it, with the rest of the answer in it.
            yield from store.client.drop_crossed()
            # An invalid answer must not count as "gone": that would log the user out.
            raise StoreUnavailable("Redis gave an answer that does not fit the command") from error
        except (errors.RedisError, errors.RedisClusterException, OSError) as error:
            # The text may hold an address; the type is enough.
            raise StoreUnavailable(f"Redis is not available: {type(error).__name__}") from error

    return steps
