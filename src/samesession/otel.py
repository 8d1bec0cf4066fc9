"""Trace and measure the operations of sessions on their store, with OpenTelemetry's API.

    Session(app)
    samesession.otel.instrument(app)

Needs samesession[otel]. The attributes are the operation, the kind of store, and the outcome,
but never a key, a sid, an owner, a cookie or data. docs/operate/monitoring.md has the tables.
An application that does not call `instrument` pays nothing: its store is not wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.metrics import Meter, MeterProvider, get_meter
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, TracerProvider, get_tracer

from . import __version__, outages
from .app_sessions import app_sessions_of
from .core.observed_store import observed
from .core.steps import LATE
from .core.store import Conflict, Outcome, Store
from .errors import StoreUnavailable
from .run.clocks import stopwatch

__all__ = ["instrument"]

# From OpenTelemetry's stable semantic conventions for database clients.
_SCHEMA: Final = "https://opentelemetry.io/schemas/1.30.0"
_SYSTEM: Final = "db.system.name"
_OPERATION: Final = "db.operation.name"
_BATCH: Final = "db.operation.batch.size"
_ERROR: Final = "error.type"
_DURATION: Final = "db.client.operation.duration"
_BUCKETS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
# Our own attributes.
_OUTCOME: Final = "samesession.outcome"

_LOAD: Final = "load"
_CHANGES: Final = ("create", "commit", "remove")
_FEWEST: Final = 2  # keys of a batch: by the conventions, one key is not a batch

_OURS: Final = re.compile(r"samesession\.stores\.(\w+)")
_NAMES: Final[Mapping[str, str]] = {"dynamodb": "aws.dynamodb", "sqlalchemy": "other_sql"}

_Attributes = dict[str, str | int]


def instrument(
    app: Any,  # a Flask or a Quart
    *,
    system: str | None = None,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> None:
    """Record spans and metrics for the operations of an application's sessions on their store.

    Call it after `Session(app)` and before the first request::

        Session(app)
        samesession.otel.instrument(app)

    `system`: the `db.system.name` of a third-party store, if the store does not have one itself.
    The providers default to OpenTelemetry's global ones. With SESSION_TYPE "cookie" there is
    nothing to measure. Raises ConfigError if it is too late, or if the application does not use
    samesession.

    .. versionadded:: 1.0
    """
    app_sessions = app_sessions_of(app)
    tracer = get_tracer("samesession", __version__, tracer_provider, _SCHEMA)
    meter = get_meter("samesession", __version__, meter_provider, _SCHEMA)

    def measured(store: Store) -> Store:
        name = system or _system_of(store) or app_sessions.kind
        return observed(store, _Telemetry(tracer, meter, name))

    app_sessions.wrap_store(measured)


def _system_of(store: Store) -> str | None:
    """Return OpenTelemetry's name for a store's database; None if it is unknown."""
    said = getattr(store, "system", None)
    if isinstance(said, str):
        return said
    ours = _OURS.match(type(store).__module__)
    return _NAMES.get(ours[1], ours[1]) if ours and ours[1] != "base" else None


class _Telemetry:
    """The instruments of one application; begins the spans of operations."""

    def __init__(self, tracer: Tracer, meter: Meter, system: str) -> None:
        self._tracer = tracer
        self._system = system
        self.duration = meter.create_histogram(
            _DURATION,
            unit="s",
            description="Duration of operations on the session store.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self.loads = meter.create_counter(
            "samesession.store.loads",
            unit="{load}",
            description="Sessions that requests looked up, by whether they were found.",
        )
        self.changes = meter.create_counter(
            "samesession.store.changes",
            unit="{change}",
            description="Sessions that were written or ended, by outcome.",
        )
        self.outages = meter.create_counter(
            "samesession.store.outages",
            unit="{operation}",
            description="Operations that failed because the store was down, or too slow.",
        )
        self._attributes: dict[str, tuple[str, _Attributes]] = {}

    def begin(self, operation: str, keys: int | None) -> _Observation:
        """Begin an operation."""
        known = self._attributes.get(operation)
        if known is None:
            attributes: _Attributes = {_SYSTEM: self._system, _OPERATION: operation}
            known = self._attributes[operation] = f"{operation} sessions", attributes
        name, attributes = known
        # Not the current span: steps wait in the middle of it, while others of the thread run.
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        if keys is not None and keys >= _FEWEST:
            span.set_attribute(_BATCH, keys)
        return _Observation(self, operation, attributes, span)


class _Observation:
    """One operation."""

    __slots__ = ("_attributes", "_began", "_operation", "_span", "_to")

    def __init__(self, to: _Telemetry, operation: str, attributes: _Attributes, span: Span) -> None:
        self._to = to
        self._operation = operation
        self._attributes = attributes
        self._span = span
        self._began = stopwatch()

    def returned(self, answer: Any) -> None:
        """Note the outcome of the operation."""
        self._to.duration.record(stopwatch() - self._began, self._attributes)
        if self._operation == _LOAD:
            self._count("miss" if answer is None else "hit")
        elif self._operation in _CHANGES:
            self._count(_outcome_of(answer))
        self._span.end()

    def failed(self, error: BaseException) -> None:
        """Note an operation's error; a cancelled caller does not count as an error."""
        kind, is_outage = _judged(error)
        self._to.duration.record(stopwatch() - self._began, {**self._attributes, _ERROR: kind})
        self._span.set_attribute(_ERROR, kind)
        if is_outage:
            self._to.outages.add(1, self._attributes)
        if kind != _CANCELLED:
            # Fixed phrases: texts from libraries may quote a record.
            self._span.set_status(StatusCode.ERROR, outages.reason(error))
        self._span.end()

    def _count(self, outcome: str) -> None:
        counter = self._to.loads if self._operation == _LOAD else self._to.changes
        counter.add(1, {**self._attributes, _OUTCOME: outcome})
        self._span.set_attribute(_OUTCOME, outcome)


_CANCELLED: Final = "cancelled"


def _judged(error: BaseException) -> tuple[str, bool]:
    """Return an error's type, and whether it is an outage of the store."""
    if LATE in error.args:
        return "timeout", True
    if not isinstance(error, Exception):
        return _CANCELLED, False
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}", isinstance(error, StoreUnavailable)


def _outcome_of(answer: object) -> str:
    match answer:
        case Conflict():
            return "conflict"
        case Outcome.GONE:
            return "gone"
        case False:
            return "taken"
        case _:
            return "written"
