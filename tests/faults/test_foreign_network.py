"""What another library filed, read behind a network that fails: it, or a typed error in time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
import pytest_asyncio

from samesession import StoreUnavailable
from samesession.core.steps import Steps
from samesession.core.store import Colour, Foreign, ForeignRecords, Store

from .callers import LIFETIMES, SLACK, Caller
from .effort import LONG
from .networks.base import Network
from .proxy import Fault, Proxy
from .test_network import COLOURS, FAULTS, at

pytestmark = [pytest.mark.stores("redis", "memcached"), pytest.mark.asyncio]

KEY = "old:" + "a" * 43
DATA = b"\x81\xa4name\xa3ann" + b"\x00" * 8  # any bytes that a record could be, too


@pytest_asyncio.fixture
async def caller(network: Network, proxy: Proxy, colour: Colour) -> AsyncIterator[Caller]:
    async with at(network, proxy, colour) as made:
        yield made


@pytest_asyncio.fixture
async def unhurried(network: Network, proxy: Proxy, colour: Colour) -> AsyncIterator[Caller]:
    async with at(network, proxy, colour, timeout=network.unhurried) as made:
        yield made


def filing(store: Store) -> Steps[Any]:
    return store.create(KEY, DATA, lifetimes=LIFETIMES)


def loading(store: Store) -> Steps[Foreign | None]:
    return cast("ForeignRecords", store).load_foreign(KEY)


def removing(store: Store) -> Steps[None]:
    return cast("ForeignRecords", store).remove_foreign(KEY)


def data_of(answer: object) -> bytes | None:
    return answer.data if isinstance(answer, Foreign) else None


async def expect_recovery(caller: Caller, within: float) -> None:
    ended = asyncio.get_running_loop().time() + within
    while data_of((result := await caller.try_(loading)).answer) != DATA:
        assert asyncio.get_running_loop().time() < ended, result


@COLOURS
@FAULTS
@pytest.mark.parametrize("steps", [loading, removing], ids=["load", "remove"])
async def test_a_failing_network_is_a_typed_error_in_time(
    network: Network,
    caller: Caller,
    proxy: Proxy,
    fault_name: str,
    steps: Callable[[Store], Steps[Any]],
) -> None:
    fault = network.faults()[fault_name]
    assert await caller.do(filing) is True
    proxy.inflict(fault)
    result = await caller.try_(steps)
    proxy.mend()
    assert result.seconds < network.timeout + SLACK, (result, fault)
    if steps is removing and result.error is None:
        assert fault.garbage is not None  # a deletion is believed: the note of its use stands
    else:
        # None would be "no session", and an error of another kind a broken record.
        assert isinstance(result.error, StoreUnavailable), (result, fault)
    if fault.garbage is not None and not network.drops_garbled:
        proxy.cut()
    if steps is loading:
        await expect_recovery(caller, network.recovery)


@COLOURS
async def test_an_answer_cut_at_each_byte_is_no_other_data(
    network: Network, unhurried: Caller, proxy: Proxy
) -> None:
    assert await unhurried.do(filing) is True
    for size in itertools.count(step=1 if LONG else 3):
        proxy.inflict(Fault(reply_bytes=size, once=True, reset=size % 2 == 1))
        result = await unhurried.try_(loading)
        untouched = not proxy.healthy
        proxy.mend()
        assert result.seconds < unhurried.timeout + SLACK
        if result.error is None:
            assert data_of(result.answer) == DATA
        else:
            assert isinstance(result.error, StoreUnavailable)
        if untouched:
            assert size > len(DATA)
            return
