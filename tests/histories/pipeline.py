"""The pipeline with the real planner and bookmarks; zones, ledger and raw table are in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import pymysql
from pymysql.cursors import DictCursor

from etl_lib import bookmark, ledger, planning, ranges, reading, staging, window
from etl_lib.bookmarks import Bookmark, BookmarkStore
from etl_lib.contract import Contract, Table
from etl_lib.errors import Fenced
from etl_lib.identifiers import folded
from etl_lib.reading import Query
from etl_lib.run import Plan, Run
from etl_lib.source import Row, Source
from etl_lib.warehouse import Warehouse
from etl_lib.zone import Zone

Key = tuple[Any, ...]


class Crash(Exception):
    """The process dies here."""


@dataclass(frozen=True)
class KeptSource(Source):
    """Keeps its connections (a history plans many times) and may dawdle between two reads."""

    pause: Callable[[], None] = lambda: None
    first: str = "SET time_zone = '+00:00'"
    kept: dict[str, Any] = field(default_factory=dict, repr=False)

    @contextmanager
    def connect(
        self, isolation: str = "REPEATABLE READ", new: bool = False
    ) -> Iterator[DictCursor]:
        self.pause()
        kept = None if new else self.kept.pop(isolation, None)
        connection = kept or self._new(isolation)
        with connection.cursor() as cursor:
            cursor.execute(self.first)
            yield cursor
        connection.rollback()
        if isolation in self.kept:
            connection.close()
        else:
            self.kept[isolation] = connection

    def close(self) -> None:
        while self.kept:
            self.kept.popitem()[1].close()

    def _new(self, isolation: str) -> Any:
        connection = pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.username,
            password=self.password,
            database=self.database,
            charset="utf8mb4",
            cursorclass=DictCursor,
            ssl_disabled=True,
        )
        with connection.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute(f"SET SESSION TRANSACTION ISOLATION LEVEL {isolation}")
        return connection


class MemoryZone:
    def __init__(self) -> None:
        self.documents: dict[str, str] = {}

    def get_json(self, key: str) -> Any:
        return json.loads(self.documents[key]) if key in self.documents else None

    def put_json(self, key: str, document: Any) -> None:
        self.documents[key] = json.dumps(document)

    def put_json_once(self, key: str, document: Any) -> Any:
        self.documents.setdefault(key, json.dumps(document))
        return self.get_json(key)


@dataclass(frozen=True)
class MemoryStore(BookmarkStore):
    items: dict[str, Bookmark] = field(default_factory=dict)

    def get(self, table: str) -> Bookmark:
        return self.items.get(table, Bookmark(table))

    def _put(self, bookmark: Bookmark, expected_version: int) -> None:
        if self.get(bookmark.table).version != expected_version:
            raise Fenced(f"table {bookmark.table}: its bookmark has moved")
        self.items[bookmark.table] = bookmark


@dataclass
class Copy:
    """The warehouse as far as windows matter: a ledger, and raw's live rows by key."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    rows_by_key: dict[Key, Row] = field(default_factory=dict)

    def transaction(self, name: str, statements: object) -> None:
        """Nothing to prepare."""

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The ledger's rows of a run; no other contract owns anything here."""
        run = (parameters or {}).get("run")
        return [dict(each) for each in self.entries if each["run_id"] == run]

    def scalar(self, sql: str) -> int:
        """How many loads were not in turn."""
        return 0

    def load(
        self, run_id: str, plan: Plan, rows: Mapping[Key, Row], keys: Mapping[Key, str]
    ) -> None:
        """What stage 04's transaction does: fence, merge, sweep, ledger."""
        if any(each["run_id"] == run_id for each in self.entries):
            return
        if any(each["sequence"] > plan.sequence for each in self.entries):
            raise Fenced("a newer run has loaded this table")
        present = set(rows) if plan.window.mode == "full" else set(keys)
        if plan.sweep:  # a row may have been deleted before the keys were read
            rows = {key: row for key, row in rows.items() if key in present}
        gone = set(self.rows_by_key) - present if plan.sweep else set()
        self.rows_by_key.update(rows)
        for key in gone:
            del self.rows_by_key[key]
        swept = plan.sweep and plan.window.mode == "incremental"
        late = [key for key in keys if key not in self.rows_by_key] if swept else []
        missing = sum(_moment(keys[key]) < _moment(plan.window.high) for key in late)
        self.entries.append({"run_id": run_id, "sequence": plan.sequence, "missing": missing})


