"""Spans and metrics of what sessions ask of their store, by OpenTelemetry's SDK, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from samesession import ConfigError, StoreUnavailable
from samesession.core.observed_store import OPERATIONS
from samesession.otel import instrument
from samesession.stores.base import FromSync
from tests.conftest import NewSite
from tests.stores.test_by_others import PlainStore
from tests.support.backend import Backend
from tests.support.clock import Clock
from tests.support.server import Valkey
from tests.support.site import Site

from .test_administration import administer

pytestmark = pytest.mark.asyncio

SYSTEMS = {
    "dynamodb": "aws.dynamodb",
    "sqlalchemy-sqlite": "sqlite",
    **dict.fromkeys(("cluster", "sentinel", "redis7", "redis62"), "redis"),
}


class Telemetry:
    """What an application is instrumented with, and what came of it."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader])

    def instrument(self, site: Site, **options: Any) -> Site:
        instrument(site.app, tracer_provider=self.tracers, meter_provider=self.meters, **options)
        return site

    @property
    def spans(self) -> list[ReadableSpan]:
        return [*self._exporter.get_finished_spans()]

    def reset(self) -> None:
        self._exporter.clear()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    def points(self) -> dict[str, list[Any]]:
        """Give the points of each metric."""
        data = self._reader.get_metrics_data()
        found: dict[str, list[Any]] = {}
        for resource in [] if data is None else data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = [*metric.data.data_points]
        return found

    def counts(self, name: str) -> dict[tuple[str, str | None], int]:
        """Give a counter's values by operation and outcome."""
        return {
            (
                str(point.attributes["db.operation.name"]),
                point.attributes.get("samesession.outcome"),
            ): int(point.value)
            for point in self.points().get(name, [])
        }

    def said(self) -> str:
        """Give all that was told, spans and metrics."""
        return "\n".join([*(span.to_json() for span in self.spans), repr(self.points())])


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    found = Telemetry()
    yield found
    found.tracers.shutdown()
    found.meters.shutdown()


async def test_each_operation_is_a_span_under_the_requests_own(
    new_site: NewSite, telemetry: Telemetry, backend: Backend
) -> None:
    site = telemetry.instrument(new_site())
    user = site.visitor()
    with telemetry.tracers.get_tracer("web").start_as_current_span("request") as parent:
        await user.put(a=1)
        await user.put(a=2)
        await user.visit(lambda session: session.clear())
    assert telemetry.names == [
        "create sessions", "load sessions", "commit sessions", "load sessions", "remove sessions",
        "request",
    ]  # fmt: skip
    for span in telemetry.spans[:-1]:
        assert span.parent is not None
        assert span.parent.span_id == parent.get_span_context().span_id
        assert span.kind is SpanKind.CLIENT
        assert span.status.status_code is StatusCode.UNSET
        assert span.attributes is not None
        assert span.attributes["db.system.name"] == SYSTEMS.get(backend.name, backend.name)
        assert span.attributes["db.operation.name"] == span.name.split()[0]
    outcomes = [span.attributes["samesession.outcome"] for span in telemetry.spans[:-1]]  # type: ignore[index]
    assert outcomes == ["written", "hit", "written", "hit", "written"]


async def test_what_requests_meet_is_counted_and_timed(
    new_site: NewSite, telemetry: Telemetry
) -> None:
    site = telemetry.instrument(new_site())
    user = site.visitor()
    await user.put(a=1)
    sid = await user.value(lambda session: session.sid)

    def meanwhile(session: Any, web: Any) -> Any:
        session["b"] = 1
        return _ended(site, sid)

    assert (await user.respond(meanwhile)).status == 200
    await user.visit(dict)  # the cookie is dropped by now
    changes = telemetry.counts("samesession.store.changes")
    assert changes == {
        ("create", "written"): 1,
        ("commit", "gone"): 1,
        ("remove", "written"): 1,
    }
    loads = telemetry.counts("samesession.store.loads")
    assert loads[("load", "hit")] == 3  # revoke() looks whose it is
    durations = telemetry.points()["db.client.operation.duration"]
    assert {point.attributes["db.operation.name"] for point in durations} >= {
        "create", "load", "commit", "remove"
    }  # fmt: skip
    assert all("error.type" not in point.attributes for point in durations)
    assert all(point.sum < 60 for point in durations)
    assert durations[0].explicit_bounds == (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)


