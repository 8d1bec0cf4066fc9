"""SESSION_REDIS as a URL: where the servers are, and what is refused without being shown."""

from __future__ import annotations

import inspect
import ssl
from importlib import import_module
from typing import Any

import pytest
import redis
import redis.asyncio

from samesession import ConfigError, Session
from samesession.core.store import Colour
from samesession.stores.redis import RedisStore
from samesession.stores.redis.url import Kind, Servers, read


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
        ("valkey://h:7/3", Servers(Kind.SINGLE, False, {"host": "h", "port": 7, "db": 3})),
        ("REDIS://h", Servers(Kind.SINGLE, False, {"host": "h"})),
        ("redis:///2", Servers(Kind.SINGLE, False, {"db": 2})),
        ("redis://h/1?db=1", Servers(Kind.SINGLE, False, {"host": "h", "db": 1})),
        ("redis://?host=h&port=7", Servers(Kind.SINGLE, False, {"host": "h", "port": 7})),
        (
            "redis://h?username=u&password=p%40",
            Servers(Kind.SINGLE, False, {"host": "h", "username": "u", "password": "p@"}),
        ),
        (
            "unix://u:p@/run/a%20b.sock?db=2",
            Servers(
                Kind.SINGLE,
                False,
                {"path": "/run/a b.sock", "username": "u", "password": "p", "db": 2},
            ),
        ),
        ("valkeys://h", Servers(Kind.SINGLE, True, {"host": "h", "ssl_check_hostname": True})),
        ("valkey+sentinel://a/m", Servers(Kind.SENTINEL, False, {}, (("a", 26379),), "m")),
        (
            "valkeys+cluster://a",
            Servers(Kind.CLUSTER, True, {"ssl_check_hostname": True}, (("a", 6379),)),
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
        "redis://h/s3cret",
        "redis://h/0/s3cret",
        "redis://h/1?db=2",
        "redis://u:1/s3cret@h/0",
        "redis://u:1?s3cret@h:1/0",
        "redis://u:1?s3cret=s3cret@h:1/0",
        "redis://u:1#s3cret@h:1/0",
        "redis://h?db=0&s3cret",
        "redis://h/0#s3cret",
        "redis+cluster://h?db=1",
        "unix://run/redis.sock",
        "unix://",
        "redis+socket:///run/redis.sock",
        "redis:h",
        "valkey+unix:///run/s",
        "unix:///s?host=s3cret",
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


# --- options -------------------------------------------------------------------------------

# Of redis-py's connections, by what a URL may say of them and what it then is.
OPTIONS: dict[str, list[tuple[str, object]]] = {
    "client_name": [("web%201", "web 1")],
    "db": [("0", 0), ("15", 15)],
    "health_check_interval": [("30", 30), ("0", 0)],
    "host": [("h2", "h2")],
    "lib_name": [("ours", "ours")],
    "lib_version": [("1.0", "1.0")],
    "max_connections": [("20", 20)],
    "password": [("a+b", "a b")],
    "path": [("/run/s", "/run/s")],
    "port": [("7", 7)],
    "retry_on_timeout": [("yes", True), ("OFF", False)],
    "socket_connect_timeout": [("1.5", 1.5)],
    "socket_keepalive": [
        *((text, True) for text in ("1", "true", "True", "T", "yes", "Y", "on", "ON")),
        *((text, False) for text in ("0", "false", "False", "F", "no", "N", "off", "Off")),
    ],
    "socket_read_size": [("65536", 65536)],
    "socket_timeout": [("2", 2.0), ("0.25", 0.25)],
    "ssl_ca_certs": [("/ca.pem", "/ca.pem"), ("~/ca.pem", "/home/ann/ca.pem")],
    "ssl_ca_data": [("-----BEGIN%0A", "-----BEGIN\n")],
    "ssl_ca_path": [("/cas", "/cas")],
    "ssl_cert_reqs": [
        *((text, "none") for text in ("none", "None", "CERT_NONE", "ssl.CERT_NONE", "0")),
        *((text, "none") for text in ("VerifyMode.CERT_NONE", "cert_none")),
        *((text, "optional") for text in ("optional", "CERT_OPTIONAL", "1")),
        *((text, "required") for text in ("required", "CERT_REQUIRED", "REQUIRED", "2")),
    ],
    "ssl_certfile": [("/c.pem", "/c.pem")],
    "ssl_check_hostname": [("no", False), ("true", True)],
    "ssl_ciphers": [("ECDHE%2BAESGCM%3A!aNULL", "ECDHE+AESGCM:!aNULL")],
    "ssl_exclude_verify_flags": [
        ("[VERIFY_X509_STRICT]", [ssl.VerifyFlags.VERIFY_X509_STRICT]),
    ],
    "ssl_include_verify_flags": [
        (
            "VERIFY_X509_STRICT,+VERIFY_CRL_CHECK_LEAF",
            [ssl.VerifyFlags.VERIFY_X509_STRICT, ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF],
        ),
    ],
    "ssl_keyfile": [("/k.pem", "/k.pem")],
    "ssl_min_version": [
        *((text, ssl.TLSVersion.TLSv1_3) for text in ("TLSv1_3", "TLSv1.3", "tls1.3", "1.3")),
        *((text, ssl.TLSVersion.TLSv1_3) for text in ("TLSVersion.TLSv1_3", "772")),
        ("771", ssl.TLSVersion.TLSv1_2),
    ],
    "ssl_ocsp_expected_cert": [("x", "x")],
    "ssl_password": [("s3cret", "s3cret")],
    "ssl_validate_ocsp": [("true", True)],
    "ssl_validate_ocsp_stapled": [("no", False)],
    "username": [("ann", "ann")],
}
# Those that the store decides, with what may be said of them.
FIXED = {
    "decode_responses": ("False", "True"),
    "encoding": ("UTF-8", "latin-1"),
    "encoding_errors": ("strict", "ignore"),
    "legacy_responses": ("yes", "no"),
    "protocol": ("2", "3"),
}
# Those that are objects, or redis-py's own: a client may have them, no URL.
OBJECTS = {
    "args", "command_packer", "connection_kwargs", "connection_pool",
    "parser", "credential_provider", "driver_info",
    "encoder_class", "event_dispatcher", "himport_registry", "kwargs", "maintenance_state",
    "maintenance_notification_hash", "maint_notifications_config",
    "maint_notifications_pool_handler", "oss_cluster_maint_notifications_handler",
    "orig_host_address", "orig_socket_connect_timeout", "orig_socket_timeout", "parser_class",
    "redis_connect_func", "retry", "retry_on_error", "self", "socket_keepalive_options",
    "socket_type", "ssl_ocsp_context", "connection_class", "cache_factory",
}  # fmt: skip
# Of a pool that waits for a connection, which ours do not.
POOLS = {"timeout"}
CLASSES = ("Connection", "SSLConnection", "UnixDomainSocketConnection", "ConnectionPool")
LIBRARIES = {Colour.SYNC: redis, Colour.ASYNC: redis.asyncio}


def parameters(colour: Colour, name: str) -> set[str]:
    found: set[str] = set()
    for base in getattr(LIBRARIES[colour], name).__mro__:
        if base is not object:
            found |= set(inspect.signature(base.__init__).parameters)
    return found


def scheme_for(name: str) -> str:
    return "unix:///" if name == "path" else "rediss://"


@pytest.mark.parametrize("colour", LIBRARIES)
def test_every_option_of_the_installed_library_has_its_place(colour: Colour) -> None:
    parsers: Any = import_module(f"{LIBRARIES[colour].__name__}.connection")
    theirs = set(parsers.URL_QUERY_ARGUMENT_PARSERS)
    for name in CLASSES:
        theirs |= parameters(colour, name)
    assert theirs - {*OPTIONS, *FIXED, *OBJECTS, *POOLS} == set()


@pytest.mark.parametrize("colour", LIBRARIES)
@pytest.mark.parametrize(
    ("name", "text", "value"),
    [(name, text, value) for name, cases in OPTIONS.items() for text, value in cases],
)
def test_each_option_has_its_type(
    colour: Colour, name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    url = f"{scheme_for(name)}?{name}={text}"
    kind = "UnixDomainSocketConnection" if name == "path" else "SSLConnection"
    if name not in parameters(colour, kind) | {"max_connections"}:
        with pytest.raises(ConfigError, match=f"{name}, which redis-py .* does not support"):
            _ = read(url, colour)
        return
    if name == "path":  # a socket's address says it already
        with pytest.raises(ConfigError, match="three slashes"):
            _ = read("unix://?path=/run/s", colour)
        return
    options = read(url, colour).options
    assert options[name] == value
    assert type(options[name]) is type(value)


@pytest.mark.parametrize("colour", LIBRARIES)
@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_without_a_value_or_with_two_is_refused(colour: Colour, name: str) -> None:
    text = OPTIONS[name][0][0]
    for query in (f"{name}=", name, f"{name}={text}&{name}={text}"):
        with pytest.raises(ConfigError, match="SESSION_REDIS"):
            _ = read(f"{scheme_for(name)}h?{query}", colour)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, "s3cret") for name in OPTIONS if not isinstance(OPTIONS[name][0][1], str)),
        *(("socket_timeout", text) for text in ("0", "-1", "nan", "inf", "None", "1s")),
        *(("socket_keepalive", text) for text in ("2", "None", "yep")),
        *(("db", text) for text in ("-1", "1.0", "0x1", "%D9%A1")),
        ("max_connections", "0"),
        ("port", "0"),
        ("ssl_cert_reqs", "maybe"),
        ("ssl_min_version", "9"),
        ("ssl_min_version", "999"),
        ("ssl_include_verify_flags", "VERIFY_X509_STRICT,s3cret"),
        ("client_name", "a%0Ab"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_at_the_start(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=rf"^SESSION_REDIS .*\b{name}\b") as caught:
        _ = read(f"rediss://h?{name}={text}")
    assert text not in str(caught.value) or len(text) < 3


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("redis://h?socket_timout=1", "did you mean socket_timeout"),
        ("redis://h?sockettimeout=1", "did you mean socket_timeout"),
        ("redis://h?timeout=1", "did you mean socket_timeout"),
        ("redis://h?DB=1", "did you mean db"),
        ("redis://h?user=ann", "did you mean username"),
        ("redis://h?max_connection=1", "did you mean max_connections"),
        ("rediss://h?ssl_cert_req=none", "did you mean ssl_cert_reqs"),
        ("rediss://h?ssl_ca_cert=/c", "did you mean ssl_ca_certs"),
        ("rediss://h?ssl_verify=0", "did you mean ssl_cert_reqs"),
        ("redis://h?ssl=true", "did you mean rediss://"),
        ("redis://h?ssl_ca_certs=/c", "for TLS: write rediss://"),
        ("redis+sentinel://h/m?sentinel_pasword=p", "did you mean sentinel_password"),
        ("redis+cluster://h?socket_timout=1", "did you mean socket_timeout"),
        ("unix:///s?socket_timout=1", "did you mean socket_timeout"),
        ("redis://h?wait=1", "write one of .*socket_timeout"),
        ("redis://h?retry_on_error=x", "retry_on_error.* a URL cannot express: use a client"),
        ("redis://h?sentinel_password=p", "did you mean password|write one of"),
    ],
)
@pytest.mark.parametrize("colour", LIBRARIES)
def test_a_misspelt_option_is_told_which_is_meant(colour: Colour, url: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=rf"^SESSION_REDIS .*({meant})"):
        _ = read(url, colour)