class Pipeline:
    """Runs of one table. ``crash`` names the stage after which a run dies."""

    def __init__(self, source: Source, table: Table, pieces: int = 1) -> None:
        """``pieces``: in how many ranges a window is read, if it may be, one after the other."""
        self.source, self.table, self.pieces = source, table, pieces
        self.zone, self.store, self.copy = MemoryZone(), MemoryStore("", "h"), Copy()
        self.started = 0
        self.run_id = ""

    def run(self, crash: str = "", retry: bool = False) -> Plan:
        """A new run, or the last one again; returns its plan."""
        if not retry or not self.run_id:
            self.started += 1
            self.run_id = f"run{self.started}"
        run = self._run()
        plan = planning.plan(run, self.source)[self.table.name]
        _die_at("plan", crash)
        self._extract(run, plan)
        _die_at("extract", crash)
        self._load(run, plan)
        _die_at("load", crash)
        entry = ledger.entry(run, self.table.name)
        bookmark._advance(run, self.table, plan, entry)
        return plan

    def _run(self) -> Run:
        return Run(
            run_id=self.run_id,
            zone=cast(Zone, self.zone),
            contract=Contract("h", {self.table.name: self.table}),
            contract_url="",
            warehouse=cast(Warehouse, self.copy),
            bookmarks=self.store,
            tables=(self.table,),
        )

    def _extract(self, run: Run, plan: Plan) -> None:
        key = run.raw_key(self.table.name, "manifest.json")
        if run.zone.get_json(key) is not None:
            return
        rows, keys, digest, keys_digest = [], [], "0:0", "0:0"
        full = plan.window.mode == "full"
        if plan.window.rows:
            where, parameters = window.predicate(self.table, plan.window)
            hashed = [each["source"] for each in plan.columns] if full else []
            query = reading.select(self.source, self.table, plan.columns, where, parameters, hashed)
            rows, digest = self._select(self._cut(query, plan))
        if plan.lists_keys:
            columns = staging.listed_columns(self.table, plan)
            query = reading.select(self.source, self.table, columns, "TRUE", (), self.table.keys)
            keys, keys_digest = self._select(query)
        meta = {"digest": digest, "keys": {"meta": {"digest": keys_digest}}}
        run.zone.put_json_once(key, {"rows": rows, "keys": keys, "meta": meta})

    def _cut(self, query: Query, plan: Plan) -> Query:
        """As stage 01 does with a large window."""
        if self.pieces == 1:
            return query
        index = ranges.of_window(self.source, self.table, plan.window, query.where)
        if index is None:
            return query
        cut = index.cut(plan.window.rows, self.pieces)
        return replace(query, hint=index.hint, pieces=cut)

    def _select(self, query: Query) -> tuple[list[dict[str, str]], str]:
        """The rows, and their digest. The source dawdles before each statement."""
        statements = [query.sql] if isinstance(query.sql, str) else query.sql
        rows = [row for sql in statements for row in self.source.rows(sql)]
        total = sum(int(row.pop(reading.HASH, 0)) for row in rows)
        return [_text(row) for row in rows], f"{len(rows)}:{total}"

    def _load(self, run: Run, plan: Plan) -> None:
        manifest = run.zone.get_json(run.raw_key(self.table.name, "manifest.json"))
        assert manifest is not None
        rows = {self._key(row): row for row in manifest["rows"]}
        assert len(rows) == len(manifest["rows"]), "a key came twice"
        keys = {self._key(row): row.get("at", "") for row in manifest["keys"]}
        self.copy.load(run.run_id, plan, rows, keys)

    def _key(self, row: Mapping[str, Any]) -> Key:
        return tuple(row[name] for name in self.table.keys)

    def truth(self) -> dict[Key, Row]:
        """What the copy must be: every row of the source."""
        names = [column.name for column in self.source.columns(self.table.name)]
        listed = ", ".join(name for name in names if name not in self.table.skip)
        rows = self.source.rows(f"SELECT {listed} FROM {self.table.name}")
        return {self._key(row): row for row in map(_text, rows)}

    def wrong(self) -> list[str]:
        """Rows that are lost, stale or left over."""
        truth, copy = self.truth(), self.copy.rows_by_key
        return [
            *(f"lost {truth[key]}" for key in truth if key not in copy),
            *(f"left over {copy[key]}" for key in copy if key not in truth),
            *(
                f"stale {copy[key]}, the source has {truth[key]}"
                for key in truth
                if key in copy and copy[key] != truth[key]
            ),
        ]


def _die_at(stage: str, crash: str) -> None:
    if stage == crash:
        raise Crash(stage)


def _text(row: Mapping[str, Any]) -> dict[str, str]:
    return {folded(name): str(value) for name, value in row.items()}


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text or "")
