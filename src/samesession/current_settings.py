"""An application's current settings: Flask's own may change at any time.

Flask reads the keys, the lifetimes and the cookie's scope whenever it opens or saves a session. So
a change by a `before_request` function or a view counts in that very request. Here each opening and
saving compares the settings with the last ones, and rebuilds the parts that depend on a change. The
library's own settings are fixed at the first request; a later change is logged. A wrong value of
Flask's settings changes nothing, and is logged, too. This module knows neither a framework nor a
request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeAlias, cast

from .core.cookie_only.flow import CookieFlow
from .core.flow import Flow
from .core.request_state import state_of
from .core.session import ServerSession
from .device_requests import DeviceRequests
from .errors import ConfigError
from .framework_settings import FLASKS
from .headers import CookieWriter
from .old_cookie import OldCookie
from .session_header import SessionHeader
from .settings import Config, prefix_of

log = logging.getLogger("samesession")

Values: TypeAlias = Mapping[str, Any]  # as app.config has them

_MOST_BUILT = 32  # as many different settings, used by turns, are each built once
_MOST_TOLD = 256
_ABSENT: Any = object()
_CHANGEABLE: tuple[Any, ...] = (list, set, dict)  # Any: their values may be anything
# Flask reads these as attributes of the application, which come from its configuration.
_ATTRIBUTES = {
    "SECRET_KEY": "secret_key",
    "PERMANENT_SESSION_LIFETIME": "permanent_session_lifetime",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that are built from an application's settings."""

    config: Config
    flow: Flow | CookieFlow
    writer: CookieWriter
    old_cookie: OldCookie | None  # another library's, if one is read
    header: SessionHeader | None
    device: DeviceRequests | None  # where sessions are bound to devices
    cookies: Collection[str]  # the names of those that are read in each request

    def flow_of(self, session: ServerSession) -> Flow | CookieFlow:
        """Return the flow that opened a session, and closes it."""
        by_header = state_of(session).header_token is not None
        return self.header.flow if by_header and self.header is not None else self.flow


class _Seen:
    """Settings at one moment, and the parts that were built from them."""

    __slots__ = ("ours", "parts", "read", "size", "values")

    def __init__(self, flasks: Values, ours: Values, size: int, parts: Parts) -> None:
        """`size`: the number of all settings, because missing ones cannot be compared."""
        self.ours = ours
        self.size = size
        self.parts = parts
        named = {**flasks, **ours}
        self.read: Callable[[Values], object] = itemgetter(*named) if named else len
        self.values = self.read(named)


