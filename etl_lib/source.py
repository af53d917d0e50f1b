"""The MySQL source: Aurora MySQL 3, MySQL 8 or MariaDB, behind a Secrets Manager secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pymysql
from pymysql.constants import CLIENT, ER
from pymysql.cursors import DictCursor

from etl_lib import aws, decisions, expectations, identifiers, masks, rules, tls, types
from etl_lib.connections import Connections
from etl_lib.contract import Table
from etl_lib.errors import OutOfBand, SourceError
from etl_lib.tls import Tls
from etl_lib.types import Column

if TYPE_CHECKING:
    _Base = pymysql.connections.Connection[DictCursor]
else:
    _Base = pymysql.connections.Connection

Row = dict[str, Any]

FLAGS = ("nullable", "stamped", "renewed", "numbered")
UTC = ("UTC", "+00:00", "ETC/UTC", "UCT", "ETC/UCT", "ZULU")
# Columns that stages add to a row.
OURS = (
    "_run_id",
    "_loaded_at",
    "_deleted_at",
    "_etl_seq",
    "_rule",
    "_row",
    "_found",
    "_quarantined_at",
    "_digest",
)
# https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-features.html
SYSTEM = ("oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
MOST_COLUMNS = 1_600 - len(OURS)


class _Connection(_Base):
    """Some versions of PyMySQL go on in plain text where the server, or who answers in its place,
    offers no TLS. This one sends nothing then."""

    server_capabilities: int

    def _get_server_information(self) -> None:
        super()._get_server_information()  # type: ignore[misc]
        if self.ssl and not self.server_capabilities & CLIENT.SSL:
            raise _NoTls


class _NoTls(Exception):
    pass


@dataclass(frozen=True)
class Source:
    """Where the source is and who reads it. The password never shows in its repr."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    database: str
    ssl: str = ""  # as in tls.MODES; empty: by the host
    ssl_ca: str = field(default="", repr=False)
    mask_key: str = field(default="", repr=False)

    @classmethod
    def from_secret(cls, secret_id: str) -> Source:
        """Read the secret ``secret_id``, shaped as RDS writes it:
        ``{"host", "port", "username", "password", "dbname"}``; and ``tls``'s ``ssl``,
        ``ssl_ca``, and the ``mask_key`` of ``masks``.
        """
        client = aws.client("secretsmanager")
        try:
            secret = json.loads(client.get_secret_value(SecretId=secret_id)["SecretString"])
        except client.exceptions.ResourceNotFoundException:
            raise SourceError(f"Secrets Manager has no secret {secret_id!r}") from None
        missing = {"host", "port", "username", "password", "dbname"} - set(secret)
        if missing:
            raise SourceError(f"secret {secret_id!r} lacks {', '.join(sorted(missing))}")
        return cls.of(secret)

    @classmethod
    def of(cls, secret: Mapping[str, Any]) -> Source:
        """The source that a secret of this shape names."""
        return cls(
            secret["host"],
            int(secret["port"]),
            secret["username"],
            secret["password"],
            secret["dbname"],
            secret.get("ssl") or "",
            secret.get("ssl_ca") or "",
            secret.get("mask_key", ""),
        )

    @property
    def name(self) -> str:
        return f"mysql://{self.username}@{self.host}:{self.port}/{self.database}"

    @property
    def reader_url(self) -> str:
        """The address with the password, for the bulk reader. Never print it."""
        user, password = quote(self.username, safe=""), quote(self.password, safe="")
        database = quote(self.database, safe="")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mysql://{user}:{password}@{host}:{self.port}/{database}"

    @contextmanager
    def connect(
        self, isolation: str = "REPEATABLE READ", new: bool = False
    ) -> Iterator[DictCursor]:
        """A cursor in a UTC session, in a new transaction of the given isolation level; with
        ``new``, in a new session, too."""
        with self._connections.use(isolation, new) as connection, connection.cursor() as cursor:
            yield cursor

    @cached_property
    def tls(self) -> Tls:
        """How each connection is protected. Raises SourceError if that cannot be."""
        return tls.of(self.host, self.ssl, self.ssl_ca)

    @cached_property
    def _connections(self) -> Connections:
        return Connections(self._connection)

    def _connection(self, isolation: str) -> _Connection:
        context = self.tls.context()
        try:
            connection = _Connection(
                host=self.host,
                port=self.port,
                user=self.username,
                password=self.password.encode(),  # a text would go as latin1
                database=self.database,
                charset="utf8mb4",
                connect_timeout=10,
                cursorclass=DictCursor,
                init_command="SET time_zone = '+00:00'",
                ssl=context,
                ssl_disabled=context is None,
            )
        except _NoTls:
            raise SourceError(f"cannot reach {self.name}: {tls.no_tls(self.tls.mode)}") from None
        except pymysql.err.OperationalError as error:
            reason = str(error.args[-1])
            told = tls.refusal(reason) or (
                self._to_grant(reason) if error.args[0] == ER.DBACCESS_DENIED_ERROR else ""
            )
            raise SourceError(f"cannot reach {self.name}: {reason}{told}") from None
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION TRANSACTION ISOLATION LEVEL {isolation}")
            for statement in masks.session(self.mask_key):
                cursor.execute(statement)
        return connection

    def _to_grant(self, reason: str) -> str:
        """What the administrator types for a user who may not open the database."""
        user = re.search(r"'[^']*'@'[^']*'", reason)
        database = identifiers.mysql(self.database).replace("_", "\\_").replace("%", "\\%")
        rights = f"GRANT SELECT, SHOW VIEW ON {database}.* TO"
        return f". As the source's administrator: {rights} {user[0] if user else self.username}"

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with self.connect() as cursor:
            cursor.execute(sql, tuple(parameters))
            return list(cursor.fetchall())

    def base_tables(self) -> dict[str, str]:
        """Name -> storage engine of every base table of the database."""
        found = self.rows(
            "SELECT table_name AS name, engine AS engine FROM information_schema.tables "
            "WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY table_name",
            [self.database],
        )
        return {row["name"]: row["engine"] for row in found}

    def columns(self, table: str) -> tuple[Column, ...]:
        """Every column of ``table``, invisible ones too, in its order."""
        found = self.rows(
            "SELECT column_name AS name, data_type AS data_type, column_type AS column_type, "
            "is_nullable = 'YES' AS nullable, character_maximum_length AS characters, "
            "numeric_precision AS `precision`, numeric_scale AS scale, "
            "datetime_precision AS fraction, "
            "CONCAT(COALESCE(column_default, ''), extra) LIKE '%%current_timestamp%%' AS stamped, "
            "extra LIKE '%%on update%%' AS renewed, extra LIKE '%%auto_increment%%' AS numbered "
            "FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            [self.database, table],
        )
        return tuple(
            Column(
                table=table,
                **{**row, **{name: bool(row[name]) for name in FLAGS}},
            )
            for row in found
        )

    def decided(self, table: Table) -> tuple[Column, ...]:
        """As ``columns``, each with what the contract decides for it."""
        return tuple(
            replace(
                column,
                decision=table.decision(column.name, column.can_be_zero_date),
                mask=table.mask.get(column.name, ""),
            )
            for column in self.columns(table.name)
        )

    def time_zone(self) -> str:
        """The time zone of sessions that do not set one, as the bulk reader's and applications'."""
        found = self.rows("SELECT @@global.time_zone AS zone, @@system_time_zone AS os")[0]
        return str(found["os"] if found["zone"] == "SYSTEM" else found["zone"])

    def primary_key(self, table: str) -> tuple[str, ...]:
        found = self.rows(
            "SELECT column_name AS name FROM information_schema.key_column_usage "
            "WHERE table_schema = %s AND table_name = %s AND constraint_name = 'PRIMARY' "
            "ORDER BY ordinal_position",
            [self.database, table],
        )
        return tuple(row["name"] for row in found)


