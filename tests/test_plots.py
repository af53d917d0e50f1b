"""The pictures of the notebooks: what is small is seen beside what is large; titles say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from etl_lib import claims, contract, indicator_plots, plots, show
from etl_lib.contract import Indicator
from etl_lib.errors import ContractError
from etl_lib.warehouse import Warehouse
from workbench import pipeline

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


SAMPLE = {each.name: each for each in pipeline.read_contract(pipeline.CONTRACT).indicators}
PRICE, REVENUE = SAMPLE["average_listing_price_weekly"], SAMPLE["top_listings_weekly"]
OCCUPANCY = SAMPLE["occupancy_rate_monthly"]


def own(plot: str, period: str = "day") -> Indicator:
    """An indicator of a contract that has nothing to do with apartments."""
    text = f"""
name = "shop"
[tables.orders]
keys = ["id"]
[indicators.orders_daily]
title = "Orders by day"
period = "{period}"
[indicators.orders_daily.touched_by]
orders = "all"
[indicators.orders_daily.plot]
{plot}
"""
    return contract.parse(text, "shop.toml").indicators[0]


def claim(indicator: Indicator, frame: pd.DataFrame) -> str:
    return indicator_plots.draw(plt.figure().add_subplot(), indicator, frame)


def test_a_long_title_is_not_cut_off() -> None:
    weeks = {"week": ["2024-06-03", "2025-06-02"], "revenue_usd": ["1", "1234567"]}
    one = {REVENUE.name: pd.DataFrame(weeks), "other": pd.DataFrame(weeks)}
    two = {REVENUE.name: pd.DataFrame(weeks), PRICE.name: prices(1, 2)}
    for each in (plots.indicators([REVENUE], one), plots.indicators([REVENUE, PRICE], two)):
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
        (0, 990, "990 USD a month on average"),
    ],
)
def test_a_price_that_stayed_is_not_told_as_nought_per_cent_less(
    then: float, now: float, told: str
) -> None:
    assert claim(PRICE, prices(then, now)).endswith(told)


def test_an_indicator_stands_under_what_it_says() -> None:
    months = [f"2025-{month:02}-01" for month in range(1, 13)]
    stays = {"month": months, "average_nights": ["12.5"] * 11 + ["13.5"], "stays": [10] * 12}
    shares = {"month": months, "repeat_rate": ["0.25"] * 12}  # as the Data API gives decimals
    stay, repeat = (
        SAMPLE[f"{name}_monthly"] for name in ("average_stay_duration", "repeat_customer_rate")
    )
    frames = {stay.name: pd.DataFrame(stays), repeat.name: pd.DataFrame(shares)}
    figure = plots.indicators([stay, repeat], frames)
    assert [axes.get_title("left").replace("\n", " ") for axes in figure.axes] == [
        "A stay has 12.5 to 13.5 nights on average, by month",
        "25 % of the users who booked in December 2025 had booked within 30 days before",
    ]
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "nights, by check-in",
        "% of booking users",
    ]


def test_every_indicator_of_the_sample_has_a_plot_and_a_claim() -> None:
    assert all(each.plot and each.plot.claim and each.plot.unit for each in SAMPLE.values())


def test_an_indicator_with_nothing_but_nulls_is_drawn_under_its_title() -> None:
    months = pd.DataFrame({"month": ["2025-01-01", "2025-02-01"], "occupancy": [None, None]})
    assert claim(OCCUPANCY, months) == OCCUPANCY.title
    figure = plots.indicators([OCCUPANCY], {OCCUPANCY.name: months})
    figure.canvas.draw()


MONTHS = pd.DataFrame(
    {"month": ["2025-01-01", "2025-02-01", "2025-03-01"], "occupancy": ["0.5", None, "0.25"]}
)


def test_a_null_beside_numbers_is_left_out_of_what_is_told() -> None:
    assert claim(OCCUPANCY, MONTHS).startswith("At best, in January 2025, 50.0 %")


DAYS = pd.DataFrame(
    {
        "day": ["2026-01-01", "2026-01-01", "2026-01-02"],
        "shop": ["Graz", "Linz", "Graz"],
        "orders": ["3", "5", "1"],
    }
)


@pytest.mark.parametrize(
    ("plot", "told"),
    [
        (
            'y = ["orders"]\nof_period = "sum"\nclaim = "{most.orders:.0f} on {most.day}"',
            "8 on 2026-01-01",
        ),
        ('y = ["Orders"]\nof_period = "mean"\nclaim = "{first.orders:.1f}"', "4.0"),
        ('kind = "bars"\ny = ["orders"]\nof_period = "max"\nclaim = "{mean.orders:.0f}"', "3"),
        ('kind = "ranking"\nby = ["shop"]\ny = ["orders"]\nclaim = "{most.shop}"', "Linz"),
        (
            'y = ["orders"]\nof_period = "min"\nfactor = 9\nclaim = "{last.orders}{a_year_before}"',
            "9",
        ),
        ('y = ["orders"]\nof_period = "sum"', "Orders by day"),
        (
            'y = ["orders"]\nclaim = "{last.nothing}"',
            "Orders by day (its claim names no column: nothing)",
        ),
        ('y = ["orders"]\nclaim = "{last.orders:c}"', "\x01"),
        ('y = ["orders"]\nclaim = "{last.shop:d}"', "Orders by day (its claim cannot be told:"),
    ],
)
def test_an_indicator_of_any_contract_is_drawn_as_the_contract_says(plot: str, told: str) -> None:
    indicator = own(f'unit = "orders"\n{plot}')
    assert claim(indicator, DAYS).startswith(told)
    axes = plots.indicators([indicator], {indicator.name: DAYS}).axes[0]
    assert "orders" in (axes.get_ylabel(), axes.get_xlabel())


SUMS = 'y = ["orders"]\nof_period = "sum"\nunit = "orders"\n'


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("2026-01-02", 1), (None, 9), ("2026-01-01", 3)], "from 2026-01-01 to 2026-01-02"),
        ([("2026-01-02", 1), ("9999-12-31", 9)], "from 2026-01-02 to 2026-01-02"),
        ([("2026-01-01", None), ("2026-01-01", None), ("2026-01-02", 1)], "from 2026-01-02"),
        ([("2026-01-01", None)], "Orders by day"),
    ],
)
def test_what_has_no_date_or_no_number_is_neither_drawn_nor_told(
    rows: list[tuple[str | None, int | None]], told: str
) -> None:
    indicator = own(f'{SUMS}claim = "from {{first.day}} to {{last.day}}"')
    frame = show.frame([{"day": day, "orders": number} for day, number in rows])
    assert claim(indicator, frame).startswith(told)


def test_whole_numbers_stay_whole_and_a_year_before_needs_something_to_compare_with() -> None:
    indicator = own(f'{SUMS}claim = "{{last.orders:,d}}{{a_year_before}}"')
    for before, told in ((0, "1,234"), (-100, "1,234"), (617, "1,234, 100.0 % more than a year")):
        frame = pd.DataFrame({"day": ["2025-01-02", "2026-01-02"], "orders": [before, 1234]})
        assert claim(indicator, frame).startswith(told)


def test_dollars_are_dollars_and_no_formula() -> None:
    plot = 'y = ["orders"]\nunit = "$ and $"\nclaim = "from {first.orders} $ to {last.orders} $"'
    figure = plots.indicators([own(plot)], {"orders_daily": DAYS})
    ranking = 'kind = "ranking"\nby = ["shop"]\ny = ["orders"]\nunit = "$ or $"'
    shops = DAYS.assign(shop="Cash$ {50% off$")
    other = plots.indicators([own(ranking)], {"orders_daily": shops})
    for each in (figure, other):
        each.canvas.draw()  # a formula that is none raises
    assert figure.axes[0].get_title("left") == r"from 3 \$ to 1 \$"
    assert other.axes[0].get_yticklabels()[0].get_text() == r"Cash\$ {50% off\$"


def test_what_cannot_be_drawn_is_said_in_its_place_and_stops_nothing() -> None:
    wrong = own('y = ["nothing"]\nunit = "orders"\nclaim = "{last.nothing}"')
    figure = plots.indicators([wrong, OCCUPANCY], {wrong.name: DAYS, OCCUPANCY.name: MONTHS})
    figure.canvas.draw()
    broken, good = figure.axes
    assert broken.get_title("left") == "Orders by day"
    assert broken.texts[0].get_text() == "cannot be drawn: KeyError: 'nothing'"
    assert good.get_title("left").startswith("At best")


def test_no_line_goes_across_months_without_data_and_none_runs_along_the_edge() -> None:
    days = [f"2026-01-{day:02}" for day in range(1, 9)] + ["2026-11-30"]
    frame = pd.DataFrame({"day": days, "orders": [5] * 9})
    (axes,) = plots.indicators(
        [own('y = ["orders"]\nunit = "orders"')], {"orders_daily": frame}
    ).axes
    (line,) = axes.lines
    drawn = [bool(number == number) for number in line.get_ydata()]
    assert drawn == [True] * 8 + [False, True] and line.get_marker() == "o"
    assert axes.get_ylim() == pytest.approx((0, 5.4))


def test_several_bars_in_a_period_are_as_broad_as_one() -> None:
    indicator = own('kind = "bars"\ny = ["orders"]\nunit = "orders"')
    (axes,) = plots.indicators([indicator], {indicator.name: DAYS}).axes
    assert {round(bar.get_width(), 6) for bar in axes.patches} == {0.8}


def test_two_that_are_called_alike_have_a_bar_each() -> None:
    indicator = own('kind = "ranking"\nby = ["a", "b"]\ny = ["n"]\nunit = "orders"')
    rows = pd.DataFrame({"a": ["x, y", "x", None], "b": ["z", "y, z", "z"], "n": [3, 2, 1]})
    (axes,) = plots.indicators([indicator], {indicator.name: rows}).axes
    assert [bar.get_width() for bar in axes.patches] == [3, 2, 1]
    assert len({bar.get_y() for bar in axes.patches}) == 3


@pytest.mark.parametrize("plot", ['y = ["orders"]\nof_period = "mean"', 'y = ["orders"]'])
def test_the_query_reads_what_the_plot_needs(plot: str, warehouse: Warehouse) -> None:
    warehouse.rows("CREATE SCHEMA IF NOT EXISTS presentation")
    warehouse.rows("DROP TABLE IF EXISTS presentation.orders_daily")
    warehouse.rows("CREATE TABLE presentation.orders_daily (day DATE, orders DECIMAL(9, 2))")
    warehouse.rows(
        "INSERT INTO presentation.orders_daily VALUES ('2026-01-01', 3), ('2026-01-01', 5)"
    )
    indicator = own(f'{plot}\nunit = "orders"\nclaim = "{{last.orders:.1f}}"')
    rows = warehouse.rows(indicator_plots.query(indicator))
    assert len(rows) == (1 if "mean" in plot else 2)
    assert claim(indicator, show.frame(rows)) == ("4.0" if "mean" in plot else "5.0")
    warehouse.rows("DROP TABLE presentation.orders_daily")


@pytest.mark.parametrize(
    ("plot", "problem"),
    [
        ("y = []", "plot.y: names no column"),
        ('y = ["a"]\nkind = "pie"', "'pie' is not one of line, bars, ranking"),
        ('y = ["a"]\nkind = "ranking"', "plot.by: a ranking needs"),
        ('y = ["a"]\nby = ["b"]', "plot.by: is for a ranking"),
        ('y = ["a"]\nof_period = "median"', "'median' is not one of max, min, mean, sum"),
        ('y = ["a", "b"]\nkind = "bars"', "bars draw one column"),
        ('y = ["a"]\nnames = ["a", "b"]', "2 for 1 columns"),
        ('y = ["a"]\nfactor = nan', "is no factor"),
        (f'y = ["a"]\nfactor = 1{"0" * 400}', "is no factor"),
        ('y = ["a", "A"]', "'a' is named twice"),
        ('y = ["day"]', "'day' is named twice"),
        ('y = ["a"]\nkind = "ranking"\nby = ["b", "b"]', "'b' is named twice"),
        ('y = ["a"]\nof_period = "sum"\nclaim = "{last.b}"', "{last.b}: the plot has only a, day"),
        ('y = ["a"]\nclaim = "{last.A}"', "in lower case"),
        ('y = ["a"]\nclaim = "{last.a"', "a brace that is not a place is written twice"),
        ('y = ["a"]\nclaim = "{newest.a}"', "{newest.a} is not one of first.<column>"),
        ('y = ["a"]\nclaim = "{last.__class__}"', "is not one of"),
        ('y = ["a"]\nclaim = "{last.a.b}"', "is not one of"),
        ('y = ["a"]\nclaim = "{last.a!r}"', "may only have a short format"),
        ('y = ["a"]\nclaim = "{last.a:>100000}"', "may only have a short format"),
        ('y = ["a"]\ncolour = "red"', "unknown setting"),
    ],
)
def test_a_plot_that_cannot_be_drawn_is_refused_with_the_contract(plot: str, problem: str) -> None:
    with pytest.raises(ContractError) as refused:
        own(f'unit = "orders"\n{plot}')
    assert problem in str(refused.value) and "indicators.orders_daily.plot" in str(refused.value)


def test_a_brace_that_is_written_twice_is_a_brace() -> None:
    assert claims.problem("100 {{per cent}}", []) == ""
