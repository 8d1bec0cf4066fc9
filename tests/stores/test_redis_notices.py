"""Redis tells, over a channel of the store's own, which sessions have ended in any process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import redis.asyncio

from samesession import NotSupported, StoreUnavailable
from samesession.core.store import Colour, Notifies
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.redis import RedisStore
from tests.faults.callers import LIFETIMES, sealed
from tests.support.server import Valkey

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("redis")]


class Ear:
    """Listens in a task, and notes the keys that it hears of."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self._heard: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        assert await arun(self.store.listen()) == ()
        self._task = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        while True:
            for key in await arun(self.store.listen()):
                if key:
                    self._heard.put_nowait(key)

    async def heard(self) -> str:
        return await asyncio.wait_for(self._heard.get(), 2)

    async def heard_nothing(self) -> bool:
        await asyncio.sleep(0.1)
        return self._heard.empty()

    async def failure(self) -> BaseException | None:
        assert self._task is not None
        _ = await asyncio.wait((self._task,), timeout=6)
        return self._task.exception()

    async def end(self) -> None:
        if self._task is not None:
            _ = self._task.cancel()
            _ = await asyncio.wait((self._task,))
        await arun(self.store.stop_listening())
        await arun(self.store.close())


@pytest_asyncio.fixture
async def ear(redis_url: str) -> AsyncIterator[Ear]:
    made = Ear(RedisStore(redis_url).open_for(Colour.ASYNC))
    await made.begin()
    yield made
    await made.end()


def replaced(raw: bytes, *, secret: bool) -> bytes:
    """Give a record's next revision, under another secret if asked."""
    revision = (int.from_bytes(raw[:8], "big") + 1).to_bytes(8, "big")
    kept = raw[30:54] if not secret else bytes(byte ^ 1 for byte in raw[30:54])
    return revision + raw[8:30] + kept + raw[54:]


@pytest.mark.parametrize("colour", [Colour.SYNC, Colour.ASYNC], ids=["flask", "quart"])
@pytest.mark.parametrize("whole", [True, False], ids=["swapped", "by revision"])
async def test_what_ends_a_session_is_told_and_nothing_else(
    redis_url: str, ear: Ear, colour: Colour, whole: bool
) -> None:
    store: Any = RedisStore(redis_url).open_for(colour)

    async def do(steps: Any) -> Any:
        return await arun(steps) if colour is Colour.ASYNC else run(steps)

    key, raw = sealed("ann")
    await do(store.create(key, raw, lifetimes=LIFETIMES))
    await do(store.load(key, renew=LIFETIMES))
    written = replaced(raw, secret=False)
    expected = raw if whole else raw[:8]
    await do(store.commit(key, written, expected=expected, renew=LIFETIMES))
    assert await ear.heard_nothing()
    rekeyed = replaced(written, secret=True)
    expected = written if whole else written[:8]
    await do(store.commit(key, rekeyed, expected=expected, renew=None))
    assert await ear.heard() == key
    assert await do(store.load(key, renew=None)) == rekeyed
    await do(store.remove(key, expected=b"another!"))
    assert await ear.heard_nothing()
    await do(store.remove(key, expected=None))
    assert await ear.heard() == key
    others = [sealed("ann") for _ in range(3)]
    for each, record in others:
        await do(store.create(each, record, lifetimes=LIFETIMES))
    assert await do(store.remove_many([each for each, _ in others])) == [True] * 3
    assert {await ear.heard() for _ in others} == {each for each, _ in others}
    assert await do(store.remove_many([])) == []
    await do(store.close())


async def test_a_client_that_the_application_gave_listens_too(redis_url: str) -> None:
    for query in ("", "?protocol=3"):
        client: Any = redis.asyncio.Redis.from_url(redis_url + query)
        ear = Ear(RedisStore(client))
        await ear.begin()
        key, raw = sealed("ann")
        await arun(ear.store.create(key, raw, lifetimes=LIFETIMES))
        await arun(ear.store.remove(key, expected=None))
        assert await ear.heard() == key
        await ear.end()
        await client.aclose()


async def test_a_store_of_another_prefix_hears_nothing(redis_url: str, ear: Ear) -> None:
    other = RedisStore(redis_url, prefix="other:").open_for(Colour.ASYNC)
    key, raw = sealed("ann")
    await arun(other.create(key, raw, lifetimes=LIFETIMES))
    await arun(other.remove(key, expected=None))
    assert await ear.heard_nothing()
    await arun(other.close())


async def test_a_connection_that_is_lost_is_told_at_once(valkey: Valkey, ear: Ear) -> None:
    with valkey.client() as client:
        client.client_kill_filter(_type="pubsub")
    error = await ear.failure()
    assert isinstance(error, StoreUnavailable)
    await ear.begin()  # and the next call listens anew
    key, raw = sealed("ann")
    await arun(ear.store.create(key, raw, lifetimes=LIFETIMES))
    await arun(ear.store.remove(key, expected=None))
    assert await ear.heard() == key


async def test_a_server_that_says_nothing_any_more_is_noticed(
    own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samesession.stores.redis.notices._BEAT", 0.1)
    ear = Ear(RedisStore(own_valkey.url).open_for(Colour.ASYNC))
    await ear.begin()
    await asyncio.sleep(0.5)  # several beats
    assert ear._task is not None
    assert not ear._task.done()
    os.kill(own_valkey.pid, signal.SIGSTOP)
    try:
        assert isinstance(await ear.failure(), StoreUnavailable)
    finally:
        os.kill(own_valkey.pid, signal.SIGCONT)
    await ear.end()


async def test_a_server_that_is_not_there(own_valkey: Valkey) -> None:
    store = RedisStore(own_valkey.url).open_for(Colour.ASYNC)
    own_valkey.stop()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await arun(store.listen())
    own_valkey.start()
    assert await arun(store.listen()) == ()
    await arun(store.close())


def give(server: Valkey, rights: str) -> None:
    """Make a user who may do no more than this."""
    with server.client() as client:
        known: Any = client  # not annotated
        known.execute_command("ACL", "SETUSER", "app", "on", ">password", *rights.split())


NARROW = "~session:* resetchannels -@all +@connection +@read +@write +@scripting +time"


@pytest.mark.parametrize(
    "more", ["", "+subscribe &session:ended", "+publish &session:ended", "+publish +subscribe"]
)
async def test_a_user_who_may_not_is_told_what_to_give(own_valkey: Valkey, more: str) -> None:
    """And sessions end all the same."""
    give(own_valkey, f"{NARROW} {more}")
    url = own_valkey.url.replace("//", "//app:password@")
    store = RedisStore(url).open_for(Colour.ASYNC)
    with pytest.raises(NotSupported, match=r"\+publish \+subscribe &session:ended"):
        await arun(store.listen())
    key, raw = sealed("ann")
    await arun(store.create(key, raw, lifetimes=LIFETIMES))
    rekeyed = replaced(raw, secret=True)
    await arun(store.commit(key, rekeyed, expected=raw, renew=None))
    assert await arun(store.load(key, renew=None)) == rekeyed
    assert await arun(store.remove_many([key])) == [True]
    await arun(store.close())


async def test_a_thread_cannot_listen(redis_url: str) -> None:
    store = RedisStore(redis_url)
    assert isinstance(store, Notifies)
    with pytest.raises(NotSupported):
        run(store.listen())
    run(store.close())