def _ended(site: Site, sid: str) -> Any:
    """End a session within a request of its own."""
    if site.framework == "flask":
        from samesession.flask import revoke

        return str(revoke(sid))

    async def answer() -> str:
        from samesession.quart import revoke as revoked

        return str(await revoked(sid))

    return answer()


async def test_an_unknown_session_is_a_miss(new_site: NewSite, telemetry: Telemetry) -> None:
    site = telemetry.instrument(new_site())
    user = site.visitor()
    await user.put(a=1)
    await administer(site, "revoke", await user.value(lambda session: session.sid))
    await user.visit(dict)
    assert telemetry.counts("samesession.store.loads")[("load", "miss")] == 1


@pytest.mark.stores("memory")
async def test_a_change_that_meets_another_is_a_conflict(
    new_site: NewSite, telemetry: Telemetry, backend: Backend
) -> None:
    spy = backend.spy()
    site = telemetry.instrument(new_site(options={"store": spy}))
    site.view("/b")(lambda session, web: session.update(b=1) or "")
    site.view("/c")(lambda session, web: session.update(c=1) or "")
    user = site.visitor()
    await user.put(a=1)
    one, two = site.user(), site.user()
    for each in (one, two):
        each.jar = user.jar
    gate = spy.pause("commit")
    first = one.start("GET", "/b")
    await gate.reached()
    assert (await two.get("/c")).status == 200
    gate.open()
    assert (await first).status == 200
    assert await user.value(dict) == {"a": 1, "b": 1, "c": 1}
    changes = telemetry.counts("samesession.store.changes")
    assert changes[("commit", "conflict")] == 1
    assert changes[("commit", "written")] == 2


@pytest.mark.owners
async def test_work_on_many_sessions_says_how_many(new_site: NewSite, telemetry: Telemetry) -> None:
    site = telemetry.instrument(new_site())
    for _ in range(3):
        await site.visitor().visit(lambda session: session.bind("ann"))
    telemetry.reset()
    assert await administer(site, "revoke_all", "ann") == 3
    sizes = {
        span.name: (span.attributes or {}).get("db.operation.batch.size")
        for span in telemetry.spans
    }
    assert sizes["load_many sessions"] == sizes["remove_many sessions"] == 3


# --- failures ------------------------------------------------------------------------------


async def test_nothing_that_is_told_names_anybody_or_anything(
    new_site: NewSite, telemetry: Telemetry, backend: Backend
) -> None:
    site = telemetry.instrument(new_site(SESSION_KEY_PREFIX="canary-prefix:"))
    user = site.visitor()
    await user.put(note="canary-data")
    if backend.part.owners:
        await user.visit(lambda session: session.bind("canary-owner"))
        await administer(site, "sessions_of", "canary-owner")
    sid = await user.value(lambda session: session.sid)
    token = str(user.jar.header())
    await user.visit(lambda session: session.update(note="canary-data too"))
    await administer(site, "ping")
    await administer(site, "revoke", sid)
    await user.visit(dict)
    said = telemetry.said()
    assert "load sessions" in said
    assert "canary" not in said
    assert sid not in said
    assert token.partition("=")[2] not in said


