"""Describe in one log line which store failed, and why, for any client library.

The libraries' own texts quote data that was sent, or a URL with its password. They are examined and
never repeated. The reason is one of the phrases below, or the system's text for an errno.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, cast

from .errors import place_of

_LOGIN = "the user or password is wrong"
_RIGHTS = "the user has no right to this"
_NAME = "its name is not known"
_REFUSED = "the connection was refused"
_LOST = "the connection was lost"
_LATE = "it did not answer in time"
_CERTIFICATE = "its certificate is not trusted"
_READ_ONLY = "it is read-only"
_FULL = "its disk or memory is full"
_BUSY = "it has too many connections"
_STARTING = "it is still starting"
_NO_MASTER = "no Sentinel knows a master"
_LOCKED = "another one holds its lock"

# OpenSSL's codes for problems with a certificate.
_CERTIFICATES: Mapping[int, str] = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is self-signed",
    19: "its certificate is from a CA that is not trusted",
    20: "its certificate is from a CA that is not trusted",
    21: "its certificate is from a CA that is not trusted",
    23: "its certificate is revoked",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
# Codes of servers: Redis, MongoDB, DynamoDB, SQLSTATEs, errors of MySQL and SQLite.
_CODES: Mapping[str, str] = {
    **dict.fromkeys(("WRONGPASS", "28P01", "28000", "1045", "18"), _LOGIN),
    **dict.fromkeys(("UnrecognizedClientException", "InvalidSignatureException"), _LOGIN),
    **dict.fromkeys(("InvalidClientTokenId", "IncompleteSignatureException"), _LOGIN),
    **dict.fromkeys(("NOPERM", "42501", "1044", "1142", "13", "AccessDeniedException"), _RIGHTS),
    **dict.fromkeys(("READONLY", "25006", "1290", "1836", "SQLITE_READONLY"), _READ_ONLY),
    **dict.fromkeys(("OOM", "53100", "53200", "1021", "1114", "SQLITE_FULL"), _FULL),
    **dict.fromkeys(("53300", "1040", "1203"), _BUSY),
    **dict.fromkeys(("LOADING", "57P03"), _STARTING),
    **dict.fromkeys(("55P03", "1205", "SQLITE_BUSY", "SQLITE_LOCKED"), _LOCKED),
    "NOAUTH": "it asks for a password",
    "MASTERDOWN": "it has no master",
    "CLUSTERDOWN": "its Cluster is down",
    "SQLITE_CANTOPEN": "its file cannot be opened",
    "SQLITE_IOERR": "its disk has an error",
    "SQLITE_CORRUPT": "its file is damaged",
    "SQLITE_NOTADB": "its file is not a database",
    "SQLITE_PERM": _RIGHTS,
}
# By the names of classes, because the libraries are not imported here.
_CLASSES: Mapping[str, str] = {
    "AuthenticationError": _LOGIN,
    "AuthenticationWrongNumberOfArgsError": _LOGIN,
    "InvalidPasswordError": _LOGIN,
    "NoCredentialsError": "no credentials were found",
    "PartialCredentialsError": "only a part of its credentials was found",
    "NoPermissionError": _RIGHTS,
    "ReadOnlyError": _READ_ONLY,
    "OutOfMemoryError": _FULL,
    "BusyLoadingError": _STARTING,
    "MaxConnectionsError": _BUSY,
    "ConnectTimeoutError": _LATE,
    "ReadTimeoutError": _LATE,
}
# Texts of errors that have neither, in lower case; the first match counts.
_PHRASES: tuple[tuple[str, str], ...] = (
    (r"certificate has expired", _CERTIFICATES[10]),
    (r"hostname mismatch|ip address mismatch|doesn't match", _CERTIFICATES[62]),
    (r"self.signed certificate(?! in)", _CERTIFICATES[18]),
    (r"certificate.verify.failed|unable to get (local )?issuer", _CERTIFICATE),
    (r"wrong.version.number|record layer failure|ssl.+(error|alert)", "TLS could not start"),
    (
        (
            r"password authentication failed|authentication failed|access denied for user"
            r"|invalid username-password|no password supplied|wrongpass"
            r'|(role|user) "[^"]*" does not exist'
        ),
        _LOGIN,
    ),
    (r"authentication required|noauth", _CODES["NOAUTH"]),
    (r"no pg_hba.conf entry", _RIGHTS),
    (r'unknown database|database "[^"]*" does not exist', "it has no such database"),
    (
        (
            r"name or service not known|could not translate host name|failed to resolve host"
            r"|nodename nor servname|no address associated|name does not resolve|unknown host"
            r"|dns (query|operation)|getaddrinfo failed|name resolution"
        ),
        _NAME,
    ),
    (r"max number of clients|too many (connections|clients)", _BUSY),
    (r"connection refused|connect call failed|could not connect to the endpoint", _REFUSED),
    (r"no route to host|network is unreachable", "there is no route to it"),
    (r"no space left|disk (is )?full", _FULL),
    (r"timed out|\btimeout\b", _LATE),
    (
        (
            r"connection (was |is )?(reset|closed|lost)|closed the connection|broken pipe"
            r"|lost connection|unexpected(ly)? eof|connectionreset"
        ),
        _LOST,
    ),
)
_SQLSTATE = ("sqlstate", "pgcode")


def line(error: BaseException, location: str | None) -> str:
    """Return the log line for an outage: what failed, why, and where."""
    why, where = reason(error), _where(error, location)
    told = "" if why is None or why in str(error) else f": {why}"
    return f"{error}{told}" + ("" if where is None else f" ({where})")


def reason(error: BaseException) -> str | None:
    """Return why a store failed, in our words; None if it is unknown."""
    chain = [*_chain(error)][1:]  # not in our words
    for each in (_by_type, _by_code, _by_errno, _by_text):
        found = next(filter(None, map(each, chain)), None)
        if found is not None:
            return found
    return None


def _where(error: BaseException, location: str | None) -> str | None:
    """Return where the store is, and which of several servers failed."""
    server = next(filter(None, map(place_of, _chain(error))), None)
    if server is None or (location is not None and server in location):
        return location
    return server if location is None else f"{server}, of {location}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Return an error and its causes, even if they are hidden."""
    seen: set[int] = set()
    ahead = [error]
    while ahead:
        found = ahead.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        inner = (getattr(found, "orig", None), found.__cause__, found.__context__)
        ahead += [each for each in inner if isinstance(each, BaseException)]
        group = getattr(found, "exceptions", ())
        ahead += [each for each in group if isinstance(each, BaseException)]


