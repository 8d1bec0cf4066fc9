"""Find what no setting carries over: sessions that a command must move or that cannot be read.

Pure: takes the application's settings, returns findings.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from ...core.findings import Finding, Level
from ...errors import ConfigError
from ...framework_settings import read_secret_keys
from .former import FLASK_SESSION, IMPORTS, NAMES, QUART_SESSION, SIGNED_COOKIE, Former

_MSGPACK_SINCE: Final = (0, 7)  # Flask-Session's release
_ONLINE: Final = {
    FLASK_SESSION: ("redis", "memcached", "sqlalchemy"),
    QUART_SESSION: ("redis", "redis+trio", "memcached"),
}
_NEVER: Final = ((FLASK_SESSION, "postgresql"), (QUART_SESSION, "mongodb"))
_FILES: Final = "flask_session"  # Flask-Session's directory, below the working directory


def losses(former: Former) -> Iterator[Finding]:
    """Return what no setting carries over, with a command for it if there is one."""
    yield from _lost_keys(former)
    if former.library == FLASK_SESSION:
        yield from _pickled(former)
    if former.library != SIGNED_COOKIE:
        yield from _unread(former)
    yield from _other_interface(former)


def _lost_keys(former: Former) -> Iterator[Finding]:
    """Report keys that samesession refuses: cookies signed with them cannot be read."""
    if not former.settings.get("SECRET_KEY"):
        return
    try:
        _ = read_secret_keys(former.settings)
    except ConfigError as error:
        what = (
            f"{error}. Cookies signed with such a key cannot be read: those users have to log "
            "in again"
        )
        signed = former.library == SIGNED_COOKIE or bool(former.get("SESSION_USE_SIGNER"))
        yield Finding("key", Level.ERROR if signed else Level.WARNING, what)


def _pickled(former: Former) -> Iterator[Finding]:
    command = _command(former, "--unsafe-pickle")
    if former.release is None:
        what = (
            "Flask-Session is not installed here: releases before 0.7 pickled sessions, and no "
            "request reads pickles"
        )
        yield Finding("pickle", Level.NOTICE, what, command)
    elif _numbers(former.release) < _MSGPACK_SINCE:
        what = f"Flask-Session {former.release} pickles sessions, and no request reads pickles"
        yield Finding("pickle", Level.ERROR, what, command)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(each) for each in release.split(".")[:2] if each.isdecimal())


def _unread(former: Former) -> Iterator[Finding]:
    name, kind = NAMES[former.library], former.kind
    if kind in (None, "null"):
        what = f"{name} has no SESSION_TYPE, and keeps no sessions that could be read"
        yield Finding("store", Level.NOTICE, what)
    elif (former.library, kind) in _NEVER:
        what = (
            f"sessions that {name} keeps with SESSION_TYPE {kind!r} cannot be read: these users "
            "have to log in again"
        )
        yield Finding("store", Level.ERROR, what)
    elif kind not in _ONLINE[former.library]:
        what = (
            f"no request reads the sessions that {name} keeps with SESSION_TYPE {kind!r}: a "
            "command moves them, after the last old process has stopped"
        )
        # cachelib pickles all its files, whatever format Flask-Session uses elsewhere.
        pickled = former.store == "filesystem"
        command = _command(former, "--unsafe-pickle") if pickled else _command(former)
        yield Finding("store", Level.WARNING, what, command)


def _command(former: Former, *options: str) -> str:
    """Return the command that moves the old sessions, with the place where they are."""
    program = "quart" if former.library == QUART_SESSION else "flask"
    words = [program, "sessions", "migrate", "--from", former.library]
    if former.store == "filesystem":
        words += ["--source", shlex.quote(_directory(former))]
    table = _table(former)
    if table:
        words += ["--table", shlex.quote(table)]
    return " ".join([*words, *options])


def _directory(former: Former) -> str:
    """Return the directory of the old files, which a cachelib cache knows."""
    if former.is_read:  # by now the setting names our own directory
        return "DIRECTORY"
    found = former.get("SESSION_FILE_DIR")
    if former.kind == "cachelib":
        found = getattr(former.get("SESSION_CACHELIB"), "_path", None)
    return _FILES if found is None else str(found)


def _table(former: Former) -> str:
    """Return the old collection or table, if it is not the library's default."""
    if former.is_read:
        return ""
    if former.kind == "mongodb":
        database = former.get("SESSION_MONGODB_DB", "flask_session")
        found = f"{database}.{former.get('SESSION_MONGODB_COLLECT', 'sessions')}"
        return "" if found == "flask_session.sessions" else found
    if former.kind == "dynamodb":
        found = str(former.get("SESSION_DYNAMODB_TABLE", "Sessions"))
        return "" if found == "Sessions" else found
    return ""


def _other_interface(former: Former) -> Iterator[Finding]:
    """Report an application whose sessions are not those of the named library."""
    module = former.interface.partition(".")[0]
    libraries = {module: library for library, module in IMPORTS.items()}
    of = {**libraries, "flask": SIGNED_COOKIE, "quart": SIGNED_COOKIE}.get(module)
    if former.has_ours or not former.interface or of == former.library:
        return
    if of is not None:
        what = (
            f"the application has {NAMES[of]}, not {NAMES[former.library]}: ask again with that "
            "name"
        )
        yield Finding("interface", Level.WARNING, what, f"--coming-from {of}")
        return
    what = (
        f"the application creates its session interface {former.interface} itself: Session(app) "
        "replaces it"
    )
    yield Finding("interface", Level.WARNING, what)
