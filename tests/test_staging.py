"""The tables that a run makes in the warehouse name only columns that they have."""

from __future__ import annotations

from etl_lib import staging
from etl_lib.contract import Table


def test_quarantine_is_laid_out_by_the_keys_that_it_holds() -> None:
    table = Table("sales", ("Id", "at"), distkey="shop", sortkey=("AT", "amount"), min_rows=0)
    columns = [{"name": "id", "type": "BIGINT"}, {"name": "at", "type": "TIMESTAMP"}]
    made = staging.create("quarantine.sales", columns, staging.keyed(table), permanent=True)
    assert made.endswith(') DISTSTYLE AUTO SORTKEY ("AT")')
    whole = staging.create("raw.sales", columns, table, permanent=True)
    assert whole.endswith(') DISTKEY ("shop") SORTKEY ("AT", "amount")')
