"""What `doctor` thinks of device-bound sessions: once as it should be, once as it should not."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from docs.tools.generated import page
from samesession.cli.device_findings import device_findings, seen
from samesession.cli.settings_checks import Facts
from samesession.core.device_binding import OFFER_LIFE, Binding, Device, Offered
from samesession.core.findings import Finding, Level
from samesession.core.statistics import DeviceCounts
from samesession.stores import read_config
from samesession.stores.memory import MemoryStore

KEY = "9d1f0b1d1e3a4c5b8a7f6e2d3c4b5a69"
NOW = 1_800_000_000
ROOT = Path(__file__).parents[2]
SETTINGS = page(ROOT / "docs" / "reference" / "settings.md")
WELL = {
    "SESSION_DEVICE_BOUND": "require",
    "SESSION_COOKIE_SECURE": True,
    "SESSION_COOKIE_NAME": "__Host-session",
}


def found(*, root: str = "/", **settings: Any) -> dict[str, Finding]:
    config = read_config({"SECRET_KEY": KEY, "APPLICATION_ROOT": root, **WELL, **settings})
    facts = Facts(config=config, store=MemoryStore(), debug=False, workers=None, time=NOW)
    return {each.check: each for each in device_findings(facts, root=root)}


def test_nothing_is_told_where_sessions_are_bound_to_no_device() -> None:
    assert found(SESSION_DEVICE_BOUND="off") == {}


def test_what_is_right_is_told_without_a_line_to_write() -> None:
    every = found()
    assert len(every) == 9
    for name, finding in every.items():
        assert (name, finding.level, finding.write) == (name, Level.OK, "")
        assert finding.what


# The check, what is wrong, how bad that is, and what to write.
BAD: list[tuple[str, dict[str, Any], Level, str]] = [
    (
        "device.bound",
        {"SESSION_DEVICE_BOUND": "offer"},
        Level.NOTICE,
        'SESSION_DEVICE_BOUND = "require"',
    ),
    (
        "device.https",
        {"SESSION_COOKIE_SECURE": False, "SESSION_COOKIE_NAME": "s"},
        Level.WARNING,
        "SESSION_COOKIE_SECURE = True",
    ),
    (
        "device.name",
        {"SESSION_COOKIE_NAME": "s"},
        Level.NOTICE,
        'SESSION_COOKIE_NAME = "__Host-session"',
    ),
    (
        "device.name",
        {
            "SESSION_COOKIE_NAME": "s",
            "SESSION_MIGRATE_FROM": ["flask-session"],
            "SESSION_MIGRATE_COOKIE_NAME": "s_bound",
        },
        Level.ERROR,
        "another SESSION_COOKIE_NAME",
    ),
    (
        "device.samesite",
        {"SESSION_COOKIE_SAMESITE": "None"},
        Level.WARNING,
        'SESSION_COOKIE_SAMESITE = "Lax"',
    ),
    (
        "device.domain",
        {"SESSION_COOKIE_NAME": "s", "SESSION_COOKIE_DOMAIN": "example.com"},
        Level.NOTICE,
        "the same SESSION_DEVICE_* settings",
    ),
    (
        "device.path",
        {"SESSION_COOKIE_NAME": "s", "SESSION_COOKIE_PATH": "/shop"},
        Level.WARNING,
        'SESSION_DEVICE_PATH = "/shop/_session/device"',
    ),
    (
        "device.freshness",
        {"SESSION_DEVICE_FRESHNESS": timedelta(minutes=5) - timedelta(seconds=1)},
        Level.WARNING,
        "SESSION_DEVICE_FRESHNESS = timedelta(minutes=10)",
    ),
    (
        "device.freshness",
        {"SESSION_DEVICE_FRESHNESS": 60, "SESSION_DEVICE_BOUND": "offer"},
        Level.NOTICE,
        "SESSION_DEVICE_FRESHNESS = timedelta(minutes=10)",
    ),
    (
        "device.freshness",
        {"SESSION_DEVICE_FRESHNESS": timedelta(hours=1, seconds=1)},
        Level.NOTICE,
        "SESSION_DEVICE_FRESHNESS = timedelta(minutes=10)",
    ),
    (
        "device.grace",
        {"SESSION_DEVICE_GRACE": timedelta(minutes=5)},
        Level.NOTICE,
        "SESSION_DEVICE_GRACE = 0",
    ),
    ("device.header", {"SESSION_HEADER": "X-Session"}, Level.NOTICE, ""),
]


def test_each_check_is_tested_when_it_finds_something() -> None:
    assert {name for name, *_ in BAD} == {*found()}


@pytest.mark.parametrize(("name", "settings", "level", "write"), BAD)
def test_what_is_wrong_is_told_with_the_line_to_write(
    name: str, settings: dict[str, Any], level: Level, write: str
) -> None:
    finding = found(**settings)[name]
    assert finding.level is level
    assert finding.what
    assert finding.write.startswith(write)
    assert bool(finding.write) is bool(write)


@pytest.mark.parametrize(
    ("root", "cookie", "device"),
    [
        ("/shop", None, "/_session/device"),
        ("/shop", "/", "/_session/device"),
        ("/", "/shop", "/shop/_session/device"),
        ("/shop", "/shop/", "/_session/device"),
    ],
)
def test_a_cookie_that_goes_to_the_endpoints_is_right(
    root: str, cookie: str | None, device: str
) -> None:
    settings = {"SESSION_COOKIE_NAME": "s", "SESSION_DEVICE_PATH": device}
    every = found(root=root, SESSION_COOKIE_PATH=cookie, **settings)
    assert every["device.path"].level is Level.OK


def test_a_path_that_only_begins_alike_is_another_one() -> None:
    settings = {"SESSION_COOKIE_NAME": "s", "SESSION_DEVICE_PATH": "/shopping/device"}
    assert found(SESSION_COOKIE_PATH="/shop", **settings)["device.path"].level is Level.WARNING


def test_the_settings_to_write_exist() -> None:
    names = {
        name
        for _, settings, *_ in BAD
        for finding in found(**settings).values()
        for name in re.findall(r"\bSESSION_[A-Z_]*[A-Z]\b(?!_)", finding.write)
    }
    assert len(names) > 6
    assert [name for name in names if not re.search(rf"(`|confval}} ){name}[`\n]", SETTINGS)] == []


# --- what is seen in the store -------------------------------------------------------------


def counts(*devices: Device | None) -> DeviceCounts:
    found = DeviceCounts()
    for each in devices:
        found.add(each, NOW)
    return found


OLD = Offered(b"h" * 24, NOW - OFFER_LIFE - 1)
NEW = Offered(b"h" * 24, NOW - OFFER_LIFE)
BOUND = Binding("ES256", b"key", b"h" * 24, NOW, NOW)


def test_an_offer_that_can_still_be_answered_is_not_unanswered() -> None:
    assert counts(None, OLD, NEW, BOUND) == DeviceCounts(sessions=4, bound=1, unanswered=1)


def test_the_least_and_the_most_that_are_told_nothing_of() -> None:
    for minutes in (5, 60):
        every = found(SESSION_DEVICE_FRESHNESS=timedelta(minutes=minutes))
        assert every["device.freshness"].level is Level.OK


def test_where_every_offer_is_in_vain_it_is_told() -> None:
    assert seen(counts(*[OLD] * 10)).level is Level.NOTICE
    assert seen(counts(*[OLD] * 9, NEW)).level is Level.OK
    assert seen(counts(*[OLD] * 10, BOUND)).level is Level.OK
    assert "none of 10 sessions" in seen(counts(*[OLD] * 10)).what
