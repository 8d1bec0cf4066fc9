"""Serve the devices demo: `python -m examples.devices [--redis] [--https] [--port N]`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NoReturn, cast

from hypercorn.asyncio import serve
from hypercorn.config import Config

from examples.devices.site import AsgiApp, create_site
from examples.devices.stores import Files, Store, Switch, Valkey

HOST = "127.0.0.1"
# The demo takes the first free port of these, unless --port names one.
PORTS = range(8000, 8100)
MAX_PORT = 65535
# How long a proof of the computer's key counts. The default is ten minutes. With three minutes,
# a short visit shows that a copied cookie is refused.
FRESHNESS = timedelta(minutes=3)
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
{more}
Sessions are kept in {place}.
Ctrl-C stops the demo.
"""

# Over https.
BOUND = """\
  4. Open the demo with the command below, sign up, and load the list of your devices again: the
     session is bound to this computer. A copy of its cookies stops working after {minutes} minutes.

Chromium binds its sessions if you start it like this:

  {command}

Other browsers warn of the certificate. If you go on, you can log in as without https.
"""


def main() -> int:
    """Serve until Ctrl-C or SIGTERM, then stop everything that was started."""
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="samesession-") as directory:
            ports = PORTS if options.port is None else [options.port]
            _run(directory, ports=ports, redis=options.redis, https=options.https)
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
        "--https",
        action="store_true",
        help="serve over https, so that Chromium binds its session to the computer",
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


def _run(directory: str, *, ports: Iterable[int], redis: bool, https: bool) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(ports))
        store: Store = Valkey(directory) if redis else Files(directory)
        switch = Switch(store)
        stack.callback(switch.turn, on=False)
        switch.turn(on=True)
        port = listener.getsockname()[1]
        url, more = f"http{'s' if https else ''}://{HOST}:{port}", ""
        settings = {
            **store.settings,
            # The demo's sessions end with the demo, so a new key is enough. A real application
            # keeps its key.
            "SECRET_KEY": secrets.token_hex(),
            # Cookies are shared by all ports of a host. With its own name, the demo leaves the
            # cookies of other applications on this host alone.
            "SESSION_COOKIE_NAME": f"samesession-{port}",
        }
        config = Config()
        if https:
            more = _serve_https(directory, url, settings, config)
        sys.stdout.write(GREETING.format(url=url, place=store.place, more=more))
        sys.stdout.flush()
        asyncio.run(_serve(create_site(settings, switch), listener, config))
        # A second Ctrl-C must not leave Valkey running.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def _serve_https(directory: str, url: str, settings: dict[str, Any], config: Config) -> str:
    """Turn on TLS and device-bound sessions, and return what the greeting says about them."""
    # Needed for --https only.
    from examples.devices.https import command, self_signed  # noqa: PLC0415

    certificate = self_signed(directory, HOST)
    config.certfile, config.keyfile = certificate.path, certificate.key_path
    settings["SESSION_COOKIE_NAME"] = f"__Host-{settings['SESSION_COOKIE_NAME']}"
    settings["SESSION_COOKIE_SECURE"] = True
    settings["SESSION_DEVICE_BOUND"] = "require"
    settings["SESSION_DEVICE_FRESHNESS"] = FRESHNESS
    profile = os.path.join(directory, "chromium")
    opened = command(f"{url}/", certificate.pin, profile)
    return BOUND.format(minutes=round(FRESHNESS / timedelta(minutes=1)), command=opened)


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


async def _serve(site: AsgiApp, listener: socket.socket, config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    config.bind = [f"fd://{listener.detach()}"]
    config.loglevel = "WARNING"
    await serve(cast("Any", site), config, shutdown_trigger=stop.wait)


if __name__ == "__main__":
    sys.exit(main())
