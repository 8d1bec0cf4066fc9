"""Responses of the two device endpoints, for both frameworks.

A response tells the client nothing that its request did not show. A session of another client, a
session that is not bound and a session that does not exist all get the same response.
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
    """A response, before a framework makes its own of it; its repr shows no challenge."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


# For every refused registration, whatever the reason: the browser does not try again.
REFUSED = Answer(400, "The registration is refused.\n", {"Content-Type": "text/plain"})
# A browser always sends the header.
NOT_ASKED_SO = Answer(400, "Sec-Secure-Session-Id is missing.\n", {"Content-Type": "text/plain"})
# The session stays bound, and the browser tries again with its next request.
LATER = Answer(503, "Ask again.\n", {"Content-Type": "text/plain", "Retry-After": "1"})


def instructions(members: Mapping[str, Any]) -> Answer:
    """Return the session instructions, as JSON: the browser keeps its session bound."""
    return Answer(200, json.dumps(members), _JSON)


def ended(asked: str) -> Answer:
    """Return the response that makes the browser forget a session."""
    return Answer(200, json.dumps({"session_identifier": asked, "continue": False}), _JSON)


def challenged(challenge: str, sid: str) -> Answer:
    """Return the response that asks the browser for a proof."""
    return Answer(403, "", challenge_field(challenge, sid))
