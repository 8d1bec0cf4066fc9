"""The checks of `doctor` on device-bound sessions: one pure function each.

None runs if SESSION_DEVICE_BOUND is off; docs/guides/device-bound-sessions.md explains each
one. A proxy that drops headers cannot be seen from here. Only its effect can: how many of the
sessions with an offer have been bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.bound_cookie import SUFFIX
from ..core.findings import Finding, Level
from ..core.statistics import DeviceCounts
from ..settings import Config
from .settings_checks import Facts, in_words

_HOUR = 3600
_FEWEST = 5 * 60  # seconds: browsers sign a few times for a site, and then pause for a while
_ENOUGH = 10  # sessions with an offer: fewer of them prove nothing


def device_findings(facts: Facts, *, root: str) -> list[Finding]:
    """Return what all checks find; `root`: the application's APPLICATION_ROOT."""
    if not facts.config.device.is_on:
        return []
    return [*(check(facts.config) for check in _CHECKS), path(facts.config, root)]


def bound(config: Config) -> Finding:
    """Check that a copy of a bound session's cookie is refused."""
    if config.device.rules.requires:
        return _ok("device.bound", "a bound session is refused without a fresh proof")
    what = "signals count bound sessions, but a copied cookie still works"
    write = 'SESSION_DEVICE_BOUND = "require", once the counts of signals allow it'
    return _notice("device.bound", what, write)


def https(config: Config) -> Finding:
    """Check that a login behind a proxy gets an offer, too."""
    if config.cookie.secure:
        return _ok("device.https", "each login gets the offer to be bound to its device")
    what = (
        "a request that looks like plain http gets no offer, and behind a proxy that ends TLS all "
        "requests look like that"
    )
    return _warn("device.https", what, "SESSION_COOKIE_SECURE = True")


def name(config: Config) -> Finding:
    """Check that no neighbouring host can spoil the bound cookie, and its name is unique."""
    theirs, ours = config.migration.cookie_name, config.cookie.name + SUFFIX
    if config.migration.libraries and theirs == ours:
        what = f"{ours} is the name of the bound cookie, and of SESSION_MIGRATE_COOKIE_NAME"
        write = 'another SESSION_COOKIE_NAME, such as "__Host-session"'
        return Finding("device.name", Level.ERROR, what, write)
    if ours.lower().startswith("__host-"):
        return _ok("device.name", f"no other host can set the bound cookie, {ours}")
    what = (
        f"another host of the same domain can set {ours}, too: then the user's own is ignored and "
        "the session is refused"
    )
    return _notice("device.name", what, 'SESSION_COOKIE_NAME = "__Host-session"')


def samesite(config: Config) -> Finding:
    """Check that browsers send no request of another site without a proof."""
    if (config.cookie.samesite or "").lower() != "none":
        return _ok("device.samesite", "no request from another site's page needs a proof")
    what = (
        "requests from another site's page carry the session cookie, and browsers do not hold "
        "them back for a proof: a bound session is refused there once its proof is too old"
    )
    return _warn("device.samesite", what, 'SESSION_COOKIE_SAMESITE = "Lax"')


def domain(config: Config) -> Finding:
    """Check which hosts check the bound cookie."""
    found = config.cookie.domain
    if found is None:
        return _ok("device.domain", "the host that binds a session is the only one that opens it")
    what = (
        f"each host below {found} gets both cookies: one with other SESSION_DEVICE_* settings "
        "checks no proof, and all depend on the host that has bound the session"
    )
    return _notice("device.domain", what, "the same SESSION_DEVICE_* settings on each of them")


def path(config: Config, root: str) -> Finding:
    """Check that browsers send the session's cookie to the two endpoints."""
    cookie, mounted = config.cookie.path.rstrip("/"), root.rstrip("/")
    endpoints = mounted + config.device.path
    if cookie == mounted or f"{endpoints}/".startswith(f"{cookie}/"):
        return _ok("device.path", f"the session's cookie goes to {endpoints}")
    what = (
        f"the session's cookie goes only to {cookie}, and not to {endpoints}: no session is ever "
        f"bound, unless a proxy serves the application below {cookie}"
    )
    return _warn("device.path", what, f'SESSION_DEVICE_PATH = "{cookie}/_session/device"')


def freshness(config: Config) -> Finding:
    """Check for how long a copy works, and that browsers need not sign too often."""
    found = config.device.freshness
    what = f"a copy of both cookies works for {in_words(found)} at most"
    write = "SESSION_DEVICE_FRESHNESS = timedelta(minutes=10)"
    if found < _FEWEST:
        what = (
            f"{what}, and browsers are asked for proofs more often than they may sign: they then "
            "come without one, for minutes"
        )
        level = Level.WARNING if config.device.rules.requires else Level.NOTICE
        return Finding("device.freshness", level, what, write)
    if found > _HOUR:
        return _notice("device.freshness", what, write)
    return _ok("device.freshness", what)


def grace(config: Config) -> Finding:
    """Check for how long a request may claim that no proof could be made."""
    found = config.device.grace
    if not found:
        return _ok(
            "device.grace", "no request gets through by claiming that no proof could be made"
        )
    what = (
        f"a copy of the session cookie alone works for {in_words(found)} after the user's last "
        "proof has become too old, with a header that anyone can send"
    )
    return _notice("device.grace", what, "SESSION_DEVICE_GRACE = 0")


def header(config: Config) -> Finding:
    """Check whether there are sessions that can never be bound."""
    if config.header is None:
        return _ok("device.header", "no token comes in a header, where it could not be bound")
    what = (
        f"sessions whose token comes in {config.header} cannot be bound to a device: a copy of "
        "such a token works until its session ends"
    )
    return _notice("device.header", what)


_CHECKS: Sequence[Callable[[Config], Finding]] = (
    bound,
    https,
    name,
    samesite,
    domain,
    freshness,
    grace,
    header,
)


def seen(found: DeviceCounts) -> Finding:
    """Check whether sessions with an offer have been bound."""
    if found.bound or found.unanswered < _ENOUGH:
        what = f"{found.bound:,} of {found.sessions:,} examined sessions are bound"
        return _ok("device.seen", what)
    what = (
        f"none of {found.unanswered:,} sessions with an offer is bound: no user's browser supports "
        "it, or a proxy drops Secure-Session-Registration, Secure-Session-Response or the "
        "requests to the two addresses"
    )
    return _notice("device.seen", what)


def _ok(check: str, what: str) -> Finding:
    return Finding(check, Level.OK, what)


def _notice(check: str, what: str, write: str = "") -> Finding:
    return Finding(check, Level.NOTICE, what, write)


def _warn(check: str, what: str, write: str) -> Finding:
    return Finding(check, Level.WARNING, what, write)
