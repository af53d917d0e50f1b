"""The Data API's operations. Shapes: botocore's service model of redshift-data."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from typing import Any

import botocore.session
from botocore.exceptions import ParamValidationError
from botocore.validate import validate_parameters

from workbench.aws.protocol import AwsError, Context, not_supported
from workbench.aws.redshift import results, statements
from workbench.aws.redshift.dialect import placeholders, statements_in
from workbench.aws.redshift.sessions import MAX_KEEP_ALIVE, Session
from workbench.aws.redshift.statements import Runner, Statement, Statements, Sub
from workbench.aws.redshift.warehouse import Warehouse

SHAPES = botocore.session.get_session().get_service_model("redshift-data")
DATABASE = "dev"
MAX_SQL = 100 * 1024
MAX_STATEMENTS = 40
MAX_ACTIVE = 500
USERS = ("DbUser", "SecretArn")  # taken and told again; the endpoint's key is what guards it
CONNECTION = ("WorkgroupName", "ClusterIdentifier", "Database", *USERS)
HOLD = 1.0  # seconds that DescribeStatement waits, so that a poller learns of the end at once
INTERNAL = "schema_name NOT IN ('main', 'information_schema', 'pg_catalog')"

Reply = dict[str, Any]
Request = dict[str, Any]


class RedshiftDataService:
    """One workgroup or cluster of any name, with one database, ``dev``."""

    def __init__(self, context: Context) -> None:
        context.state.mkdir(parents=True, exist_ok=True)
        self._warehouse = Warehouse(context.state)
        self._statements = Statements(context.state)
        self._runner = Runner(self._warehouse, self._statements)
        self._operations: dict[str, Callable[[Request], Reply]] = {
            "ExecuteStatement": self._execute,
            "BatchExecuteStatement": self._batch,
            "DescribeStatement": self._describe,
            "GetStatementResult": self._result,
            "CancelStatement": self._cancel,
            "ListStatements": self._list_statements,
            "ListDatabases": self._list_databases,
            "ListSchemas": self._list_schemas,
            "ListTables": self._list_tables,
            "DescribeTable": self._describe_table,
        }

    def handle(self, operation: str, request: Request, context: Context) -> Reply:
        """Answer one operation; AwsError for what AWS would refuse."""
        if operation not in self._operations:
            raise not_supported("redshift-data", operation)
        try:
            validate_parameters(request, SHAPES.operation_model(operation).input_shape)
        except ParamValidationError as error:
            raise _invalid(str(error)) from None
        return self._operations[operation](request)

    def close(self) -> None:
        self._runner.close()
        self._statements.close()
        self._warehouse.close()

    def _execute(self, request: Request) -> Reply:
        return self._start(request, [_text(request, "Sql")], batch=False)

    def _batch(self, request: Request) -> Reply:
        sqls = request.get("Sqls")
        if not isinstance(sqls, list) or not 1 <= len(sqls) <= MAX_STATEMENTS:
            raise _invalid(f"Sqls must hold 1 to {MAX_STATEMENTS} statements.")
        if request.get("ExecutionMode", "TRANSACTION") not in ("TRANSACTION", "AUTO_COMMIT"):
            raise _invalid("ExecutionMode must be TRANSACTION or AUTO_COMMIT.")
        return self._start(request, sqls, batch=True)

    def _start(self, request: Request, sqls: list[str], batch: bool) -> Reply:
        if request.get("WithEvent"):
            raise not_supported("redshift-data", "WithEvent")
        if request.get("ResultFormat", "JSON") != "JSON":
            raise not_supported("redshift-data", "ResultFormat CSV")
        for sql in sqls:
            _check_sql(sql)
        statement = statements.new(
            sqls,
            batch,
            database=DATABASE,
            target={},
            name=_limited(request, "StatementName", 2048),
            token=_limited(request, "ClientToken", 64),
            parameters=_parameters(request, sqls),
            auto_commit=request.get("ExecutionMode") == "AUTO_COMMIT",
        )
        wait = _wait_time(request, 0)
        kept = self._statements.of_token(statement.token) or self._submit(request, statement)
        self._runner.wait(kept, wait)
        reply = {
            "Id": kept.id,
            "CreatedAt": kept.created,
            "Database": kept.database,
            "Status": kept.status,
            "HasResultSet": _has_result(kept),
            **kept.target,
        }
        return {**reply, "SessionId": kept.session} if kept.session else reply

    def _submit(self, request: Request, statement: Statement) -> Statement:
        """Start a statement, in a session if one is asked for."""
        if self._statements.active() >= MAX_ACTIVE:
            raise AwsError("ActiveStatementsExceededException", f"{MAX_ACTIVE} statements run.")
        session = self._session(request)
        if session is None:
            statement.target = _target(request)
            _database(request)
        else:
            statement.target, statement.session = session.target, session.id
        kept = self._statements.add(statement)
        if kept is statement:
            self._runner.submit(statement, session)
        elif session is not None:  # the same token, at the same moment
            self._runner.sessions.release(session)
        return kept

    def _session(self, request: Request) -> Session | None:
        keep_alive = request.get("SessionKeepAliveSeconds")
        if keep_alive is not None and not (
            isinstance(keep_alive, int) and 0 <= keep_alive <= MAX_KEEP_ALIVE
        ):
            raise _invalid(f"SessionKeepAliveSeconds must be 0 to {MAX_KEEP_ALIVE}.")
        if request.get("SessionId"):
            given = [name for name in CONNECTION if request.get(name)]
            if given:
                raise _invalid(f"With SessionId there must not be: {', '.join(given)}")
            return self._runner.sessions.take(_text(request, "SessionId"), keep_alive)
        if keep_alive is None:
            return None
        target = _target(request)
        _database(request)
        return self._runner.sessions.open(target, keep_alive)

    def _describe(self, request: Request) -> Reply:
        statement, sub = self._known(request)
        self._runner.wait(statement, _wait_time(request, HOLD))
        if sub is not None:
            return {**_described(sub), "Database": statement.database, **statement.target}
        reply = {
            "Id": statement.id,
            "Status": statement.status,
            "CreatedAt": statement.created,
            "UpdatedAt": statement.updated,
            "Duration": int(statement.duration * 1e9),
            "Database": statement.database,
            "HasResultSet": _has_result(statement),
            "ResultFormat": "JSON",
            **statement.target,
        }
        if statement.error:
            reply["Error"] = statement.error
        if statement.parameters:
            reply["QueryParameters"] = statement.parameters
        if statement.session:
            reply["SessionId"] = statement.session
        if statement.batch:
            reply["ExecutionMode"] = "AUTO_COMMIT" if statement.auto_commit else "TRANSACTION"
            return {**reply, "SubStatements": [_described(each) for each in statement.subs]}
        first = statement.subs[0]
        return {
            **reply,
            "QueryString": first.sql,
            "ResultRows": first.rows if statement.status == "FINISHED" else -1,
            "ResultSize": first.size,
            "RedshiftQueryId": first.query_id,
        }

    def _result(self, request: Request) -> Reply:
        statement, sub = self._known(request)
        if sub is None and not statement.batch:
            sub = statement.subs[0]
        ended = statement if not statement.auto_commit or sub is None else sub
        if sub is None or ended.status != "FINISHED" or sub.columns is None:
            raise AwsError(
                "ResourceNotFoundException",
                "Query does not have result. Please check query status with DescribeStatement.",
            )
        number = _page_number(request)
        records = self._statements.page(sub.id, number)
        if records is None and number:
            raise _invalid("NextToken is not one that GetStatementResult has returned.")
        reply: Reply = {
            "Records": records or [],
            "ColumnMetadata": sub.columns,
            "TotalNumRows": sub.rows,
        }
        if (number + 1) * results.PAGE < sub.rows:
            reply["NextToken"] = str(number + 1)
        return reply

    def _cancel(self, request: Request) -> Reply:
        statement, _ = self._known(request)
        if not self._runner.cancel(statement):
            raise _invalid(f"Could not cancel a query that is already in {statement.status} state")
        return {"Status": True}

    def _list_statements(self, request: Request) -> Reply:
        status, prefix = request.get("Status", "ALL"), request.get("StatementName", "")
        found = [
            _listed(each)
            for each in self._statements.newest_first()
            if status in ("ALL", each.status) and each.name.startswith(prefix)
        ]
        return _paged(request, "Statements", found, 100)

    def _list_databases(self, request: Request) -> Reply:
        _target(request)
        return _paged(request, "Databases", [DATABASE], 1000)

    def _list_schemas(self, request: Request) -> Reply:
        _target(request)
        _database(request)
        rows = self._query(
            f"SELECT DISTINCT schema_name FROM duckdb_schemas() WHERE {INTERNAL} "
            "AND database_name = 'warehouse' ORDER BY 1"
        )
        names = [name for (name,) in rows if _like(name, request.get("SchemaPattern"))]
        return _paged(request, "Schemas", names, 1000)

    def _list_tables(self, request: Request) -> Reply:
        _target(request)
        _database(request)
        rows = self._query(
            "SELECT schema_name, table_name, 'TABLE' FROM duckdb_tables() "
            f"WHERE {INTERNAL} AND database_name = 'warehouse' UNION ALL "
            "SELECT schema_name, view_name, 'VIEW' FROM duckdb_views() "
            f"WHERE {INTERNAL} AND database_name = 'warehouse' ORDER BY 1, 2"
        )
        tables = [
            {"schema": schema, "name": name, "type": kind}
            for schema, name, kind in rows
            if _like(schema, request.get("SchemaPattern"))
            and _like(name, request.get("TablePattern"))
        ]
        return _paged(request, "Tables", tables, 1000)

    def _describe_table(self, request: Request) -> Reply:
        _target(request)
        _database(request)
        table, schema = _text(request, "Table"), request.get("Schema", "public")
        rows = self._query(
            "SELECT column_name, data_type, is_nullable FROM duckdb_columns() "
            "WHERE schema_name = ? AND table_name = ? AND database_name = 'warehouse' "
            f"AND {INTERNAL} ORDER BY column_index",
            [schema, table],
        )
        columns = [
            {**results.column(*row), "schemaName": schema, "tableName": table} for row in rows
        ]
        return {**_paged(request, "ColumnList", columns, 1000), "TableName": table}

    def _query(self, sql: str, values: Sequence[str] = ()) -> list[Any]:
        with self._warehouse.working() as cursor:
            return cursor.execute(sql, list(values)).fetchall()

    def _known(self, request: Request) -> tuple[Statement, Sub | None]:
        """The statement of an id and, where the id is of one of a batch's, that one."""
        identity = _text(request, "Id")
        statement = self._statements.get(identity)
        sub = None
        if statement is not None and ":" in identity:
            sub = next((each for each in statement.subs if each.id == identity), None)
        if statement is None or (":" in identity and sub is None):
            raise AwsError("ResourceNotFoundException", f"Query {identity} does not exist.")
        return statement, sub


