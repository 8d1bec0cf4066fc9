"""Notify other processes of sessions that have ended, over the store's own channel.

A record that is deleted, or gets another secret, is published in the same script. If many are
deleted at once, they are published right after. Records that expire in Redis are not published: a
listener knows their expiry, and asks. Each event loop that listens has one connection for it, for
any number of open sockets. A message is only a reason to check.

Nothing depends on the arrival of a message: a client without permission to publish still ends
sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ...core.steps import Steps, wait
from ...errors import NotSupported, StoreUnavailable
from ...run.per_loop import PerLoop
from . import commands
from . import library_errors as errors
from .client import Client

_BEAT = 2.0  # seconds of silence before the server is asked whether it is still there
_ANOTHER = "Redis gave an answer that does not fit SUBSCRIBE"


class _Listener:
    """A connection that is subscribed to a channel."""

    def __init__(self, source: Any, channel: str) -> None:
        """`source`: a pool or node of redis-py, with its class of connections (Any: any class)."""
        self._connection: Any = source.connection_class(**source.connection_kwargs)
        self._channel = channel
        self._asked = False

    def begin(self) -> Steps[None]:
        connection = self._connection
        yield from wait(connection.connect())
        yield from wait(connection.send_command("SUBSCRIBE", self._channel, check_health=False))
        answer = yield from self._read()
        if not isinstance(answer, list) or cast("list[object]", answer)[:1] != [b"subscribe"]:
            raise errors.InvalidResponse(_ANOTHER)

    def heard(self) -> Steps[Sequence[str]]:
        """Return the keys of the next message; raise the error that ends the connection."""
        while True:
            answer = yield from self._read()
            if answer is None:  # nothing came
                if self._asked:
                    raise errors.RedisTimeoutError("the server does not answer")
                self._asked = True
                yield from wait(self._connection.send_command("PING", check_health=False))
                continue
            self._asked = False
            match answer:
                case [b"message", bytes(), bytes(payload)]:
                    return payload.decode("utf-8", "replace").split("\n")
                case [b"pong", object()] | b"PONG":
                    pass
                case _:
                    raise errors.InvalidResponse(_ANOTHER)

    def _read(self) -> Steps[object]:
        return wait(
            self._connection.read_response(
                timeout=_BEAT, disconnect_on_error=False, push_request=True
            )
        )

    def end(self) -> Steps[None]:
        yield from wait(self._connection.disconnect())


class Notices:
    """The channel of one store."""

    def __init__(self, prefix: str) -> None:
        self.channel = f"{prefix}ended"
        self._listeners: PerLoop[_Listener] = PerLoop(_Listener.end, loop=True)

    def tell(self, client: Client, keys: Sequence[str]) -> Steps[None]:
        """Publish keys; failures are ignored."""
        try:
            names = yield from client.primaries()
            _ = yield from client.send_to(names[0], commands.publish(self.channel, "\n".join(keys)))
        except (errors.RedisError, errors.RedisClusterException, OSError):
            pass

    def listen(self, client: Client) -> Steps[Sequence[str]]:
        """Implement core.store.Notifies."""
        try:
            listener = self._listeners.here()
            if listener is not None:
                return (yield from listener.heard())
            listener = self._listeners.keep(_Listener((yield from client.source()), self.channel))
            yield from listener.begin()
            # A user without permission to publish here most likely has none elsewhere.
            names = yield from client.primaries()
            _ = yield from client.send_to(names[0], commands.publish(self.channel, ""))
        except errors.ResponseError as error:
            yield from self.stop()
            if errors.code_of(error) == "NOPERM" or isinstance(error, errors.NoPermissionError):
                raise NotSupported(
                    "Redis lets this user neither publish nor subscribe: give it the permissions "
                    f"+publish +subscribe &{self.channel}"
                ) from None
            raise StoreUnavailable(f"Redis refused: {errors.code_of(error)}") from None
        except (errors.RedisError, errors.RedisClusterException, OSError) as error:
            yield from self.stop()
            raise StoreUnavailable(f"Redis is not available: {type(error).__name__}") from error
        return ()

    def stop(self) -> Steps[None]:
        """Close this event loop's connection, if there is one."""
        return self._listeners.close()
