"""Clients for DynamoDB: which an application may pass, and how ours are created.

Our clients never wait or retry for longer than the store. botocore's do so by default, for minutes.
This module does not know the table.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.config import Config as ClientConfig
from botocore.loaders import create_loader
from botocore.parsers import ResponseParserError

from ...core.steps import Steps, wait
from ...core.store import Colour
from ...errors import ConfigError
from ...run.aio import opened_apart
from ..kit.quiet_logging import unlogged
from ..kit.server_names import hosts_of

HELP = (
    "leave SESSION_DYNAMODB out and write SESSION_DYNAMODB_REGION, or set it to a session or "
    "client of boto3 (Flask), or to a session of aiobotocore or aioboto3 (Quart)"
)

_ASYNC = ("aiobotocore", "aioboto3")
_making = threading.Lock()  # a session of boto3 cannot create two clients at once
_CONNECTIONS = 50  # as many requests at once; with botocore's 10, others would wait


@dataclass(frozen=True, slots=True)
class Source:
    """The source of clients.

    `given`: an application's session or client, or None. `colour`: that of its callers.
    """

    given: Any  # Any: botocore has no types, and boto3's and aioboto3's are not needed
    colour: Colour
    region: str | None
    endpoint_url: str | None
    is_client: bool = False
    # A resource's client takes and returns Python's values, not those of the wire.
    is_native: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A client in use, and for aiobotocore's the function that closes it."""

    client: Any  # Any: see Source
    context: Any = None


def read_source(
    given: Any,  # Any: see Source
    *,
    region: str | None,
    endpoint_url: str | None,
    timeout: float,
) -> Source:
    """Return the source for a setting; raise ConfigError if it cannot be used."""
    if given is None:
        return Source(None, Colour.BOTH, region, endpoint_url)
    package = str(type(given).__module__).partition(".")[0]
    if callable(getattr(given, "create_client", None)) or (
        callable(getattr(given, "client", None)) and callable(getattr(given, "resource", None))
    ):
        colour = Colour.ASYNC if package in _ASYNC else Colour.SYNC
        return Source(given, colour, region, endpoint_url)
    if package in _ASYNC:
        raise ConfigError(
            f"SESSION_DYNAMODB is a client of {package}, which belongs to one event loop: set it "
            "to the session that created the client"
        )
    if region is not None or endpoint_url is not None:
        raise ConfigError(
            "SESSION_DYNAMODB is a client with its own region and endpoint: leave "
            "SESSION_DYNAMODB_REGION and SESSION_DYNAMODB_ENDPOINT_URL out"
        )
    meta = getattr(given, "meta", None)
    inner = getattr(meta, "client", None)
    client = given if inner is None else inner
    service = getattr(getattr(client, "meta", None), "service_model", None)
    if getattr(service, "service_name", None) != "dynamodb":
        raise ConfigError(f"SESSION_DYNAMODB is a {type(given).__name__}: {HELP}")
    _check_patience(client.meta.config, timeout)
    return Source(client, Colour.SYNC, None, None, is_client=True, is_native=inner is not None)


def _check_patience(config: Any, timeout: float) -> None:  # Any: see Source
    retries: dict[str, Any] = config.retries or {}
    waits = (config.connect_timeout, config.read_timeout)
    if retries.get("total_max_attempts") == 1 and None not in waits and sum(waits) <= timeout:
        return
    each = timeout / 2
    raise ConfigError(
        "SESSION_DYNAMODB is a client that waits longer than SESSION_STORE_TIMEOUT: create it "
        f"with config=botocore.config.Config(connect_timeout={each:g}, read_timeout={each:g}, "
        f'retries={{"total_max_attempts": 1}}), or set the setting to its session'
    )


def place_of(source: Source) -> str:
    """Return the endpoint or region as text, as far as it is known."""
    meta = getattr(source.given, "meta", None) if source.is_client else None
    where = source.region or getattr(meta, "region_name", None)
    if source.endpoint_url is not None:
        scheme = source.endpoint_url.partition("://")[0]
        where = f"{scheme}://{hosts_of(source.endpoint_url)}"
    return "" if where is None else f" in {where}"


