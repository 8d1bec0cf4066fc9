"""Serve moto's DynamoDB on a port of the loopback interface: `python -m ... PORT`.

moto reads, compares and writes in threads without a lock, so that two conditional
writes may both succeed, which they never do in DynamoDB. Here one request is served
after another, over connections that are kept, as DynamoDB's are. After a POST to
/throttle/N the next N requests are refused as DynamoDB does when there are too many.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any, ClassVar

from werkzeug.test import EnvironBuilder, run_wsgi_app

_THROTTLED = (
    b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",'
    b'"message":"The level of configured provisioned throughput for the table was exceeded."}'
)


class _Kept(BaseHTTPRequestHandler):
    """Answer POST after POST over one connection: Werkzeug's own server ends it after each."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet, or the client's kernel waits to acknowledge
    served: ClassVar[_OneByOne]

    def do_POST(self) -> None:  # as http.server has it
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = EnvironBuilder(self.path, method="POST", headers=[*self.headers.items()])
        request.input_stream = io.BytesIO(body)
        found, status, headers = run_wsgi_app(self.served, request.get_environ(), buffered=True)
        answer = b"".join(found)
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as http.server has it
        """Write nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # connections that begin at once: with 5, others would wait a second


class _OneByOne:
    def __init__(self, app: Any) -> None:  # Any: a WSGI application
        self._app = app
        self._turn = threading.Lock()
        self._refusals = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._turn:
            _, order, number = f"{environ['PATH_INFO']}//".split("/")[:3]
            if order == "throttle":
                self._refusals = int(number)
                return _answer(start_response, "200 OK", b"")
            if self._refusals:
                self._refusals -= 1
                return _answer(start_response, "400 Bad Request", _THROTTLED)
            return list(self._app(environ, start_response))


def _answer(start_response: Any, status: str, body: bytes) -> list[bytes]:
    kind = ("Content-Type", "application/x-amz-json-1.0")
    start_response(status, [kind, ("Content-Length", str(len(body)))])
    return [body]


def main(port: int) -> None:
    moto: Any = import_module("moto.server")  # Any: it says not what it exports
    _Kept.served = _OneByOne(moto.DomainDispatcherApplication(moto.create_backend_app))
    with _Server(("127.0.0.1", port), _Kept) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