class CurrentSettings:
    """Returns the parts for an application's current settings."""

    def __init__(self, app: Any, config: Config, build: Callable[[Config], Parts]) -> None:
        """Begin with the configuration that was read last; `app` is a Flask or a Quart."""
        self._source = source_of(app)
        self._build = build
        self._names = config.names
        self._prefix = prefix_of(config.store_type)
        self._built: dict[object, Parts] = {}
        self._told: set[str] = set()
        self._config = config
        flasks = _flasks(config.settings)
        self._seen = self._see(config.settings, flasks, self._made(flasks))

    @property
    def latest(self) -> Parts:
        """The parts at the last request for them."""
        return self._seen.parts

    def parts(self) -> Parts:
        """Return the parts for the current settings."""
        seen, settings = self._seen, self._source.config
        try:
            # Equal values are mostly the same objects, so this comparison costs next to nothing.
            if len(settings) == seen.size and seen.read(settings) == seen.values:
                return seen.parts
        except KeyError:
            pass  # one was deleted
        return self._changed(dict(settings), seen)

    def _changed(self, settings: Values, before: _Seen) -> Parts:
        flasks = _flasks(settings)
        try:
            parts = self._made(flasks)
        except ConfigError:
            parts = self._made_of_usable(flasks, _flasks(before.parts.config.settings))
        # In one assignment, so that threads that find different settings do not mix them.
        self._seen = now = self._see(settings, flasks, parts)
        if now.ours != before.ours:
            self._tell_of_ours(before.ours, now.ours)
        return parts

    def _see(self, settings: Values, flasks: Values, parts: Parts) -> _Seen:
        ours = {
            name: _copied(value)
            for name, value in settings.items()
            if name in self._names or (name.startswith(self._prefix) and name not in FLASKS)
        }
        return _Seen(flasks, ours, len(settings), parts)

    def _tell_of_ours(self, before: Values, now: Values) -> None:
        for name in sorted({*before, *now}):
            if before.get(name, _ABSENT) != now.get(name, _ABSENT):
                self._tell(
                    name,
                    f"{name} was changed after the first request, and this has no effect any more: "
                    "set it before",
                )

    # --- Flask's own settings --------------------------------------------------------------

    def _made_of_usable(self, wanted: Values, before: Values) -> Parts:
        """Build parts from the wanted settings; a wrong value leaves the one of before."""
        usable = dict(before)
        wrong = {
            name: _ABSENT
            for name in FLASKS
            if before.get(name, _ABSENT) != wanted.get(name, _ABSENT)
        }
        found = True
        while found:  # a right value may be needed by another one
            found = False
            for name in list(wrong):
                candidate = _with(usable, name, wanted)
                try:
                    _ = self._config.with_flasks(candidate)
                except ConfigError as error:
                    wrong[name] = error
                else:
                    usable, found = candidate, True
                    del wrong[name]
        for name, why in wrong.items():
            self._tell(
                f"{name}={wanted.get(name)!r}",
                f"{name} was changed to a value that cannot be used, and stays as it was: {why}",
            )
        return self._made(usable)

    def _made(self, flasks: Values) -> Parts:
        """Build parts from Flask's settings, or return those built from the same ones."""
        key = tuple((name, *_hashable(value)) for name, value in flasks.items())
        try:
            found = self._built.get(key)
        except TypeError:  # a value of a wrong type, which is not part of a key
            return self._build(self._config.with_flasks(flasks))
        if found is None:
            found = self._build(self._config.with_flasks(flasks))
            if len(self._built) >= _MOST_BUILT:
                self._built.clear()
            self._built[key] = found
        return found

    def _tell(self, what: str, message: str) -> None:
        """Log an error, the first time."""
        if what in self._told:
            return
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told.add(what)
        log.error("%s", message)


def source_of(app: Any) -> Any:
    """Return the object whose `config` has the settings: mostly the application itself."""
    own = {
        name: attribute for name, attribute in _ATTRIBUTES.items() if _is_its_own(app, attribute)
    }
    return _Overriding(app, own) if own else app


def snapshot(settings: Mapping[str, Any]) -> dict[str, object]:
    """Return a copy of the configuration's values, to notice a later change."""
    names = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "APPLICATION_ROOT", "PERMANENT_SESSION_LIFETIME")
    return {
        name: value
        for name, value in settings.items()
        if name in names or name.startswith("SESSION_")
    }


class _Overriding:
    """The settings of an application whose class has an attribute in place of one of them."""

    def __init__(self, app: Any, own: Mapping[str, str]) -> None:
        self._app = app
        self._own = own

    @property
    def config(self) -> dict[str, Any]:
        own = {name: getattr(self._app, attribute) for name, attribute in self._own.items()}
        return {**self._app.config, **own}


def _is_its_own(app: Any, attribute: str) -> bool:
    kinds: tuple[type[Any], ...] = type(app).__mro__
    definer = next((kind for kind in kinds if attribute in vars(kind)), kinds[0])
    return definer.__module__.partition(".")[0] not in ("flask", "quart")


def _flasks(settings: Values) -> dict[str, Any]:
    return {name: _copied(settings[name]) for name in FLASKS if name in settings}


def _with(settings: Values, name: str, wanted: Values) -> dict[str, Any]:
    """Return settings with one changed as wanted, which may mean absent."""
    others = {each: value for each, value in settings.items() if each != name}
    return {**others, name: wanted[name]} if name in wanted else others


def _copied(value: Any) -> Any:
    """Return a value that stays as it is now, to compare with one that is changed in place."""
    for kind in _CHANGEABLE:
        if isinstance(value, kind):
            return kind(value)
    return value


def _hashable(value: object) -> tuple[object, object]:
    """Return a hashable form that tells a value from others, and True from 1."""
    return type(value), tuple(cast("list[object]", value)) if isinstance(value, list) else value
