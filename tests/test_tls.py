"""TLS to the source: both drivers verify who answers, and neither goes on in plain text."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pymysql
import pytest

from etl_lib import reading, tls
from etl_lib.contract import Table
from etl_lib.errors import SourceError
from etl_lib.source import Source, checked_columns
from workbench import execution, source_option
from workbench.home import REPOSITORY
from workbench.mysql import server as mysql
from workbench.mysql.server import Server
from workbench.pipeline import BUCKET
from workbench.preparation import prepare
from workbench.stack import Stack

from .certificates import NOW, Authority, authority
from .test_pipeline import QUIET

DATABASE = "kept"
READER, PASSWORD = "guarded", "not-for-the-wire"
CIPHER = (
    "(SELECT variable_value FROM information_schema.session_status "
    "WHERE variable_name = 'Ssl_cipher')"
)
NO_TLS = "Client requires secure connection but server does not have this capability"
CONTRACT = """name = "guarded"
[tables.letters]
keys = ["id"]
"""
# What a bulk reader does that is refused is tried for half a minute: its first word is enough.
READ = """
import json, sys
from etl_lib import reading
from etl_lib.contract import Table
from etl_lib.source import Source
query = reading.Query(Table("letters", ("id",)), [], [], "id", "TRUE", False, [])
print([row.to_pylist() for row in reading._raw(Source(**json.load(sys.stdin)), query)])
"""


@dataclass(frozen=True)
class Guarded:
    """A server whose reader must use TLS, and what may vouch for it."""

    server: Server
    folder: Path
    good: Authority
    other: Authority

    def present(self, name: str) -> None:
        """From the next connection on, show this certificate."""
        for suffix in (".pem", ".key"):
            shutil.copy(self.folder / f"{name}{suffix}", self.folder / f"shown{suffix}")
        with self.server.cursor() as cursor:
            cursor.execute("FLUSH SSL")

    def source(self, **more: Any) -> Source:
        given = {"ssl_ca": self.other.pem + self.good.pem, **more}  # a bundle, as RDS's
        return replace(Source("localhost", self.server.port, READER, PASSWORD, DATABASE), **given)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("tls")
    good, other = authority("good"), authority("other")
    good.issue(folder / "right")
    good.issue(folder / "another host", host="db.example.org")
    good.issue(folder / "expired", until=NOW - timedelta(days=1))
    good.issue(folder / "shown")
    files = f"--ssl-cert={folder}/shown.pem", f"--ssl-key={folder}/shown.key"
    made = Guarded(mysql.start(folder / "mysql", files), folder, good, other)
    with made.server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE}")
        cursor.execute(f"CREATE TABLE {DATABASE}.letters (id INT PRIMARY KEY)")
        cursor.execute(f"INSERT INTO {DATABASE}.letters VALUES (1), (2), (3)")
        cursor.execute(f"CREATE USER {READER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL")
        cursor.execute(f"GRANT SELECT ON {DATABASE}.* TO {READER}@'127.0.0.1'")
    yield made
    mysql.stop(folder / "mysql")


def bulk(source: Source) -> str:
    """What the bulk reader says first, in a process of its own."""
    child = subprocess.Popen(
        [sys.executable, "-c", READ],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None and child.stderr is not None
    json.dump(asdict(source), child.stdin)
    child.stdin.close()
    said = child.stderr.readline()
    child.kill()
    child.wait()
    child.stderr.close()
    return said


def cipher_of_both(source: Source) -> tuple[str, str]:
    query = reading.Query(Table("letters", ("id",)), [], [], CIPHER, "id = 1", False, [])
    (batch,) = (each for each in reading._raw(source, query) if each.num_rows)
    return source.rows(f"SELECT {CIPHER} AS c")[0]["c"], batch.column(0)[0].as_py()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_both_drivers_encrypt_to_a_server_that_is_vouched_for(guarded: Guarded, host: str) -> None:
    guarded.present("right")
    assert all("AES" in cipher for cipher in cipher_of_both(guarded.source(host=host)))


def test_encrypted_verifies_nothing_and_is_no_plain_text(guarded: Guarded) -> None:
    guarded.present("expired")
    source = guarded.source(ssl="encrypted", ssl_ca="")
    assert all("AES" in cipher for cipher in cipher_of_both(source))


def test_plain_text_is_refused_by_a_server_that_wants_tls(guarded: Guarded) -> None:
    with pytest.raises(SourceError, match="Access denied"):
        guarded.source(ssl="off", ssl_ca="").base_tables()


@pytest.mark.parametrize(
    ("shown", "by", "reason"),
    [
        ("right", "other", "self-signed certificate in certificate chain|unable to get"),
        ("another host", "good", "[Hh]ostname mismatch"),
        ("expired", "good", "certificate has expired"),
    ],
)
def test_whoever_nobody_vouches_for_is_refused_by_both_drivers(
    guarded: Guarded, shown: str, by: str, reason: str
) -> None:
    guarded.present(shown)
    source = guarded.source(ssl_ca=getattr(guarded, by).pem)
    with pytest.raises(SourceError, match=reason) as caught:
        checked_columns(source, Table("letters", ("id",)))
    assert "nothing was read" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert "certificate verify failed" in bulk(source)


@pytest.mark.parametrize("mode", ["verify-full", "encrypted"])
def test_a_server_without_tls_is_refused_where_tls_is_asked_for(
    mysql_server: Server, mode: str
) -> None:
    secret = mysql_server.secret("mysql")
    source = Source.of({**secret, "ssl": mode})
    with pytest.raises(SourceError, match=f'it offers no TLS, and ssl = "{mode}": nothing was'):
        source.base_tables()
    assert NO_TLS in bulk(source)


@contextmanager
def stripping(port: int) -> Iterator[tuple[int, list[bytes]]]:
    """Someone in between who says that the server has no TLS, and keeps what the client sends."""
    heard: list[bytes] = []

    def talk(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            greeting = bytearray(server.recv(4096))
            flags = greeting.index(0, 5) + 1 + 4 + 8 + 1  # behind version, thread, salt, filler
            greeting[flags + 1] &= ~0x08  # CLIENT_SSL
            client.sendall(greeting)
            client.settimeout(5)
            heard.append(client.recv(4096))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            talk(client)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], heard
        listener.shutdown(socket.SHUT_RDWR)


def test_whoever_takes_tls_out_of_the_greeting_is_told_nothing(guarded: Guarded) -> None:
    guarded.present("right")
    with stripping(guarded.server.port) as (port, heard):
        source = guarded.source(port=port)
        with pytest.raises(SourceError, match="offers no TLS"):
            source.base_tables()
        assert NO_TLS in bulk(source)
        assert heard and set(heard) <= {b"", b"\x01\0\0\0\x01"}, "goodbye is all that is said"


def test_a_whole_run_is_encrypted_from_its_first_connection_to_its_last(
    guarded: Guarded, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded.present("right")
    contract, ca = tmp_path / "guarded.toml", tmp_path / "it's a ca&.pem"
    contract.write_text(CONTRACT)
    (tmp_path / "sql").mkdir()
    ca.write_text(guarded.good.pem)
    monkeypatch.setenv(source_option.PASSWORD, PASSWORD)
    secret = source_option.parse(
        f"mysql://{READER}@localhost:{guarded.server.port}/{DATABASE}"
        f"?ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}".replace("&.pem", "%26.pem")
    )
    assert secret["ssl"] == "verify-full"
    with guarded.server.cursor() as cursor:
        cursor.execute("SET GLOBAL require_secure_transport = ON")
    try:
        summary = execution.run(stack, prepare(stack, contract, secret, "", ""), QUIET)
    finally:
        with pymysql.connect(
            host="127.0.0.1",
            port=guarded.server.port,
            user=mysql.ADMIN,
            password=guarded.server.admin_password,
        ) as connection:
            connection.cursor().execute("SET GLOBAL require_secure_transport = OFF")
    assert summary.status == "SUCCEEDED", summary.error
    assert summary.total("loaded") == 3


def test_certificates_may_stand_in_s3_in_a_file_or_in_the_secret(
    guarded: Guarded, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    guarded.present("right")
    stack.endpoint.client("s3").put_object(
        Bucket=BUCKET, Key="artifacts/ca.pem", Body=guarded.good.pem.encode()
    )
    (tmp_path / "ca.pem").write_text(guarded.good.pem)
    secret = {
        "host": "localhost",
        "port": guarded.server.port,
        "username": READER,
        "password": PASSWORD,
        "dbname": DATABASE,
    }
    for ca in (f"s3://{BUCKET}/artifacts/ca.pem", str(tmp_path / "ca.pem"), guarded.good.pem):
        stack.pipeline.put_secret("tls", {**secret, "ssl_ca": ca})
        source = Source.from_secret("tls")
        assert source.tls.mode == tls.VERIFY
        assert list(source.base_tables()) == ["letters"]


@pytest.mark.parametrize(
    ("host", "mode", "ca", "message"),
    [
        ("a.b.eu-west-1.rds.amazonaws.com", "", "", "global-bundle.pem, put it into S3"),
        ("a.b.rds.cn-north-1.rds.amazonaws.com.cn", "", "", "ssl_ca is missing"),
        ("A.B.RDS.AmazonAWS.com", "", "", "ssl_ca is missing"),
        ("a.b.eu-west-1.rds.amazonaws.com.", "", "", "ssl_ca is missing"),
        ("db.example.org", True, "", "ssl and ssl_ca in its secret are to be texts"),
        ("db.example.org", "", ["x"], "ssl and ssl_ca in its secret are to be texts"),
        ("db.example.org", "verify", "", "ssl = 'verify' is not one of verify-full, encrypted"),
        ("db.example.org", "encrypted", "x.pem", 'ssl_ca is for ssl = "verify-full"'),
        ("db.example.org", "", "/nowhere.pem", "'/nowhere.pem' cannot be read"),
        ("db.example.org", "", "s3://nowhere", "cannot be read"),
        ("db.example.org", "", "-----BEGIN CERTIFICATE-----\n!", "no certificates in PEM"),
    ],
)
def test_what_cannot_be_verified_is_refused_before_a_connection(
    host: str, mode: Any, ca: Any, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        Source(host, 3306, "me", "secret", "shop", mode, ca).base_tables()


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("127.0.0.1", "off"),
        ("localhost", "off"),
        ("127.0.0.2", "off"),
        ("::1", "off"),
        ("db.example.org", "encrypted"),
        ("127.example.org", "encrypted"),
        ("p.proxy-c1.eu-west-1.rds.amazonaws.com", "verify-full"),
    ],
)
def test_without_a_word_the_host_decides(host: str, mode: str) -> None:
    assert Source(host, 3306, "me", "secret", "shop").tls == tls.Tls(mode)


def test_a_host_of_ipv6_is_in_brackets_where_a_port_follows() -> None:
    assert Source("::1", 3306, "me", "secret", "shop").reader_url.endswith("@[::1]:3306/shop")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("ssl-mode=PREFERRED", "PREFERRED is not one of VERIFY_IDENTITY, REQUIRED, DISABLED"),
        ("ssl-mode=VERIFY_CA", "VERIFY_CA is not one of"),
        ("sslmode=REQUIRED", "sslmode: only ssl-mode and ssl-ca are known"),
    ],
)
def test_an_address_that_asks_for_less_is_refused(
    query: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(source_option.PASSWORD, PASSWORD)
    with pytest.raises(SourceError, match=message):
        source_option.parse(f"mysql://me@db.example.org/shop?{query}")
