"""Everything that runs leave behind here, by channel: to look for what must not be there.

A word is looked for as it is, in base64 at each of its three places, as hexadecimal digits and as
UTF-16; files of Parquet, archives and the warehouse are opened. A word of letters and digits is
itself in a URL, in JSON and in HTML, too.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pyarrow.parquet as pq

from etl_lib.identifiers import redshift
from etl_lib.warehouse import Warehouse
from workbench.console.access import Access
from workbench.console.app import make
from workbench.endpoint import Endpoint
from workbench.pipeline import BOOKMARKS, BUCKET
from workbench.stack import Stack

Pieces = Mapping[str, bytes]  # where -> what stands there
PAGES = 80  # of the console, the runs' own first


def forms(word: str) -> list[bytes]:
    """The word as it may be written."""
    plain = word.encode()
    coded = [base64.b64encode(b"x" * place + plain)[4 if place else 0 : -4] for place in range(3)]
    return [
        plain,
        *coded,
        plain.hex().encode(),
        plain.hex().upper().encode(),
        word.encode("utf-16-le"),
    ]


def found(words: Iterable[str], pieces: Pieces) -> list[str]:
    """Where one of the words stands."""
    sought = [form for word in words for form in forms(word)]
    return [where for where, body in pieces.items() if any(form in body for form in sought)]


def opened(name: str, body: bytes) -> bytes:
    """``body`` with what is packed in it."""
    if name.endswith(".parquet"):
        return body + repr(pq.read_table(io.BytesIO(body)).to_pylist()).encode()
    if body.startswith(b"\x1f\x8b"):
        return body + gzip.decompress(body)
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return body + b"".join(archive.read(member) for member in archive.namelist())
    return body


def files(*roots: Path) -> Pieces:
    """Every file below, by its path."""
    found = {}
    for path in (path for root in roots for path in [root, *root.rglob("*")]):
        with suppress(FileNotFoundError):  # what is at work makes and removes some
            if path.is_file() and not path.is_symlink():
                found[str(path)] = opened(path.name, path.read_bytes())
    return found


def channels(stack: Stack, run_ids: Sequence[str], since: datetime) -> dict[str, Pieces]:
    """What AWS's own interfaces, the console and the runs' folders show of these runs, and of all
    that was done ``since``."""
    aws = stack.endpoint
    runs = {path.name: path for path in stack.home.runs.iterdir() if path.name in run_ids}
    kept = files(*runs.values())
    return {
        "summaries": _only(kept, "summary.json"),
        "reports": _only(kept, ".html"),
        "executed notebooks": _only(kept, ".ipynb"),
        **_glue(aws, since),
        **_states(aws, since),
        "job logs": _logs(aws),
        "objects": _objects(aws, since),
        "object names": {"keys": repr([key for key, _ in _listed(aws)]).encode()},
        "bookmarks and leases": _told(
            aws.client("dynamodb").get_paginator("scan").paginate(TableName=BOOKMARKS)
        ),
        **_warehouse(stack),
        "schedules": _told([aws.client("scheduler").list_schedules()]),
        "console pages": pages(stack, run_ids),
    }


def _only(pieces: Pieces, ending: str) -> Pieces:
    return {where: body for where, body in pieces.items() if where.endswith(ending)}


def _told(answers: Iterable[Any]) -> Pieces:
    return {
        f"answer {number}": json.dumps(each, default=repr).encode()
        for number, each in enumerate(answers)
    }


def _glue(aws: Endpoint, since: datetime) -> dict[str, Pieces]:
    glue = aws.client("glue")
    jobs = list(glue.get_paginator("get_jobs").paginate())
    runs = [
        run
        for job in (job for page in jobs for job in page["Jobs"])
        for page in glue.get_paginator("get_job_runs").paginate(JobName=job["Name"])
        for run in page["JobRuns"]
        if run["StartedOn"] >= since
    ]
    sessions = glue.list_sessions()["Sessions"]
    statements = [glue.list_statements(SessionId=each["Id"]) for each in sessions]
    return {
        "jobs": _told(jobs),
        "job runs with their arguments": _told(runs),
        "sessions": _told(sessions),
        "statements of sessions": _told(statements),
    }


def _states(aws: Endpoint, since: datetime) -> dict[str, Pieces]:
    states = aws.client("stepfunctions")
    machines = states.list_state_machines()["stateMachines"]
    arns = [each["stateMachineArn"] for each in machines]
    executions = [
        each["executionArn"]
        for arn in arns
        for each in states.list_executions(stateMachineArn=arn)["executions"]
        if each["startDate"] >= since
    ]
    history = states.get_paginator("get_execution_history")
    return {
        "state machines": _told(states.describe_state_machine(stateMachineArn=arn) for arn in arns),
        "executions": _told(states.describe_execution(executionArn=arn) for arn in executions),
        "execution histories": _told(
            page
            for arn in executions
            for page in history.paginate(executionArn=arn, includeExecutionData=True)
        ),
    }


def _logs(aws: Endpoint) -> Pieces:
    logs = aws.client("logs")
    found = {}
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name)
        said = (event["message"] for page in pages for event in page["events"])
        found[name] = "\n".join(said).encode()
    return found


def _listed(aws: Endpoint) -> Iterator[tuple[str, Any]]:
    for page in aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        yield from ((each["Key"], each) for each in page.get("Contents", ()))


def _objects(aws: Endpoint, since: datetime) -> Pieces:
    s3 = aws.client("s3")
    return {
        key: opened(key, s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        for key, each in _listed(aws)
        if each["LastModified"] >= since
    }


def _warehouse(stack: Stack) -> dict[str, Pieces]:
    """Every row of every table, and every statement that was sent."""
    with stack.active():
        warehouse = Warehouse("rental-apartments", "dev", "")
        names = warehouse.rows(
            "SELECT table_schema AS s, table_name AS t FROM svv_tables WHERE table_schema IN "
            "('raw', 'curated', 'quarantine', 'presentation', 'etl', 'tmp')"
        )
        rows = {
            f"{each['s']}.{each['t']}": repr(
                warehouse.rows(f"SELECT * FROM {redshift(each['s'], each['t'])}")
            ).encode()
            for each in names
        }
    data = stack.endpoint.client("redshift-data")
    pages = data.get_paginator("list_statements").paginate(Status="ALL", RoleLevel=True)
    return {"warehouse rows": rows, "warehouse statements": _told(pages)}


def pages(stack: Stack, run_ids: Sequence[str]) -> Pieces:
    """The console's pages from its sections on, those that name one of the runs first."""
    access = Access(1, "token")
    client = make(stack.home, access).test_client()
    client.set_cookie(access.cookie, access.token, domain="127.0.0.1")
    found: dict[str, bytes] = {}
    todo = ["/executions/"]
    while todo and len(found) < PAGES:
        path = todo.pop(0)
        with client.get(path, base_url="http://127.0.0.1:1") as reply:
            found[path] = reply.data
        for link in _links(found[path].decode(errors="replace"), path):
            if link not in found and link not in todo:
                own = any(run_id in link for run_id in run_ids)
                todo.insert(0, link) if own else todo.append(link)
    return found


def _links(page: str, path: str) -> list[str]:
    from html.parser import HTMLParser

    seen = []

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            href = dict(attributes).get("href")
            if tag == "a" and href and not urlsplit(href).scheme:
                seen.append(urljoin(path, href.partition("#")[0]))

    Links().feed(page)
    return seen


@contextmanager
def watched(own: set[int]) -> Iterator[dict[str, dict[str, bytes]]]:
    """Arguments and environments of all processes meanwhile; environments without those of
    ``own``, which were given the word there."""
    seen: dict[str, dict[str, bytes]] = {"process arguments": {}, "process environments": {}}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    line = (process / "cmdline").read_bytes()
                    seen["process arguments"][f"{process.name} {hash(line)}"] = line
                    if int(process.name) not in own and process.stat().st_uid == os.getuid():
                        told = (process / "environ").read_bytes()
                        seen["process environments"][f"{process.name} {line[:80]!r}"] = told

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
