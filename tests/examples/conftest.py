"""Fixtures of the tests of examples."""

from __future__ import annotations

from functools import partial

import pytest
from werkzeug.security import generate_password_hash

from examples.devices import accounts


@pytest.fixture(autouse=True)
def passwords_are_hashed_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the hash of a password cost little: none of these tests is about what it costs."""
    fast = partial(generate_password_hash, method="scrypt:1024:8:1")
    monkeypatch.setattr(accounts, "generate_password_hash", fast)
