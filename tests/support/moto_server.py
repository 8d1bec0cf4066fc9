"""Serve moto's DynamoDB on a port of the loopback interface: `python -m ... PORT`.

moto reads, compares and writes in threads without a lock, so that two conditional
writes may both succeed, which they never do in DynamoDB. Here one request is served
after another, over connections that are kept, as DynamoDB's are. After a POST to
/throttle/N the next N requests are refused as DynamoDB does when there are too many.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from werkzeug.serving import WSGIRequestHandler, run_simple

_THROTTLED = (
    b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",'
    b'"message":"The level of configured provisioned throughput for the table was exceeded."}'
)


class _Kept(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"


class _OneByOne:
    def __init__(self, app: Any) -> None:  # Any: a WSGI application
        self._app = app
        self._turn = threading.Lock()
        self._refusals = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        # A client that hangs up in the midst of its request must not make the others wait.
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
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
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto: Any = import_module("moto.server")  # Any: it says not what it exports
    app = _OneByOne(moto.DomainDispatcherApplication(moto.create_backend_app))
    run_simple("127.0.0.1", port, app, threaded=True, request_handler=_Kept)


if __name__ == "__main__":
    main(int(sys.argv[1]))
