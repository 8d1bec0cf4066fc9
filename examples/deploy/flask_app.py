"""The Flask half of the site, for a server: the login example, and a health check.

Its settings are the environment's FLASK_... variables: see compose.yaml.
"""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from werkzeug.middleware.proxy_fix import ProxyFix

from examples.login_flask.app import create_app
from samesession import StoreUnavailable
from samesession.flask import no_session, ping

app = create_app()
# One proxy stands in front of the application and sets X-Forwarded-*. Trust exactly as many proxies
# as there are.
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]  # as Flask's documentation shows it


@app.get("/health")
@no_session
def health() -> ResponseReturnValue:
    """Answer the container's health check: 200 if the store answers, else 503."""
    try:
        return {"sessions": "up", "seconds": ping()}
    except StoreUnavailable:
        return {"sessions": "down"}, 503
