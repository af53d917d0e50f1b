"""What is not alike between the lines, told."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.bench.job import FULL
from workbench.bench.measures import Experiment
from workbench.bench.peers import ALL, Peer
from workbench.bench.sections import Section

# The source's types in DuckDB.
TYPES = {
    "id": "BIGINT",
    "user_id": "INTEGER",
    "quantity": "SMALLINT",
    "price": "DECIMAL(10,2)",
    "created_at": "TIMESTAMP",
    "updated_at": "TIMESTAMP",
    "email": "VARCHAR",
    "city": "VARCHAR",
    "note": "VARCHAR",
    "starts_on": "DATE",
    "is_active": "TINYINT",
    "score": "DOUBLE",
}
OURS = (
    "`workbook run`",
    "the local AWS's Redshift, which is DuckDB behind the Data API",
    "sweeps no deletes here, as no peer does; see above for what it does besides",
    "as Redshift has them",
)


def differences(experiments: Mapping[str, Experiment]) -> Section:
    return Section(
        "What is not alike",
        "All peers merge into a DuckDB file by the key, as our warehouse is a DuckDB, too. Values "
        "are equal; types that are not the source's are named.",
        ("", "destination", "what differs", "types that are not the source's"),
        [OURS, *(_row(peer, experiments) for peer in ALL.values())],
    )


def _row(peer: Peer, experiments: Mapping[str, Experiment]) -> tuple[str, str, str, str]:
    destination = f"DuckDB file, `{peer.relation}`" if peer.relation else "none"
    return peer.title, destination, peer.differs, _types(peer, experiments)


def _types(peer: Peer, experiments: Mapping[str, Experiment]) -> str:
    """As measured; a dash where nothing was, or nothing differs."""
    measures = [each for one in experiments.values() for each in one.of(peer.name, FULL)]
    found = measures[-1].types if measures else {}
    loose = [f"{name} {kind}" for name, kind in found.items() if TYPES[name] != kind]
    return ", ".join(loose) or "–"
