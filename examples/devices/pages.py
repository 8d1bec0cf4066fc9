"""The demo's settings, headers and texts that both halves share. No framework is used here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

# Settings that the demo chooses for its sessions. The place where it is served can change them.
SETTINGS: Mapping[str, Any] = {
    "SESSION_ABSOLUTE_LIFETIME": timedelta(
        days=30
    ),  # counted from the last login; a stolen session ends then, too
    # The page that refreshes itself every few seconds must not keep a session alive.
    "SESSION_NO_RENEW": ["/session"],
}

# An account can be deleted only if the password was confirmed less than this long ago. Ten minutes
# is more usual. With one minute, even a short visit shows that the demo asks for it.
FRESH_MINUTES = 1

# No content from other sites, no inline scripts, no frames, and no cached pages of logged-in users:
# the back button after a logout asks the server again.
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

NOTES = 5  # the demo's session keeps only the newest notes


def ago(moment: datetime | None) -> str:
    """Return how long ago this time was, in words."""
    if moment is None:
        return "not known"
    return _rough((datetime.now(UTC) - moment).total_seconds(), "just now", "{} ago")


def ahead(moment: datetime | None) -> str:
    """Return how far in the future this time is, in words."""
    if moment is None:
        return "not known"
    return _rough((moment - datetime.now(UTC)).total_seconds(), "in a moment", "in {}")


_NOW = 10  # too few seconds to be worth a number


def _rough(seconds: float, now: str, phrase: str) -> str:
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        count = round(seconds / size)
        if count >= 1:
            return phrase.format(f"{count} {unit}{'' if count == 1 else 's'}")
    return now if seconds < _NOW else phrase.format(f"{seconds:.0f} seconds")


def shown(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the session's data as pairs of a name and a readable value."""
    for name, value in sorted(data.items()):
        if not name.startswith("_"):  # used by the framework itself
            yield name, _text(value)


def _text(value: Any) -> str:  # Any: as in a session
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in sorted(value.items())) or "none yet"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none yet"
    return str(value)
