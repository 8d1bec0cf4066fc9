"""Settings of the applications that servers of others run, from their environment."""

from __future__ import annotations

import json
import os
from typing import Any

VARIABLE = "DEPLOYED_SETTINGS"


def settings() -> dict[str, Any]:
    """Return what the test that starts the server has chosen."""
    found: dict[str, Any] = json.loads(os.environ[VARIABLE])
    return found


def count_up(data: dict[str, Any]) -> None:
    """Count a request, whatever others do at the same time."""
    data["count"] = data.get("count", 0) + 1
