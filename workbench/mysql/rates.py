"""The sample's exchange rates."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from workbench.mysql.columns import days, decimal, take
from workbench.mysql.draw import Draw
from workbench.mysql.market import CURRENCIES, DAYS, RATED


def fx_rates(draw: Draw) -> pa.Table:
    """A rate for every day and rated currency: a small random walk; the dollar stays one."""
    day = np.arange(DAYS, dtype=np.int64)
    units = {code: units for code, _, units in CURRENCIES}
    rates = []
    for code in RATED:
        start = 100_000_000_000 // units[code]
        step = draw.between(-40, 40, f"rate {code}", day) * (code != "USD")
        rates.append(start + start * np.cumsum(step) // 10_000)
    return pa.table(
        {
            "rate_date": days(np.repeat(day, len(RATED))),
            "currency": take(RATED, np.tile(np.arange(len(RATED)), DAYS)),
            "usd_per_unit": decimal(np.stack(rates, axis=1).reshape(-1), 18, 8),
        }
    )
