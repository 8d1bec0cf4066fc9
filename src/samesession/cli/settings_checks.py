"""The checks of `doctor` on settings: one pure function each.

Each check follows docs/security/evidence.md and the standards it names. A store checks itself: see
`core.store.Examinable`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..core.findings import Finding, Level
from ..core.store import Examinable, OwnerIndex, Purgeable, Reach, capabilities_of
from ..settings import Config

_DAY = 24 * 3600
_MONTH = 31 * _DAY  # Flask's default for an idle timeout
_AAL1 = 30 * _DAY  # NIST SP 800-63B-4, 2.1.3
_KEY_BYTES = 32  # the length of HMAC-SHA256's output (RFC 2104, 3); ASVS 11.2.3
_FEW = 8  # different bytes in a key: a random key never has so few
_FALLBACKS = 2  # enough while one key replaces another; more were forgotten
_PATIENCE = 10.0  # for which requests may wait, in seconds, if the store is down
_A_KEY = "the output of: python -c 'import secrets; print(secrets.token_hex())'"


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that are checked.

    `workers`: how many processes serve the application, None if unknown. `store`: the store of the
    sessions, None if the browser keeps them. `time`: seconds since 1970.
    """

    config: Config
    store: object | None
    debug: bool
    workers: int | None
    time: float


def check_settings(facts: Facts) -> list[Finding]:
    """Return the findings of all checks."""
    return [check(facts) for check in CHECKS]


# --- the cookie ----------------------------------------------------------------------------


def secure(facts: Facts) -> Finding:
    """Check that the cookie is sent over https only (ASVS 3.3.1)."""
    if facts.config.cookie.secure:
        return _ok("cookie.secure", "the cookie is sent over https only")
    what = "the cookie is sent over plain http, too, where others on the network can steal it"
    return _warn("cookie.secure", what, "SESSION_COOKIE_SECURE = True")


def httponly(facts: Facts) -> Finding:
    """Check that no script can read the cookie (ASVS 3.3.4)."""
    if facts.config.cookie.httponly:
        return _ok("cookie.httponly", "no script can read the cookie")
    what = "scripts can read the cookie, so an injected script can steal it"
    return _warn("cookie.httponly", what, "SESSION_COOKIE_HTTPONLY = True")


def samesite(facts: Facts) -> Finding:
    """Check that requests from other sites do not carry the cookie (ASVS 3.3.2)."""
    chosen = (facts.config.cookie.samesite or "").lower()
    if chosen in ("lax", "strict"):
        return _ok("cookie.samesite", f"the cookie is SameSite={chosen.capitalize()}")
    write = 'SESSION_COOKIE_SAMESITE = "Lax"'
    if chosen == "none":
        what = "requests from other sites carry the cookie: each form needs a CSRF token"
        return Finding("cookie.samesite", Level.NOTICE, what, write)
    what = "the cookie has no SameSite attribute, and browsers treat that differently"
    return _warn("cookie.samesite", what, write)


def prefix(facts: Facts) -> Finding:
    """Check that no neighbouring host can set the cookie (ASVS 3.3.3)."""
    name = facts.config.cookie.name
    if name.lower().startswith("__host-"):
        return _ok("cookie.prefix", "no other host can set the cookie")
    what = "another host of the same domain can set a cookie with this name"
    write = (
        f'SESSION_COOKIE_NAME = "__Host-{name.removeprefix("__Secure-")}", with '
        'SESSION_COOKIE_SECURE = True and SESSION_COOKIE_PATH = "/"; it ends all sessions, once'
    )
    return Finding("cookie.prefix", Level.NOTICE, what, write)


def domain(facts: Facts) -> Finding:
    """Check that the cookie is sent to one host only (Cheat Sheet)."""
    found = facts.config.cookie.domain
    if found is None:
        return _ok("cookie.domain", "only the host that set the cookie gets it")
    what = f"every host below {found} gets the cookie, and anyone who runs one of them can use it"
    return Finding("cookie.domain", Level.NOTICE, what, "SESSION_COOKIE_DOMAIN = None")


def refresh(facts: Facts) -> Finding:
    """Check that the browser keeps the cookie at least as long as its session lives."""
    rules = facts.config.rules
    if rules.refresh_each_request:
        return _ok(
            "cookie.refresh", "the cookie of a permanent session lives as long as the session"
        )
    what = (
        "the cookie of a permanent session is not renewed together with the session: it expires "
        "this long after the last write, even if the user is active and the session in the store "
        "lives on"
    )
    return Finding("cookie.refresh", Level.NOTICE, what, "SESSION_REFRESH_EACH_REQUEST = True")


