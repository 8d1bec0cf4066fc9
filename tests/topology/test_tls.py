"""Redis over TLS, with certificates of a CA that the test makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from samesession import StoreUnavailable
from samesession.core.store import Colour
from tests.faults.callers import FACES, LIFETIMES, calling, sealed
from tests.support.backend import Servers
from tests.support.redis_process import Program, debian_binary, until
from tests.support.tls import Certificates, issued, terminated

# TLS that ends in front of a Valkey, and a Redis 7 that speaks it.
BOTH = pytest.mark.stores("redis", "redis7")
OWN_TLS = pytest.mark.stores("redis7")
FACE = pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())

NewServer = Callable[..., int]


def tls_program(certificates: Certificates, more: str = "", *flags: str, mutual: bool) -> Program:
    settings = (
        f"tls-cert-file {certificates.server}\ntls-key-file {certificates.server_key}\n"
        f"tls-ca-cert-file {certificates.ca}\ntls-auth-clients {'yes' if mutual else 'no'}\n{more}"
    )
    own = {
        "ssl_ca_certs": certificates.ca,
        "ssl_certfile": certificates.client,
        "ssl_keyfile": certificates.client_key,
        "ssl_check_hostname": False,
    }
    return Program(debian_binary(), settings, *flags, tls=own)


@pytest.fixture
def new_server(store_name: str, servers: Servers) -> Iterator[NewServer]:
    """Give a function that starts TLS with certificates, and gives its port."""
    with ExitStack() as stack:

        def start(certificates: Certificates, *, mutual: bool = False) -> int:
            if store_name == "redis":
                plain = servers["redis"].port
                return stack.enter_context(terminated(certificates, plain, mutual=mutual))
            made = tls_program(certificates, mutual=mutual)
            stack.callback(made.close)
            made.start()
            return made.port

        yield start


async def is_served(url: str, colour: Colour) -> bool:
    """Say whether a session can be stored; if not, the error is the typed one."""
    key, raw = sealed("alice")
    async with calling(url, colour, timeout=2.0) as caller:
        result = await caller.try_(lambda store: store.create(key, raw, lifetimes=LIFETIMES))
        if result.error is not None:
            assert isinstance(result.error, StoreUnavailable)
            return False
        assert await caller.do(lambda store: store.load(key, renew=LIFETIMES)) == raw
        return True


@BOTH
@FACE
@pytest.mark.asyncio
async def test_a_server_is_trusted_by_its_ca_and_its_name_only(
    new_server: NewServer, colour: Colour, tmp_path: Path
) -> None:
    certificates = issued(tmp_path, "localhost")
    url = f"rediss://localhost:{new_server(certificates)}/0"
    assert await is_served(f"{url}?ssl_ca_certs={certificates.ca}", colour)
    assert not await is_served(url, colour)
    assert await is_served(f"{url}?ssl_cert_reqs=none", colour)
    other = url.replace("localhost", "127.0.0.1")
    assert not await is_served(f"{other}?ssl_ca_certs={certificates.ca}", colour)
    named = f"{other}?ssl_ca_certs={certificates.ca}&ssl_check_hostname=no"
    assert await is_served(named, colour)


@BOTH
@FACE
@pytest.mark.asyncio
async def test_a_client_shows_the_certificate_that_its_url_names(
    new_server: NewServer, colour: Colour, tmp_path: Path
) -> None:
    certificates = issued(tmp_path, "127.0.0.1")
    port = new_server(certificates, mutual=True)
    url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificates.ca}"
    assert not await is_served(url, colour)
    shown = f"&ssl_certfile={certificates.client}&ssl_keyfile={certificates.client_key}"
    assert await is_served(url + shown, colour)


@OWN_TLS
@FACE
@pytest.mark.asyncio
async def test_a_cluster_is_followed_over_tls(
    store_name: str, colour: Colour, tmp_path: Path
) -> None:
    certificates = issued(tmp_path, "127.0.0.1")
    node = tls_program(
        certificates, "cluster-enabled yes\ntls-cluster yes\ncluster-port {bus}", mutual=False
    )
    try:
        node.start()
        node.do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until(lambda: b"cluster_state:ok" in node.do("CLUSTER", "INFO"), "the cluster is up")
        url = f"rediss+cluster://127.0.0.1:{node.port}"
        assert await is_served(f"{url}?ssl_ca_certs={certificates.ca}", colour)
        assert not await is_served(url, colour)
    finally:
        node.close()


@OWN_TLS
@FACE
@pytest.mark.asyncio
async def test_a_sentinel_is_asked_over_tls(
    store_name: str, colour: Colour, tmp_path: Path
) -> None:
    certificates = issued(tmp_path, "127.0.0.1")
    master = tls_program(certificates, mutual=False)
    try:
        master.start()
        watcher = tls_program(
            certificates,
            f"tls-replication yes\nsentinel monitor m 127.0.0.1 {master.port} 1",
            "--sentinel",
            mutual=False,
        )
        try:
            watcher.start()
            url = f"rediss+sentinel://127.0.0.1:{watcher.port}/m"
            assert await is_served(f"{url}?ssl_ca_certs={certificates.ca}", colour)
            assert not await is_served(url, colour)
        finally:
            watcher.close()
    finally:
        master.close()
