"""Read the options behind the `?` of a Redis URL, each with its type.

redis-py takes unknown options for text and wrong values for true, and fails when it connects. Here
both are errors at the start. No message shows a value, or a name that was not meant as an option:
part of a password with a `?` or `&` ends up here.
"""

from __future__ import annotations

import difflib
import inspect
import math
import os
import re
import ssl
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_plus

import redis
import redis.asyncio

from ...core.store import Colour
from ...errors import ConfigError

_TRUE = frozenset(("1", "true", "t", "yes", "y", "on"))
_FALSE = frozenset(("0", "false", "f", "no", "n", "off"))
_LIKE = 0.7  # how similar a name must be to that of an option to be shown


def _truth(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError
    return text.lower() in _TRUE


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ValueError
    return int(text)


def _positive(text: str) -> int:
    if not _count(text):
        raise ValueError
    return int(text)


def _seconds(text: str) -> float:
    found = float(text)
    if not 0 < found < math.inf:
        raise ValueError
    return found


def _text(text: str) -> str:
    if not text.isprintable():
        raise ValueError
    return text


def _path(text: str) -> str:
    return os.path.expanduser(_text(text))


def _cert_reqs(text: str) -> str:
    """Read redis-py's "none", "optional" or "required", or CERT_NONE of Python's `ssl`."""
    found = text.lower().rpartition(".")[2].removeprefix("cert_")
    known = {"0": "none", "1": "optional", "2": "required"}
    found = known.get(found, found)
    if found not in known.values():
        raise ValueError
    return found


def _tls_version(text: str) -> ssl.TLSVersion:
    """Read TLSv1_2, TLSv1.2, 1.2, or the number in Python's `ssl`."""
    if text.isdecimal() and len(text) == 3:  # noqa: PLR2004  # 771 is TLS 1.2, 772 is 1.3
        return ssl.TLSVersion(int(text))
    name = re.sub(r"^(TLSVersion\.)?(TLS)?v?", "TLSv", text, flags=re.IGNORECASE)
    found = ssl.TLSVersion.__members__.get(name.replace(".", "_"))
    if found is None:
        raise ValueError
    return found


def _verify_flags(text: str) -> list[ssl.VerifyFlags]:
    names = [name.strip() for name in text.strip("[]").split(",")]
    return [ssl.VerifyFlags[name.rpartition(".")[2]] for name in names]


# All options of redis-py's connections that text can express, with their types.
_READERS: Mapping[str, tuple[Callable[[str], object], str]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("client_name", "host", "lib_name", "lib_version", "password", "username"),
            (_text, "text"),
        ),
        **dict.fromkeys(
            ("ssl_ca_data", "ssl_ciphers", "ssl_ocsp_expected_cert", "ssl_password"),
            (str, "text"),
        ),
        **dict.fromkeys(
            ("path", "ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"),
            (_path, "a path"),
        ),
        **dict.fromkeys(("db", "health_check_interval"), (_count, "a number")),
        **dict.fromkeys(
            ("max_connections", "port", "socket_read_size"), (_positive, "a number above 0")
        ),
        **dict.fromkeys(
            ("socket_connect_timeout", "socket_timeout"), (_seconds, "seconds above 0, such as 1.5")
        ),
        **dict.fromkeys(
            (
                "retry_on_timeout",
                "socket_keepalive",
                "ssl_check_hostname",
                "ssl_validate_ocsp",
                "ssl_validate_ocsp_stapled",
            ),
            (_truth, "true or false"),
        ),
        **dict.fromkeys(
            ("ssl_exclude_verify_flags", "ssl_include_verify_flags"),
            (_verify_flags, "names such as VERIFY_X509_STRICT, with commas"),
        ),
        "ssl_cert_reqs": (_cert_reqs, "none, optional or required"),
        "ssl_min_version": (_tls_version, "a version such as TLSv1_2"),
    }
)
# Options that the store decides, as its records are bytes and its answers RESP2. The same value is
# not an error.
_FIXED: Mapping[str, tuple[Callable[[str], object], object]] = MappingProxyType(
    {
        "decode_responses": (_truth, False),
        "encoding": (str.lower, "utf-8"),
        "encoding_errors": (str.lower, "strict"),
        "legacy_responses": (_truth, True),
        "protocol": (_count, 2),
    }
)
# Options with objects, which only a client may have.
_OBJECTS = frozenset(
    ("credential_provider", "redis_connect_func", "retry", "retry_on_error", "ssl_ocsp_context")
)
_SENTINELS = ("sentinel_password", "sentinel_username")
_MEANT = {
    "ssl": "rediss:// in place of redis://",
    "tls": "rediss:// in place of redis://",
    "timeout": "socket_timeout",
    "ssl_verify": "ssl_cert_reqs",
    "verify": "ssl_cert_reqs",
    "name": "client_name",
    "user": "username",
    "database": "db",
}


