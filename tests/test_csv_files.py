"""CSV files replace the tables' content, or change nothing and say where they are wrong."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from workbench.mysql import csv_files, seed
from workbench.mysql.csv_files import CsvError, load_csv
from workbench.mysql.server import Server

DATABASE = "from_csv"
HEADER = "id,title,source,price,currency,listing_created_on,is_active,last_modified_timestamp"
APARTMENTS = f"""\ufeff{HEADER}
5508654087,"One BR, ""new""
with a \\ view\t🏡",RENTCafé,790,USD,2024-05-16 06:56:13,1,2024-05-16 06:56:13

5508654088,,RentLingo,,USD,2024-05-16 06:35:35,0,2024-05-16 06:56:13
"""
VIEWINGS = """user_id,apartment_id,viewed_at,is_wishlisted,call_to_action
2947,5508654087,2024-05-19 22:53:46,y,contact_agent
338,5508654088,2024-05-19 22:53:46,n,shortlisted
"""


@pytest.fixture
def database(mysql_server: Server) -> str:
    seed.create_tables(mysql_server, DATABASE, replace=True)
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute("INSERT INTO apartments (id) VALUES (1)")
    return DATABASE


def rows(server: Server, query: str) -> tuple[tuple[object, ...], ...]:
    with server.cursor(DATABASE) as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def test_files_replace_what_their_tables_held(
    mysql_server: Server, database: str, tmp_path: Path
) -> None:
    (tmp_path / "apartments.csv").write_text(APARTMENTS, encoding="utf-8")
    (tmp_path / "user_viewings.csv").write_text(VIEWINGS)
    counts = load_csv(mysql_server, database, tmp_path)
    assert counts == {"apartments": 2, "apartment_viewings": 2}
    stamp = datetime(2024, 5, 16, 6, 56, 13)
    assert rows(mysql_server, "SELECT * FROM apartments ORDER BY id") == (
        (
            5508654087,
            'One BR, "new"\nwith a \\ view\t🏡',
            "RENTCafé",
            Decimal("790.00"),
            "USD",
            stamp,
            1,
            stamp,
        ),
        (5508654088, "", "RentLingo", None, "USD", datetime(2024, 5, 16, 6, 35, 35), 0, stamp),
    )
    wished = "SELECT COUNT(*) FROM apartment_viewings WHERE is_wishlisted = 'y'"
    assert rows(mysql_server, wished) == ((1,),)


def test_a_column_left_out_gets_its_default(
    mysql_server: Server, database: str, tmp_path: Path
) -> None:
    (tmp_path / "bookings.csv").write_text("booking_id,checkin_date\n7,2024-01-02\n")
    load_csv(mysql_server, database, tmp_path)
    query = "SELECT checkin_date, user_id, updated_at IS NOT NULL FROM bookings"
    assert str(rows(mysql_server, query)) == "((datetime.date(2024, 1, 2), None, 1),)"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("apartments", 'id,price\n1,"2\n"\n\n2,cheap\n', r"line 5: .*'cheap'.*`price`"),
        ("apartments", "id,title\n1,a\nx,b\n", r"line 3: .*'x'.*`id`"),
        ("apartments", "id,listing_created_on\n1,31/12/2024\n", r"line 2: .*`listing_created_on`"),
        ("apartments", f"id,currency\n1,{'x' * 11}\n", r"line 2: .*too long.*'currency'"),
        (
            "apartments",
            "id,price\n1,2\n2,2\n1,3\n",
            r"line 4: Duplicate entry '1' for key 'PRIMARY'",
        ),
        ("apartments", "id,title\n,a\n", r"line 2: .*'id'"),
        ("apartments", "id,title\n1,a\n2\n", r"line 3: 1 fields, but line 1 names 2 columns"),
        ("apartments", "id,cost\n", r"line 1: table apartments has no column 'cost'\. It has: id"),
        ("apartments", "id,id\n", r"line 1: must name each column once"),
        ("apartments", "", r"line 1: must name each column once"),
        ("apartments", 'id,title\n1,"open\n', r"line 2: unexpected end of data"),
        ("flats", "id\n1\n", r"flats\.csv: no table 'flats' in database from_csv, which has apart"),
    ],
)
def test_a_wrong_file_is_told_and_nothing_changes(
    mysql_server: Server, database: str, tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / "apartment_attributes.csv").write_text("id\n8\n9\n")
    (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(CsvError, match=message):
        load_csv(mysql_server, database, tmp_path)
    assert rows(mysql_server, "SELECT id FROM apartments") == ((1,),)
    assert rows(mysql_server, "SELECT COUNT(*) FROM apartment_attributes") == ((0,),)
    assert list(mysql_server.imports.iterdir()) == []


def test_an_empty_directory_is_told(mysql_server: Server, database: str, tmp_path: Path) -> None:
    with pytest.raises(CsvError, match=r"no \.csv file"):
        load_csv(mysql_server, database, tmp_path)


def test_large_files_go_in_blocks_and_keep_their_line_numbers(
    mysql_server: Server, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "_LINES", 10)
    told: list[tuple[str, int, int]] = []
    text = "id,price\n" + "".join(f"{n},{n}\n" for n in range(2, 27))
    (tmp_path / "apartments.csv").write_text(text)
    counts = load_csv(mysql_server, database, tmp_path, progress=lambda *step: told.append(step))
    assert counts == {"apartments": 25}
    assert told[-1] == ("apartments", len(text), len(text))
    (tmp_path / "apartments.csv").write_text(text + "27,x\n")
    with pytest.raises(CsvError, match="line 27: "):
        load_csv(mysql_server, database, tmp_path)
