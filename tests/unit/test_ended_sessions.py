"""Event loops of a process hear at once of sessions that ended in it, from whichever thread."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from samesession.run import ended_sessions


@pytest.mark.asyncio
async def test_a_loop_hears_what_another_thread_tells() -> None:
    heard: list[str] = []
    with ended_sessions.heard(asyncio.get_running_loop(), heard.append):
        teller = threading.Thread(target=ended_sessions.tell, args=("sid",))
        teller.start()
        await asyncio.to_thread(teller.join)
        await asyncio.sleep(0)
    ended_sessions.tell("later")
    await asyncio.sleep(0)
    assert heard == ["sid"]


def test_a_loop_that_is_closed_is_passed_over() -> None:
    heard: list[str] = []
    loop = asyncio.new_event_loop()
    with ended_sessions.heard(loop, heard.append):
        loop.close()
        ended_sessions.tell("sid")
    assert heard == []


@pytest.mark.asyncio
async def test_a_fork_leaves_the_loops_of_its_parent_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[str] = []
    with ended_sessions.heard(asyncio.get_running_loop(), heard.append):
        parent = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: parent + 1)
        ended_sessions.tell("sid")
        await asyncio.sleep(0)
    assert heard == []