def _described(sub: Sub) -> Reply:
    """A SubStatementData."""
    reply = {
        "Id": sub.id,
        "QueryString": sub.sql,
        "Status": sub.status,
        "HasResultSet": sub.columns is not None,
        "ResultRows": sub.rows if sub.status == "FINISHED" else -1,
        "ResultSize": sub.size,
        "CreatedAt": sub.started or sub.updated,
        "UpdatedAt": sub.updated,
        "Duration": int(sub.duration * 1e9),
        "RedshiftQueryId": sub.query_id,
    }
    return {**reply, "Error": sub.error} if sub.error else reply


def _listed(statement: Statement) -> Reply:
    """A StatementData."""
    sqls = [sub.sql for sub in statement.subs]
    reply: Reply = {
        "Id": statement.id,
        "Status": statement.status,
        "CreatedAt": statement.created,
        "UpdatedAt": statement.updated,
        "IsBatchStatement": statement.batch,
        **({"QueryStrings": sqls} if statement.batch else {"QueryString": sqls[0]}),
    }
    return {**reply, "StatementName": statement.name} if statement.name else reply


def _has_result(statement: Statement) -> bool:
    return any(sub.columns is not None for sub in statement.subs)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def _text(request: Request, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(f"{name} is required.")
    return value


def _limited(request: Request, name: str, most: int) -> str:
    value: str = request.get(name) or ""
    if len(value) > most:
        raise _invalid(f"{name} may have {most} characters.")
    return value


def _target(request: Request) -> dict[str, str]:
    given = {
        name: request[name] for name in ("WorkgroupName", "ClusterIdentifier") if request.get(name)
    }
    if len(given) != 1:
        raise _invalid("Exactly one of WorkgroupName and ClusterIdentifier is required.")
    return {**given, **{name: request[name] for name in USERS if request.get(name)}}


def _database(request: Request) -> str:
    if _text(request, "Database") != DATABASE:
        raise _invalid(f'FATAL: database "{request["Database"]}" does not exist')
    return DATABASE


def _check_sql(sql: object) -> None:
    if not isinstance(sql, str) or not sql.strip():
        raise _invalid("Sql must not be empty.")
    if len(sql.encode()) > MAX_SQL:
        raise _invalid("Cannot process query string larger than 100kB")
    if statements_in(sql) != 1:
        raise _invalid("Multiple SQL statements are not allowed: use BatchExecuteStatement.")


def _parameters(request: Request, sqls: list[str]) -> list[dict[str, str]]:
    """Parameters as given: each with a value, each used."""
    given: list[dict[str, str]] = request.get("Parameters") or []
    names = [each.get("name", "") for each in given]
    if any(not re.fullmatch(r"[0-9a-zA-Z_]+", name) for name in names):
        raise _invalid("Parameters need names of letters, digits and underscores.")
    if len(set(names)) < len(names):
        raise _invalid("Parameters must have different names.")
    if empty := [each["name"] for each in given if not each.get("value")]:
        raise _invalid(f"Parameters must not be empty: {', '.join(empty)}")
    used = set().union(*(placeholders(sql) for sql in sqls))
    if unused := sorted(set(names) - used):
        raise _invalid(f"Parameters that the SQL does not use: {', '.join(unused)}")
    if missing := sorted(used - set(names)):
        raise _invalid(f"Parameters that have no value: {', '.join(missing)}")
    return given


def _wait_time(request: Request, default: float) -> float:
    seconds = request.get("WaitTimeSeconds")
    if seconds is None:
        return default
    if not isinstance(seconds, int) or not 1 <= seconds <= 30:
        raise _invalid("WaitTimeSeconds must be 1 to 30.")
    return seconds


def _page_number(request: Request) -> int:
    token = request.get("NextToken") or "0"
    if not isinstance(token, str) or not token.isdigit():
        raise _invalid("NextToken is not one that was returned.")
    return int(token)


def _paged(request: Request, name: str, items: list[Any], default: int) -> Reply:
    start, most = _page_number(request), request.get("MaxResults") or default
    reply: Reply = {name: items[start : start + most]}
    if start + most < len(items):
        reply["NextToken"] = str(start + most)
    return reply


def _like(name: str, pattern: str | None) -> bool:
    """SQL's LIKE: % and _ are the wildcards."""
    if pattern is None:
        return True
    return fnmatch.fnmatchcase(name, pattern.replace("%", "*").replace("_", "?"))