# --- keys ----------------------------------------------------------------------------------


def key_length(facts: Facts) -> Finding:
    """Check that the keys are long enough (ASVS 11.2.3)."""
    keys = facts.config.secret_keys
    short = min(map(len, keys))
    which = "SECRET_KEY" if len(keys[0]) == short else "one of SECRET_KEY_FALLBACKS"
    if short < _KEY_BYTES:
        what = (
            f"{which} has {short} bytes, fewer than the {_KEY_BYTES} bytes of the digests made "
            "with it"
        )
        return _warn("key.length", what, f"SECRET_KEY = {_A_KEY}")
    if any(len(set(key)) < _FEW for key in keys):
        what = (
            "SECRET_KEY or one of SECRET_KEY_FALLBACKS repeats a few characters: it is not random"
        )
        return _warn("key.length", what, f"SECRET_KEY = {_A_KEY}")
    return _ok("key.length", f"each key has at least {_KEY_BYTES} bytes")


def fallbacks(facts: Facts) -> Finding:
    """Check that old keys are dropped in time (ASVS 11.2.2)."""
    newest, *older = facts.config.secret_keys
    if not older:
        return _ok("key.fallbacks", "no older key opens sessions")
    write = "SECRET_KEY_FALLBACKS = []"
    if newest in older:
        what = "SECRET_KEY is also in SECRET_KEY_FALLBACKS: it was not changed"
        return _warn("key.fallbacks", what, write)
    many = f"{len(older)} older key{'' if len(older) == 1 else 's'}"
    what = (
        f"{many} in SECRET_KEY_FALLBACKS: each opens as much as the newest. Drop it "
        f"{in_words(facts.config.rules.lifetimes.longest)} after the change, or at once if "
        "it leaked"
    )
    level = Level.NOTICE if len(older) <= _FALLBACKS else Level.WARNING
    return Finding("key.fallbacks", level, what, write)


# --- timeouts ------------------------------------------------------------------------------


def idle(facts: Facts) -> Finding:
    """Check that an unused session expires (ASVS 7.3.1)."""
    longest = facts.config.rules.lifetimes.longest
    what = f"an unused session expires after {in_words(longest)}"
    if longest <= _DAY:
        return _ok("timeout.idle", what)
    level = Level.NOTICE if longest <= _MONTH else Level.WARNING
    return Finding("timeout.idle", level, what, "PERMANENT_SESSION_LIFETIME = timedelta(hours=1)")


def absolute(facts: Facts) -> Finding:
    """Check that a session expires even if it is used (ASVS 7.3.2)."""
    found, write = facts.config.rules.absolute, "SESSION_ABSOLUTE_LIFETIME = timedelta(days=30)"
    if found is None and facts.store is None:
        what = "a session in the cookie never expires while it is used, and nothing can change that"
        return Finding("timeout.absolute", Level.NOTICE, what, 'SESSION_TYPE = "filesystem"')
    if found is None:
        what = "a session in use never expires, not even a stolen one"
        return _warn("timeout.absolute", what, write)
    what = f"a session expires {in_words(found)} after its login"
    if found <= _AAL1:
        return _ok("timeout.absolute", what)
    return Finding("timeout.absolute", Level.NOTICE, what, write)


def store_timeout(facts: Facts) -> Finding:
    """Check that a store that is down does not block all threads (ASVS 13.1.3)."""
    seconds = facts.config.store_timeout
    if seconds <= _PATIENCE:
        return _ok("timeout.store", f"a request waits at most {seconds:g} s for the store")
    what = f"each request waits {seconds:g} s for a store that is down, and others queue behind it"
    return Finding("timeout.store", Level.NOTICE, what, "SESSION_STORE_TIMEOUT = 2.0")


# --- where sessions are kept ---------------------------------------------------------------


def workers(facts: Facts) -> Finding:
    """Check that all processes see the same sessions."""
    several, unknown = (facts.workers or 0) > 1, facts.workers is None
    if facts.store is None:
        what = (
            "sessions are in the browser, and all processes can read them if they have the same key"
        )
        if not several:
            return _ok("workers", what)
        what = (
            f"{what}: if each of {facts.workers} processes generates its own SECRET_KEY, users "
            "are logged out"
        )
        return Finding("workers", Level.NOTICE, what, 'SECRET_KEY = os.environ["SECRET_KEY"]')
    if capabilities_of(facts.store).reach is not Reach.PROCESS:
        return _ok("workers", "all processes see the same sessions")
    write = 'SESSION_TYPE = "filesystem"'
    if several:
        what = f"each of {facts.workers} processes keeps its own sessions, in its memory"
        return Finding("workers", Level.ERROR, what, write)
    what = "sessions are in the memory of one process, and are lost when it stops"
    level = Level.WARNING if unknown else Level.NOTICE
    return Finding("workers", level, what, write)


