"""What `doctor` thinks of each setting: once as it should be, once as it should not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from docs.tools.generated import page
from samesession.cli.settings_checks import CHECKS, Facts, check_settings
from samesession.core.findings import Finding, Level
from samesession.core.steps import Steps
from samesession.core.store import Capabilities, Clock
from samesession.stores import read_config
from samesession.stores.memory import MemoryStore

KEY = "9d1f0b1d1e3a4c5b8a7f6e2d3c4b5a69"
OLD, OLDER = KEY[::-1], KEY.upper()[::-1]
NOW = 1_800_000_000.0
SETTINGS = page(Path(__file__).parents[2] / "docs" / "reference" / "settings.md")


class Plain:
    """A store of the network, that lists nobody's sessions."""

    capabilities = Capabilities()


class Full(MemoryStore):
    """One of the network that can do all, but say what is wrong with it."""

    capabilities = Capabilities()  # type: ignore[misc,assignment,unused-ignore]


class Evicting(Full):
    capabilities = Capabilities(evicts=True)  # type: ignore[misc,assignment,unused-ignore]


class Examined(Full):
    def findings(self, clock: Clock) -> Steps[Sequence[Finding]]:
        yield from ()
        return []


def facts(
    store: object | None = None,
    *,
    workers: int | None = None,
    debug: bool = False,
    in_cookie: bool = False,
    **settings: Any,
) -> Facts:
    config = read_config({"SECRET_KEY": KEY, **settings})
    kept = None if in_cookie else store or Full()
    return Facts(config=config, store=kept, debug=debug, workers=workers, time=NOW)


GOOD: dict[str, Facts] = {
    "cookie.secure": facts(SESSION_COOKIE_SECURE=True),
    "cookie.httponly": facts(),
    "cookie.samesite": facts(SESSION_COOKIE_SAMESITE="strict"),
    "cookie.prefix": facts(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_NAME="__Host-session"),
    "cookie.domain": facts(),
    "cookie.refresh": facts(),
    "key.length": facts(SECRET_KEY_FALLBACKS=[OLD]),
    "key.fallbacks": facts(),
    "timeout.idle": facts(PERMANENT_SESSION_LIFETIME=timedelta(days=1)),
    "timeout.absolute": facts(SESSION_ABSOLUTE_LIFETIME=timedelta(days=30)),
    "timeout.store": facts(),
    "workers": facts(workers=4),
    "store.ends": facts(),
    "store.owners": facts(),
    "store.evicts": facts(),
    "store.expiry": facts(Examined()),
    "encryption": facts(SESSION_ENCRYPT=True),
    "debug": facts(),
}
# The check, what is wrong, how bad that is, and what to write.
BAD: list[tuple[str, Facts, Level, str]] = [
    ("cookie.secure", facts(), Level.WARNING, "SESSION_COOKIE_SECURE = True"),
    (
        "cookie.httponly",
        facts(SESSION_COOKIE_HTTPONLY=False),
        Level.WARNING,
        "SESSION_COOKIE_HTTPONLY = True",
    ),
    (
        "cookie.samesite",
        facts(SESSION_COOKIE_SAMESITE=False),
        Level.WARNING,
        'SESSION_COOKIE_SAMESITE = "Lax"',
    ),
    (
        "cookie.samesite",
        facts(SESSION_COOKIE_SAMESITE="None", SESSION_COOKIE_SECURE=True),
        Level.NOTICE,
        'SESSION_COOKIE_SAMESITE = "Lax"',
    ),
    ("cookie.prefix", facts(), Level.NOTICE, 'SESSION_COOKIE_NAME = "__Host-session"'),
    (
        "cookie.prefix",
        facts(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_NAME="__Secure-s"),
        Level.NOTICE,
        'SESSION_COOKIE_NAME = "__Host-s"',
    ),
    (
        "cookie.domain",
        facts(SESSION_COOKIE_DOMAIN="example.com"),
        Level.NOTICE,
        "SESSION_COOKIE_DOMAIN = None",
    ),
    (
        "cookie.refresh",
        facts(SESSION_REFRESH_EACH_REQUEST=False),
        Level.NOTICE,
        "SESSION_REFRESH_EACH_REQUEST = True",
    ),
    ("key.length", facts(SECRET_KEY=KEY[:31]), Level.WARNING, "secrets.token_hex()"),
    ("key.length", facts(SECRET_KEY="0123" * 10), Level.WARNING, "secrets.token_hex()"),
    ("key.length", facts(SECRET_KEY_FALLBACKS=[KEY[:16]]), Level.WARNING, "secrets.token_hex()"),
    (
        "key.fallbacks",
        facts(SECRET_KEY_FALLBACKS=[OLD]),
        Level.NOTICE,
        "SECRET_KEY_FALLBACKS = []",
    ),
    (
        "key.fallbacks",
        facts(SECRET_KEY_FALLBACKS=[OLD, OLDER, OLD + OLDER]),
        Level.WARNING,
        "SECRET_KEY_FALLBACKS = []",
    ),
    (
        "key.fallbacks",
        facts(SECRET_KEY_FALLBACKS=[KEY]),
        Level.WARNING,
        "SECRET_KEY_FALLBACKS = []",
    ),
    ("timeout.idle", facts(), Level.NOTICE, "PERMANENT_SESSION_LIFETIME = timedelta(hours=1)"),
    (
        "timeout.idle",
        facts(SESSION_BROWSER_LIFETIME=timedelta(days=32)),
        Level.WARNING,
        "PERMANENT_SESSION_LIFETIME = timedelta(hours=1)",
    ),
    ("timeout.absolute", facts(), Level.WARNING, "SESSION_ABSOLUTE_LIFETIME = timedelta(days=30)"),
    (
        "timeout.absolute",
        facts(SESSION_ABSOLUTE_LIFETIME=timedelta(days=31)),
        Level.NOTICE,
        "SESSION_ABSOLUTE_LIFETIME = timedelta(days=30)",
    ),
    ("timeout.absolute", facts(in_cookie=True), Level.NOTICE, 'SESSION_TYPE = "filesystem"'),
    ("timeout.store", facts(SESSION_STORE_TIMEOUT=11), Level.NOTICE, "SESSION_STORE_TIMEOUT = 2.0"),
    ("workers", facts(MemoryStore(), workers=1), Level.NOTICE, 'SESSION_TYPE = "filesystem"'),
    ("workers", facts(MemoryStore()), Level.WARNING, 'SESSION_TYPE = "filesystem"'),
    ("workers", facts(MemoryStore(), workers=2), Level.ERROR, 'SESSION_TYPE = "filesystem"'),
    ("workers", facts(in_cookie=True, workers=2), Level.NOTICE, "SECRET_KEY = os.environ"),
    ("store.ends", facts(in_cookie=True), Level.WARNING, 'SESSION_TYPE = "filesystem"'),
    ("store.owners", facts(Plain()), Level.NOTICE, 'SESSION_TYPE = "filesystem"'),
    ("store.owners", facts(in_cookie=True), Level.NOTICE, 'SESSION_TYPE = "filesystem"'),
    ("store.evicts", facts(Evicting()), Level.WARNING, 'SESSION_TYPE = "redis"'),
    ("store.expiry", facts(), Level.NOTICE, "flask sessions purge"),
    ("store.expiry", facts(MemoryStore()), Level.NOTICE, "call purge()"),
    ("encryption", facts(), Level.NOTICE, "SESSION_ENCRYPT = True"),
    ("encryption", facts(SESSION_ENCRYPT="read"), Level.NOTICE, "SESSION_ENCRYPT = True"),
    (
        "encryption",
        facts(SESSION_ENCRYPT=True, SESSION_ENCRYPTION_KEYS=[KEY]),
        Level.WARNING,
        "SESSION_ENCRYPTION_KEYS = ",
    ),
    (
        "encryption",
        facts(SESSION_ENCRYPT=True, SESSION_ENCRYPT_READ_PLAIN_UNTIL="2027-06-01T00:00:00Z"),
        Level.NOTICE,
        "",
    ),
    ("debug", facts(debug=True), Level.ERROR, "FLASK_DEBUG=0"),
]


