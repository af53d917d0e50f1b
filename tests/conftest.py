"""One local AWS and one MySQL server for the whole session, in a directory of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadFileScheduling

from etl_lib.warehouse import Warehouse
from workbench import endpoint as local_aws
from workbench.aws.glue import classes
from workbench.endpoint import Endpoint
from workbench.home import Home
from workbench.mysql import server as mysql
from workbench.mysql.server import Server

if TYPE_CHECKING:
    from workbench.stack import Stack


# The longest files, the longest first: begun so, they leave no process idle at the end.
LONGEST = (
    "test_operations",  # and with it all that share the lanes
    "test_drill",
    "test_drift",
    "test_soft_deletes",
    "test_policies",
    "test_pipeline",
    "test_execution",
    "test_reconcile",
    "test_deploy",
    "test_jupyterlab",
    "test_quarantine",
    "test_plan",
    "test_indicators",
    "test_rules",
    "test_console",
    "test_engine",
    "test_canary",
    "test_type_matrix",
    "test_unseen_changes",
    "test_mask",
    "test_spread",
    "test_scanners",
    "test_histories",
)
# Files that go on from what another one has made, or warmed up: in one process, and not in both.
TOGETHER = ((*LONGEST[:5], "test_layers"), ("test_execution", "test_reconcile"))


class ByFile(LoadFileScheduling):
    """A file's tests stay together, and so do those of the files above."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((files[0] for files in TOGETHER if Path(file).stem in files), file)


@pytest.hookimpl(optionalhook=True)  # there is no pytest-xdist with -p no:xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {stem: number for number, stem in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture(scope="session", autouse=True)
def no_real_aws() -> None:
    """No test sees the developer's own AWS settings."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


@pytest.fixture(scope="session", autouse=True)
def one_jvm() -> None:
    """For each local AWS: the other process of tests has one, too, and every JVM has to start and
    to warm up anew. In test_pipeline.py jobs have two."""
    os.environ["WORKBOOK_JVMS"] = "1"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("workbook"))


@pytest.fixture(scope="session")
def spark_classes() -> None:
    """The archive of Spark's classes, which `make setup` makes: every JVM starts in half the time.
    Both processes of tests wait for the one that makes it."""
    classes.main()


@pytest.fixture(scope="session")
def endpoint(home: Home, spark_classes: None) -> Iterator[Endpoint]:
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
def lanes(tmp_path_factory: pytest.TempPathFactory, spark_classes: None) -> Iterator[Home]:
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
