"""Serve the devices demo: `python -m examples.devices [--redis] [--port N]`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Iterable
from typing import Any, NoReturn, cast

from hypercorn.asyncio import serve
from hypercorn.config import Config

from examples.devices.site import AsgiApp, create_site
from examples.devices.stores import Files, Store, Switch, Valkey

HOST = "127.0.0.1"
# The demo takes the first free port of these, unless --port names one.
PORTS = range(8000, 8100)
MAX_PORT = 65535
SIGNALS = (signal.SIGINT, signal.SIGTERM)

GREETING = """\
One session, two frameworks: Quart and Flask side by side.

  {url}/        overview
  {url}/flask/  the Flask half
  {url}/quart/  the Quart half

Try this:
  1. Sign up on one half, then open the other one: you are logged in there, too.
  2. Log in to the same account in a private window, and end one of the two from the other.
  3. Stop the store at the foot of a page, start it again: you are still logged in.

Sessions are kept in {place}.
Ctrl-C stops the demo.
"""


def main() -> int:
    """Serve until Ctrl-C or SIGTERM, then stop everything that was started."""
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="samesession-") as directory:
            ports = PORTS if options.port is None else [options.port]
            _run(directory, ports=ports, redis=options.redis)
    except KeyboardInterrupt:
        pass
    except OSError as error:
        sys.stderr.write(f"The demo cannot start: {error}\n")
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="demo", description="Serve a Quart and a Flask application that share sessions."
    )
    parser.add_argument(
        "--redis", action="store_true", help="start a Valkey and keep sessions there"
    )
    parser.add_argument(
        "--port",
        type=_port,
        help=f"0 takes any free port; default: the first free one from {PORTS[0]}",
    )
    return parser.parse_args()


def _port(given: str) -> int:
    if not given.isdecimal() or int(given) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"{given!r} is not a number from 0 to {MAX_PORT}")
    return int(given)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _run(directory: str, *, ports: Iterable[int], redis: bool) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(ports))
        store: Store = Valkey(directory) if redis else Files(directory)
        switch = Switch(store)
        stack.callback(switch.turn, on=False)
        switch.turn(on=True)
        port = listener.getsockname()[1]
        settings = {
            **store.settings,
            # The demo's sessions end with the demo, so a new key is enough. A real application
            # keeps its key.
            "SECRET_KEY": secrets.token_hex(),
            # Cookies are shared by all ports of a host. With its own name, the demo leaves the
            # cookies of other applications on this host alone.
            "SESSION_COOKIE_NAME": f"samesession-{port}",
        }
        sys.stdout.write(GREETING.format(url=f"http://{HOST}:{port}", place=store.place))
        sys.stdout.flush()
        asyncio.run(_serve(create_site(settings, switch), listener))
        # A second Ctrl-C must not leave Valkey running.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def listen(ports: Iterable[int]) -> socket.socket:
    """Listen on the first free port; raise OSError if there is none.

    The socket is bound here and handed to the server: a port that was only looked up may be taken
    by the time the server starts.
    """
    refusal = OSError("no port was named")
    for port in ports:
        try:
            return socket.create_server((HOST, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            refusal = OSError(f"port {port} of {HOST} is taken: name another one with --port")
    raise refusal


async def _serve(site: AsgiApp, listener: socket.socket) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.loglevel = "WARNING"
    await serve(cast("Any", site), config, shutdown_trigger=stop.wait)


if __name__ == "__main__":
    sys.exit(main())