def found(name: str, examined: Facts) -> Finding:
    (finding,) = (each for each in check_settings(examined) if each.check == name)
    return finding


def test_each_check_has_a_test_for_both_outcomes() -> None:
    names = [check(facts()).check for check in CHECKS]
    assert len({*names}) == len(names)
    assert {*GOOD} == {name for name, *_ in BAD} == {*names}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_is_told_without_a_line_to_write(name: str) -> None:
    finding = found(name, GOOD[name])
    assert (finding.level, finding.write) == (Level.OK, "")
    assert finding.what


@pytest.mark.parametrize(("name", "examined", "level", "write"), BAD)
def test_what_is_wrong_is_told_with_the_line_to_write(
    name: str, examined: Facts, level: Level, write: str
) -> None:
    finding = found(name, examined)
    assert finding.level is level
    assert finding.what
    assert finding.write.startswith(write) or (write and write in finding.write)
    assert bool(finding.write) is bool(write)


def test_the_settings_to_write_exist() -> None:
    names = {
        name
        for _, examined, *_ in BAD
        for finding in check_settings(examined)
        for name in re.findall(r"\b(?:SESSION|PERMANENT|SECRET)_[A-Z_]+", finding.write)
    }
    assert len(names) > 8
    assert [name for name in names if not re.search(rf"(`|confval}} ){name}[`\n]", SETTINGS)] == []


def test_no_finding_shows_a_secret() -> None:
    secrets = (KEY, OLD, OLDER, KEY[:31], KEY[:16])
    examined = facts(
        SECRET_KEY_FALLBACKS=[OLD, OLDER, KEY[:16]],
        SESSION_ENCRYPT=True,
        SESSION_ENCRYPTION_KEYS=[KEY],
    )
    told = repr(check_settings(examined))
    assert [each for each in secrets if each in told] == []
