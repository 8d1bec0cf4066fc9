"""Plan the migration of an application: the settings to change, as a diff, and what is lost.

Pure: takes the application's settings, returns lines. After the diff is applied there is nothing
more to change, so the same examination shows when everything is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ...core.findings import Finding, Level
from ...errors import ConfigError
from ...framework_settings import FLASKS
from ...migration_settings import MigrationSettings
from ...reading_settings import declared
from ...setting_names import check_names, peers_names
from ...settings import CommonSettings, prefix_of
from ...stores import built_in
from .answers import ANSWERS, COOKIE, PREFIX, SHARED_KEYS, TYPES, new_cookie_name, new_prefix
from .former import (
    ELIDED,
    FLASK_SESSION,
    IMPORTS,
    NAMES,
    QUART_SESSION,
    SIGNED_COOKIE,
    Answer,
    Fate,
    Former,
    line,
)
from .losses import losses

# In the order in which they are tried: Flask-Session's reader would take Quart-Session's tagged
# JSON for plain JSON.
_READERS: Final = (QUART_SESSION, FLASK_SESSION, SIGNED_COOKIE)
_DAY: Final = 24 * 3600
_MARGIN: Final = 2 * _DAY  # for the deployment, and for sessions that begin in its last minutes
_MONTH: Final = timedelta(days=31)  # Flask's default
# The client that the library creates if the configuration names none.
_SOURCES: Final = {
    (FLASK_SESSION, "redis"): ("SESSION_REDIS", "redis://127.0.0.1:6379/0"),
    (FLASK_SESSION, "memcached"): ("SESSION_MEMCACHED", "127.0.0.1:11211"),
    (FLASK_SESSION, "mongodb"): ("SESSION_MONGODB", "mongodb://127.0.0.1:27017"),
    (FLASK_SESSION, "sqlalchemy"): ("SESSION_SQLALCHEMY", None),
    (FLASK_SESSION, "dynamodb"): ("SESSION_DYNAMODB_ENDPOINT_URL", "http://localhost:8000"),
    (QUART_SESSION, "redis"): ("SESSION_REDIS", "redis://localhost"),
    (QUART_SESSION, "memcached"): ("SESSION_MEMCACHED", "127.0.0.1:11211"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One setting: its name, its line at present (None if it has none), and its answer."""

    name: str
    old: str | None
    answer: Answer

    @property
    def finding(self) -> Finding:
        """The same as a finding."""
        answer = self.answer
        return Finding(self.name, answer.level, answer.why, "\n".join(answer.write))


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes, and what they cannot carry over."""

    changes: tuple[Change, ...]
    lost: tuple[Finding, ...]

    @property
    def diff(self) -> list[str]:
        """The lines of the configuration: removed, added and unchanged ones."""
        found: list[str] = []
        come: set[str] = set()
        for each in self.changes:
            stays = each.old is not None and each.answer.fate is Fate.KEPT
            if each.old is not None:
                found.append(f"{' ' if stays else '-'}{each.old}")
            found += [f"+{written}" for written in each.answer.write if written not in come]
            come.update(each.answer.write)
        return found

    @property
    def findings(self) -> list[Finding]:
        """A finding for each setting and for each loss."""
        return [*(each.finding for each in self.changes), *self.lost]


def plan_for(former: Former) -> Plan:
    """Return what to change in an application's configuration."""
    changes = [*_import(former), *_settings(former)]
    written = {each.partition(" = ")[0] for change in changes for each in change.answer.write}
    changes += [each for each in _added(former) if each.name not in written]
    return Plan(tuple(sorted(changes, key=_position)), tuple(losses(former)))


def _position(change: Change) -> int:
    """Sort in the order of the table, with the settings of the migration last."""
    first = ("import", "SECRET_KEY", *ANSWERS)
    return first.index(change.name) if change.name in first else len(first)


# --- settings that are there ---------------------------------------------------------------


def _import(former: Former) -> Iterator[Change]:
    if former.has_ours:
        return
    module = IMPORTS.get(former.library)
    now = None if module is None else f"from {module} import Session"
    lines = ["from samesession import Session"]
    why = "Session(app), as before, where the application is created"
    if module is None:
        lines, why = [*lines, "Session(app)"], "sessions are kept on the server"
    fate = Fate.ADDED if now is None else Fate.REPLACED
    yield Change("import", now, Answer(fate, why, tuple(lines)))


def _settings(former: Former) -> Iterator[Change]:
    names = {*former.settings, *former.implied}
    for name, answer in ANSWERS.items():
        value = former.get(name)
        if name not in names or value is None or _is_ours_alone(name, former):
            continue
        found = answer(value, former)
        if former.settings.get(name) is not None:
            yield Change(name, line(name, value), found)
        elif found.write:
            yield Change(name, None, found)
        elif found.fate is Fate.KEPT:
            why = "the session interface was created with it, and no setting says so"
            yield _missing(name, value, why)
    yield from _guesses(former)


