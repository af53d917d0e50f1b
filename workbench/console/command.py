"""``workbook console``: serve the pages to this machine's browser, until Ctrl-C."""

from __future__ import annotations

import secrets
import webbrowser
from typing import Annotated

import typer
from rich.console import Console

from workbench import stack
from workbench.home import Home
from workbench.messages import say

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def console(
    port: Annotated[int, typer.Option(help="0: one that is free.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Watch it in a browser: runs, jobs and their logs, bookmarks, warehouse, S3.

    Only this machine's browser gets in, with the address that is printed. The pages change nothing.
    """
    from workbench.console import server  # Flask: the other commands start without it

    home = Home.find()
    stack.up(home, say)
    token = secrets.token_urlsafe(32)
    made = server.listen(home, port, token)
    address = f"http://{server.HOST}:{made.port}/?token={token}"
    out.print(f"console    {address}", soft_wrap=True, markup=False)
    err.print("[dim]· Ctrl-C ends it; what runs goes on[/]")
    if browser:
        webbrowser.open(address)
    made.serve_forever()  # Werkzeug's ends at Ctrl-C, and closes
    err.print("[dim]· ended[/]")
