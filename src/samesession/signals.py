"""Signals for the events of sessions, and their log lines.

The sender of each signal is the application. It is sent with `sid` (a session's public name),
`owner` and `label` (as the application passed them to `bind`), each None if there is none or it is
unknown, and `reason` (fixed words, or empty). A receiver takes `**_` as well, because arguments may
be added::

    from samesession import signals

    @signals.session_revoked.connect_via(app)
    def note(sender, sid, owner, **_):
        ...

No argument is ever a token, a cookie or data. Owner and label are personal data, which the log
lines leave out.

Receivers are called after the session was opened or saved, outside of the store's timeout. An
exception in a receiver is logged and changes nothing.

.. versionadded:: 1.0
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from blinker import NamedSignal, Namespace

from .core.events import (
    BY_VISITORS,
    EMPTIED_BLINDLY,
    ENDED_BLINDLY,
    OLD_UNREADABLE,
    Event,
    Notice,
    Notify,
)
from .core.steps import Steps, wait
from .core.tracebacks import clear_locals
from .run import ended_sessions
from .run.sync import afterwards

__all__ = [
    "session_bound",
    "session_confirmed",
    "session_conflict",
    "session_created",
    "session_device_bound",
    "session_device_proved",
    "session_device_refused",
    "session_device_skipped",
    "session_ended",
    "session_expired",
    "session_gone",
    "session_migrated",
    "session_regenerated",
    "session_rejected",
    "session_revoked",
    "session_unbound",
    "session_unsaved",
]

_signals = Namespace()

session_created = _signals.signal(Event.CREATED.value)
session_bound = _signals.signal(Event.BOUND.value)
session_regenerated = _signals.signal(Event.REGENERATED.value)
session_confirmed = _signals.signal(Event.CONFIRMED.value)
session_unbound = _signals.signal(Event.UNBOUND.value)
session_ended = _signals.signal(Event.ENDED.value)
session_revoked = _signals.signal(Event.REVOKED.value)
session_expired = _signals.signal(Event.EXPIRED.value)
session_rejected = _signals.signal(Event.REJECTED.value)
session_conflict = _signals.signal(Event.CONFLICT.value)
session_gone = _signals.signal(Event.GONE.value)
session_unsaved = _signals.signal(Event.UNSAVED.value)
session_migrated = _signals.signal(Event.MIGRATED.value)
session_device_bound = _signals.signal(Event.DEVICE_BOUND.value)
session_device_proved = _signals.signal(Event.DEVICE_PROVED.value)
session_device_refused = _signals.signal(Event.DEVICE_REFUSED.value)
session_device_skipped = _signals.signal(Event.DEVICE_SKIPPED.value)

_BY_EVENT = {event: _signals.signal(event.value) for event in Event}

log = logging.getLogger("samesession")

_LEVELS = {
    Event.REJECTED: logging.WARNING,
    Event.GONE: logging.INFO,
    Event.UNSAVED: logging.WARNING,
    Event.DEVICE_REFUSED: logging.INFO,
}
# After these, the session of an open socket may have ended.
_ENDS = frozenset((Event.ENDED, Event.REVOKED, Event.EXPIRED, Event.GONE, Event.REGENERATED))
_BY_REASON = {
    **dict.fromkeys((EMPTIED_BLINDLY, ENDED_BLINDLY), logging.WARNING),
    **dict.fromkeys(BY_VISITORS, logging.INFO),
}


def signal_of(event: Event) -> NamedSignal:
    """Return the signal of an event."""
    return _BY_EVENT[event]


def name_of(event: Event) -> str:
    """Return the name of an event's signal in this module."""
    return event.value.replace("-", "_")


def notifier(app: Any) -> Notify:  # a Flask or a Quart; this module knows neither
    """Return the function that sends an application's events to signals and log, within steps."""

    def notify(notice: Notice) -> None:
        if notice.sid is not None and notice.event in _ENDS:
            ended_sessions.tell(notice.sid)
        level = _level(notice)
        if log.isEnabledFor(level):
            log.log(level, "%s%s", notice.event.value, notice.reason and f": {notice.reason}")
        signal = _BY_EVENT[notice.event]
        if signal.receivers:
            afterwards(functools.partial(_send, signal, app, notice))

    return notify


def _level(notice: Notice) -> int:
    if notice.reason.startswith(OLD_UNREADABLE):  # which says more then
        return logging.INFO
    return _BY_REASON.get(notice.reason) or _LEVELS.get(notice.event, logging.DEBUG)


def _send(signal: NamedSignal, app: Any, notice: Notice) -> Steps[None]:
    """Call each receiver as the framework calls functions of either kind."""
    ensured = getattr(app, "ensure_async", None) or app.ensure_sync  # Quart's, or Flask's
    for receiver in [] if signal.is_muted else list(signal.receivers_for(app)):
        answer: object = None
        try:
            answer = yield from wait(ensured(_callable(receiver))(app, **_told(notice)))
            if inspect.isawaitable(answer):
                yield from wait(ensured(_awaited)(answer))
        except Exception as error:
            if inspect.iscoroutine(answer):
                answer.close()  # avoids the warning that it was not awaited: the log says more
            clear_locals(error)
            log.exception("a receiver of %s failed; it changes nothing else", signal.name)


def _told(notice: Notice) -> dict[str, str | None]:
    """Return a receiver's arguments, in no frame that its error would show."""
    return {name: getattr(notice, name) for name in ("sid", "owner", "label", "reason")}


def _callable(receiver: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that a thread may run: it never raises StopIteration."""
    if inspect.iscoroutinefunction(receiver):
        return receiver

    def call(*args: Any, **named: Any) -> Any:
        try:
            return receiver(*args, **named)
        except StopIteration as error:
            raise RuntimeError("a receiver raised StopIteration") from error

    return call


async def _awaited(answer: Awaitable[object]) -> None:
    _ = await answer
