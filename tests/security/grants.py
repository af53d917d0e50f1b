"""What a stage's SQL needs in Redshift, and what warehouse.sql grants."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from etl_lib.warehouse import statements_of
from workbench.deployment import PREFIX
from workbench.home import REPOSITORY

SCRIPT = REPOSITORY / "stepfunctions" / "warehouse.sql"
USERS = {
    "01_extract": "extract",
    "02_raw_ingest": "raw-ingest",
    "03_transform": "transform",
    "04_load": "load",
    "05_bookmark": "bookmark",
    "06_finalize": "finalize",
}
TABLE = r'"?(\w+)"?\."?([^\s"(;]+)"?'
# What a statement begins with -> the privileges on the table that it names.
# https://docs.aws.amazon.com/redshift/latest/dg/r_GRANT.html
NEEDS = (
    (r"CREATE (?:OR REPLACE )?(?:TABLE|VIEW) (?:IF NOT EXISTS )?", ("CREATE",)),
    (r"DROP (?:TABLE|VIEW) (?:IF EXISTS )?", ("DROP",)),
    (r"INSERT INTO ", ("INSERT",)),
    (r"COPY ", ("INSERT", "ASSUMEROLE")),
    (r"DELETE FROM ", ("DELETE",)),
    (r"UPDATE ", ("UPDATE",)),
    (r"MERGE INTO ", ("INSERT", "UPDATE", "DELETE")),
    (r"LOCK ", ("DELETE",)),
    (r"ALTER TABLE ", ("ALTER",)),
)
Privilege = tuple[str, str]  # what, in which schema


def script(names: Mapping[str, str]) -> list[str]:
    """The statements, their ${Names} filled in."""
    text = SCRIPT.read_text()
    for name, value in names.items():
        text = text.replace("${" + name + "}", value)
    assert "${" not in text.split("\n\n", 1)[1], "a name that is no output of the stack"
    return statements_of(text)


def granted() -> dict[str, set[Privilege]]:
    """User -> its privileges, through its roles."""
    roles: dict[str, set[Privilege]] = defaultdict(set)
    users: dict[str, set[str]] = defaultdict(set)
    for statement in statements_of(SCRIPT.read_text()):
        if found := re.fullmatch(r'GRANT ROLE (\w+) TO "IAMR:\$\{RolePrefix\}([\w-]+)"', statement):
            users[found[2]].add(found[1])
        elif found := re.fullmatch(r"GRANT (.+) ON DATABASE \S+ TO ROLE (\w+)", statement):
            roles[found[2]].add((found[1], "database"))
        elif found := re.fullmatch(r"GRANT ASSUMEROLE ON '.+' TO ROLE (\w+) FOR COPY", statement):
            roles[found[1]].add(("ASSUMEROLE", "copy"))
        elif found := re.fullmatch(
            r'GRANT (.+) (?:ON|FOR TABLES IN) SCHEMA "?(\w+)"? TO ROLE (\w+)', statement
        ):
            roles[found[3]] |= {(each, found[2]) for each in found[1].split(", ")}
        else:
            assert statement.startswith(("CREATE ", "REVOKE ASSUMEROLE")), statement
    return {user: set().union(*(roles[name] for name in names)) for user, names in users.items()}


def needed(requests: Sequence[Mapping[str, Any]]) -> dict[str, dict[Privilege, str]]:
    """User -> privilege -> a statement that needs it, beside what the user owns."""
    asked: dict[str, list[str]] = defaultdict(list)
    for request in requests:
        user = USERS.get(request["caller"].removeprefix(PREFIX), "")
        if user:
            texts = [*request.get("Sqls", ()), *filter(None, [request.get("Sql")])]
            asked[user] += [" ".join(text.split()) for text in texts]
    found: dict[str, dict[Privilege, str]] = {}
    for user, statements in asked.items():
        made = {
            match.groups()
            for text in statements
            if (match := re.match(NEEDS[0][0] + TABLE, text)) is not None
        }
        found[user] = {privilege: text for text in statements for privilege in _needs(text, made)}
    return found


def _needs(text: str, own: set[tuple[str, ...]]) -> Iterator[Privilege]:
    if text.startswith("CREATE SCHEMA"):
        yield "CREATE", "database"
    for pattern, privileges in NEEDS:
        if match := re.match(pattern + TABLE, text):
            for each in privileges:
                if each == "ASSUMEROLE":
                    yield each, "copy"
                elif each == "CREATE" or match.groups() not in own:
                    yield each, match[1]
    for match in re.finditer(rf"\b(?:FROM|JOIN|USING) {TABLE}", text):
        if not text.startswith("COPY") and match.groups() not in own:
            yield "SELECT", match[1]
