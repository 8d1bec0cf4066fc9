"""What any visitor can cause writes one line a request at most, and warns of nothing."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import pytest

from samesession import signals
from samesession.core.events import Event
from tests.support.backend import ALL_STORES, Backend
from tests.support.site import Site, Visitor

pytestmark = pytest.mark.asyncio


async def _token(site: Site) -> str:
    user = site.visitor()
    await user.put(a=1)
    return user.jar["session"]


async def _forged(_: Site) -> list[str]:
    return ["forged"]


async def _1820_forged(_: Site) -> list[str]:
    return ["a"] * 1820


async def _forged_among_ours(site: Site) -> list[str]:
    return ["a", await _token(site), "b"]


async def _of_another_application(site: Site) -> list[str]:
    token = await _token(site)
    return [token[:-1] + ("A" if token[-1] != "A" else "E")]


async def _of_an_ended_session(site: Site) -> list[str]:
    user = site.visitor()
    await user.put(a=1)
    token = user.jar["session"]
    await user.visit(lambda session: session.clear())
    return [token]


async def _forged_and_ended(site: Site) -> list[str]:
    return ["a", *await _of_an_ended_session(site), "b"]


async def _replaced(site: Site) -> list[str]:
    user = site.visitor()
    await user.put(a=1)
    token = user.jar["session"]
    await user.visit(lambda session: session.regenerate())
    return [token]


async def _two(site: Site) -> list[str]:
    return [await _token(site), "a", await _token(site)]


async def _two_dead(site: Site) -> list[str]:
    return [*await _of_an_ended_session(site), *await _replaced(site)]


async def _dead_and_live(site: Site) -> list[str]:
    return [*await _replaced(site), await _token(site), *await _of_an_ended_session(site)]


async def _nine(site: Site) -> list[str]:
    return [await _token(site) for _ in range(9)]


SENT: dict[str, Callable[[Site], Awaitable[list[str]]]] = {
    "forged": _forged,
    "1,820 forged": _1820_forged,
    "of another application": _of_another_application,
    "forged among ours": _forged_among_ours,
    "ended": _of_an_ended_session,
    "forged and ended": _forged_and_ended,
    "replaced": _replaced,
    "two": _two,
    "two dead": _two_dead,
    "dead and live": _dead_and_live,
    "nine": _nine,
}


async def _said(
    user: Visitor, values: list[str], caplog: pytest.LogCaptureFixture
) -> tuple[list[logging.LogRecord], list[str]]:
    """Give the log lines and the reasons of signals that one request causes."""
    heard: list[str] = []

    def note(_: object, *, reason: str, **__: object) -> None:
        heard.append(reason)

    caplog.clear()
    caplog.set_level(logging.DEBUG, "samesession")
    for event in Event:
        signals._signals[event.value].connect(note, user.site.app)
    header = "; ".join(f"session={value}" for value in values)
    answer = await user.visit(lambda _: None, cookie=header.encode("ascii"))
    assert answer.status == 200
    return [each for each in caplog.records if each.name == "samesession"], heard


@pytest.mark.parametrize("sent", SENT)
async def test_a_visitor_causes_one_line_and_one_signal_a_request(
    site: Site, caplog: pytest.LogCaptureFixture, sent: str
) -> None:
    values = await SENT[sent](site)
    for _ in range(2):
        lines, heard = await _said(site.visitor(), values, caplog)
        assert (len(lines), len(heard)) == (1, 1)
        assert lines[0].levelno <= logging.INFO
        assert heard[0] in lines[0].getMessage()


@pytest.mark.stores(*ALL_STORES)
async def test_a_foreign_cookie_of_our_name_is_one_line_of_information(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for values in (["eyJhIjoxfQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb"], ["a"] * 1820):
        (line,), (reason,) = await _said(site.visitor(), values, caplog)
        assert (line.levelname, reason.startswith("the cookie is not one of ours")) == (
            "INFO",
            True,
        )


@pytest.mark.parametrize("more", [[], ["a"]], ids=["alone", "beside a foreign one"])
async def test_a_damaged_record_is_a_warning(
    site: Site, backend: Backend, caplog: pytest.LogCaptureFixture, more: list[str]
) -> None:
    token = await _token(site)
    ((name, record),) = backend.records().items()
    backend.part.plant(name, record[:-1])
    (line,), (_,) = await _said(site.visitor(), [*more, token], caplog)
    assert line.levelname == "WARNING"


async def test_a_damaged_record_among_several_is_a_warning_besides(
    site: Site, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    token = await _token(site)
    ((name, record),) = backend.records().items()
    other = await _of_an_ended_session(site)
    backend.part.plant(name, record[:-1])
    lines, _ = await _said(site.visitor(), [token, *other], caplog)
    assert sorted(each.levelname for each in lines) == ["INFO", "WARNING"]
