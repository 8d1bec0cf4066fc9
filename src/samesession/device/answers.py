"""The answers of the endpoints of devices, in either framework.

No answer says more than its request showed. There is one answer for a session that is not the
caller's, a session that is not bound, and a session that does not exist.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..device_demand import challenge_field

_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, of either framework; its repr shows no challenge."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


# A registration that is refused, whatever the reason: the browser does not try again.
REFUSED = Answer(400, "The registration is refused.\n", {"Content-Type": "text/plain"})
# No browser asks so.
NOT_ASKED_SO = Answer(400, "Sec-Secure-Session-Id is missing.\n", {"Content-Type": "text/plain"})
# The browser asks again with its next request, and its session stays bound.
LATER = Answer(503, "Ask again.\n", {"Content-Type": "text/plain", "Retry-After": "1"})


def instructions(members: Mapping[str, Any]) -> Answer:
    """Return what keeps the browser's session bound, as these instructions say."""
    return Answer(200, json.dumps(members), _JSON)


def ended(asked: str) -> Answer:
    """Return what makes the browser forget the session that it has asked for."""
    return Answer(200, json.dumps({"session_identifier": asked, "continue": False}), _JSON)


def challenged(challenge: str, sid: str) -> Answer:
    """Ask the browser for a proof."""
    return Answer(403, "", challenge_field(challenge, sid))
