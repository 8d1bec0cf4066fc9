"""The Quart half of the site, for a server: the login example, and a health check.

Its settings are the environment's QUART_... variables: see compose.yaml.
"""

from __future__ import annotations

from quart.typing import ResponseReturnValue

from examples.login_quart.app import create_app
from samesession import StoreUnavailable
from samesession.quart import no_session, ping

app = create_app()


@app.get("/health")
@no_session
async def health() -> ResponseReturnValue:
    """Answer the container's health check: 200 if the store answers, else 503."""
    try:
        return {"sessions": "up", "seconds": await ping()}
    except StoreUnavailable:
        return {"sessions": "down"}, 503
