"""MERGE leaves the same rows however the local Redshift goes about it."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.test_redshift_data import data, fresh, rows, run  # noqa: F401  (data is a fixture)

KEYS = st.one_of(st.none(), st.integers(1, 5))
ROWS = st.lists(st.tuples(KEYS, st.sampled_from("abc"), st.one_of(st.none(), st.just(7))))
WHOLE = "SET id = s.id, v = s.v, n = s.n"  # each column: as our loads merge
SOME = "SET v = s.v"

Row = tuple[int | None, str, int | None]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@example([(1, "a", None), (1, "b", None)], [(1, "c", 7)], WHOLE)
@example([], [(1, "c", 7), (1, "b", 7)], WHOLE)
@example([(1, "a", None)], [(1, "c", 7), (1, "b", 7)], WHOLE)
@given(target=ROWS, source=ROWS, update=st.sampled_from([WHOLE, SOME]))
def test_rows_are_replaced_or_inserted_as_the_statement_says(
    data: Any,  # noqa: F811
    target: list[Row],
    source: list[Row],
    update: str,
) -> None:
    t, s = fresh(), fresh()
    for name, held in ((t, target), (s, source)):
        run(data, f"CREATE TABLE {name} (id INTEGER ENCODE RAW, v VARCHAR(9), n INTEGER)")
        if held:
            run(data, f"INSERT INTO {name} VALUES {', '.join(map(_values, held))}")
    merged = run(
        data,
        f"MERGE INTO {t} USING {s} AS s ON {t}.id = s.id WHEN MATCHED THEN UPDATE {update} "
        "WHEN NOT MATCHED THEN INSERT (n, id, v) VALUES (s.n, s.id, s.v)",
    )
    found = sorted(map(str, rows(data, f"SELECT id, v, n FROM {t}")))
    expected = _merged(target, source, update == WHOLE)
    if expected is None:
        assert "Found multiple matches" in merged["Error"]
        expected = target
    else:
        assert merged["Status"] == "FINISHED", merged["Error"]
        assert merged["ResultRows"] == len(expected) - len(target) + _matches(target, source)
    assert found == sorted(str(list(each)) for each in expected)
    for name in (t, s):
        run(data, f"DROP TABLE {name}")


def _values(row: Row) -> str:
    key, text, number = row
    return f"({'NULL' if key is None else key}, '{text}', {'NULL' if number is None else number})"


def _matches(target: list[Row], source: list[Row]) -> int:
    return sum(old[0] == new[0] != None for old in target for new in source)  # noqa: E711


def _merged(target: list[Row], source: list[Row], whole: bool) -> list[Row] | None:
    """The target after it; None where two rows of the source match one of the target."""
    there = {key for key, _, _ in target if key is not None}
    keys = [key for key, _, _ in source if key in there]
    if len(keys) != len(set(keys)):
        return None
    new = {row[0]: row for row in source if row[0] in there}
    kept = [
        (new[row[0]] if whole else (row[0], new[row[0]][1], row[2])) if row[0] in new else row
        for row in target
    ]
    return kept + [row for row in source if row[0] not in there]
