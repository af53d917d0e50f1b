"""Reading a source table: one SELECT as a stream of Arrow batches, every value proven to fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl_lib import decisions, masks, types, window
from etl_lib.contract import Table
from etl_lib.errors import SourceError
from etl_lib.identifiers import folded, mysql
from etl_lib.source import Source, scrubbed
from etl_lib.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 50_000  # held in memory at a time
ROW_LIMIT = 4 << 20  # bytes: https://docs.aws.amazon.com/redshift/latest/dg/t_Loading_data.html
HASH = "_hash"
UNKEYED = "_unkeyed"  # rows that were hashed without a key


@dataclass(frozen=True)
class Query:
    """A SELECT of ``columns``, as a plan has them, and then of numbers to be summed over its rows:
    the hash of the row, and for each column of ``counted`` whether a decision changed its value."""

    table: Table
    columns: Sequence[Mapping[str, str]]
    moving: Sequence[Column]  # as the source has them
    items: str
    where: str
    hashed: bool
    counted: Sequence[Column]
    pieces: Sequence[str] = ()  # conditions by which it is read side by side; none: as a whole
    hint: str = ""  # of the index that the pieces are ranges of

    @property
    def sql(self) -> str | list[str]:
        """The SELECT, or one for each piece."""
        select = f"SELECT {self.items} FROM {mysql(self.table.name)} {self.hint} WHERE {self.where}"
        return [f"{select} AND {piece}" for piece in self.pieces] or select

    @property
    def schema(self) -> pa.Schema:
        import pyarrow as pa

        return pa.schema([(each["name"], types.arrow_type(each["type"])) for each in self.columns])

    @property
    def sums(self) -> list[str]:
        keyed = [UNKEYED] * any(column.mask == masks.HASH for column in self.moving)
        return [HASH] * self.hashed + [column.name for column in self.counted] + keyed


def select(
    source: Source,
    table: Table,
    columns: Sequence[Mapping[str, str]],
    where: str,
    parameters: Sequence[str] = (),
    hashed: Sequence[str] = (),
) -> Query:
    """The query of these columns. ``hashed``: names of the columns whose hash is to be summed."""
    by_name = {column.name: column for column in source.decided(table)}
    moving = [by_name[each["source"]] for each in columns]
    _refuse_other_masks(table, columns, moving)
    counted = [column for column in moving if decisions.lost(column)]
    items = [types.select_expression(column) for column in moving]
    if hashed:
        items.append(f"{window.row_hash([by_name[name].hashed for name in hashed])} AS {HASH}")
    items += [
        f"CAST(COALESCE({decisions.lost(column)}, 0) AS SIGNED) AS _lost_{number}"
        for number, column in enumerate(counted)
    ]
    if any(column.mask == masks.HASH for column in moving):
        items.append(f"CAST({masks.OUTER} IS NULL AS SIGNED) AS {UNKEYED}")
    # The bulk reader binds nothing; the parameters are timestamps that we formatted ourselves.
    bound = where % tuple(f"'{value}'" for value in parameters)
    return Query(table, columns, moving, ", ".join(items), bound, bool(hashed), counted)


def _refuse_other_masks(
    table: Table, columns: Sequence[Mapping[str, str]], moving: Sequence[Column]
) -> None:
    """A repair, a backfill or a retry reads columns as they were planned: never less masked."""
    for each, column in zip(columns, moving):
        if each.get("mask", "") != column.mask:
            told = masks.other(table.name, column.name, each.get("mask", ""), column.mask)
            raise SourceError(f"{told}. Nothing was moved. {masks.ANEW.format(table.name)}")


def batches(source: Source, query: Query) -> Iterator[tuple[pa.RecordBatch, dict[str, int]]]:
    """Record batches of the query's schema, each with its sums by name.

    One SELECT reads one consistent state, and each of several pieces its own. Raises SourceError
    for the first value that does not fit.
    """
    import pyarrow as pa

    schema = query.schema
    for batch in _raw(source, query):
        columns = [_cast(query, batch.column(place), each) for place, each in enumerate(schema)]
        made = pa.RecordBatch.from_arrays(columns, schema=schema)
        sums = {
            name: sum(map(int, batch.column(len(schema) + place).to_pylist()))
            for place, name in enumerate(query.sums)
        }
        _refuse_undecided(query, sums)
        _refuse_misfits(query, made)
        yield made, sums


def _raw(source: Source, query: Query) -> Iterator[Any]:
    import connectorx

    try:
        with source.tls.options() as options:
            yield from connectorx.read_sql(
                source.reader_url + options,
                query.sql,
                return_type="arrow_stream",
                batch_size=BATCH_ROWS,
                pre_execution_query=masks.session(source.mask_key) or None,
            )
    except BaseException as error:
        # The reader's own PanicException is none of Exception's.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        window.refuse_zero_dates(source, query.table, query.moving, query.where.replace("%", "%%"))
        raise SourceError(f"table {query.table.name}: {scrubbed(str(error), source)}") from None


def _cast(query: Query, values: Any, field: pa.Field) -> Any:
    try:
        return values.cast(field.type)
    except Exception as error:
        raise SourceError(f"table {query.table.name}, column {field.name}: {error}") from None


def _refuse_undecided(query: Query, sums: Mapping[str, int]) -> None:
    """A decision that says what the values are, and finds others; a hash of nobody's key."""
    if sums.get(UNKEYED):
        raise SourceError(f"table {query.table.name}: its session has no mask_key: nothing moved")
    for column in query.counted:
        if sums[column.name] and not decisions.may_change(column):
            raise SourceError(
                f"table {query.table.name}, column {column.name}: decide = {column.decision!r}, but"
                f" {sums[column.name]:,} values are something else. Nothing was moved."
            )


