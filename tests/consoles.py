"""The pages of `workbook console` without a browser, let in."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from workbench.console.access import Access
from workbench.console.app import make
from workbench.home import Home

TOKEN = "of-this-test"
ADDRESS = "http://127.0.0.1:80"


def let_in(home: Home) -> FlaskClient:
    made = make(home, Access(80, TOKEN)).test_client()
    made.set_cookie("workbook-console-80", TOKEN, domain="127.0.0.1")
    return made


def get(client: FlaskClient, path: str) -> Any:
    with client.get(path, base_url=ADDRESS, buffered=True) as reply:
        return reply
