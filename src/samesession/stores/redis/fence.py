"""Send commands to Redis between two requests that echo a word. No I/O.

If both words come back in their places, the answers between them belong to the commands. For a
single command that is certain, however many answers were dropped or doubled. Of several, one may
have its neighbour's answer, if one was dropped and another doubled right here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from . import library_errors as errors
from .commands import Command, ping


def word() -> bytes:
    """Return a word that no other question contains."""
    return secrets.token_bytes(12)


class Fence:
    """Commands between two words that must come back in their places."""

    def __init__(
        self, commands: Sequence[Command], *, echo: Callable[[bytes], Command] = ping
    ) -> None:
        """`echo`: the command that makes the server repeat a word."""
        self._before, self._after = word(), word()
        self._count = len(commands)
        self.commands = [echo(self._before), *commands, echo(self._after)]

    def within(self, answers: Sequence[Any]) -> list[Any]:
        """Return the answers to the commands; raise InvalidResponse if they belong to others.

        Also raises the server's refusal of a word.
        """
        before, *within, after = answers
        for each in (before, after):
            if isinstance(each, Exception):
                raise each
        words = (self._before, self._after)
        moved = any(each in words for each in within)
        if (before, after) != words or moved or len(within) != self._count:
            raise errors.InvalidResponse("the connection is out of step")
        return within
