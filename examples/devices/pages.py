"""What the pages of the demo show besides their templates, and what every answer says.

Knows no framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

# What the application says of its sessions; where it is served may say otherwise.
SETTINGS: Mapping[str, Any] = {
    "SESSION_ABSOLUTE_LIFETIME": timedelta(days=30),  # of a stolen one, too; from the last login
    # What a page asks for every few seconds must not keep a session alive.
    "SESSION_NO_RENEW": ["/session"],
}

# How old a password's confirmation may be before an account is deleted. Ten is more usual;
# with one you see in a short visit that it is asked for.
FRESH_MINUTES = 1

# Nothing from elsewhere, nothing inline, no frame around a page, and no copy of a page that a
# logged-in user saw: "back" after logging out asks anew.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # "no-referrer" would make a form's Origin "null"
    "Cross-Origin-Opener-Policy": "same-origin",
}
NOT_KEPT = "no-store"

NOTES = 5  # the session of the demo keeps the last ones


def ago(moment: datetime | None) -> str:
    """Return how long ago something was, in words."""
    if moment is None:
        return "not known"
    return _rough((datetime.now(UTC) - moment).total_seconds(), "just now", "{} ago")


def ahead(moment: datetime | None) -> str:
    """Return in what time something will be, in words."""
    if moment is None:
        return "not known"
    return _rough((moment - datetime.now(UTC)).total_seconds(), "in a moment", "in {}")


_NOW = 10  # seconds that are not worth a number


def _rough(seconds: float, now: str, phrase: str) -> str:
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        count = round(seconds / size)
        if count >= 1:
            return phrase.format(f"{count} {unit}{'' if count == 1 else 's'}")
    return now if seconds < _NOW else phrase.format(f"{seconds:.0f} seconds")


def shown(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the names of a session's data and their values, as people read them."""
    for name, value in sorted(data.items()):
        if not name.startswith("_"):  # the framework's own
            yield name, _text(value)


def _text(value: Any) -> str:  # Any: as in a session
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in sorted(value.items())) or "none yet"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none yet"
    return str(value)
