"""Labels for `session.bind`: what a user recognises a device by, such as "Firefox on Linux".

A browser says in its User-Agent header what it is, and may say anything. The parser is
ua-parser's (`samesession[labels]`); no address, no version and nothing else of the request
goes into a label. Its rules are loaded when this module is imported, as that takes longer
than an event loop may wait.
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

_MAX_LABEL = 256  # bytes, as many as a record keeps
# Characters of a header that are looked at: browsers send up to 300. The rules are regular
# expressions, which without ua-parser-rs take the longer, the longer the text is.
_MAX_TEXT = 512
_UNKNOWN = "Other"

_parser = ua_parser.parser


def from_user_agent(text: str | None) -> str | None:
    """Return what a User-Agent header tells of browser and system, as "Firefox on Linux".

    None for what tells neither: no header, an empty one, nonsense. The label is ASCII, of 256
    bytes at most. A browser chooses what it sends, so a template escapes it as any other text.
    Raises TypeError for what is neither text nor None.
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
