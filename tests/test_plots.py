"""The pictures of the notebooks: what is small is seen beside what is large; titles say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from etl_lib import claims, plots

CURATED = [
    {"table": "apartments", "good": 794, "quarantined": 6},
    {"table": "bookings", "good": 1_582, "quarantined": 18},
    {"table": "fx_rates", "good": 999_994, "quarantined": 0},
]


@pytest.fixture(autouse=True)
def without_a_window() -> Iterator[None]:
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def texts(figure: Any) -> set[str]:
    return {each.get_text().strip() for axes in figure.axes for each in axes.texts}


def test_a_handful_of_bad_rows_is_seen_beside_a_million_good_ones() -> None:
    figure = plots.verdicts(CURATED)
    good, bad = figure.axes
    figure.canvas.draw()
    wide = [bar.get_width() / bad.get_xlim()[1] for bar in bad.patches]
    assert wide[0] > 0.15 and wide[1] > 0.5 and wide[2] == 0
    assert good.get_xscale() == bad.get_xscale() == "linear" and good.get_xlim()[0] == 0
    assert "scale of their own" in bad.get_title("left")
    assert good.get_xlabel() == bad.get_xlabel() == "rows"


def test_the_title_counts_the_rows_and_each_bar_has_its_number() -> None:
    figure = plots.verdicts(CURATED)
    told = "24 of 1,002,394 rows, 0.0024 %, broke a rule and went to quarantine"
    assert figure.get_suptitle() == told
    assert {"794", "1,582", "999,994", "0"} < texts(figure)
    assert {"6, 0.75 % of its rows", "18, 1.1 % of its rows"} < texts(figure)


def test_the_first_table_stands_on_top_in_both_halves() -> None:
    for axes in plots.verdicts(CURATED).axes:
        assert axes.get_ylim()[0] > axes.get_ylim()[1]


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        (5, 0, "All 5 rows keep the rules: none went to quarantine"),
        (0, 5, "5 of 5 rows, 100.0 %, broke a rule and went to quarantine"),
        (0, 0, "Rows by verdict"),
    ],
)
def test_a_run_without_good_or_without_bad_rows_says_so(good: int, bad: int, told: str) -> None:
    figure = plots.verdicts([{"table": "bookings", "good": good, "quarantined": bad}])
    assert told in (figure.get_suptitle(), figure.axes[0].get_title("left"))


def test_a_long_title_is_not_cut_off() -> None:
    weeks = {"week": ["2024-06-03", "2025-06-02"], "revenue_usd": ["1", "1234567"]}
    figure = plots.indicators(dict.fromkeys(("top_listings_weekly", "other"), pd.DataFrame(weeks)))
    two = {"top_listings_weekly": pd.DataFrame(weeks), "average_listing_price_weekly": prices(1, 2)}
    for each in (figure, plots.indicators(two)):
        each.canvas.draw()
        for axes in each.axes:
            title = axes._left_title.get_window_extent()
            assert title.x1 <= each.bbox.x1 and title.y1 <= each.bbox.y1
            others = [other.bbox for other in each.axes if other is not axes]
            assert not any(title.overlaps(box) for box in others)


def prices(*average: float) -> pd.DataFrame:
    rows = {"week": ["2024-06-03", "2025-06-02"], "average_usd": average, "median_usd": average}
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        (1000, 1000.4, "as much as a year before"),
        (1000, 1001, "0.1 % more than a year before"),
        (1000, 990, "1.0 % less than a year before"),
    ],
)
def test_a_price_that_stayed_is_not_told_as_nought_per_cent_less(
    then: float, now: float, told: str
) -> None:
    assert claims.of("average_listing_price_weekly", prices(then, now)).endswith(told)


def test_an_indicator_stands_under_what_it_says() -> None:
    months = [f"2025-{month:02}-01" for month in range(1, 13)]
    nights = ["12.5"] * 11 + ["13.5"]  # as the Data API gives decimals
    stays = {"month": months, "average_nights": nights, "stays": [10] * 12}
    shares = {"month": months, "repeat_rate": ["0.25"] * 12}
    frames = {
        "average_stay_duration_monthly": pd.DataFrame(stays),
        "repeat_customer_rate_monthly": pd.DataFrame(shares),
    }
    titles = [axes.get_title("left") for axes in plots.indicators(frames).axes]
    assert titles[0] == "A stay has 12.6 nights on average"
    assert titles[1].replace("\n", " ") == claims.of(
        "repeat_customer_rate_monthly", plots.numbers(frames["repeat_customer_rate_monthly"])
    )
