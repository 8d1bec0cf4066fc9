"""The session that the benchmarks carry, by its size as JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any

SIZES = (0.2, 2.0, 20.0)  # kB
USER = "ada.lovelace@example.org"


def session_of(size: float) -> dict[str, Any]:
    """Make what an application with a login and a cart keeps, of about `size` kB as JSON."""
    data: dict[str, Any] = {
        "user": USER,
        "counter": 1,
        "csrf_token": hashlib.sha1(b"csrf").hexdigest(),
        "roles": ["customer", "editor"],
        "cart": [],
    }
    while len(json.dumps(data)) < size * 1000:
        number = len(data["cart"])
        data["cart"].append(
            {
                "sku": hashlib.sha1(str(number).encode()).hexdigest()[:12],
                "name": f"Article number {number}",
                "quantity": number % 5 + 1,
                "price": round(number * 7.35 + 1.99, 2),
                "gift": number % 3 == 0,
            }
        )
    return data
