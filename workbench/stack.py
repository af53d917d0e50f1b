"""The laptop's AWS and source, up together, with all that the pipeline needs on them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import boto3

from etl_lib.errors import BadInput
from workbench import endpoint, kernel, source_option
from workbench.clients import Aws
from workbench.home import Home
from workbench.mysql import schema
from workbench.mysql import server as mysql
from workbench.mysql.server import Server
from workbench.pipeline import CONTRACT, LIBRARY, Pipeline
from workbench.target import LOCAL, Target

DATABASE = schema.DATABASE
SECRET = LOCAL.secret
FIELDS = ("host", "port", "username", "password", "dbname")  # of a source's secret

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stack:
    """The running local AWS and MariaDB server of one home; or a stack deployed to an account.

    ``target`` has the names of its things. An account has no ``server`` of ours.
    """

    home: Home
    endpoint: Aws
    maria: Server | None
    target: Target = LOCAL

    @property
    def pipeline(self) -> Pipeline:
        return Pipeline(self.endpoint, self.target)

    @property
    def server(self) -> Server:
        if self.maria is None:
            raise BadInput("an account has no MariaDB server of ours")
        return self.maria

    def secret(self, database: str) -> dict[str, Any]:
        """Where the source is and how to get in: our own server, or what the account keeps."""
        if self.maria is not None:
            return self.maria.secret(database)
        return kept_secret(self.endpoint, self.target.secret)

    def environment(self) -> dict[str, str]:
        """What a kernel needs to run the notebooks against this stack."""
        if self.target.stack:
            return self.endpoint.environment()
        return {
            **kernel.environment(self.endpoint, self.home.jupyter),
            "glue_extra_py_files": f"s3://{self.target.bucket}/{LIBRARY}",
        }

    @contextmanager
    def active(self) -> Iterator[None]:
        """This process, and the kernels it starts, use this stack and no other AWS. What runs in
        them may show its environment: the source's password is not in it."""
        before, session, own = dict(os.environ), boto3.DEFAULT_SESSION, self.environment()
        for name in (*elsewhere(), *source_option.SECRETS):
            os.environ.pop(name, None)
        os.environ.update(own)
        # Of this stack: that of an earlier one has its keys.
        boto3.DEFAULT_SESSION = _session(tuple(sorted(own.items())))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            boto3.DEFAULT_SESSION = session


@lru_cache(maxsize=4)
def _session(environment: tuple[tuple[str, str], ...]) -> Any:
    """The session of a process with this environment. It keeps the services' models, which take a
    tenth of a second to read."""
    return boto3.session.Session()


def elsewhere() -> list[str]:
    """Names of variables that could lead an SDK to another AWS: AWS_PROFILE and its like."""
    return [name for name in os.environ if name.startswith("AWS_")]


def kept_secret(aws: Aws, name: str) -> dict[str, Any]:
    """The source's secret from Secrets Manager. Raises BadInput where it was not filled in."""
    client = aws.client("secretsmanager")
    try:
        found = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    except client.exceptions.ResourceNotFoundException:
        found = None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not set(FIELDS) <= found.keys():
        raise BadInput(
            f"the secret {name} has no {', '.join(FIELDS)} yet: fill it in with "
            "workbook deploy --source mysql://…, or in the console of Secrets Manager"
        )
    return {**found, "port": int(found["port"])}


def up(home: Home, say: Say) -> Stack:
    """Start what does not run yet and put the pipeline's things in place. Safe to repeat."""
    home.create()
    if not mysql.running(home.mysql):
        say("starting MariaDB")
    server = mysql.start(home.mysql)
    schema.create_tables(server, DATABASE)
    return attach(home, server, say)


def running(home: Home) -> Stack | None:
    """The stack as it runs, touched by nothing; None if a part of it does not."""
    local, server = endpoint.load(home.aws), mysql.load(home.mysql)
    if local is None or server is None:
        return None
    if not (endpoint.running(home.aws) and mysql.running(home.mysql)):
        return None
    return Stack(home, local, server)


def attach(home: Home, server: Server, say: Say) -> Stack:
    """As ``up``, with a MariaDB server that runs already, be it another home's."""
    home.create()
    if not endpoint.running(home.aws):
        say("starting the local AWS")
    stack = Stack(home, endpoint.start(home.aws), server)
    stack.pipeline.create()
    stack.pipeline.put_secret(SECRET, server.secret(DATABASE))
    stack.pipeline.publish(CONTRACT)
    kernel.install(home.jupyter)
    return stack


def down(home: Home) -> list[str]:
    """Stop both; returns what was running. All data stays."""
    stopped = {"local AWS": endpoint.stop(home.aws), "MariaDB": mysql.stop(home.mysql)}
    return [name for name, ran in stopped.items() if ran]