def _refuse_misfits(query: Query, batch: pa.RecordBatch) -> None:
    """Values longer than their column, texts with NUL, and rows too long for COPY."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sizes = []
    for each, values in zip(query.columns, batch.columns):
        limit = types.length(each["type"])
        if limit is None:
            continue
        size = pc.binary_length(values)
        sizes.append(pc.fill_null(size, 0))
        if (pc.max(size).as_py() or 0) > limit:
            place = pc.index(pc.greater(size, limit), True).as_py()
            what = f"{size[place].as_py():,} bytes, and {each['type']} holds {limit:,}"
            raise _misfit(query, batch, place, each["source"], what)
        if pa.types.is_string(values.type):
            if _has_nul(values):
                nul = pc.index(pc.match_substring(values, "\0"), True).as_py()
                raise _misfit(query, batch, nul, each["source"], "a NUL, which COPY may not take")
    if sum(types.length(each["type"]) or 16 for each in query.columns) > ROW_LIMIT:
        total = sum(pc.cast(size, pa.int64()).to_numpy() for size in sizes)
        if total.max(initial=0) > ROW_LIMIT:
            what = f"a row of {total.max():,} bytes, and COPY takes {ROW_LIMIT:,}"
            raise _misfit(query, batch, int(total.argmax()), "", what)


def _has_nul(texts: Any) -> bool:
    """Looked for in all texts at once: in each by itself it takes a fifth of the reading."""
    import numpy as np

    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return False
    ends = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    held = np.frombuffer(data, np.uint8, ends[-1] - ends[0], ends[0])
    return bool(held.size and held.min() == 0)


def _misfit(query: Query, batch: pa.RecordBatch, place: int, column: str, what: str) -> SourceError:
    names = [folded(key) for key in query.table.keys]
    key = {name: str(batch.column(name)[place]) for name in names if name in batch.schema.names}
    at = f", column {column}" if column else ""
    advice = "Leave the column out (skip), or decide"
    if column:
        by_name = {each["source"]: each for each in query.columns}
        advice += f": decide.{column} = {_offered(by_name[column])}"
    return SourceError(
        f"table {query.table.name}{at}, row {key}: {what}. Nothing was moved. {advice}."
    )


def _offered(column: Mapping[str, str]) -> str:
    kind = column["source_type"].partition("(")[0].partition(" ")[0]
    return decisions.offered_to(types.ALIASES.get(kind, kind)) or "nothing fits"
