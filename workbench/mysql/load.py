"""Bulk loading: lines in the server's own text form, read by the server itself.

The server reads the file (not the client: LOCAL would turn its errors into warnings).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pymysql.cursors import Cursor

from workbench.mysql.server import Server, quoted

if TYPE_CHECKING:  # most commands load nothing, and start without it
    import pyarrow as pa


class Load:
    """Loads files of lines into one table, within the cursor's transaction."""

    def __init__(self, server: Server, cursor: Cursor, table: str) -> None:
        self._cursor = cursor
        self._table = table
        self._file = server.imports / f"{secrets.token_hex(8)}.tsv"

    def __enter__(self) -> Load:
        # Lets InnoDB fill an empty table without a log entry for every row.
        self._cursor.execute("SET unique_checks = 0, foreign_key_checks = 0")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.unlink(missing_ok=True)

    def lines(self, columns: Sequence[str], text: bytes | pa.Buffer) -> None:
        """Load ``text``. A value that the column cannot hold raises the server's own error."""
        with open(self._file, "wb") as file:
            file.write(text)
        names = ", ".join(quoted(column) for column in columns)
        self._cursor.execute(
            f"LOAD DATA INFILE %s INTO TABLE {quoted(self._table)} CHARACTER SET utf8mb4 ({names})",
            [str(self._file)],
        )


def lines(table: pa.Table) -> pa.Buffer:
    """``table`` as lines: tabs between values, backslash before what would be misread."""
    import pyarrow.compute as pc

    values = [_escaped(column) for column in table.combine_chunks().columns]
    values[-1] = pc.binary_join_element_wise(values[-1], "\n", "")
    joined: Any = pc.binary_join_element_wise(*values, "\t").combine_chunks()
    return joined.buffers()[2]


def _escaped(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = column
    if pa.types.is_string(column.type):
        for character, escape in (("\\", "\\\\"), ("\t", "\\\t"), ("\n", "\\\n")):
            text = pc.replace_substring(text, character, escape)
    return pc.fill_null(pc.cast(text, pa.string()), "\\N")
