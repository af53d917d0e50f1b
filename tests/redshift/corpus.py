"""Statements with the outcome that AWS's documentation gives, by its pages."""

from __future__ import annotations

from tests.redshift.functions import FUNCTIONS
from tests.redshift.loads import LOADS
from tests.redshift.queries import QUERIES
from tests.redshift.tables import TABLES
from tests.redshift.types import TYPES
from tests.redshift.writes import WRITES

SETUP = (
    "CREATE TABLE corpus_t (id BIGINT NOT NULL, n INTEGER, s VARCHAR(5), d DATE, x DECIMAL(10,2))",
    "INSERT INTO corpus_t VALUES (1, 10, 'a', '2024-01-31', 1.50), "
    "(2, 20, 'b', '2024-02-29', 2.25), (3, NULL, NULL, NULL, NULL)",
    "CREATE TABLE corpus_u (id BIGINT, n INTEGER)",
    "INSERT INTO corpus_u VALUES (1, 100), (4, 400)",
)

FILES = {"rows": b"1|a\n2|b\n", "documents": b'{"id": 1, "a": {"b": [2]}}\n'}  # of corpus-files

MORE = (
    "CREATE TABLE corpus_a (id INTEGER, s VARCHAR(5), gone INTEGER, dropped INTEGER)",
    "CREATE TABLE corpus_c (c CHAR(2))",
    "CREATE TABLE corpus_d (id INTEGER)",
    "CREATE TABLE corpus_l (id INTEGER, s VARCHAR(5))",
    "CREATE TABLE corpus_v (id BIGINT, n INTEGER)",
    "CREATE TABLE corpus_i (id BIGINT IDENTITY(1, 1), s VARCHAR(5))",
    "CREATE TABLE corpus_w (id BIGINT, n VARCHAR(5))",
    "CREATE TABLE corpus_19 (a DECIMAL(19,0), b DECIMAL(19,2))",
    "CREATE TABLE corpus_p (id INTEGER PRIMARY KEY, s VARCHAR(5), n INTEGER, m INTEGER UNIQUE)",
    'CREATE TABLE corpus_q (a INTEGER, B INTEGER, c INTEGER, CONSTRAINT k PRIMARY KEY (A, "b"))',
    "CREATE TABLE corpus_s (id INTEGER, a SUPER)",
    "CREATE TABLE corpus_document (a SUPER)",
    "CREATE TABLE corpus_twice (id BIGINT, n INTEGER)",
    "INSERT INTO corpus_twice VALUES (1, 1), (1, 2)",
)

# In this order: the last ones change what the others read.
PAGES = (*TABLES, *TYPES, *QUERIES, *FUNCTIONS, *LOADS, *WRITES)
