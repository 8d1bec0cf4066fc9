"""Each release on each store, in each of its formats, with cookies unsigned and signed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .applications.samples import SAMPLES

HERE = Path(__file__).parent
SECRET_KEY = "9f2c44d1e5b86a7093fd0b1c8e7a6d5f"
_NEWER_KEY = "c1d7e0a95b3f48628e1f7a0c6d9b2e34"
# Flask-Session's reader takes the other's JSON for its own, without tags.
ALL_READERS = ["quart-session", "flask-session", "signed-cookie"]
OLD_COOKIE, NEW_COOKIE = "session", "sid"

# Samples that do not come over: the other library answers 500 where it is to keep them, or, of
# what is pickled, the command skips the session that has one.
PICKLED = {"id", "markup", "price"}
UNABLE = {
    "pickle": PICKLED,
    "msgpack": {"huge", "markup"},
    "json": {"markup"},
    "tagged JSON": {"clock", "span", "colours", "fixed"},
}


class Peer(NamedTuple):
    """A release of a library, or of a framework that keeps its own cookie."""

    name: str  # and version
    library: str
    framework: str
    install: list[str]

    @property
    def reader(self) -> str:
        """What SESSION_MIGRATE_FROM calls it."""
        return "signed-cookie" if self.library == "none" else self.library

    def python(self, environments: Path) -> Path:
        return environments / self.name.replace(" ", "-") / "bin" / "python"


PEERS = {
    name: Peer(name, **found)
    for name, found in tomllib.loads((HERE / "peers.toml").read_text()).items()
}


class Case(NamedTuple):
    """One way in which a release keeps sessions."""

    peer: Peer
    place: str
    format: str
    signed: bool = False
    prefix: str = "session:"
    integrated: bool = False  # ours, with Flask-Login, binds who is logged in
    rotated: bool = False  # ours has another key, and theirs as a fallback
    among: bool = False  # ours reads the sessions of every library
    ahead: bool = False  # the command moves it, though a request would read it
    fails: bool = False  # the other library answers 500 itself, and writes nothing

    def __str__(self) -> str:
        more = [name for name in ("integrated", "among", "ahead") if getattr(self, name)]
        parts = (self.peer.name, self.place, self.format, self.cookie, self.prefix, *more)
        return ", ".join(part or "no prefix" for part in parts)

    @property
    def cookie(self) -> str:
        """What the cookie has besides the id, or the data."""
        if not self.signed:
            return "unsigned"
        return "signed with a fallback key" if self.rotated else "signed"

    @property
    def names(self) -> list[str]:
        """The samples that can be kept so."""
        return [name for name in SAMPLES if name not in UNABLE[self.format]]

    @property
    def keeps_browser_sessions(self) -> bool:
        """Whether the other library reads again what is not permanent.

        Before 0.7 Flask-Session files it in SQL without a time at which it expires.
        """
        return (self.place, self.format) != ("sqlalchemy", "pickle")

    @property
    def is_read_online(self) -> bool:
        """Whether a request reads it: no pickle, and no files, is."""
        return self.format != "pickle" and self.place not in {"filesystem", "cachelib"}

    @property
    def is_moved(self) -> bool:
        """Whether the command moves it: memcached cannot list what it holds."""
        return self.ahead or (not self.is_read_online and self.place != "memcached")

    def theirs(self) -> dict[str, Any]:
        """Return the other library's settings, without where they are kept."""
        settings: dict[str, Any] = {"SECRET_KEY": SECRET_KEY}
        if self.peer.library != "none":
            settings |= {"SESSION_KEY_PREFIX": self.prefix, "SESSION_USE_SIGNER": self.signed}
        if self.format == "json":
            settings["SESSION_SERIALIZATION_FORMAT"] = "json"
        return settings

    def ours(self) -> dict[str, Any]:
        """Return the lines to change, as the guide has them."""
        keys: dict[str, Any] = {"SECRET_KEY": SECRET_KEY}
        if self.rotated:
            keys = {"SECRET_KEY": _NEWER_KEY, "SECRET_KEY_FALLBACKS": [SECRET_KEY]}
            keys["WTF_CSRF_SECRET_KEY"] = SECRET_KEY  # Flask-WTF knows no fallbacks
        return {
            **keys,
            "SESSION_COOKIE_NAME": NEW_COOKIE,
            "SESSION_PERMANENT": self.peer.library != "none",
            "SESSION_KEY_PREFIX": "new:",
            "SESSION_MIGRATE_FROM": ALL_READERS if self.among else [self.peer.reader],
            "SESSION_MIGRATE_COOKIE_NAME": OLD_COOKIE,
            "SESSION_MIGRATE_KEY_PREFIX": self.prefix,
            "SESSION_MIGRATE_USE_SIGNER": self.signed and self.peer.library != "none",
        }


def _flask_session() -> Iterator[Case]:
    for version in ("0.5.0", "0.6.0"):
        old = PEERS[f"Flask-Session {version}"]
        yield Case(old, "redis", "pickle")
        yield Case(old, "redis", "pickle", signed=True, prefix="shop:")
        yield Case(old, "sqlalchemy", "pickle", signed=True)
        yield Case(old, "memcached", "pickle")
        yield Case(old, "filesystem", "pickle")
    for version in ("0.7.0", "0.8.0"):
        new = PEERS[f"Flask-Session {version}"]
        for format_ in ("msgpack", "json"):
            yield Case(new, "redis", format_)
            yield Case(new, "redis", format_, signed=True, prefix="shop:")
            yield Case(new, "sqlalchemy", format_)
            yield Case(new, "memcached", format_, signed=True)
        yield Case(new, "redis", "msgpack", integrated=True)
        yield Case(new, "sqlalchemy", "msgpack", signed=True, prefix="", rotated=True)
        yield Case(new, "memcached", "msgpack", prefix="")
        yield Case(new, "redis", "msgpack", signed=True, ahead=True)
        yield Case(new, "sqlalchemy", "json", ahead=True)
        yield Case(new, "redis", "json", among=True)
        yield Case(new, "filesystem", "pickle")
        yield Case(new, "cachelib", "pickle", signed=True)


def _quart_session() -> Iterator[Case]:
    peer = PEERS["Quart-Session 3.0.0"]
    for place in ("redis", "memcached"):
        yield Case(peer, place, "tagged JSON")
        yield Case(peer, place, "tagged JSON", prefix="shop:")
        # It gives a signed id as bytes, which no Werkzeug takes that its Quart can have.
        yield Case(peer, place, "tagged JSON", signed=True, fails=True)
    yield Case(peer, "redis", "tagged JSON", ahead=True)
    yield Case(peer, "redis", "tagged JSON", among=True)


def _frameworks() -> Iterator[Case]:
    for peer in PEERS.values():
        if peer.library == "none":
            yield Case(peer, "cookie", "tagged JSON", signed=True)
            yield Case(peer, "cookie", "tagged JSON", signed=True, rotated=True)
            yield Case(peer, "cookie", "tagged JSON", signed=True, among=True)


CASES = [*_flask_session(), *_quart_session(), *_frameworks()]
