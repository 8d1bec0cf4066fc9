"""Responses without a body, from WSGI applications under a real Hypercorn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx
import pytest

from tests.support.hypercorn import served

pytestmark = pytest.mark.needs("flask")


class Body:
    """A body of any number of chunks, which starts its response when it is read."""

    def __init__(self, chunks: list[bytes], start: Callable[[], object]) -> None:
        self.chunks = chunks
        self.start = start
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        self.start()
        yield from self.chunks

    def close(self) -> None:
        self.is_closed = True


class App:
    """A plain WSGI application; `bodies` are those that it answered with."""

    def __init__(self, status: str, *chunks: bytes) -> None:
        self.status, self.chunks = status, chunks
        self.bodies: list[Body] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        headers = [("Content-Length", str(sum(map(len, self.chunks)))), ("X-Mine", "kept")]
        if self.status.startswith(("204", "304")):
            del headers[0]
        self.bodies.append(Body([*self.chunks], lambda: start_response(self.status, headers)))
        return self.bodies[-1]


@pytest.mark.parametrize(
    "status", ["200 OK", "204 NO CONTENT", "302 FOUND", "304 NOT MODIFIED", "503 NO SERVICE"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_response_without_a_body_is_sent(status: str, method: str) -> None:
    from examples.devices.one_chunk import with_a_chunk

    app = App(status)
    with served(with_a_chunk(app), "wsgi") as url:
        answer = httpx.request(method, url, trust_env=False)
    assert f"{answer.status_code} {answer.reason_phrase}".startswith(status[:4])
    assert (answer.content, answer.headers["X-Mine"]) == (b"", "kept")
    assert [body.is_closed for body in app.bodies] == [True]


@pytest.mark.parametrize("chunks", [(b"one",), (b"one", b"", b"two"), (b"", b"one")])
def test_a_body_is_sent_as_it_is(chunks: tuple[bytes, ...]) -> None:
    from examples.devices.one_chunk import with_a_chunk

    app = App("200 OK", *chunks)
    with served(with_a_chunk(app), "wsgi") as url, httpx.Client(trust_env=False) as client:
        answers = [client.get(url) for _ in range(2)]
    assert [answer.content for answer in answers] == [b"".join(chunks)] * 2
    assert [body.is_closed for body in app.bodies] == [True, True]


def test_a_body_that_breaks_off_is_closed() -> None:
    from examples.devices.one_chunk import with_a_chunk

    def fail() -> None:
        raise ZeroDivisionError

    body = Body([], fail)
    found = with_a_chunk(lambda environ, start_response: body)({}, lambda *_: None)
    with pytest.raises(ZeroDivisionError):
        list(found)
    found.close()  # type: ignore[attr-defined]  # PEP 3333: where there is one
    assert body.is_closed