def _by_type(error: BaseException) -> str | None:
    if type(error).__name__ == "MasterNotFoundError":
        # Its text lists the classes of the errors with each of the Sentinels.
        if "AuthenticationError" in str(error):
            return f"{_NO_MASTER}: {_LOGIN}"
        unheard = "ConnectionError" in str(error) or "TimeoutError" in str(error)
        return f"{_NO_MASTER}: none was reached" if unheard else _NO_MASTER
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATES.get(error.verify_code, _CERTIFICATE)
    if isinstance(error, socket.gaierror):
        again = error.errno == socket.EAI_AGAIN
        return "the name server does not answer" if again else _NAME
    if isinstance(error, ConnectionRefusedError):
        return _REFUSED
    if isinstance(error, ssl.SSLError):
        return "TLS could not start"
    if type(error).__name__ == "AuthenticationError" and "required" in str(error):
        return _CODES["NOAUTH"]
    return _CLASSES.get(type(error).__name__)


def _by_code(error: BaseException) -> str | None:
    """Return the reason for a server's or database's code, wherever its library keeps that."""
    name = str(getattr(error, "sqlite_errorname", ""))
    known = next((code for code in _CODES if code in name and code.startswith("SQLITE")), None)
    if known is not None:
        return _CODES[known]
    response: Any = getattr(error, "response", None)
    inner: Any = cast("Any", response).get("Error") if isinstance(response, dict) else None
    codes = [getattr(error, each, None) for each in ("code", *_SQLSTATE)]
    codes += [cast("Any", inner).get("Code")] if isinstance(inner, dict) else []
    first = error.args[0] if error.args else None
    codes += [first.partition(" ")[0] if isinstance(first, str) else None]
    if not isinstance(error, OSError):  # whose numbers are the system's
        codes += [first]
    return next((_CODES[str(code)] for code in codes if str(code) in _CODES), None)


def _by_text(error: BaseException) -> str | None:
    text = str(error).lower()
    return next((told for phrase, told in _PHRASES if re.search(phrase, text)), None)


def _by_errno(error: BaseException) -> str | None:
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ECONNRESET, errno.EPIPE) or isinstance(error, EOFError):
        return _LOST
    if isinstance(error, TimeoutError) or type(error).__name__ == "TimeoutError":
        return _LATE
    if number is not None:
        return os.strerror(number)
    return None