def checked_columns(source: Source, table: Table) -> tuple[Column, ...]:
    """As ``moving_columns``; raises SourceError too if the source has too few rows."""
    _check_time_zone(source, table)
    columns = moving_columns(source, table)
    _check_not_empty(source, table, f"table {table.name}")
    return columns


def moving_columns(source: Source, table: Table) -> tuple[Column, ...]:
    """The columns of ``table`` that move, after holding the contract against the source.

    Raises SourceError naming table and field if they disagree. Reads only.
    """
    tables = source.base_tables()
    at = f"table {table.name}"
    if table.name not in tables:
        raise SourceError(f"{at}: no such table in {source.name}. It has: {', '.join(tables)}")
    if tables[table.name] != "InnoDB":
        raise SourceError(f"{at}: engine {tables[table.name]}; only InnoDB reads consistently")
    columns = source.decided(table)
    _check_names(table, [column.name for column in columns], at)
    by_name = {column.name: column for column in columns}
    if table.append_only:
        if not by_name[table.cursor or ""].numbered:
            raise SourceError(
                f"{at}: append_only = true, but the cursor {table.cursor!r} is not AUTO_INCREMENT"
            )
    elif table.cursor and by_name[table.cursor].data_type not in types.TEMPORAL_CURSORS:
        raise SourceError(
            f"{at}: cursor = {table.cursor!r} is {by_name[table.cursor].column_type}; "
            "a cursor must be a DATETIME, TIMESTAMP or DATE; or, with append_only = true, an "
            "AUTO_INCREMENT number"
        )
    moving = tuple(column for column in columns if column.name not in table.skip)
    for column in moving:
        masks.check(column, source.mask_key)
        decisions.check(column)
    kinds = {column.name: types.redshift_type(column) for column in moving}
    for rule in table.rules:
        if problem := rules.misfit(rule, table.keys, kinds):
            raise SourceError(f"{at}: rules.{rule.name}: {problem}")
    if len(moving) > MOST_COLUMNS:
        raise SourceError(
            f"{at}: {len(moving):,} columns; Redshift takes 1,600, and some are ours. Leave "
            f"{len(moving) - MOST_COLUMNS:,} out: skip in the contract."
        )
    return moving


