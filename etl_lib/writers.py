"""Who has changed rows and not committed them: InnoDB's list of transactions, where it can be
trusted.

The list is a cache: InnoDB makes it anew only if nobody has read it for 0.1 s, and cuts it off at
16 MiB. So it counts only if a transaction of ours is in it that is younger than what it is to tell,
and if it is short. Ours is known by its session, which must be a new one: of a session that was
used before, an old list may show what it did then.
https://dev.mysql.com/doc/refman/8.0/en/innodb-information-schema-internal-data.html
"""

from __future__ import annotations

import time

import pymysql

from etl_lib.source import Source

POLL = 0.11  # a little longer than the cache lives
MOST = 1_000  # transactions: far below what 16 MiB hold
NO_PROCESS = 1227  # the error of who may not see the list

_LIST = (
    "SELECT trx_id AS id, trx_rows_modified > 0 AS changing, "
    "trx_mysql_thread_id = CONNECTION_ID() AS ours FROM information_schema.innodb_trx"
)


def all_ended(source: Source, patience: float = 0.0) -> bool:
    """Whether every transaction has ended that had changed rows when this was called.

    Waits for them for ``patience`` seconds. False if one lives on, or if the list cannot be
    trusted: then the rows themselves must be looked at.
    """
    deadline = time.monotonic() + patience
    left: set[int] | None = None  # those that were changing rows at first
    with source.connect(new=True) as cursor:
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        while True:
            try:
                cursor.execute(_LIST)
            except pymysql.err.OperationalError as error:
                if error.args[0] == NO_PROCESS:
                    return False
                raise
            found = cursor.fetchall()
            if len(found) < MOST and any(each["ours"] for each in found):
                changing = {each["id"] for each in found if each["changing"]}
                left = changing if left is None else left & changing
                if not left:
                    return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL)
