"""The console as a WSGI application: pages behind one gate."""

from __future__ import annotations

from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from flask import Flask, redirect, render_template
from jinja2 import ChoiceLoader, PackageLoader
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from workbench import wording
from workbench.console import bookmarks, executions, jobs, sessions, storage, warehouse
from workbench.console.access import Access
from workbench.console.local import Local, NotRunning
from workbench.home import Home

SECTIONS = (
    ("executions.index", "Executions"),
    ("jobs.index", "Job runs"),
    ("sessions.index", "Sessions"),
    ("bookmarks.index", "Bookmarks"),
    ("warehouse.index", "Warehouse"),
    ("storage.index", "Storage"),
)


def make(home: Home, access: Access) -> Flask:
    """The console of one home. It reads; there is no request that changes anything."""
    app = Flask(__name__)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    own = PackageLoader("workbench.console")
    app.jinja_env.loader = ChoiceLoader([own, PackageLoader("workbench")])  # and what reports use
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update({each.__name__: each for each in wording.FILTERS})
    app.jinja_env.globals["sections"] = SECTIONS
    access.guard(app)
    local = Local(home)
    for part in (executions, jobs, sessions, bookmarks, warehouse, storage):
        app.register_blueprint(part.pages(local))
    app.add_url_rule("/", "start", lambda: redirect("/executions/"))
    app.jinja_env.globals["address_of"] = executions.address
    app.context_processor(lambda: {"now": datetime.now(UTC), "poll": 0})
    _tell_of_errors(app)
    return app


def _tell_of_errors(app: Flask) -> None:
    """A page with the reason and the way out. What nobody expected goes to the terminal, too."""

    @app.errorhandler(HTTPException)
    def asked_wrongly(error: HTTPException) -> tuple[str, int] | Response:
        if error.code is None or error.code < 400:
            return error.get_response()
        return _problem(error.name, error.description or "", error.code)

    @app.errorhandler(ParamValidationError)
    def unthinkable(error: ParamValidationError) -> tuple[str, int]:
        return _problem("Bad Request", str(error), 400)

    @app.errorhandler(ClientError)
    def refused(error: ClientError) -> tuple[str, int]:
        return _problem("The local AWS refuses this", str(error), 502)

    @app.errorhandler(BotoCoreError)
    @app.errorhandler(NotRunning)
    def gone(error: Exception) -> tuple[str, int]:
        said = f"{error}\nStart it with `workbook up`; this page follows it."
        return _problem("The local AWS does not answer", said, 503)


def _problem(title: str, text: str, code: int) -> tuple[str, int]:
    return render_template("problem.html", title=title, text=text, poll=5), code
