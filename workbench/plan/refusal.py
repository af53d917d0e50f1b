"""A contract whose SQL names what is not there is refused before a run begins.

What was found good once is not read again, as long as the contract, the source's columns and what
judges them stay: to load the parser takes longer than to look at a source that has not changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from etl_lib.errors import ContractError
from workbench import pipeline
from workbench.home import Home

Columns = Sequence[Mapping[str, str]]  # as a plan has them


def refuse_misnamed(
    home: Home, contract: Path, tables: Sequence[str], columns: Mapping[str, Columns]
) -> None:
    """Hold the names in the SQL about the ``tables`` that are to move against their ``columns``; of
    a source that is out of reach none are known, and only the indicators are looked at.

    Raises ContractError.
    """
    judge = (Path(__file__).parent / "names.py").read_text(encoding="utf-8")
    asked = [judge, pipeline.published(contract)[0], list(tables), columns]
    seen = json.dumps(asked, sort_keys=True)
    good = home.root / "contracts" / hashlib.sha256(seen.encode()).hexdigest()[:32]
    if good.exists():
        return
    wrong = misnamed(contract, columns)
    for name in tables:
        if told := wrong.get(name):
            raise ContractError(str(contract), f"tables.{name}", " ".join(told))
    good.parent.mkdir(exist_ok=True)
    good.touch()


def misnamed(contract: Path, columns: Mapping[str, Columns]) -> dict[str, list[str]]:
    """Table -> a sentence for each name in the SQL about it that is no column."""
    from workbench.plan import names

    parsed = pipeline.read_contract(contract)
    wrong = {
        name: [
            *names.unknown(parsed, parsed.tables[name], own),
            *names.unknown_there(parsed, parsed.tables[name], columns),
        ]
        for name, own in columns.items()
    }
    for name, told in names.misnamed_results(parsed, pipeline.indicator_queries(contract)).items():
        wrong.setdefault(name, []).extend(told)
    return wrong