def _is_ours_alone(name: str, former: Former) -> bool:
    """Return whether a setting says nothing about where the old sessions are."""
    return former.library == SIGNED_COOKIE and name not in ("SESSION_COOKIE_NAME", "SESSION_TYPE")


def _guesses(former: Former) -> Iterator[Change]:
    """Report names that are neither the library's nor ours, and that samesession refuses."""
    kinds: list[type[object]] = [CommonSettings, MigrationSettings, *built_in().values()]
    ours = {each.name for kind in kinds for each in declared(kind).values()}
    known, peers = {*ours, *FLASKS}, peers_names(built_in().values())
    theirs = {*ANSWERS, *peers.no_effect, *peers.write_instead}
    is_known = former.kind is None or former.kind in {*built_in(), *TYPES, "cookie"}
    others = None if is_known else prefix_of(former.kind)
    for name, value in former.settings.items():
        if name in theirs:
            continue
        try:
            check_names({name: value}, known, peers, others)
        except ConfigError as error:
            answer = Answer(Fate.DROPPED, str(error), known_level=Level.WARNING)
            yield Change(name, f"{name} = {ELIDED}", answer)


# --- settings that are missing -------------------------------------------------------------


def _added(former: Former) -> Iterator[Change]:
    yield from _key(former)
    if former.library != SIGNED_COOKIE:
        yield from _of_peers(former)
    if former.get("SESSION_COOKIE_NAME") is None:
        why = "old and new processes would overwrite each other's cookie under one name"
        yield _missing("SESSION_COOKIE_NAME", new_cookie_name(former), why)
    if not former.is_read:
        wanted = {*former.readers, former.library}
        libraries = ", ".join(f'"{each}"' for each in _READERS if each in wanted)
        why = "a request without one of our cookies looks for an old one"
        answer = Answer(Fate.ADDED, why, (f"SESSION_MIGRATE_FROM = [{libraries}]",))
        yield Change("SESSION_MIGRATE_FROM", None, answer)
        yield from _where_old_ones_are(former)
    if former.settings.get("SESSION_MIGRATE_UNTIL") is None:
        why = "by then no old session is alive, and requests need not look for any"
        yield _missing("SESSION_MIGRATE_UNTIL", _until(former), why)


def _key(former: Former) -> Iterator[Change]:
    if not former.settings.get("SECRET_KEY"):
        why = "every cookie is signed"
        answer = Answer(Fate.ADDED, why, ('SECRET_KEY = os.environ["SECRET_KEY"]',))
        yield Change("SECRET_KEY", None, answer)


def _of_peers(former: Former) -> Iterator[Change]:
    if former.get("SESSION_PERMANENT") is None:
        why = f"{NAMES[former.library]}'s default; ours is False, like Flask's"
        yield _missing("SESSION_PERMANENT", value=True, why=why)
    name, value = _SOURCES.get((former.library, former.store or ""), ("", None))
    if name and former.get(name) is None and not _has_source(former, name):
        why = (
            f"the value that {NAMES[former.library]} uses if the setting is missing; samesession "
            "guesses none"
        )
        if value is None:
            why = "the Flask-SQLAlchemy object, an engine or a URL"
            yield Change(name, None, Answer(Fate.ADDED, why, (f"{name} = ...",)))
        else:
            yield _missing(name, value, why)
    if (
        former.get("SESSION_KEY_PREFIX") is None
        and not former.is_read
        and former.store in SHARED_KEYS
    ):
        why = "with their own keys, new sessions are out of reach of old processes"
        yield _missing("SESSION_KEY_PREFIX", new_prefix(None), why)


def _has_source(former: Former, name: str) -> bool:
    others = {
        "SESSION_DYNAMODB_ENDPOINT_URL": ("SESSION_DYNAMODB", "SESSION_DYNAMODB_REGION"),
    }
    return any(former.get(each) is not None for each in others.get(name, ()))


def _where_old_ones_are(former: Former) -> Iterator[Change]:
    cookie = former.get("SESSION_COOKIE_NAME", COOKIE)
    if cookie != COOKIE:
        yield _missing("SESSION_MIGRATE_COOKIE_NAME", cookie, "the old cookie's name")
    prefix = former.get("SESSION_KEY_PREFIX", PREFIX)
    if former.library != SIGNED_COOKIE and prefix != PREFIX:
        yield _missing("SESSION_MIGRATE_KEY_PREFIX", prefix, "the prefix of the old keys")


def _missing(name: str, value: object, why: str) -> Change:
    return Change(name, None, Answer(Fate.ADDED, why, (line(name, value),)))


def _until(former: Former) -> str:
    """Return the day by which the last old session has expired."""
    found = former.get("PERMANENT_SESSION_LIFETIME", _MONTH)
    lifetime = found if isinstance(found, timedelta) else _MONTH
    if isinstance(found, int | float) and not isinstance(found, bool):
        lifetime = timedelta(seconds=found)
    seconds = former.time + lifetime.total_seconds() + _MARGIN
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}T00:00:00Z"
