"""What an application draws where nothing else was passed in."""

from __future__ import annotations

import os
import random

import pytest

from samesession.core.token import text
from tests.support.site import Site

pytestmark = pytest.mark.asyncio


async def test_a_sid_and_a_secret_are_what_the_operating_system_drew(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[bytes] = []

    def draw(size: int) -> bytes:
        found = os.urandom(size)
        drawn.extend([found] if size in {16, 32} else [])  # a store may draw names of its own
        return found

    monkeypatch.setattr(random, "_urandom", draw)  # which `secrets` calls, and nothing seeds
    user = site.visitor()
    await user.put(a=1)
    sid, secret, _ = user.jar["session"].split(".")
    assert (sid, secret) == (text(drawn[0]), text(drawn[1]))
    assert [len(each) for each in drawn] == [16, 32]
    await user.visit(lambda session: session.regenerate())
    kept, newer, _ = user.jar["session"].split(".")
    assert (kept, newer) == (sid, text(drawn[2]))
    assert len(drawn[2]) == 32
