"""Who may look at the console: the browser that was given the address which `workbook console`
printed.

The port is open to every web page in that browser. By DNS rebinding a page could even read from it,
so Host and Origin are checked before anything else looks at a request.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from flask import Flask, Request, Response, request

POLICY = "Content-Security-Policy"
HEADERS = {
    POLICY: "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
CLOSED = "Open the console with the address that `workbook console` printed: it holds a token.\n"


@dataclass(frozen=True)
class Access:
    """The gate before every page and file of one console."""

    port: int
    token: str = field(repr=False)

    @property
    def cookie(self) -> str:
        """Its name has the port: a browser shows one port's cookies to all of them."""
        return f"workbook-console-{self.port}"

    def guard(self, app: Flask) -> None:
        """From now on nothing of ``app`` is shown to anybody else."""
        app.before_request(lambda: self.check(request))
        app.after_request(_harden)

    def check(self, asked: Request) -> Response | None:
        """None if the request may go on; a refusal, or the cookie in exchange for the token."""
        own = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        if asked.headers.get("Host", "") not in own:
            return _refused(f"Host is not 127.0.0.1:{self.port}: refused against DNS rebinding.\n")
        origin = asked.headers.get("Origin")
        if origin is not None and origin != f"http://{asked.headers['Host']}":
            return _refused("Other web pages may not use the console.\n")
        if "token" in asked.args:
            return self._exchange(asked)
        if _embedded_elsewhere(asked):
            return _refused("Other web pages may not use the console.\n")
        return None if self._is_token(asked.cookies.get(self.cookie, "")) else _refused(CLOSED)

    def _exchange(self, asked: Request) -> Response:
        """The token stays neither in the address nor in what is linked from here."""
        if not self._is_token(asked.args["token"]):
            return _refused(CLOSED)
        rest = [(name, value) for name, value in asked.args.items(multi=True) if name != "token"]
        # One slash: an address that begins with two is another host's.
        where = "/" + quote(asked.path.lstrip("/\\")) + (f"?{urlencode(rest)}" if rest else "")
        to = Response(status=303, headers={"Location": where})
        to.set_cookie(self.cookie, self.token, httponly=True, samesite="Strict")
        return to

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())


def _embedded_elsewhere(asked: Request) -> bool:
    """Asked for by the page of another port of this machine: to a browser that is the same site,
    and gets the cookie. Following a link is no harm."""
    by = asked.headers.get("Sec-Fetch-Site", "none")
    return by not in ("same-origin", "none") and asked.headers.get("Sec-Fetch-Mode") != "navigate"


def _refused(why: str) -> Response:
    return Response(why, 403, mimetype="text/plain")


def _harden(reply: Response) -> Response:
    own = reply.headers.get(POLICY)  # that of a report
    reply.headers.update(HEADERS)
    if own:
        reply.headers[POLICY] = own
    return reply