def in_cookie(facts: Facts) -> Finding:
    """Check that a session can be ended (ASVS 7.4.1)."""
    if facts.store is not None:
        return _ok(
            "store.ends", "a session that was ended cannot be used, even with a copy of its cookie"
        )
    what = (
        "sessions are in the cookie: none can be ended, a copy is valid until it expires, and of "
        "two requests at the same time the last one's cookie wins"
    )
    return _warn("store.ends", what, 'SESSION_TYPE = "filesystem"')


def owners(facts: Facts) -> Finding:
    """Check that a user's sessions can be ended together (ASVS 7.4.3)."""
    if isinstance(facts.store, OwnerIndex):
        return _ok("store.owners", "a user's sessions can be listed and ended together")
    what = "the store keeps no list of a user's sessions, so they cannot be ended together"
    return Finding("store.owners", Level.NOTICE, what, 'SESSION_TYPE = "filesystem"')


def evicts(facts: Facts) -> Finding:
    """Check that the store drops no live session."""
    if facts.store is not None and capabilities_of(facts.store).evicts:
        what = "the store drops live sessions when it is full, which logs these users out"
        return _warn("store.evicts", what, 'SESSION_TYPE = "redis"')
    return _ok("store.evicts", "the store is not configured to drop live sessions")


def purged(facts: Facts) -> Finding:
    """Check that expired sessions are deleted."""
    # A store that can be examined reports itself how much has expired.
    if not isinstance(facts.store, Purgeable) or isinstance(facts.store, Examinable):
        return _ok(
            "store.expiry",
            "expired sessions are deleted automatically, or counted by the store's own check",
        )
    what = "expired sessions stay until someone deletes them"
    write = "in a crontab: 0 4 * * *  flask sessions purge"
    if capabilities_of(facts.store).reach is Reach.PROCESS:  # if no command can reach it
        write = "call purge() of samesession.flask or samesession.quart regularly"
    return Finding("store.expiry", Level.NOTICE, what, write)


def encryption(facts: Facts) -> Finding:
    """Check whether sessions are encrypted in the store (ASVS 11.3)."""
    found = facts.config.encryption
    if found is None or not found.writes:
        who = (
            "the user"
            if facts.store is None
            else ("anyone who runs the store, or has a backup of it,")
        )
        what = f"{who} can read a session's data, because it is not encrypted"
        return Finding("encryption", Level.NOTICE, what, "SESSION_ENCRYPT = True")
    if found.plain_until > facts.time:
        until = datetime.fromtimestamp(found.plain_until, UTC)
        what = f"sessions are encrypted, and plain ones of before are read until {until:%Y-%m-%d}"
        return Finding("encryption", Level.NOTICE, what)
    if found.keys is not None and set(found.keys) & set(facts.config.secret_keys):
        what = "a key in SESSION_ENCRYPTION_KEYS is also a SECRET_KEY: neither protects alone"
        return _warn("encryption", what, f"SESSION_ENCRYPTION_KEYS = [{_A_KEY}]")
    return _ok("encryption", "sessions are encrypted in the store")


def debug(facts: Facts) -> Finding:
    """Check that no error page shows a session (ASVS 13.4.2)."""
    if not facts.debug:
        return _ok("debug", "debug mode is off")
    what = "debug mode is on: error pages show session data, and may run code"
    return Finding("debug", Level.ERROR, what, "FLASK_DEBUG=0 or QUART_DEBUG=0 in the environment")


CHECKS: Sequence[Callable[[Facts], Finding]] = (
    secure,
    httponly,
    samesite,
    prefix,
    domain,
    refresh,
    key_length,
    fallbacks,
    idle,
    absolute,
    store_timeout,
    workers,
    in_cookie,
    owners,
    evicts,
    purged,
    encryption,
    debug,
)


# --- parts ---------------------------------------------------------------------------------


def _ok(check: str, what: str) -> Finding:
    return Finding(check, Level.OK, what)


def _warn(check: str, what: str, write: str) -> Finding:
    return Finding(check, Level.WARNING, what, write)


def in_words(seconds: int) -> str:
    """Return seconds for people, in the largest unit that divides them."""
    for size, unit in ((_DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and not seconds % size:
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{seconds} seconds"
