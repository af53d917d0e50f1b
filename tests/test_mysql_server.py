"""A MariaDB server of our own: private, on the loopback, and safe to kill."""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pymysql
import pytest

from workbench.daemon import Daemon
from workbench.mysql import dumps, server
from workbench.mysql.server import Server


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may kill."""
    directory = tmp_path / "mysql"
    yield server.start(directory)
    server.stop(directory)


def pid_of(running: Server) -> int:
    pid = Daemon("mysql", running.directory).pid()
    assert pid is not None
    return pid


def reader(running: Server, database: str | None = None) -> pymysql.connections.Connection:  # type: ignore[type-arg]
    secret = running.secret("shop")
    return pymysql.connect(
        host=secret["host"],
        port=secret["port"],
        user=secret["username"],
        password=secret["password"],
        database=database,
    )


@pytest.fixture(scope="module")
def shop(mysql_server: Server) -> Server:
    with mysql_server.cursor() as cursor:
        for database in ("shop", "shopX", "other_shop"):
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS {database}")
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {database}.t (a INT PRIMARY KEY)")
        cursor.execute("CREATE DATABASE IF NOT EXISTS shop_1")
    return mysql_server


def test_killed_it_comes_back_with_its_port_passwords_and_data(own: Server) -> None:
    with own.cursor() as cursor:
        cursor.execute("CREATE DATABASE kept")
        cursor.execute("CREATE TABLE kept.t (a INT PRIMARY KEY)")
        cursor.execute("INSERT INTO kept.t VALUES (1), (2)")
    pid = pid_of(own)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not server.running(own.directory)
    again = server.start(own.directory)
    assert again == own
    with again.cursor("kept") as cursor:
        assert cursor.execute("SELECT * FROM t") == 2


def test_starting_what_runs_changes_nothing(own: Server) -> None:
    pid = pid_of(own)
    assert server.start(own.directory) == own == server.load(own.directory)
    assert pid_of(own) == pid


def test_two_that_start_at_once_get_one_server(tmp_path: Path) -> None:
    started: list[Server] = []
    threads = [
        threading.Thread(target=lambda: started.append(server.start(tmp_path))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert started[0] == started[1]
    assert server.stop(tmp_path) and not server.stop(tmp_path)


def test_many_are_made_side_by_side(tmp_path: Path) -> None:
    """What makes a data directory is a server, which removes what others keep in the same place."""
    homes = [tmp_path / f"home{number}" for number in range(8)]
    with ThreadPoolExecutor(len(homes)) as pool:
        made = list(pool.map(server.start, homes))
    assert len({each.port for each in made}) == len(homes)
    assert all(list(map(server.stop, homes)))


def test_what_was_never_started_is_not_there(tmp_path: Path) -> None:
    assert server.load(tmp_path) is None
    assert not server.running(tmp_path)


def test_a_port_that_is_taken_is_told(own: Server, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    kept = (own.directory / "server.json").read_text()
    server.write_private(other / "server.json", kept.replace(own.admin_password, "x"))
    with pytest.raises(server.ServerError, match=f"on port {own.port}(.|\n)*already in use"):
        server.start(other)


def test_a_new_server_takes_another_port_if_somebody_was_faster(
    own: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port is chosen some time before the server binds it."""
    chosen = iter([own.port, server._free_port()])
    monkeypatch.setattr(server, "_free_port", lambda: next(chosen))
    made = server.start(tmp_path / "other")
    assert made.answers() and made.port != own.port
    assert server.load(tmp_path / "other") == made
    assert server.stop(tmp_path / "other")


def test_only_its_owner_can_read_what_it_keeps(mysql_server: Server) -> None:
    directory = mysql_server.directory

    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert [mode(directory / name) for name in ("", "data", "imports")] == [0o700] * 3
    assert mode(directory / "server.json") == 0o600
    assert mode(mysql_server.client_options) == 0o600
    assert not (directory / "users.sql").exists()


def test_its_administrator_gets_in_by_the_options_that_are_kept_for_a_client(
    mysql_server: Server,
) -> None:
    with pymysql.connect(read_default_file=str(mysql_server.client_options)) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT CURRENT_USER(), @@port")
            assert cursor.fetchone() == ("workbook@127.0.0.1", mysql_server.port)


def test_passwords_are_in_no_command_line_log_or_repr(mysql_server: Server) -> None:
    pid = pid_of(mysql_server)
    seen = [
        Path(f"/proc/{pid}/cmdline").read_text(),
        Path(f"/proc/{pid}/environ").read_text(),
        (mysql_server.directory / "mysql.log").read_text(),
        repr(mysql_server),
    ]
    for password in (mysql_server.admin_password, mysql_server.reader_password):
        assert not any(password in text for text in seen)