def read_options(query: str, kind: str, *, colour: Colour, sentinels: bool) -> dict[str, Any]:
    """Read a URL's query for connections of a kind, such as `Connection`.

    Any: the options have several types. Raises ConfigError, which shows no value.
    """
    found: dict[str, Any] = {}
    known = {*options_of(kind, colour), *(_SENTINELS if sentinels else ())}
    for name, value in _pairs(query):
        if name in found:
            raise ConfigError(f"SESSION_REDIS says {_shown(name, known)} twice")
        if name in _FIXED:
            _check_fixed(name, value)
        elif name in known:
            found[name] = _read(name, value)
        else:
            raise ConfigError(_unknown(name, known, tls=kind == "SSLConnection"))
    return found


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for pair in filter(None, query.split("&")):
        name, equals, value = pair.partition("=")
        if not equals or not value:
            shown = _shown(name, _READERS)
            raise ConfigError(f"SESSION_REDIS has no value for {shown}: write name=value")
        yield unquote_plus(name), unquote_plus(value)


def _read(name: str, value: str) -> object:
    reader, what = _READERS[name.removeprefix("sentinel_")]
    try:
        return reader(value)
    except (ValueError, KeyError):
        raise ConfigError(f"SESSION_REDIS has a wrong {name}: it must be {what}") from None


def _check_fixed(name: str, value: str) -> None:
    reader, ours = _FIXED[name]
    try:
        same = reader(value) == ours
    except ValueError:
        same = False
    if not same:
        raise ConfigError(f"SESSION_REDIS must not have {name}: leave it out of the URL")


def _unknown(name: str, known: Collection[str], *, tls: bool) -> str:
    if name in _OBJECTS:
        return f"SESSION_REDIS has the option {name}, which a URL cannot express: use a client"
    meant = _MEANT.get(name.lower()) or next(
        iter(difflib.get_close_matches(name.lower(), known, n=1, cutoff=_LIKE)), None
    )
    if name not in _READERS and meant is not None:
        return f"SESSION_REDIS does not have an option {name!r}: did you mean {meant}?"
    if name in _READERS and name.startswith("ssl_") and not tls:
        return f"SESSION_REDIS has {name}, which is for TLS: write rediss:// in place of redis://"
    if name in _READERS:
        return f"SESSION_REDIS has {name}, which redis-py {redis.__version__} does not support here"
    return (
        "SESSION_REDIS has an option that redis-py does not know, or that a URL cannot express: "
        f"write one of {', '.join(sorted(known))}, or percent-encode special characters in a "
        "password"
    )


def _shown(name: str, known: Collection[str]) -> str:
    return name if name in known else "an option"


@cache
def options_of(kind: str, colour: Colour) -> frozenset[str]:
    """Return which of the options the installed redis-py accepts for connections of a kind."""
    library: Any = redis.asyncio if colour is Colour.ASYNC else redis
    taken = {"max_connections"}  # the pool's
    for base in getattr(library, kind).__mro__:
        taken |= set(inspect.signature(base.__init__).parameters)
    return frozenset(taken & set(_READERS))


def check_tls(options: Mapping[str, Any]) -> None:  # Any: as above
    """Raise ConfigError if TLS cannot start with these files: missing, or of a wrong kind."""
    for name in ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"):
        path = options.get(name)
        if path is not None and not os.access(path, os.R_OK):
            raise ConfigError(f"SESSION_REDIS: {name} does not exist, or cannot be read: {path}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    step = "ssl_ca_certs, ssl_ca_path or ssl_ca_data"
    try:
        cas = [options.get(f"ssl_ca_{name}") for name in ("certs", "path", "data")]
        if any(cas):
            context.load_verify_locations(*cas)
        step = "ssl_ciphers"
        if options.get("ssl_ciphers") is not None:
            context.set_ciphers(options["ssl_ciphers"])
        step = "ssl_certfile, ssl_keyfile or ssl_password"
        if options.get("ssl_certfile") is not None:
            # Without a password OpenSSL would ask for one on the terminal.
            password = options.get("ssl_password") or ""
            context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"), password)
    except (OSError, ValueError):
        raise ConfigError(f"SESSION_REDIS: TLS cannot start with {step}") from None
