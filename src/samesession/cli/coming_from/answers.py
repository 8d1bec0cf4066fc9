"""The table of what becomes of each setting of Flask-Session and Quart-Session.

Each setting of Flask-Session 0.5 to 0.8 and of its successors, and of Quart-Session 3.0, has an
answer: kept, renamed, replaced, or dropped, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, cast

from ...core.findings import Level
from ...core.names import checked_prefix
from ...errors import ConfigError
from ...setting_names import peers_names
from ...stores import built_in
from .former import ELIDED, Answer, Fate, Former, line, shown

Answers: TypeAlias = "Callable[[Any, Former], Answer]"  # Any: a setting holds anything

PREFIX: Final = "session:"  # the default of all three libraries
COOKIE: Final = "session"  # Flask's
SQL_TABLE: Final = "sessions"  # Flask-Session's
TYPES: Final = ("redis", "memcached", "sqlalchemy", "filesystem", "mongodb", "dynamodb")
# Stores in which old and new sessions have the same kind of keys, side by side.
SHARED_KEYS: Final = ("redis", "memcached")
_REASONS: Final = peers_names(built_in().values())
_IDLE: Final = "nothing reads it with this SESSION_TYPE"


# --- answers that several settings share ---------------------------------------------------


def _kept(why: str) -> Answers:
    """Return the answer that a setting means the same here."""
    return lambda _value, _former: Answer(Fate.KEPT, why)


def _dropped(why: str) -> Answers:
    """Return the answer that a setting has no effect here."""
    return lambda _value, _former: Answer(Fate.DROPPED, why)


def _without_effect(name: str) -> Answers:
    """Return the answer that a setting has no effect, with the reason from its warning."""
    return _dropped(_REASONS.no_effect[name])


def _for_type(kind: str, answer: Answers) -> Answers:
    """Return the answer for a setting of one store, which no other store reads."""

    def found(value: Any, former: Former) -> Answer:
        if value is None or former.store != kind:
            return Answer(Fate.KEPT, _IDLE)
        return answer(value, former)

    return found


def _only_with(kind: str, answer: Answers) -> Answers:
    """Return the answer for a setting that only one store allows: elsewhere it is a ConfigError."""

    def found(value: Any, former: Former) -> Answer:
        return answer(value, former) if former.kind == kind else _not_taken(_IDLE)(value, former)

    return found


def _not_taken(why: str) -> Answers:
    """Return the answer that a setting must go: it would be a ConfigError here."""
    return lambda _value, _former: Answer(Fate.DROPPED, why, known_level=Level.WARNING)


def _client(_value: Any, _former: Former) -> Answer:
    why = "each store has its own setting for its client, such as SESSION_REDIS"
    return Answer(Fate.DROPPED, why, known_level=Level.WARNING)


# --- settings of every store ---------------------------------------------------------------


def _type(value: Any, former: Former) -> Answer:
    kind = str(value).lower()
    if former.is_read and value in (*TYPES, *built_in()):
        return Answer(Fate.KEPT, "the store of the same name")
    instead = {"cachelib": "filesystem", "postgresql": "sqlalchemy", "redis+trio": "redis"}
    why = {
        "cachelib": "there is no store over cachelib: use files, or any other store",
        "postgresql": "PostgreSQL is a database of the SQL store",
        "redis+trio": "Quart runs on asyncio here, not on Trio",
        "cookie": "sessions in the cookie cannot take over others: they need a store",
    }
    if kind == "null":
        return _not_taken("if it is left out, sessions are kept in files")(value, former)
    if kind in instead or kind == "cookie":
        written = instead.get(kind, "filesystem")
        return Answer(Fate.REPLACED, why[kind], (line("SESSION_TYPE", written),))
    if value != kind and kind in TYPES:
        return Answer(
            Fate.REPLACED, "names are written in lower case", (line("SESSION_TYPE", kind),)
        )
    if kind in TYPES or kind in built_in():
        return Answer(Fate.KEPT, "the store of the same name")
    return Answer(Fate.KEPT, "a third-party store, if a package has it", known_level=Level.NOTICE)


def _prefix(value: Any, former: Former) -> Answer:
    """Return an answer that keeps old processes away from new keys.

    Flask-Session 0.5 adopts any key that a cookie names.
    """
    if former.is_read or former.store not in SHARED_KEYS:
        try:
            _ = checked_prefix(value)
        except ConfigError as error:
            return Answer(Fate.REPLACED, str(error), (line("SESSION_KEY_PREFIX", PREFIX),))
        return Answer(Fate.KEPT, "the same: before the sid in the store's keys")
    return Answer(
        Fate.REPLACED,
        "with their own keys, new sessions are out of reach of old processes",
        (line("SESSION_KEY_PREFIX", new_prefix(value)),),
        Level.NOTICE,
    )


def new_prefix(old: object) -> str:
    """Return a prefix that no key below the old prefix begins with."""
    return "sessions:" if old in (None, "", PREFIX) else f"sessions:{old}"


def _cookie_name(value: Any, former: Former) -> Answer:
    if former.is_read and value != former.get("SESSION_MIGRATE_COOKIE_NAME", COOKIE):
        return Answer(Fate.KEPT, "a name that differs from the old cookie's")
    return Answer(
        Fate.REPLACED,
        "old and new processes would overwrite each other's cookie under one name",
        (line("SESSION_COOKIE_NAME", new_cookie_name(former)),),
    )


def new_cookie_name(former: Former) -> str:
    """Return a name for the new cookie, with the `__Host-` prefix if the settings allow it."""
    is_own_host = (
        bool(former.get("SESSION_COOKIE_SECURE"))
        and not former.get("SESSION_COOKIE_DOMAIN")
        and (former.get("SESSION_COOKIE_PATH") or former.get("APPLICATION_ROOT") or "/") == "/"
    )
    old = former.get("SESSION_COOKIE_NAME")
    name = "session_id" if old not in ("session_id", "__Host-session_id") else "sid"
    return f"__Host-{name}" if is_own_host else name


def _format(value: Any, _former: Former) -> Answer:
    if value == "msgpack":
        return Answer(Fate.KEPT, "the only format")
    why = "new sessions are msgpack, with more types than JSON has; old JSON is read"
    return Answer(Fate.DROPPED, why, known_level=Level.WARNING)


def _id_length(value: Any, _former: Former) -> Answer:
    why = "a cookie has 48 random bytes, whatever this says"
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 16 <= value <= 48
    return Answer(Fate.DROPPED, why, known_level=None if fits else Level.WARNING)


def _use_signer(value: Any, former: Former) -> Answer:
    if not value or former.settings.get("SESSION_MIGRATE_USE_SIGNER"):
        return Answer(Fate.DROPPED, _REASONS.no_effect["SESSION_USE_SIGNER"])
    why = "our cookies are always signed; old cookies without a signature are refused"
    return Answer(Fate.RENAMED, why, (line("SESSION_MIGRATE_USE_SIGNER", value=True),))


def _protection(value: Any, _former: Former) -> Answer:
    if isinstance(value, str):
        return Answer(Fate.KEPT, "Flask-Login's setting of the same name")
    return Answer(Fate.DROPPED, _REASONS.no_effect["SESSION_PROTECTION"])


def _static_file(value: Any, _former: Former) -> Answer:
    if value is False or value is None:
        return Answer(Fate.DROPPED, "static files need no session here either")
    why = "requests for static files open no session unless this says so"
    return Answer(Fate.REPLACED, why, ("SESSION_EXEMPT_STATIC = False",))


# --- Redis, memcached ----------------------------------------------------------------------


def _redis(value: Any, _former: Former) -> Answer:
    options: Any = getattr(getattr(value, "connection_pool", None), "connection_kwargs", None)
    if isinstance(options, dict) and cast("dict[str, Any]", options).get("decode_responses"):
        why = "a client with decode_responses=True returns text, but sessions are bytes: give a URL"
        return Answer(Fate.REPLACED, why, ('SESSION_REDIS = "redis://127.0.0.1:6379/0"',))
    return Answer(Fate.KEPT, "the same: a client, or a URL")


def _uri(value: Any, former: Former) -> Answer:
    if former.store != "redis" or former.get("SESSION_REDIS") is not None:
        return _not_taken(_IDLE)(value, former)
    written = shown("SESSION_URI", value)
    note = "  # the URL that SESSION_URI has" if written == ELIDED else ""
    why = "one setting takes a URL or a client"
    return Answer(Fate.RENAMED, why, (f"SESSION_REDIS = {written}{note}",))


def _memcached(value: Any, _former: Former) -> Answer:
    package = type(value).__module__.partition(".")[0]
    if isinstance(value, str | list | tuple) or package == "pymemcache":
        return Answer(Fate.KEPT, "the same: addresses, or a client of pymemcache")
    why = f"a client of {package} does not say where its servers are: write their addresses"
    return Answer(Fate.REPLACED, why, ('SESSION_MEMCACHED = "127.0.0.1:11211"',))


def _memcached_part(value: Any, former: Former) -> Answer:
    """Return the answer for SESSION_MEMCACHED_HOST and _PORT, which become one setting."""
    if former.kind != "memcached" or former.get("SESSION_MEMCACHED") is not None:
        return _not_taken(_IDLE)(value, former)
    host = former.get("SESSION_MEMCACHED_HOST", "127.0.0.1")
    address = f"{host}:{former.get('SESSION_MEMCACHED_PORT', 11211)}"
    return Answer(
        Fate.RENAMED, "one setting has host and port", (line("SESSION_MEMCACHED", address),)
    )


# --- databases -----------------------------------------------------------------------------


def _sql_table(value: Any, former: Former) -> Answer:
    old = former.get("SESSION_MIGRATE_SQLALCHEMY_TABLE", SQL_TABLE)
    if former.is_read and value != old:
        return Answer(Fate.KEPT, "our own table, beside the old one")
    why = "new sessions have their own table, made by `flask sessions init`"
    if former.is_read:
        return Answer(Fate.REPLACED, why, (line("SESSION_SQLALCHEMY_TABLE", _another(value)),))
    written = [] if value == SQL_TABLE else [line("SESSION_MIGRATE_SQLALCHEMY_TABLE", value)]
    if value == "samesession":  # our default
        written.append(line("SESSION_SQLALCHEMY_TABLE", _another(value)))
    fate = Fate.RENAMED if written else Fate.DROPPED
    return Answer(fate, why, tuple(written), Level.WARNING)


def _another(name: object) -> str:
    return f"{name}_2" if name == "samesession" else "samesession"


def _sql_schema(value: Any, former: Former) -> Answer:
    if value is None or "SESSION_MIGRATE_SQLALCHEMY_SCHEMA" in former.settings:
        return Answer(Fate.KEPT, "the schema of our tables")
    written = (line(f"SESSION_{each}SQLALCHEMY_SCHEMA", value) for each in ("", "MIGRATE_"))
    why = "our tables may have another schema than the old one"
    return Answer(Fate.REPLACED, why, tuple(written))


def _mongodb_uri(value: Any, _former: Former) -> Answer:
    written = shown("SESSION_MONGODB_URI", value)
    note = "  # the URL that SESSION_MONGODB_URI has" if written == ELIDED else ""
    return Answer(Fate.RENAMED, "a URL or a client", (f"SESSION_MONGODB = {written}{note}",))


def _mongodb_options(_value: Any, _former: Former) -> Answer:
    why = "give a client that was made with these options: an AsyncMongoClient of pymongo"
    return Answer(
        Fate.REPLACED, why, ("SESSION_MONGODB = ...  # AsyncMongoClient(url, **options)",)
    )


def _mongodb_collection(value: Any, former: Former) -> Answer:
    if former.is_read or former.get("SESSION_MONGODB_DB") is None:
        return Answer(Fate.KEPT, "a collection in our own database")
    why = "new sessions have their own collection, with other indexes"
    return Answer(Fate.REPLACED, why, (line("SESSION_MONGODB_COLLECT", _another(value)),))


def _dynamodb_table(value: Any, former: Former) -> Answer:
    if former.is_read:
        return Answer(Fate.KEPT, "our own table")
    why = "new sessions have their own table, made by `flask sessions init`"
    return Answer(Fate.REPLACED, why, (line("SESSION_DYNAMODB_TABLE", _another(value)),))


def _postgresql(value: Any, _former: Former) -> Answer:
    del value
    why = "the SQL store takes a URL, an engine or a Flask-SQLAlchemy object"
    written = 'SESSION_SQLALCHEMY = "postgresql+psycopg://127.0.0.1/shop"'
    return Answer(Fate.REPLACED, why, (written,))


# --- files ---------------------------------------------------------------------------------


def _file_dir(value: Any, former: Former) -> Answer:
    if former.is_read or former.store != "filesystem":
        return Answer(Fate.KEPT, "the directory of our files")
    why = "our own directory: the old library deletes files that it finds in its directory"
    return Answer(Fate.REPLACED, why, (line("SESSION_FILE_DIR", f"{value}_2"),))


def _file_mode(value: Any, _former: Former) -> Answer:
    if isinstance(value, int) and value & 0o600 == 0o600 and not value & 0o022:
        return Answer(Fate.KEPT, "the same: the mode of a session's file")
    why = "only the owner reads and writes the files"
    return Answer(Fate.REPLACED, why, ("SESSION_FILE_MODE = 0o600",))


def _cachelib(_value: Any, _former: Former) -> Answer:
    why = "there is no store over cachelib: use files here, or any other store"
    return Answer(Fate.DROPPED, why, known_level=Level.WARNING)


# --- the table -----------------------------------------------------------------------------

ANSWERS: Mapping[str, Answers] = MappingProxyType(
    {
        "SESSION_TYPE": _type,
        "SESSION_CLIENT": _client,
        "SESSION_PERMANENT": _kept(
            "the same: whether a session is permanent until a view changes it"
        ),
        "SESSION_KEY_PREFIX": _prefix,
        "SESSION_COOKIE_NAME": _cookie_name,
        "SESSION_REFRESH_EACH_REQUEST": _kept("the same: Flask's own"),
        "SESSION_USE_SIGNER": _use_signer,
        "SESSION_ID_LENGTH": _id_length,
        "SESSION_SERIALIZATION_FORMAT": _format,
        "SESSION_CLEANUP_N_REQUESTS": _without_effect("SESSION_CLEANUP_N_REQUESTS"),
        "SESSION_STATIC_FILE": _static_file,
        "SESSION_PROTECTION": _protection,
        "SESSION_REVERSE_PROXY": _without_effect("SESSION_REVERSE_PROXY"),
        "SESSION_HIJACK_PROTECTION": _without_effect("SESSION_HIJACK_PROTECTION"),
        "SESSION_HIJACK_REVERSE_PROXY": _without_effect("SESSION_HIJACK_REVERSE_PROXY"),
        "SESSION_EXPLICIT": _without_effect("SESSION_EXPLICIT"),
        "SESSION_REDIS": _for_type("redis", _redis),
        "SESSION_URI": _uri,
        "SESSION_MEMCACHED": _for_type("memcached", _memcached),
        "SESSION_MEMCACHED_HOST": _memcached_part,
        "SESSION_MEMCACHED_PORT": _memcached_part,
        "SESSION_SQLALCHEMY": _kept("the same: a Flask-SQLAlchemy object, an engine or a URL"),
        "SESSION_SQLALCHEMY_TABLE": _for_type("sqlalchemy", _sql_table),
        "SESSION_SQLALCHEMY_SCHEMA": _for_type("sqlalchemy", _sql_schema),
        "SESSION_SQLALCHEMY_BIND_KEY": _kept("the same: both tables are in that database"),
        "SESSION_SQLALCHEMY_SEQUENCE": _without_effect("SESSION_SQLALCHEMY_SEQUENCE"),
        "SESSION_POSTGRESQL": _only_with("postgresql", _postgresql),
        "SESSION_POSTGRESQL_TABLE": _not_taken("the old table is not read"),
        "SESSION_POSTGRESQL_SCHEMA": _not_taken("the old table is not read"),
        "SESSION_MONGODB": _kept("the same: a client of pymongo, or a URL"),
        "SESSION_MONGODB_DB": _kept("the same database, with our own collection"),
        "SESSION_MONGODB_COLLECT": _for_type("mongodb", _mongodb_collection),
        "SESSION_MONGODB_URI": _only_with("mongodb", _mongodb_uri),
        "SESSION_MONGODB_COLLECTION": _not_taken("new sessions have their own collection"),
        "SESSION_MONGODB_CLIENT_KWARGS": _only_with("mongodb", _mongodb_options),
        "SESSION_MONGODB_SET_CALLBACK": _not_taken(
            "our records are stored as they are, without a callback"
        ),
        "SESSION_DYNAMODB": _kept("the same: a resource or client of boto3"),
        "SESSION_DYNAMODB_TABLE": _for_type("dynamodb", _dynamodb_table),
        "SESSION_DYNAMODB_TABLE_EXISTS": _without_effect("SESSION_DYNAMODB_TABLE_EXISTS"),
        "SESSION_FILE_DIR": _file_dir,
        "SESSION_FILE_MODE": _file_mode,
        "SESSION_FILE_THRESHOLD": _without_effect("SESSION_FILE_THRESHOLD"),
        "SESSION_CACHELIB": _cachelib,
    }
)
