"""A cookie jar that refuses what browsers refuse: RFC 6265bis, 4.1.3 and 5.7, and CHIPS."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from tests.support.browser import attributes

Slot = tuple[str, str, str, bool]  # name, domain, path, partitioned


class StrictJar:
    """The cookies that one host's responses managed to set."""

    def __init__(self, *, secure: bool) -> None:
        """`secure`: whether the responses come by https."""
        self._secure = secure
        self._cookies: dict[Slot, tuple[str, bool]] = {}
        self.refused: list[str] = []

    def __len__(self) -> int:
        return len(self._cookies)

    @property
    def header(self) -> str:
        """What the browser sends with its next request."""
        return "; ".join(f"{slot[0]}={value}" for slot, (value, _) in self._cookies.items())

    def take(self, set_cookies: list[str], now: float) -> None:
        for header in set_cookies:
            said = attributes(header)
            if self._refuses(said):
                self.refused.append(header)
                continue
            slot = self._slot(said)
            if _is_over(said, now):
                self._cookies.pop(slot, None)
            else:
                self._cookies[slot] = (str(said["value"]), "secure" in said)

    def _refuses(self, said: dict[str, str | bool]) -> bool:
        name, value = str(said["name"]), str(said["value"])
        if len(name) + len(value) > 4096:
            return True
        secure = "secure" in said
        lower = name.lower()
        needs_secure = (
            lower.startswith(("__secure-", "__host-"))
            or "partitioned" in said
            or str(said.get("samesite", "")).lower() == "none"
        )
        if (needs_secure and not secure) or (secure and not self._secure):
            return True
        if lower.startswith("__host-") and ("domain" in said or said.get("path") != "/"):
            return True
        held = self._cookies.get(self._slot(said))
        return held is not None and held[1] and not self._secure

    @staticmethod
    def _slot(said: dict[str, str | bool]) -> Slot:
        domain, path = str(said.get("domain", "")), str(said.get("path", "/"))
        return str(said["name"]), domain.lstrip("."), path, "partitioned" in said


def _is_over(said: dict[str, str | bool], now: float) -> bool:
    if "max-age" in said:  # it counts before Expires
        return int(str(said["max-age"])) <= 0
    if "expires" in said:
        return parsedate_to_datetime(str(said["expires"])).timestamp() <= now
    return False
