"""Write down what happens to the sessions of accounts: one line of JSON for each event.

    {"time": "2027-03-01T12:00:00.000000+00:00", "event": "session_bound", "sid": "...",
     "owner": "ann", "label": "Firefox on Linux", "reason": ""}

What is written, where `anonymous` is not set:

    session                        events
    of an owner                    all that were chosen
    nobody's, or it is not known   revoked, rejected, expired

So that any visitor, who has no account, causes one line a request at most. No line holds a
token, a cookie, an address or data; text of the application's is escaped, so that it neither
forges a line nor breaks one.
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

_KEPT_BY_APP = "samesession_audit"  # in `app.extensions`: signals hold their receivers weakly
_Receiver: TypeAlias = Callable[..., None]

_EVENTS = {signals.name_of(event): event for event in Event}
# Another request that was faster changes nothing for an account, and comes by the hundred.
_USUAL = tuple(name for name, event in _EVENTS.items() if event is not Event.CONFLICT)
_OF_ANYBODY = frozenset((Event.REVOKED, Event.REJECTED, Event.EXPIRED))

_NOT_HEARD = (
    "nothing keeps the audit of sessions, as the logger %r %s. For a file write "
    "logging.getLogger(%r).addHandler(logging.FileHandler('audit.log')), after all that "
    "configures logging"
)

log = logging.getLogger("samesession")


def install(
    app: Any,  # a Flask or a Quart; this module knows neither
    logger: logging.Logger | None = None,
    *,
    events: Collection[str] = _USUAL,
    anonymous: bool = False,
) -> None:
    """Write a line of JSON for each event of an application's sessions from now on.

    `logger`: what the lines, of level INFO, are given to. Without one it is
    `logging.getLogger("samesession.audit")`, which then hands nothing on to the handlers of
    other loggers, as the lines name people. `events`: names of signals, in place of all but
    `session_conflict`. `anonymous`: whether what happens to sessions that are nobody's is
    written, too. Raises ConfigError where `Session(app)` is missing, for an event that there
    is not, and where it is installed already.
    """
    if framework_of(app) is None:
        raise TypeError(
            f"audit.install() takes a Flask or a Quart, not {type(app).__name__}: "
            "write audit.install(app)"
        )
    sessions, chosen, to = app_sessions_of(app), _chosen(events), _logger(logger)
    kept: dict[str, list[_Receiver]] = sessions.app.extensions.setdefault(_KEPT_BY_APP, {})
    if to.name in kept:
        raise ConfigError(
            f"the audit of this application is written to {to.name!r} already: call "
            "audit.install(app) once for it, or give it another logger"
        )
    audit = _Audit(to, sessions.current_time, anonymous=anonymous)
    receivers = kept[to.name] = []
    for event in chosen:
        receiver = functools.partial(audit.write, event)
        receivers.append(receiver)
        _ = signals.signal_of(event).connect(receiver, sender=sessions.app)


class _Audit:
    """What writes the lines of one application to one logger."""

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
        """Write one line; what the logger raises is told in the log of `samesession`."""
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
        # All but printable ASCII is escaped: no owner begins another line.
        self._logger.info(json.dumps(line, ensure_ascii=True))

    def _check_heard(self) -> None:
        """Say once that nothing keeps the lines, which logging drops without a word."""
        # Looked at with each line: configuring logging later may disable a logger.
        lacks = None
        if not self._logger.isEnabledFor(logging.INFO):
            lacks = "is disabled" if self._logger.disabled else "is above level INFO"
        elif not self._logger.hasHandlers():
            lacks = "has no handler"
        if lacks is not None and not self._told:
            self._told = True
            log.error(_NOT_HEARD, self._logger.name, lacks, self._logger.name)


def _logger(given: object) -> logging.Logger:
    """Return the logger that is given, or our own, apart from the ordinary log."""
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
    """Return the events of these names; raises ConfigError for any other, and for none."""
    if isinstance(events, str) or not isinstance(events, Collection):
        raise TypeError("audit.install() takes events as a list of names of signals")
    names = cast("Collection[object]", events)
    unknown = [name for name in names if not isinstance(name, str) or name not in _EVENTS]
    if unknown or not names:
        wrong = f"knows no event {unknown[0]!r}" if unknown else "takes one event at least"
        raise ConfigError(f"audit.install() {wrong}: write some of {', '.join(_EVENTS)}")
    return [_EVENTS[name] for name in _EVENTS if name in names]
