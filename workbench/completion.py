"""Tab in a notebook knows the names of its Glue session.

The Glue kernel completes magics, keywords and modules: names that cells made live in the session,
of which it knows nothing. This extension of IPython, loaded beside the unmodified kernel, asks the
session for them, by a statement as a cell's.
"""

from __future__ import annotations

import time
from typing import Any

SECONDS = 2.0
ASK = (
    "(lambda found: print(*sorted({{each.rstrip('()') for each in found}}), sep='\\n'))"
    "(__import__('rlcompleter').Completer(globals()).{matches}({text!r}))"
)


def load_ipython_extension(shell: Any) -> None:
    """What IPython calls."""

    def names(text: str) -> list[str]:
        try:
            return _names(shell.kernel, text)
        except Exception:  # no session, or none that answers: completion without it is no error
            return []

    shell.Completer.custom_matchers.append(names)


def _names(kernel: Any, text: str) -> list[str]:
    session, gateway = kernel.get_session_id(), kernel.kernel_gateway
    if not session or not text.replace(".", "_").isidentifier():
        return []
    matches = "attr_matches" if "." in text else "global_matches"
    number = gateway.run_statement(session, ASK.format(matches=matches, text=text))["Id"]
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        told = gateway.get_statement(session, number)["Statement"]
        if told["State"] not in ("WAITING", "RUNNING"):
            return str(told["Output"]["Data"]["TextPlain"]).split()
        time.sleep(0.1)
    return []
