"""SESSION_REDIS as a URL: where the servers are, and what is refused without being shown."""

from __future__ import annotations

from typing import Any

import pytest

from samesession import ConfigError
from samesession.stores._redis_url import Kind, Servers, read


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h:7/3", Servers(Kind.SINGLE, False, {"host": "h", "port": 7, "db": 3})),
        (
            "rediss://u:p%40@h",
            Servers(
                Kind.SINGLE,
                True,
                {"host": "h", "username": "u", "password": "p@", "ssl_check_hostname": True},
            ),
        ),
        ("unix:///run/redis.sock", Servers(Kind.SINGLE, False, {"path": "/run/redis.sock"})),
        (
            "redis+sentinel://u:p@a:1,b,[::1]:3/my%20service/4?sentinel_password=s",
            Servers(
                Kind.SENTINEL,
                False,
                {"username": "u", "password": "p", "db": 4},
                (("a", 1), ("b", 26379), ("::1", 3)),
                "my service",
                {"password": "s"},
            ),
        ),
        ("redis+sentinel://a/m", Servers(Kind.SENTINEL, False, {}, (("a", 26379),), "m")),
        (
            "rediss+sentinel://a/m?ssl_ca_certs=/ca.pem",
            Servers(
                Kind.SENTINEL,
                True,
                {"ssl_ca_certs": "/ca.pem", "ssl_check_hostname": True},
                (("a", 26379),),
                "m",
                {"ssl_ca_certs": "/ca.pem", "ssl_check_hostname": True},
            ),
        ),
        (
            "redis+cluster://:p@a:1,b:2/0?socket_timeout=1.5",
            Servers(
                Kind.CLUSTER,
                False,
                {"password": "p", "socket_timeout": 1.5},
                (("a", 1), ("b", 2)),
            ),
        ),
        ("redis+cluster://a", Servers(Kind.CLUSTER, False, {}, (("a", 6379),))),
        (
            "rediss+cluster://a?ssl_cert_reqs=none",
            Servers(
                Kind.CLUSTER,
                True,
                {"ssl_cert_reqs": "none", "ssl_check_hostname": False},
                (("a", 6379),),
            ),
        ),
        (
            "rediss://h?ssl_check_hostname=no",
            Servers(Kind.SINGLE, True, {"host": "h", "ssl_check_hostname": False}),
        ),
    ],
)
def test_a_url_says_where_the_servers_are(url: str, expected: Servers) -> None:
    assert read(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:6379",
        "http://h",
        "redis+http://h",
        "unix+cluster:///run/redis.sock",
        "redis://h:s3cret/0",
        "redis://:s3#cret@h:1/0",
        "redis+cluster://",
        "redis+cluster://a:1,,b:2",
        "redis+cluster://a:s3cret",
        "redis+cluster://a/1",
        "redis+sentinel://a:1",
        "redis+sentinel://a:1/",
        "redis+sentinel://a:s3cret/m",
        "redis+sentinel://[::1/m",
        "redis://h?decode_responses=True",
        "redis+cluster://h?protocol=3",
        "redis://h?socket_timeout=s3cret",
    ],
)
def test_what_is_no_such_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigError, match="SESSION_REDIS") as caught:
        _ = read(url)
    error: Any = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert "s3" not in str(error)


def test_servers_do_not_show_their_passwords() -> None:
    assert "s3cret" not in repr(read("redis+sentinel://u:s3cret@a/m?sentinel_password=s3cret"))
