"""Certificates of a CA made for the test, and TLS in front of a server that has none."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files: the CA, a server's chain and key, a client's chain and key."""

    ca: str
    server: str
    server_key: str
    client: str
    client_key: str


def issued(directory: Path, *names: str) -> Certificates:
    """Make a CA, and certificates by it for a server of these names and for a client."""
    ca = trustme.CA()
    paths = {"ca": str(directory / "ca.pem")}
    ca.cert_pem.write_to_path(paths["ca"])
    for role, certificate in (
        ("server", ca.issue_cert(*names)),
        ("client", ca.issue_cert("client@example.org")),
    ):
        paths[role] = str(directory / f"{role}.pem")
        paths[f"{role}_key"] = str(directory / f"{role}.key")
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(paths[role], append=True)
        certificate.private_key_pem.write_to_path(paths[f"{role}_key"])
    return Certificates(**paths)


@contextlib.contextmanager
def terminated(certificates: Certificates, target: int, *, mutual: bool) -> Iterator[int]:
    """Give a port on which TLS ends, and what comes in it goes on to `target`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    if mutual:
        context.load_verify_locations(certificates.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()
    threads: list[threading.Thread] = []

    def serve(raw: socket.socket) -> None:
        raw.settimeout(5)
        with (
            raw,
            contextlib.suppress(OSError),
            context.wrap_socket(raw, server_side=True) as outer,
            socket.create_connection(("127.0.0.1", target)) as inner,
        ):
            _relay(outer, inner, over)

    def accept() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(raw,)))
            threads[-1].start()

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join(10)


def _relay(outer: ssl.SSLSocket, inner: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        ready, _, _ = select.select([outer, inner], [], [], 0.05)
        for source, sink in ((outer, inner), (inner, outer)):
            if source in ready:
                data = source.recv(65536)
                while isinstance(source, ssl.SSLSocket) and source.pending():
                    data += source.recv(65536)
                if not data:
                    return
                sink.sendall(data)
