"""The peers: what each is called, how it is had, and what it does otherwise than the others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from workbench import prerequisites
from workbench.bench import commands, tools
from workbench.bench.job import FULL, PHASES, Command, Job
from workbench.bench.orders import TABLE


@dataclass(frozen=True)
class Peer:
    """``install`` raises NotInstalled. ``relation`` is where it puts the table in its DuckDB file;
    empty if it keeps nothing. ``differs``: how what it does differs from what the others do."""

    name: str
    title: str
    install: Callable[[], object]
    command: Callable[[Job], Command]
    differs: str
    relation: str = TABLE
    phases: tuple[str, ...] = PHASES


def _install_ingestr() -> None:
    tools.environment("ingestr")
    tools.python_library()


def _install_spark() -> None:
    tools.mariadb_driver()
    try:
        prerequisites.java_home()
    except prerequisites.MissingPrerequisite as error:
        raise tools.NotInstalled(str(error)) from None


def _nothing() -> None:
    """It is here already."""


LIMIT = Peer(
    "limit",
    "`mariadb -q` > /dev/null",
    _nothing,
    commands.limit,
    "what reading and sending the rows costs; they are not kept",
    relation="",
    phases=(FULL,),
)
BY_HAND = Peer(
    "by-hand",
    f"connectorx {version('connectorx')}, by hand",
    _nothing,
    commands.by_hand,
    "reads one stream into one Parquet file, DuckDB merges it; asks its own table how far it is",
)
INGESTR = Peer(
    "ingestr",
    f"ingestr {tools.pinned('ingestr')['ingestr']}",
    _install_ingestr,
    commands.ingestr,
    "keeps no watermark: we tell the increment where to begin; with nothing new it reads all again",
)
DLT = Peer(
    "dlt",
    f"dlt {tools.pinned('dlt')['dlt']}, by connectorx",
    lambda: tools.environment("dlt"),
    commands.dlt,
    "keeps a watermark in the destination and in a folder of its own",
    relation=f"bench.{TABLE}",
)
SPARK = Peer(
    "spark",
    f"Spark {version('pyspark')} JDBC script",
    _install_spark,
    commands.spark,
    "as AWS's examples: four ranges of the key to Parquet, COPY, MERGE; here COPY is DuckDB's",
)
SLING = Peer(
    "sling",
    f"Sling {tools.pinned('sling')['sling']}",
    lambda: tools.environment("sling"),
    commands.sling,
    "reads sorted by the stamp, streams into the DuckDB program; deletes and inserts; asks the "
    "destination how far it is",
)
ALL = {peer.name: peer for peer in (LIMIT, BY_HAND, INGESTR, DLT, SPARK, SLING)}
TO_INSTALL = ("ingestr", "dlt", "spark", "sling")


def clear(job: Job) -> None:
    """Remove all that a peer has made."""
    shutil.rmtree(job.folder, ignore_errors=True)
