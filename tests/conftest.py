"""One local AWS and one MySQL server for the whole session, in a directory of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from etl_lib.warehouse import Warehouse
from workbench import endpoint as local_aws
from workbench.endpoint import Endpoint
from workbench.home import Home
from workbench.mysql import server as mysql
from workbench.mysql.server import Server

if TYPE_CHECKING:
    from workbench.stack import Stack


# The longest files: begun first, they do not leave the other process idle at the end.
LONGEST = (
    "test_pipeline",
    "test_execution",
    "test_parity",
    "test_engine",
    "test_reconcile",
    "test_histories",
    "test_unseen_changes",
    "test_drift",
    "test_type_matrix",
    "test_bench",
    "test_indicators",
    "test_operations",
    "test_jupyterlab",
    "test_drill",
    "test_rules",
    "test_soft_deletes",
    "test_spread",
    "test_deploy",
    "test_canary",
    "test_mask",
    "test_policies",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def no_real_aws() -> None:
    """No test sees the developer's own AWS settings."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


@pytest.fixture(scope="session", autouse=True)
def one_jvm() -> None:
    """For each local AWS: the other process of tests has one, too, and every JVM has to start and
    to warm up anew. In test_parity.py jobs have two."""
    os.environ["WORKBOOK_JVMS"] = "1"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("workbook"))


@pytest.fixture(scope="session")
def endpoint(home: Home) -> Iterator[Endpoint]:
    """The local AWS, running."""
    yield local_aws.start(home.aws)
    local_aws.stop(home.aws)


@pytest.fixture(scope="session")
def mysql_server(home: Home) -> Iterator[Server]:
    """A MariaDB server of our own, running. What it holds is thrown away at the end: a commit
    need not wait for the disk."""
    server = mysql.start(home.mysql)
    with server.cursor() as cursor:
        cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    yield server
    mysql.stop(home.mysql)


@pytest.fixture(scope="session")
def stack(home: Home, endpoint: Endpoint, mysql_server: Server) -> Stack:
    """Local AWS and MySQL with all that the pipeline needs on them."""
    from workbench import stack as stacks

    return stacks.up(home, lambda text: None)


@pytest.fixture(scope="session")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """For the drill's lanes, one after the other: a local AWS that can have faults."""
    home = Home(tmp_path_factory.mktemp("lanes"))
    yield home
    local_aws.stop(home.aws)


@pytest.fixture
def warehouse(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The warehouse, with this process pointed at the local AWS."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    return Warehouse("rental-apartments", "dev", "")