def _check_time_zone(source: Source, table: Table) -> None:
    """Stamps are compared with the server's clock in UTC; in any other zone rows would be lost."""
    zone = source.time_zone()
    if zone.upper() not in UTC:
        raise SourceError(
            f"table {table.name}: {source.name} keeps its time in {zone!r}. Only UTC is supported: "
            "set the server's time_zone to '+00:00' (Aurora: parameter time_zone = UTC)."
        )


def _check_names(table: Table, names: Sequence[str], at: str) -> None:
    for option, wanted in (
        ("keys", table.keys),
        ("cursor", (table.cursor,) if table.cursor else ()),
        ("skip", table.skip),
        ("decide", tuple(table.decide)),
        ("mask", tuple(table.mask)),
        ("deletes", (table.soft,) if table.soft else ()),
        *((f"rules.{rule.name}", rule.columns) for rule in table.rules),
    ):
        for name in wanted:
            if name not in names:
                raise SourceError(
                    f"{at}: {option} names the column {name!r}, which the source does not have. "
                    f"It has: {', '.join(names)}"
                )
    for name in names:
        if name not in table.skip:
            check_characters(name, at)
    needed = {*table.keys, *filter(None, (table.cursor, table.soft))}
    if needed & set(table.skip):
        raise SourceError(f"{at}: skip may not name a key, the cursor or what marks deleted rows")
    folded = [identifiers.folded(name) for name in names if name not in table.skip]
    if len(set(folded)) != len(folded):
        raise SourceError(f"{at}: column names differ only in case, which Redshift cannot keep")


def check_characters(name: str, at: str) -> None:
    """Raise SourceError if a column has a name that our stages or SQL cannot carry."""
    if identifiers.folded(name) in OURS:
        raise SourceError(f"{at}: column {name!r} has a name of ours: leave it out by skip")
    if identifiers.folded(name) in SYSTEM:
        raise SourceError(
            f"{at}: column {name!r} is a system column of Redshift's: leave it out by skip"
        )
    if len(name.encode()) > identifiers.REDSHIFT_LIMIT:
        raise SourceError(
            f"{at}: column {name!r} has {len(name.encode())} bytes; names in Redshift have "
            f"{identifiers.REDSHIFT_LIMIT} at most: leave it out by skip"
        )
    if set(name) & set(identifiers.REFUSED):
        raise SourceError(
            f"{at}: column {name!r}: names with one of {identifiers.REFUSED} are not "
            "supported: leave it out by skip"
        )


def _check_not_empty(source: Source, table: Table, at: str) -> None:
    limited = f"SELECT 1 FROM {identifiers.mysql(table.name)} LIMIT %s"
    found = source.rows(f"SELECT COUNT(*) AS n FROM ({limited}) AS t", [table.min_rows])[0]["n"]
    if found < table.min_rows and table.rows.table:
        raise OutOfBand(table.name, "rows.table", found, expectations.told(table.rows.table))
    if found < table.min_rows:
        raise SourceError(
            f"{at}: the source has {found} rows, min_rows = {table.min_rows}. "
            "If so few are right, lower min_rows in the contract."
        )


def scrubbed(text: str, source: Source | None) -> str:
    """``text`` without the source's password, in clear or percent-encoded."""
    if source is None or not source.password:
        return text
    for secret in (source.password, quote(source.password, safe="")):
        text = text.replace(secret, "***")
    return text
