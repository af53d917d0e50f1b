"""What follows once the stack stands: contract, secret, rights, bookmarks, and a look at it all."""

from __future__ import annotations

import getpass
import hashlib
import json
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from etl_lib import ledger
from etl_lib.errors import EtlError
from etl_lib.warehouse import statements_of
from workbench import bookmark_commands, operations
from workbench.deployment import FOLDER
from workbench.plan import screen
from workbench.plan.outlook import look
from workbench.stack import Stack

RIGHTS = FOLDER / "warehouse.sql"
PAUSE = 0.25  # seconds between two looks at a statement

Say = Callable[[str], None]


def publish(stack: Stack, contract: Path, secret: Mapping[str, Any] | None, say: Say) -> None:
    """The contract with its SQL; and the source's secret, where it is known here."""
    say(f"contract {stack.pipeline.publish(contract)}")
    if secret is not None:
        whole = {**_mask_key(stack), **secret, **_certificates(stack, secret)}
        stack.endpoint.client("secretsmanager").put_secret_value(
            SecretId=stack.target.secret, SecretString=json.dumps(whole, sort_keys=True)
        )
        say(f"source {secret['host']}:{secret['port']} put into its secret")


def _mask_key(stack: Stack) -> dict[str, str]:
    """Of the secret as it stands: without it, no hash of before could be made again."""
    client = stack.endpoint.client("secretsmanager")
    try:
        text = client.get_secret_value(SecretId=stack.target.secret)["SecretString"]
        return {"mask_key": str(json.loads(text)["mask_key"])}
    except (client.exceptions.ResourceNotFoundException, ValueError, KeyError, TypeError):
        return {}


def _certificates(stack: Stack, secret: Mapping[str, Any]) -> dict[str, str]:
    """A file of this machine's goes to where each job may read it."""
    ca = str(secret.get("ssl_ca", ""))
    if not ca or ca.startswith("s3://"):
        return {}
    body = Path(ca).read_bytes()
    key = f"contract/ca/{hashlib.sha256(body).hexdigest()[:16]}.pem"
    stack.endpoint.client("s3").put_object(Bucket=stack.target.bucket, Key=key, Body=body)
    return {"ssl_ca": f"s3://{stack.target.bucket}/{key}"}


def rights(stack: Stack, outputs: Mapping[str, str], say: Say) -> None:
    """warehouse.sql, as the namespace's administrator; or a word that somebody has to run it."""
    if not RIGHTS.exists():
        return
    try:
        admin = _administrator(stack, outputs)
        script = Template(RIGHTS.read_text("utf-8")).safe_substitute(outputs)
        for statement in statements_of(script):
            _run(stack, statement, admin)
    except (BotoCoreError, ClientError, EtlError, KeyError) as error:
        if "NotImplementedException" in str(error):
            say(f"{RIGHTS.name} was not run: the local Redshift has no users to grant anything to")
        else:
            say(f"{RIGHTS.name} was not run ({_short(error)}): an administrator has to run it once")
    else:
        say(f"{RIGHTS.name} run as the administrator")


def _administrator(stack: Stack, outputs: Mapping[str, str]) -> str:
    """The secret of whoever may do anything in the namespace."""
    client = stack.endpoint.client("redshift-serverless")
    found = client.get_namespace(namespaceName=outputs["NamespaceName"])["namespace"]
    return str(found["adminPasswordSecretArn"])


def _run(stack: Stack, statement: str, secret: str) -> None:
    client = stack.endpoint.client("redshift-data")
    target = stack.target
    started = client.execute_statement(
        WorkgroupName=target.workgroup, Database=target.database, SecretArn=secret, Sql=statement
    )
    while (found := client.describe_statement(Id=started["Id"]))["Status"] not in (
        "FINISHED",
        "FAILED",
        "ABORTED",
    ):
        time.sleep(PAUSE)
    # What warehouse.sql makes stays from one deployment to the next.
    if found["Status"] != "FINISHED" and "already exists" not in found.get("Error", ""):
        raise EtlError(f"{found.get('Error', found['Status'])}: {statement[:80]}")


def bookmarks(stack: Stack, contract: Path, say: Say) -> None:
    """Those that are lost, as the warehouse's ledger has them; none is overwritten."""
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    try:
        with stack.active():
            run = operations.unnamed(contract, stack.target)
            if "ledger" not in ledger.tables(run.warehouse):
                say("bookmarks: none yet, the first run reads every table from its beginning")
                return
            for table in run.tables:
                mark, newest = run.bookmarks.get(table.name), ledger.last(run, table.name)
                if mark.version or newest is None:
                    continue
                changes = bookmark_commands.of_ledger(run, table)
                run.bookmarks.move(mark, changes, who, "deploy", int(newest["sequence"]) + 1)
                say(f"bookmark of {table.name} made from the ledger")
    except (BotoCoreError, ClientError, EtlError) as error:
        say(f"bookmarks were left alone, as the warehouse did not answer ({_short(error)})")


def smoke(stack: Stack, contract: Path, secret: Mapping[str, Any] | None, console: Console) -> bool:
    """A plan of the first run, which tries source, warehouse and bookmarks; False if it would
    stop."""
    try:
        secret = dict(secret or stack.secret(""))
        found = look(stack, contract, secret, [])
    except (BotoCoreError, ClientError, EtlError) as error:
        console.print(
            f"[yellow]not tried[/]: a plan of the first run ({_short(error)}). Mend that, and look "
            "from where source and warehouse can be reached, with `workbook plan` of this stage",
            soft_wrap=True,
        )
        return True
    screen.show_plan(found, console)
    return not (found.refused or any(each.stop for each in found.tables))


def _short(error: BaseException) -> str:
    return str(error).partition("\n")[0]
