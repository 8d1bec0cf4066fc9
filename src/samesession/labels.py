"""Labels for `session.bind`: names of devices that users recognise, such as "Firefox on Linux".

A browser describes itself in its User-Agent header, and may send any text. The parser is
ua-parser's (`samesession[labels]`). A label contains no address, no version and nothing else of the
request. The rules are loaded when this module is imported, because loading them would block an
event loop for too long::

    from samesession.labels import from_user_agent

    session.bind(user.id, label=from_user_agent(request.headers.get("User-Agent")))

.. versionadded:: 1.0
"""

from __future__ import annotations

from .errors import ConfigError

try:
    import ua_parser
except ImportError as error:
    raise ConfigError(
        "samesession.labels needs a package that is not installed: "
        "pip install 'samesession[labels]'"
    ) from error

__all__ = ["from_user_agent"]

_MAX_LABEL = 256  # bytes, the limit of a record
# How many characters of a header are examined: browsers send up to 300. The rules are regular
# expressions; without ua-parser-rs a longer text takes longer.
_MAX_TEXT = 512
_UNKNOWN = "Other"

_parser = ua_parser.parser


def from_user_agent(text: str | None) -> str | None:
    """Return the browser and system in a User-Agent header, such as "Firefox on Linux".

    None if it names neither: no header, an empty one, nonsense. The label is ASCII, and has at most
    256 bytes. A browser can send any text, so a template must escape the label. Raises TypeError if
    the value is neither text nor None.

    .. versionadded:: 1.0
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError(
            f"from_user_agent takes text or None, not {type(text).__name__}: "
            'write request.headers.get("User-Agent")'
        )
    plain = "".join(char if " " <= char <= "~" else " " for char in text[:_MAX_TEXT])
    browser = _parser.parse_user_agent(plain)
    system = _parser.parse_os(plain)
    names = [found.family.strip() for found in (browser, system) if found is not None]
    known = [name for name in names if name and name != _UNKNOWN]
    return " on ".join(known)[:_MAX_LABEL].strip() or None
