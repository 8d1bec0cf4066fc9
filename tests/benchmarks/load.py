"""Send requests over kept connections: `python -m tests.benchmarks.load PORT VIEW AT_ONCE SECONDS`.

Prints how many were answered and in how many seconds. Answers are read as far as
counting them needs, so that the load costs less than what it is put on.
"""

from __future__ import annotations

import asyncio
import sys
import time


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return head, await reader.readexactly(length)


async def visitor(port: int, view: str, end: float) -> int:
    """Log in, then send requests until the time is over; give how many."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /login/2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head, _ = await answer(reader)
    cookies = [
        line.partition(b":")[2].partition(b";")[0].strip()
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"set-cookie:")
    ]
    cookie = b"Cookie: " + b"; ".join(cookies) + b"\r\n" if cookies else b""
    request = b"GET /" + view.encode() + b" HTTP/1.1\r\nHost: localhost\r\n" + cookie + b"\r\n"
    count = 0
    while time.perf_counter() < end:
        writer.write(request)
        head, _ = await answer(reader)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode("latin-1"))
        count += 1
    writer.close()
    return count


async def main() -> None:
    port, view, at_once, seconds = sys.argv[1:]
    started = time.perf_counter()
    end = started + float(seconds)
    visitors = [visitor(int(port), view, end) for _ in range(int(at_once))]
    counts = await asyncio.gather(*visitors)
    print(sum(counts), time.perf_counter() - started)


asyncio.run(main())
