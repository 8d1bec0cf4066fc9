"""Use another library's cookie if a request has one: until when, and what is logged.

This module does not know frameworks; `core.migrating` describes the effect of an old cookie.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from werkzeug.sansio.request import Request

from . import headers
from .core.cookie_only.flow import CookieFlow
from .core.flow import Flow
from .core.migrating import Migration
from .core.old_cookies import OwnerOf
from .core.session import ServerSession
from .core.steps import Steps
from .core.store import Clock

log = logging.getLogger("samesession")

_OVER = (
    "SESSION_MIGRATE_UNTIL has passed: sessions of other libraries are not read any more. Remove "
    "SESSION_MIGRATE_FROM from the settings"
)


# The key in an application's `extensions` of a function that returns an old session's owner.
OWNER_OF = "samesession.owner_of"


def owners_by(app: Any) -> OwnerOf:  # a Flask or a Quart; this module knows neither
    """Return the function that finds an old session's owner, if an integration provides one."""

    def owner_of(data: Mapping[str, Any]) -> str | None:
        found: OwnerOf | None = app.extensions.get(OWNER_OF)
        return None if found is None else found(data)

    return owner_of


class Deadline:
    """The time when old sessions stop being read; its passing is logged once."""

    def __init__(self, until: float | None, clock: Clock) -> None:
        self._until = until
        self._clock = clock
        self._told = False

    def is_over(self) -> bool:
        """Return whether old sessions are not read any more."""
        if self._until is None or self._clock() < self._until:
            return False
        if not self._told:
            self._told = True
            log.warning("%s", _OVER)
        return True


class OldCookie:
    """Opens the sessions of requests that may bring another library's cookie."""

    def __init__(self, name: str, migration: Migration, deadline: Deadline) -> None:
        self._name = name
        self._migration = migration
        self._deadline = deadline

    def open(
        self, opening: Steps[ServerSession], request: Request, header: str
    ) -> Steps[ServerSession]:
        """Open a request's session; `opening` opens it by our cookie."""
        session = yield from opening
        if self._name not in header or self._deadline.is_over():
            return session
        values = headers.cookie_values(header, (self._name,)).get(self._name)
        if not values:
            return session
        possible = not headers.is_for_socket(request)
        return (yield from self._migration.arrive(session, values, cookie_possible=possible))


def offered(name: str, flow: Flow | CookieFlow, deadline: Deadline) -> OldCookie | None:
    """Return what opens sessions by an old cookie with this name, if that is configured."""
    migration = flow.migration if isinstance(flow, Flow) else None
    return None if migration is None else OldCookie(name, migration, deadline)