@pytest.mark.stores("memory")
async def test_an_outage_is_an_error_that_says_why_in_fixed_words(
    new_site: NewSite, telemetry: Telemetry, backend: Backend
) -> None:
    spy = backend.spy()
    site = telemetry.instrument(new_site(options={"store": spy}))
    user = site.visitor()
    await user.put(a=1)
    error = StoreUnavailable("session:canary is not there")
    error.__cause__ = ConnectionRefusedError("canary")
    spy.fail("load", error)
    telemetry.reset()
    assert (await user.visit(dict)).status == 503
    (span,) = telemetry.spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "the connection was refused"
    assert (span.attributes or {})["error.type"] == "samesession.errors.StoreUnavailable"
    assert span.events == ()
    assert telemetry.counts("samesession.store.outages") == {("load", None): 1}
    failed = [
        point
        for point in telemetry.points()["db.client.operation.duration"]
        if "error.type" in point.attributes
    ]
    assert [point.count for point in failed] == [1]
    assert "canary" not in telemetry.said()


@pytest.mark.stores("redis")
async def test_a_server_that_goes(framework: str, telemetry: Telemetry, own_valkey: Valkey) -> None:
    settings = {"SESSION_TYPE": "redis", "SESSION_REDIS": own_valkey.url}
    site = telemetry.instrument(Site(framework, settings, clock=Clock()))
    user = site.visitor()
    await user.put(a=1)
    own_valkey.kill()
    telemetry.reset()
    assert (await user.visit(dict)).status == 503
    (span,) = telemetry.spans
    assert span.status.description == "the connection was refused"
    await site.close()


@pytest.mark.stores("memory")
@pytest.mark.needs("quart")
async def test_what_takes_too_long_is_an_outage(
    framework: str, new_site: NewSite, telemetry: Telemetry, backend: Backend
) -> None:
    spy = backend.spy()
    site = telemetry.instrument(new_site(options={"store": spy}, SESSION_STORE_TIMEOUT=0.1))
    user = site.visitor()
    await user.put(a=1)
    spy.pause("load")
    telemetry.reset()
    assert (await user.visit(dict)).status == 503
    (span,) = telemetry.spans
    assert (span.attributes or {})["error.type"] == "timeout"
    assert span.status.status_code is StatusCode.ERROR
    assert telemetry.counts("samesession.store.outages") == {("load", None): 1}


@pytest.mark.stores("memory")
@pytest.mark.needs("quart")
async def test_what_is_cancelled_ends_its_span_and_is_no_outage(
    framework: str, new_site: NewSite, telemetry: Telemetry, backend: Backend
) -> None:
    spy = backend.spy()
    site = telemetry.instrument(new_site(options={"store": spy}))
    user = site.visitor()
    await user.put(a=1)
    sid = await user.value(lambda session: session.sid)
    gate = spy.pause("load")
    telemetry.reset()
    task = asyncio.create_task(administer(site, "revoke", sid))
    await gate.reached()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (span,) = telemetry.spans
    assert span.end_time is not None
    assert (span.attributes or {})["error.type"] == "cancelled"
    assert span.status.status_code is StatusCode.UNSET
    assert telemetry.counts("samesession.store.outages") == {}


@pytest.mark.stores("memory")
async def test_requests_at_once_have_their_own_spans(
    framework: str, new_site: NewSite, telemetry: Telemetry, backend: Backend
) -> None:
    """Each under its own request's, though their waits interleave in one thread."""
    spy = backend.spy()
    site = telemetry.instrument(new_site(options={"store": spy}))
    site.view("/")(lambda session, web: str(session.get("a")))
    users = [site.visitor() for _ in range(3)]
    for user in users:
        await user.put(a=1)
    telemetry.reset()
    gates = [spy.pause("load", nth=each + 1) for each in range(3)]
    tracer = telemetry.tracers.get_tracer("web")
    parents = set()

    async def visit(user: Any) -> None:
        with tracer.start_as_current_span("request") as parent:
            parents.add(parent.get_span_context().span_id)
            assert (await user.driver.start("GET", "/")).status == 200

    tasks = [asyncio.create_task(visit(user)) for user in users]
    for gate in gates:
        await gate.reached()
    for gate in reversed(gates):
        gate.open()
    await asyncio.gather(*tasks)
    loads = [span for span in telemetry.spans if span.name == "load sessions"]
    assert {span.parent.span_id for span in loads if span.parent} == parents
    assert len(parents) == 3


