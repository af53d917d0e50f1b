"""Names in SQL: checked, then quoted. Values never pass here: they are bound.

Rules: https://docs.aws.amazon.com/redshift/latest/dg/r_names.html and
https://dev.mysql.com/doc/refman/8.0/en/identifiers.html
"""

from __future__ import annotations

import hashlib
import re

from etl_lib.errors import SourceError

REDSHIFT_LIMIT = 127  # bytes
REFUSED = "%`/\\"  # in names: legal in MySQL, but not in every place where our names stand


def mysql(name: str) -> str:
    """``name`` quoted for MySQL; any character but NUL is legal between backticks."""
    if not name or "\0" in name or len(name) > 64:
        raise SourceError(f"{name!r} is not a MySQL name")
    return "`" + name.replace("`", "``") + "`"


def redshift(*path: str) -> str:
    """A dotted path such as ``raw.apartments``, each part quoted for Redshift."""
    return ".".join(_quoted(part) for part in path)


def folded(name: str) -> str:
    """The Redshift name of a MySQL name: Redshift folds ASCII letters to lower case."""
    return name.lower()


def literal(text: str) -> str:
    """A string literal, for statements that take no parameters (COPY)."""
    if re.search(r"[\0-\x1f\\]", text):
        raise SourceError(f"{text!r} has a character that may not stand in a SQL literal")
    return "'" + text.replace("'", "''") + "'"


def run_suffix(run_id: str) -> str:
    """``run_id`` as part of a table name: short, lower case, and still one to one."""
    plain = re.sub(r"[^a-z0-9]+", "_", run_id.lower()).strip("_")
    digest = hashlib.sha256(run_id.encode()).hexdigest()[:8]
    return plain if plain == run_id and len(plain) <= 40 else f"{plain[:31]}_{digest}"


def _quoted(name: str) -> str:
    if not name or "\0" in name or len(name.encode()) > REDSHIFT_LIMIT:
        raise SourceError(f"{name!r} is not a Redshift name: 1 to {REDSHIFT_LIMIT} bytes")
    return '"' + name.replace('"', '""') + '"'