def check(source: Source, colour: Colour) -> None:
    """Fail if no client can be created for callers of that colour; do slow work now."""
    if not source.colour & colour:
        raise ConfigError(
            "SESSION_DYNAMODB is from boto3, which would block an event loop: use a session of "
            "aiobotocore or aioboto3, or leave it out"
            if colour is Colour.ASYNC
            else "SESSION_DYNAMODB is from aiobotocore or aioboto3, which Flask cannot await: use "
            "a session or client of boto3, or leave it out"
        )
    if source.is_client:
        return
    session = _session(source, colour)
    _read_descriptions(session)
    region = source.region or (
        session.region_name
        if hasattr(session, "region_name")
        else session.get_config_variable("region")
    )
    if not region:
        raise ConfigError(
            "no AWS region is known: write SESSION_DYNAMODB_REGION, or set AWS_REGION or "
            "AWS_DEFAULT_REGION in the environment"
        )


def _session(source: Source, colour: Colour) -> Any:  # Any: see Source
    if source.given is not None:
        return source.given
    session: Any
    if colour is Colour.SYNC:
        session = botocore.session.Session()
    else:
        try:
            from aiobotocore.session import AioSession  # type: ignore[import-untyped]
        except ImportError as error:
            raise ConfigError(
                "SESSION_TYPE 'dynamodb' needs aiobotocore under Quart: "
                "pip install 'samesession[dynamodb]'"
            ) from error
        session = AioSession()
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    return session


@lru_cache(maxsize=1)
def _loader(path: str | None) -> Any:  # Any: see Source
    return create_loader(path)


def _read_descriptions(session: Any) -> None:  # Any: see Source
    """Read Amazon's description of DynamoDB when the application starts.

    This takes longer than an event loop or the first request should wait; the loader caches it.
    """
    inner = getattr(session, "_session", session)  # boto3's session has botocore's inside
    loader = inner.get_component("data_loader")
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    for kind in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model("dynamodb", kind)


def open_client(source: Source, colour: Colour, *, timeout: float) -> Steps[Opened]:
    """Open a client for this process or event loop."""
    if source.is_client:
        return Opened(source.given)
    if colour is Colour.SYNC:
        with _making:
            return Opened(_made(_session(source, colour), source, ClientConfig, timeout))
    from aiobotocore.config import AioConfig  # type: ignore[import-untyped]

    context = _made(_session(source, colour), source, AioConfig, timeout)
    client: Any = yield from wait(opened_apart(context.__aenter__()))
    return Opened(client, context)


def _made(session: Any, source: Source, kind: Any, timeout: float) -> Any:  # Any: see Source
    config = kind(
        connect_timeout=timeout / 2,
        read_timeout=timeout / 2,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=_CONNECTIONS,
    )
    make = getattr(session, "create_client", None) or session.client
    return make(
        "dynamodb", region_name=source.region, endpoint_url=source.endpoint_url, config=config
    )


def close_client(source: Source, opened: Opened) -> Steps[None]:
    """Close a client's connections; one that was passed in opens others when it is used again."""
    if opened.context is not None:
        _ = yield from wait(opened.context.__aexit__(None, None, None))
        return
    yield from ()
    # Not one that was passed in: the application may be using it.
    if not source.is_client:
        opened.client.close()


def answered(answer: Any) -> Steps[Any]:  # Any: a client's answer, or what to await for it
    """Wait for a client's answer; what aiohttp opens for it outlives the request."""
    return wait(opened_apart(answer) if hasattr(answer, "__await__") else answer)


# Any: the operation's answer, of a client that has no types.
def asked(client: Any, operation: str, request: Mapping[str, Any]) -> Steps[Any]:
    """Return DynamoDB's answer, and keep it and the request out of all logs."""
    with unlogged("botocore.endpoint", "botocore.parsers"):
        try:
            return (yield from answered(getattr(client, operation)(**request)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # The JSON does not have DynamoDB's shape, and botocore's parser does not check that.
            raise ResponseParserError(type(error).__name__) from None
