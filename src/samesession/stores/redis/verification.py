"""Verify answers of Redis that would log a user out: they must belong to the question.

Answers have no names, and belong to questions by their order. If a proxy or a client
drops or doubles one, each question gets its neighbour's from then on: the connection is
out of step. So a question is asked again within a fence: see fence.

    first answer                asked again, within a fence
    no record                   on the same connection, as far as that is known
    another session's record    on another connection

If both answers are equal, they are what is stored, and no connection is dropped:
an attacker who can write one record must not be able to cut off everyone. If they
differ, the first connection is out of step, and is dropped.
"""

from __future__ import annotations

from typing import Any

from ...core.steps import Steps
from . import library_errors as errors
from .client import Client, Node
from .commands import get

_MOVED = ("MOVED", "ASK")


def load_again(client: Client, key: str, *, doubted: object) -> Steps[Any]:
    """Read a key again, whose answer is `doubted`; raise InvalidResponse if that fails."""
    holder = yield from client.holder(key)
    mark = holder.mark
    (answer,) = yield from _verified(holder, key, elsewhere=doubted is not None)
    if isinstance(answer, errors.ResponseError):
        # By identity: for a type checker, a Client is never a Node.
        if id(holder) == id(client) or not _is_redirection(answer):
            raise answer
        answer = yield from client.send(get(key))  # follows the key to where it has moved
    if answer != doubted:
        yield from holder.drop_crossed(mark)
    return answer


def _verified(holder: Node, key: str, *, elsewhere: bool) -> Steps[list[Any]]:
    """Read a key within a fence; if the connection is out of step, on another one."""
    sent = [get(key)]
    mark = holder.mark
    try:
        return (yield from holder.send_fenced(sent, elsewhere=elsewhere))
    except errors.InvalidResponse:
        if elsewhere or holder.is_always_elsewhere:
            raise
        yield from holder.drop_crossed(mark)
    return (yield from holder.send_fenced(sent, elsewhere=True))


def _is_redirection(error: errors.ResponseError) -> bool:
    return isinstance(error, errors.AskError) or str(error).startswith(_MOVED)
