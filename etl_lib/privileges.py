"""What a source hides from a user that has not the PROCESS privilege, and how to mend it."""

from __future__ import annotations

from typing import Optional

from etl_lib.source import Source

# MariaDB and MySQL list the privileges of who asks, quoted as in GRANT.
PROCESS = (
    "SELECT COUNT(*) AS n FROM information_schema.user_privileges "
    "WHERE privilege_type = 'PROCESS' AND grantee = CONCAT('\\'', "
    "REPLACE(CURRENT_USER(), '@', '\\'@\\''), '\\'')"
)


def grant(source: Source) -> str:
    """What the source's administrator types, so that the statements that run can be seen."""
    user, _, host = str(source.rows("SELECT CURRENT_USER() AS me")[0]["me"]).rpartition("@")
    return f"GRANT PROCESS ON *.* TO '{user}'@'{host}'"


def hidden(source: Source, lag: int) -> Optional[str]:
    """What follows for its windows, if it hides the statements of others; None if it does not."""
    if source.rows(PROCESS)[0]["n"]:
        return None
    return (
        f"the source hides its statements from {source.username}, who has not the PROCESS "
        f"privilege: windows end {lag} s before now (lag), and what was written since comes with "
        f"the next run. To see them to the end, as the source's administrator: {grant(source)}"
    )