# --- which applications --------------------------------------------------------------------


@pytest.mark.stores("memory")
async def test_a_store_by_others_is_measured_and_named(
    new_site: NewSite, telemetry: Telemetry, clock: Clock
) -> None:
    class Named(PlainStore):
        system = "pantry"

    for store, options, name in (
        (PlainStore(clock), {}, "PlainStore"),
        (Named(clock), {}, "pantry"),
        (Named(clock), {"system": "cupboard"}, "cupboard"),
    ):
        site = telemetry.instrument(new_site(options={"store": FromSync(store)}), **options)
        telemetry.reset()
        await site.visitor().put(a=1)
        assert [(each.attributes or {})["db.system.name"] for each in telemetry.spans] == [name]


@pytest.mark.stores("memory")
async def test_an_application_that_is_not_instrumented_has_its_store_as_it_is(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    await site.visitor().put(a=1)
    assert type(site.app.session_interface.app_sessions.store) is type(spy)


@pytest.mark.stores("memory")
async def test_instrumenting_twice_counts_once(new_site: NewSite, telemetry: Telemetry) -> None:
    site = telemetry.instrument(telemetry.instrument(new_site()))
    await site.visitor().put(a=1)
    assert telemetry.names == ["create sessions"]


@pytest.mark.stores("memory")
async def test_settings_that_change_before_the_first_request_count(
    new_site: NewSite, telemetry: Telemetry
) -> None:
    site = telemetry.instrument(new_site())
    site.app.config["SESSION_STORE_TIMEOUT"] = 5
    await site.visitor().put(a=1)
    assert telemetry.names == ["create sessions"]


@pytest.mark.stores("memory")
async def test_it_is_too_early_before_the_sessions_and_too_late_after_a_request(
    new_site: NewSite, telemetry: Telemetry
) -> None:
    with pytest.raises(ConfigError, match=r"call Session\(app\) where it is created"):
        telemetry.instrument(new_site(options={"init": False}))
    site = new_site()
    await site.visitor().put(a=1)
    with pytest.raises(ConfigError, match=r"call this where Session\(app\) is called"):
        telemetry.instrument(site)


@pytest.mark.stores("cookie")
async def test_a_session_in_the_cookie_has_nothing_to_measure(
    new_site: NewSite, telemetry: Telemetry
) -> None:
    user = telemetry.instrument(new_site()).visitor()
    await user.put(a=1)
    assert await user.value(dict) == {"a": 1}
    assert telemetry.spans == []


@pytest.mark.stores("memory")
async def test_without_an_sdk_it_does_nothing(site: Site) -> None:
    """OpenTelemetry's API alone has instruments that do nothing."""
    instrument(site.app)
    user = site.visitor()
    await user.put(a=1)
    assert await user.value(dict) == {"a": 1}


@pytest.mark.stores("memory")
async def test_the_page_has_each_name_that_is_told(
    new_site: NewSite, telemetry: Telemetry, backend: Backend
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operate" / "monitoring.md").read_text()
    spy = backend.spy()
    site = telemetry.instrument(new_site(options={"store": spy}))
    user = site.visitor()
    await user.put(a=1)
    spy.fail("load", StoreUnavailable("it is down"))
    await user.visit(dict)
    assert set(telemetry.points()) == {
        "db.client.operation.duration",
        "samesession.store.loads",
        "samesession.store.changes",
        "samesession.store.outages",
    } - {"samesession.store.loads"}
    for name in (*telemetry.points(), "samesession.store.loads", *OPERATIONS):
        assert f"`{name}`" in page, name
    for span in telemetry.spans:
        for name in span.attributes or {}:
            assert f"`{name}`" in page, name
