"""Window functions: what Redshift takes in OVER, which is less than DuckDB does."""

from __future__ import annotations

from sqlglot import exp

from workbench.aws.redshift.refusals import SqlError, refused

PAGE = "c_Window_functions.html"
# These need no frame with their ORDER BY.
RANKING = (
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag,
    exp.Lead, exp.WithinGroup,
)  # fmt: skip


def check(tree: exp.Expression) -> None:
    """SqlError for a window that Redshift refuses."""
    for select in tree.find_all(exp.Select):
        if select.args.get("windows"):
            raise refused("The WINDOW clause", PAGE)
    for window in tree.find_all(exp.Window):
        _window(window)


def _window(window: exp.Window) -> None:
    call = window.this
    while isinstance(call, (exp.IgnoreNulls, exp.RespectNulls)):
        call = call.this
    name = call.sql_name() if isinstance(call, exp.Func) else call.key
    if isinstance(call, (exp.Lag, exp.Lead)):
        _lag(call, name.lower(), window)
    if isinstance(call.this, exp.Distinct):
        raise refused("DISTINCT in a window function", PAGE)
    frame = window.args.get("spec")
    if frame is not None:
        _frame(frame)
    elif window.args.get("order") and not isinstance(call, RANKING):
        raise SqlError(
            "Aggregate window functions with an ORDER BY clause require a frame clause. "
            "Write ROWS UNBOUNDED PRECEDING, or another frame"
        )


def _lag(call: exp.Lag | exp.Lead, name: str, window: exp.Window) -> None:
    if call.args.get("default") is not None:
        raise SqlError(f"Default parameter not be supported for window function {name}")
    if not window.args.get("order"):
        raise refused(f"{name.upper()} without ORDER BY", PAGE)


def _frame(frame: exp.WindowSpec) -> None:
    kind = str(frame.args.get("kind")).upper()
    if kind == "RANGE":
        raise SqlError("RANGE clause of window functions not yet implemented")
    if kind != "ROWS":
        raise refused(f"{kind} in a window's frame", PAGE)
    if frame.args.get("exclude"):
        raise refused("EXCLUDE in a window's frame", PAGE)
    for side in ("start", "end"):
        bound = frame.args.get(side)
        if isinstance(bound, exp.Expression) and not _unsigned(bound):
            raise refused("A window's frame of other than unsigned numbers", PAGE)


def _unsigned(bound: exp.Expression) -> bool:
    return isinstance(bound, exp.Literal) and bound.name.isdigit()
