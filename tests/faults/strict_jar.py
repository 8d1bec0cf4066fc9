"""A cookie jar that refuses what browsers refuse: RFC 6265bis, 4.1.3 and 5.7, and CHIPS."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from tests.support.browser import attributes


class Slot(NamedTuple):
    """What a browser keeps one cookie for; a cookie without Domain is its host's alone."""

    name: str
    domain: str
    host_only: bool
    path: str
    partitioned: bool


@dataclass
class _Kept:
    value: str
    secure: bool


class StrictJar:
    """The cookies that hosts' responses managed to set."""

    def __init__(self, *, secure: bool, host: str | None = None) -> None:
        """`secure`: whether the responses come by https; without `host`, any domain is taken."""
        self._secure = secure
        self._host = host
        self._cookies: dict[Slot, _Kept] = {}
        self.refused: list[str] = []

    def __len__(self) -> int:
        return len(self._cookies)

    @property
    def slots(self) -> list[Slot]:
        return list(self._cookies)

    @property
    def header(self) -> str:
        """All cookies, as the browser sends them."""
        return "; ".join(f"{slot.name}={kept.value}" for slot, kept in self._cookies.items())

    def header_for(self, path: str) -> str:
        """What the browser sends to a path of `host`: longer paths first."""
        sent = [
            (slot, kept)
            for slot, kept in self._cookies.items()
            if _path_matches(path, slot.path) and self._domain_matches(slot)
        ]
        sent.sort(key=lambda each: -len(each[0].path))
        return "; ".join(f"{slot.name}={kept.value}" for slot, kept in sent)

    def take(self, set_cookies: list[str], now: float, *, host: str | None = None) -> None:
        """Do what a response says; `host`: another than the jar's sent it."""
        for header in set_cookies:
            said = attributes(header)
            slot = self._slot(said, host or self._host)
            if slot is None or self._refuses(said, slot):
                self.refused.append(header)
            elif _is_over(said, now):
                self._cookies.pop(slot, None)
            else:
                self._cookies[slot] = _Kept(str(said["value"]), "secure" in said)

    def _refuses(self, said: dict[str, str | bool], slot: Slot) -> bool:
        if len(slot.name) + len(str(said["value"])) > 4096:
            return True
        secure = "secure" in said
        lower = slot.name.lower()
        needs_secure = (
            lower.startswith(("__secure-", "__host-"))
            or "partitioned" in said
            or str(said.get("samesite", "")).lower() == "none"
        )
        if (needs_secure and not secure) or (secure and not self._secure):
            return True
        if lower.startswith("__host-") and ("domain" in said or said.get("path") != "/"):
            return True
        held = self._cookies.get(slot)
        return held is not None and held.secure and not self._secure

    @staticmethod
    def _slot(said: dict[str, str | bool], host: str | None) -> Slot | None:
        """Say where a cookie is kept, None for one of a domain that is not the host's."""
        name, path = str(said["name"]), str(said.get("path", "/"))
        domain = str(said.get("domain", "")).lstrip(".").lower()
        foreign = host is not None and f".{host}".endswith(f".{domain}") is False
        if domain and (foreign or (host is not None and "." not in domain)):
            return None
        return Slot(name, domain or host or "", not domain, path, "partitioned" in said)

    def _domain_matches(self, slot: Slot) -> bool:
        host = self._host or ""
        return host == slot.domain or (not slot.host_only and host.endswith(f".{slot.domain}"))


def _path_matches(path: str, kept: str) -> bool:
    """RFC 6265, 5.1.4."""
    return path == kept or path.startswith(kept if kept.endswith("/") else f"{kept}/")


def _is_over(said: dict[str, str | bool], now: float) -> bool:
    if "max-age" in said:  # it counts before Expires
        return int(str(said["max-age"])) <= 0
    if "expires" in said:
        return parsedate_to_datetime(str(said["expires"])).timestamp() <= now
    return False
