"""A real nginx in front of an application of each framework, each below a path of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.server import free_port
from tests.support.tls import Certificates

# Where Debian has it, which is not on everybody's PATH.
_PLACES = "/usr/sbin:/usr/local/sbin"

_CONFIG = """\
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        location /flask/ {{
            proxy_set_header X-Forwarded-Prefix /flask;
            proxy_pass http://127.0.0.1:{flask}/;
        }}
        location /quart/ {{
            proxy_pass http://127.0.0.1:{quart};  # with the path, as `root_path` has it
        }}
    }}
}}
"""


@contextmanager
def in_front(directory: Path, *, flask: int, quart: int, tls: Certificates) -> Iterator[str]:
    """Run nginx for the length of a block, which gets its URL; `flask`, `quart`: ports."""
    program = shutil.which("nginx") or shutil.which("nginx", path=_PLACES)
    assert program is not None, "no nginx is on this machine: see `nox -s deployments`"
    port = free_port()
    config = directory / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            directory=directory,
            port=port,
            flask=flask,
            quart=quart,
            certificate=tls.server,
            key=tls.server_key,
        )
    )
    process = subprocess.Popen([program, "-p", str(directory), "-c", str(config)])
    try:
        _wait(process, port)
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        else:
            return
