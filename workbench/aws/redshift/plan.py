"""What is to be done for one statement."""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from workbench.aws.redshift.refusals import not_here


@dataclass(frozen=True)
class Translated:
    """What to do: ``kind`` is query, write, truncate, lock, copy, nothing or a module's own."""

    kind: str
    sql: str = ""
    tables: tuple[str, ...] = ()  # to be locked, or written
    tree: exp.Expression | None = None
    alone: str = ""  # what must not run inside a transaction block
    database: str = ""  # of an UNLOAD, whose query is yet to be translated
    named: tuple[tuple[str, str, str], ...] = ()  # schema, table, column that must be there
    semistructured: bool = False  # whether there may be SUPER in it

    @property
    def does(self) -> str:
        """What it does to its tables: insert rows, change them, or create or drop the table."""
        if self.kind == "copy" or isinstance(self.tree, exp.Insert):
            return "insert"
        if isinstance(self.tree, (exp.Create, exp.Drop)):
            return self.tree.key
        return "change"

    def names(self) -> set[str]:
        """All tables that it names."""
        found = self.tree.find_all(exp.Table) if self.tree is not None else ()
        return {name_of(each) for each in found}


def duckdb_sql(tree: exp.Expression) -> str:
    try:
        return tree.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE)
    except SqlglotError as error:
        raise not_here(str(error)) from None


def targets(tree: exp.Expression) -> tuple[str, ...]:
    """The table that a statement writes."""
    if isinstance(tree, exp.Query):
        return ()
    first = tree.find(exp.Table)
    return (name_of(first),) if first is not None else ()


def name_of(table: exp.Table) -> str:
    return f"{table.db or 'public'}.{table.name}"