@pytest.mark.parametrize("name", FIXED)
def test_what_the_store_decides_may_be_said_as_it_is(name: str) -> None:
    ours, other = FIXED[name]
    assert read(f"redis://h?{name}={ours}") == read("redis://h")
    with pytest.raises(ConfigError, match=f"must not have {name}"):
        _ = read(f"redis://h?{name}={other}")


@pytest.mark.parametrize("colour", LIBRARIES)
@pytest.mark.parametrize(
    "query",
    [
        "ssl_ca_certs=/no/such/file",
        "ssl_certfile=/no/such/file",
        "ssl_ca_path=/no/such/directory",
        "ssl_ciphers=s3cret",
        "ssl_ca_data=s3cret",
    ],
)
def test_what_tls_cannot_begin_with_is_an_error_at_the_start(colour: Colour, query: str) -> None:
    name = query.partition("=")[0]
    with pytest.raises(ConfigError, match=rf"^SESSION_REDIS\b.*{name}") as caught:
        _ = RedisStore(f"rediss://h?{query}", colour=colour)
    assert "s3cret" not in str(caught.value)


def test_an_application_with_a_misspelt_option_does_not_start(framework: str) -> None:
    app = getattr(import_module(framework), framework.capitalize())("app")
    app.config.update(
        SECRET_KEY="sixteen bytes or more of a key",
        SESSION_TYPE="redis",
        SESSION_REDIS="valkey://127.0.0.1:1/0?socket_timout=1",
    )
    with pytest.raises(ConfigError, match="did you mean socket_timeout"):
        Session(app)