def test_it_listens_on_the_loopback_only(mysql_server: Server) -> None:
    tables = [Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6")]
    port = f":{mysql_server.port:04X} "
    local = [line.split()[1] for text in tables for line in text.splitlines() if port in line]
    listening = {address for address in local if address.endswith(port.strip())}
    assert listening == {f"0100007F{port.strip()}"}


def test_it_behaves_like_mysql_8(mysql_server: Server) -> None:
    with mysql_server.cursor() as cursor:
        cursor.execute("SELECT @@sql_mode, @@time_zone, @@character_set_server")
        assert cursor.fetchone() == (
            "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
            "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
            "+00:00",
            "utf8mb4",
        )


def test_nobody_else_has_an_account(mysql_server: Server) -> None:
    with mysql_server.cursor() as cursor:
        cursor.execute("SELECT User, Host FROM mysql.global_priv ORDER BY User")
        assert cursor.fetchall() == (
            ("etl", "127.0.0.1"),
            ("mariadb.sys", "localhost"),  # locked: owns the server's own views
            ("workbook", "127.0.0.1"),
        )
    for user in ("", "root", "etl", "workbook"):
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            pymysql.connect(host="127.0.0.1", port=mysql_server.port, user=user, password="")


def test_the_secret_is_shaped_as_rds_writes_it(shop: Server) -> None:
    secret = shop.secret("shop")
    assert secret == {
        "engine": "mysql",
        "host": "127.0.0.1",
        "port": shop.port,
        "username": "etl",
        "password": shop.reader_password,
        "dbname": "shop",
        "mask_key": shop.mask_key,  # ours: by which columns are hashed
    }


def test_the_reader_reads_its_database_and_sees_running_statements(shop: Server) -> None:
    with reader(shop, "shop") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM t")
        cursor.execute("SHOW MASTER STATUS")
        cursor.execute(
            "SELECT COUNT(*) FROM information_schema.user_privileges "
            "WHERE privilege_type = 'PROCESS'"
        )
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize(
    "forbidden",
    [
        "INSERT INTO shop.t VALUES (1)",
        "DROP TABLE shop.t",
        "CREATE TABLE shop.u (a INT)",
        "SELECT * FROM other_shop.t",
        "SELECT * FROM shopX.t",  # _ in a GRANT would mean any letter
        "SELECT * FROM mysql.global_priv",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SET GLOBAL max_connections = 1",
    ],
)
def test_the_reader_can_do_nothing_else(shop: Server, forbidden: str) -> None:
    shop.secret("shop_")
    with reader(shop) as connection, connection.cursor() as cursor:
        with pytest.raises(pymysql.err.MySQLError) as error:
            cursor.execute(forbidden)
    assert error.value.args[0] in (1044, 1045, 1142, 1227)


def test_a_dump_with_delimiters_runs(mysql_server: Server, tmp_path: Path) -> None:
    schema, data = tmp_path / "schema.sql", tmp_path / "data.sql"
    schema.write_text(
        "CREATE TABLE t (a INT PRIMARY KEY, b INT, c VARCHAR(9));\n"
        "DELIMITER ;;\n"
        "CREATE TRIGGER twice BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.b = 2 * NEW.a; END;;\n"
        "DELIMITER ;\n"
    )
    data.write_text("INSERT INTO t (a, c) VALUES (3, 'é🏡;');\n", encoding="utf-8")
    dumps.load_sql(mysql_server, "dumped", [schema, data])
    with mysql_server.cursor("dumped") as cursor:
        cursor.execute("SELECT * FROM t")
        assert cursor.fetchall() == ((3, 6, "é🏡;"),)


def test_a_dump_leaves_the_options_that_are_kept_for_a_client(
    mysql_server: Server, tmp_path: Path
) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_text("SELECT 1;\n")
    before = mysql_server.client_options.read_text()
    dumps.load_sql(mysql_server, "dumped", [dump])
    assert mysql_server.client_options.read_text() == before
    assert sorted(path.name for path in mysql_server.directory.glob("*.cnf")) == ["client.cnf"]


def test_a_wrong_dump_is_told_with_its_line(mysql_server: Server, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.sql"
    wrong.write_text("SELECT 1;\n\nSELEKT 2;\n")
    with pytest.raises(dumps.DumpError, match=r"wrong\.sql: ERROR 1064 .*at line 3: .*SELEKT"):
        dumps.load_sql(mysql_server, "dumped", [wrong])
