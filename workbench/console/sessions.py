"""Glue interactive sessions and the statements that ran in them."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from flask import Blueprint, abort, render_template, request

from workbench.console.local import Local

LIVE = ("PROVISIONING", "READY", "STOPPING")
MOST = 20_000  # characters of a statement's output


def pages(local: Local) -> Blueprint:
    """/sessions: all of them, and one with its statements."""
    made = Blueprint("sessions", __name__, url_prefix="/sessions")

    @made.get("/")
    def index() -> str:
        found = local.client("glue").list_sessions()["Sessions"]
        found = sorted(found, key=lambda session: session["CreatedOn"], reverse=True)
        return render_template("sessions.html", sessions=found, poll=_poll(found))

    @made.get("/session")
    def one() -> str:
        glue, identifier = local.client("glue"), request.args.get("id", "")
        try:
            session = glue.get_session(Id=identifier)["Session"]
        except ClientError as error:
            abort(404, error.response["Error"]["Message"])
        statements, problem = _statements(glue, identifier)
        return render_template(
            "session.html",
            session=session,
            statements=[(each, said(each.get("Output") or {})) for each in statements],
            problem=problem,
            most=MOST,
            poll=_poll([session]),
        )

    return made


def said(output: dict[str, Any]) -> str:
    """What a statement printed, or its error."""
    if output.get("Status") == "error":
        trace = "".join(output.get("Traceback") or ())
        return f"{trace or output.get('ErrorName', '')}\n{output.get('ErrorValue', '')}".strip()
    return str((output.get("Data") or {}).get("TextPlain", ""))


def _statements(glue: Any, identifier: str) -> tuple[list[dict[str, Any]], str]:
    """A session that has timed out no longer tells its own, and says so."""
    try:
        return glue.list_statements(SessionId=identifier)["Statements"], ""
    except ClientError as error:
        return [], error.response["Error"]["Message"]


def _poll(sessions: list[dict[str, Any]]) -> int:
    return 1 if any(session["Status"] in LIVE for session in sessions) else 5
