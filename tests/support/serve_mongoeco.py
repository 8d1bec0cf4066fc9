"""Serve MongoDB's wire protocol from memory, by mongoeco: run by path, with Python 3.13.

It needs a newer Python than the suite does, and so imports nothing of it.
"""

from __future__ import annotations

import asyncio
import sys

from mongoeco.wire import (  # type: ignore[import-not-found]  # in a Python of its own
    AsyncMongoEcoProxyServer,
)


async def serve(port: int) -> None:
    async with AsyncMongoEcoProxyServer(host="127.0.0.1", port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
