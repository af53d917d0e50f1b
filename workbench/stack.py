"""The laptop's AWS and source, up together, with all that the pipeline needs on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3

from workbench import endpoint, kernel, source_option
from workbench.endpoint import Endpoint
from workbench.home import Home
from workbench.mysql import seed
from workbench.mysql import server as mysql
from workbench.mysql.server import Server
from workbench.pipeline import BUCKET, CONTRACT, LIBRARY, Pipeline

DATABASE = seed.DATABASE
SECRET = "rental-apartments/source"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stack:
    """The running local AWS and MariaDB server of one home."""

    home: Home
    endpoint: Endpoint
    server: Server

    @property
    def pipeline(self) -> Pipeline:
        return Pipeline(self.endpoint)

    def environment(self) -> dict[str, str]:
        """What a kernel needs to run the notebooks against this stack."""
        return {
            **kernel.environment(self.endpoint, self.home.jupyter),
            "glue_extra_py_files": f"s3://{BUCKET}/{LIBRARY}",
        }

    @contextmanager
    def active(self) -> Iterator[None]:
        """This process, and the kernels it starts, use this stack and no other AWS. What runs in
        them may show its environment: the source's password is not in it."""
        before = dict(os.environ)
        os.environ.update(self.environment())
        for name in source_option.SECRETS:
            os.environ.pop(name, None)
        boto3.setup_default_session()  # it remembers the keys of an earlier stack
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            boto3.setup_default_session()


def up(home: Home, say: Say) -> Stack:
    """Start what does not run yet and put the pipeline's things in place. Safe to repeat."""
    home.create()
    if not mysql.running(home.mysql):
        say("starting MariaDB")
    server = mysql.start(home.mysql)
    seed.create_tables(server, DATABASE)
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
