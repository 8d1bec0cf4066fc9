"""Write an audit log of what happens to users' sessions: one line of JSON for each event.

    {"time": "2027-03-01T12:00:00.000000+00:00", "event": "session_bound", "sid": "...",
     "owner": "ann", "label": "Firefox on Linux", "reason": ""}

These events are written, unless `anonymous` is set:

    session                        events
    with an owner                  all chosen events
    without, or unknown            revoked, rejected, expired

So a visitor without an account causes one line a request at most. No line holds a token,
a cookie, an address or data. Text from the application is escaped, so that it can neither
forge a line nor break one.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

from . import signals
from .app_sessions import app_sessions_of
from .core.events import Event
from .core.store import Clock
from .errors import ConfigError
from .given_application import framework_of

__all__ = ["install"]

LOGGER = "samesession.audit"

_KEPT_BY_APP = (
    "samesession_audit"  # kept in `app.extensions`, as signals hold their receivers weakly
)
_Receiver: TypeAlias = Callable[..., None]

_EVENTS = {signals.name_of(event): event for event in Event}
# A lost race against another request changes nothing for an account, and happens often.
_USUAL = tuple(name for name, event in _EVENTS.items() if event is not Event.CONFLICT)
_OF_ANYBODY = frozenset((Event.REVOKED, Event.REJECTED, Event.EXPIRED))

_NOT_HEARD = (
    "nothing keeps the audit of sessions, because the logger %r %s. For a file, write "
    "logging.getLogger(%r).addHandler(logging.FileHandler('audit.log')) after the code that "
    "configures logging"
)

log = logging.getLogger("samesession")


def install(
    app: Any,  # a Flask or a Quart; this module imports neither
    logger: logging.Logger | None = None,
    *,
    events: Collection[str] = _USUAL,
    anonymous: bool = False,
) -> None:
    """Write a line of JSON for each event of an application's sessions from now on.

    `logger` receives the lines, at level INFO. The default is
    `logging.getLogger("samesession.audit")`, which then passes nothing to the handlers of other
    loggers, as the lines name people. `events` are names of signals; the default is all but
    `session_conflict`. With `anonymous`, events of sessions without an owner are written, too::

        from samesession import Session, audit

        Session(app)
        audit.install(app)

    Raises ConfigError if `Session(app)` is missing, if an event is unknown, and if the audit is
    installed already.

    .. versionadded:: 1.0
    """
    if framework_of(app) is None:
        raise TypeError(
            f"audit.install() takes a Flask or a Quart, not {type(app).__name__}: write "
            "audit.install(app)"
        )
    sessions, chosen, to = app_sessions_of(app), _chosen(events), _logger(logger)
    kept: dict[str, list[_Receiver]] = sessions.app.extensions.setdefault(_KEPT_BY_APP, {})
    if to.name in kept:
        raise ConfigError(
            f"the audit of this application is written to {to.name!r} already: call "
            "audit.install(app) once, or give it another logger"
        )
    audit = _Audit(to, sessions.current_time, anonymous=anonymous)
    receivers = kept[to.name] = []
    for event in chosen:
        receiver = functools.partial(audit.write, event)
        receivers.append(receiver)
        _ = signals.signal_of(event).connect(receiver, sender=sessions.app)


class _Audit:
    """Writes the events of one application to one logger."""

    def __init__(self, logger: logging.Logger, clock: Clock, *, anonymous: bool) -> None:
        self._logger = logger
        self._clock = clock
        self._anonymous = anonymous
        self._told = False

    def write(
        self,
        event: Event,
        _: object,
        *,
        sid: str | None,
        owner: str | None,
        label: str | None,
        reason: str,
        **__: object,
    ) -> None:
        """Write one line; if the logger raises, log that to the logger `samesession`."""
        if owner is None and event not in _OF_ANYBODY and not self._anonymous:
            return
        line = {
            "time": datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="microseconds"),
            "event": signals.name_of(event),
            "sid": sid,
            "owner": owner,
            "label": label,
            "reason": reason,
        }
        self._check_heard()
        # Everything but printable ASCII is escaped, so that no owner's name starts a new line.
        self._logger.info(json.dumps(line, ensure_ascii=True))

    def _check_heard(self) -> None:
        """Warn once if nothing keeps the lines: logging drops them silently."""
        # Checked for each line, because logging may be configured later and disable a logger.
        lacks = None
        if not self._logger.isEnabledFor(logging.INFO):
            lacks = "is disabled" if self._logger.disabled else "is above level INFO"
        elif not self._logger.hasHandlers():
            lacks = "has no handler"
        if lacks is not None and not self._told:
            self._told = True
            log.error(_NOT_HEARD, self._logger.name, lacks, self._logger.name)


def _logger(given: object) -> logging.Logger:
    """Return the given logger, or our own one, which is apart from the ordinary log."""
    if given is None:
        ours = logging.getLogger(LOGGER)
        ours.propagate = False
        if ours.level == logging.NOTSET:
            ours.setLevel(logging.INFO)
        return ours
    if not isinstance(given, logging.Logger):
        raise TypeError(
            f"audit.install() takes a logging.Logger, not {type(given).__name__}: "
            'write audit.install(app, logging.getLogger("..."))'
        )
    return given


def _chosen(events: object) -> list[Event]:
    """Return the events with these names; raise ConfigError for unknown names, and for none."""
    if isinstance(events, str) or not isinstance(events, Collection):
        raise TypeError("audit.install() takes events as a list of names of signals")
    names = cast("Collection[object]", events)
    unknown = [name for name in names if not isinstance(name, str) or name not in _EVENTS]
    if unknown or not names:
        wrong = f"does not know the event {unknown[0]!r}" if unknown else "takes one event at least"
        raise ConfigError(f"audit.install() {wrong}: write some of {', '.join(_EVENTS)}")
    return [_EVENTS[name] for name in _EVENTS if name in names]
