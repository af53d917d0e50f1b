"""The console's HTTP server, on 127.0.0.1 only."""

from __future__ import annotations

import socket
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from etl_lib.errors import BadInput
from workbench.console.access import Access
from workbench.console.app import make
from workbench.home import Home

HOST = "127.0.0.1"


def listen(home: Home, port: int, token: str) -> BaseWSGIServer:
    """A server that listens already; its ``serve_forever`` answers. Port 0: one that is free."""
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        raise BadInput(f"port {port}: {error.strerror}. Choose another with --port") from None
    port = listener.getsockname()[1]
    app = make(home, Access(port, token))
    with listener:  # the server has a copy of it
        return make_server(
            HOST, port, app, threaded=True, request_handler=_Quiet, fd=listener.fileno()
        )


class _Quiet(WSGIRequestHandler):
    """Logs nothing: an address may hold the token."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass
