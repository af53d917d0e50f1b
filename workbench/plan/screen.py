"""A plan and its cost on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from etl_lib.expectations import WARNED
from workbench.plan import alternatives
from workbench.plan.cost import Basis, Line, redshift_seconds, total
from workbench.plan.outlook import Outlook
from workbench.plan.prices import COLLECTED, REGION
from workbench.plan.windows import Forecast
from workbench.tables import Column, fitted, left_out

COLUMNS = (
    Column("table"),
    Column("mode"),
    Column("window"),
    Column("rows", right=True),
    Column("bytes", 1, right=True),
)
EXPECTED = (
    Column("table"),
    Column("check"),
    Column("found"),
    Column("the contract expects"),
    Column("state"),
)
KEYS_CHANGED = "keys came or went; they are compared, and deletes loaded"
# After a bookmark that was made or set, or rows that were moved beside the table's runs.
KEYS_UNKNOWN = "keys are compared once: what they were is not known"


def show_plan(found: Outlook, console: Console) -> None:
    title, cells = "What a run started now would move", [_cells(each) for each in found.tables]
    console.print(fitted(COLUMNS, cells, console.width, title))
    if names := left_out(COLUMNS, cells, console.width):
        console.print(f"[dim]no room for {', '.join(names)}: a wider terminal or --json has it[/]")
    if any(each.checks for each in found.tables):
        console.print(_expectations(found.tables, console.width))
    for text in [*_remarks(found), *filter(None, [found.hidden])]:
        console.print(text, soft_wrap=True, markup=False, style="yellow")
    console.print(_verdict(found))


def _verdict(found: Outlook) -> str:
    if found.refused:
        return "[bold red]the run would not begin[/]: the contract names what is not there"
    if any(each.stop for each in found.tables):
        return "[bold red]the run would stop[/], and nothing would be loaded"
    if found.held:
        return "[bold red]the run would not begin[/] while the lease is held"
    rows, size = (sum(getattr(each, of) for each in found.tables) for of in ("rows", "bytes"))
    return f"{rows:,} row{'s' * (rows != 1)}, about {amount(size)}; nothing was written"


def show_cost(basis: Basis, found: Sequence[Line], console: Console) -> None:
    console.print(_cost("What such a run costs on AWS, in dollars", found, True))
    month = {
        "this workbook": total(found)[1],
        "DMS": _other("Instead: AWS DMS, a month", alternatives.dms(basis), console),
        "zero-ETL": _other(
            "Instead: Aurora zero-ETL, a month", alternatives.zero_etl(basis), console
        ),
    }
    told = ", ".join(f"{name} ${dollars(value)}" for name, value in month.items())
    console.print(f"a month with a run every {_every(basis.hours)}: {told}", soft_wrap=True)
    console.print(_prices([*found, *alternatives.dms(basis), *alternatives.zero_etl(basis)]))
    for text in assumptions(basis):
        console.print(f"- {text}", soft_wrap=True, markup=False)


def dollars(value: float) -> str:
    """Three digits: more would pretend to be known."""
    if not value:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def amount(size: float) -> str:
    for least, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= least:
            return f"{size / least:,.3g} {unit}" if size < 1e12 else f"{size / least:,.0f} {unit}"
    return f"{size:,.0f} bytes"


def assumptions(basis: Basis) -> Iterator[str]:
    """What the figures stand on, for a person to judge them by."""
    yield (
        f"list prices of {REGION} without free tiers, taxes and discounts; "
        "unverified: neither AWS's page nor a quotation of it was at hand"
    )
    measured = {stage: rate for stage, rate in basis.rates.items() if rate.runs}
    guessed = sorted(set(basis.rates) - set(measured))
    if measured:
        runs = sum(rate.runs for rate in measured.values())
        yield (
            f"job runs are taken to need as long on AWS as {runs} of them needed here, by their "
            "rows; the time in which Glue installs modules is not in it"
        )
    if guessed:
        yield f"not measured, a guess: how long {', '.join(guessed)} take"
    yield (
        f"Redshift Serverless: {basis.rpus} RPUs, busy for {redshift_seconds(basis):,.0f} s, as "
        "long as the job runs that ask it and a minute at least for each round of them: it is less "
        "if their questions follow each other closely. Without a pause it would be "
        f"{dollars(alternatives.without_pause(basis))} a month, which is also what DMS and "
        "zero-ETL come to if changes are applied as they arrive"
    )
    quiet = basis.flow.tables - basis.flow.busy
    yield f"{basis.flow.job_runs} job runs; {quiet} tables without news have 01_extract alone"
    yield (
        "a month is of runs like this one. Files stay all month; raw and curated hold each table "
        "once, at the size that it has in MySQL"
    )
    yield "a guess: the bytes of logs. Counted on the local AWS: requests to S3 and DynamoDB"
    yield (
        "left out: Aurora itself and its CPU, NAT gateway or VPC endpoints, KMS, SNS, queries of "
        "people. DMS and zero-ETL make no curated tables, checks, quarantine and indicators"
    )


def _cells(each: Forecast) -> list[str]:
    if each.stop:
        return [each.table, f"{each.mode}\nstop", *["—"] * 3]
    if each.mode == "full":
        mode, window = each.mode, "all" if each.rows else "as it was"
    else:
        mode = f"{each.mode}\n{each.tier}"
        window = f"{each.low or 'the beginning'}\n{each.high}"
    return [each.table, mode, window, f"{each.rows:,}", amount(each.bytes)]


def _expectations(found: Sequence[Forecast], width: int) -> Table:
    """How each table was judged as a whole; what broke the contract is a stop, and told as such."""
    judged = [(each.table, check) for each in found for check in each.checks]
    names = ("check", "found", "allowed", "state")
    rows = [[table, *(check[name] for name in names)] for table, check in judged]
    styles = ["yellow" if check["state"] == WARNED else "" for _, check in judged]
    return fitted(EXPECTED, rows, width, "What the contract expects", styles)


def _remarks(found: Outlook) -> Iterator[str]:
    if found.held:
        yield (
            f"the lease is held by {found.held}: a run started now would wait, or end with "
            "LeaseHeld"
        )
    if found.stale:
        yield (
            f"to be computed anew, of rows that an earlier run has loaded: {', '.join(found.stale)}"
        )
    for each in found.tables:
        if each.stop:
            yield each.stop
        if each.adopts:
            yield f"{each.table}: run {each.adopts} did not end; its window is taken up as it is"
        if each.repairs:
            yield f"{each.table}: run {each.repairs} has loaded; its bookmark follows first"
        if each.keys_changed and each.low:
            yield f"{each.table}: {KEYS_CHANGED if each.keys_known else KEYS_UNKNOWN}"
        yield from (f"{each.table}: {change}" for change in each.drift)
        yield from (f"{each.table}: {name}" for name in each.unknown)


def _other(title: str, found: Sequence[Line], console: Console) -> float:
    console.print(_cost(title, found, False))
    return total(found)[1]


def _cost(title: str, found: Sequence[Line], runs: bool) -> Table:
    numbers = ("a run", "$ a run", "a month", "$ a month")
    shown = numbers if runs else numbers[2:]
    picture = _picture(title, ("", *shown, "unit"), shown)
    for line in found:
        run = _pair(line.run, line.run_dollars) if runs else []
        picture.add_row(line.what, *run, *_pair(line.month, line.month_dollars), line.price.unit)
    once, monthly = map(dollars, total(found))
    picture.add_row("[bold]total[/]", *(["", once] if runs else []), "", monthly, "")
    return picture


def _prices(found: Sequence[Line]) -> Table:
    """Each price once, where AWS says so, and of when it is."""
    title = f"Prices in {REGION}, collected {COLLECTED}; pages of aws.amazon.com"
    picture = _picture(title, ("$", "for a", "as of", "page"), ("$",))
    for price in dict.fromkeys(line.price for line in found):
        page = price.page.removeprefix("https://aws.amazon.com/")
        picture.add_row(f"{price.dollars:.3g}", price.unit, price.mark, page)
    return picture


def _pair(quantity: float, cost: float) -> list[str]:
    return [f"{quantity:,.0f}" if quantity >= 100 else f"{quantity:.3g}", dollars(cost)]


def _picture(title: str, columns: Sequence[str], right: Sequence[str]) -> Table:
    picture = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for name in columns:
        picture.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    return picture


def _every(hours: float) -> str:
    return f"{hours:g} h" if hours >= 1 else f"{hours * 60:g} min"
