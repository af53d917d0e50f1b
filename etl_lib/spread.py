"""A window in ranges that Spark's executors read, each with a connection and files of its own.

What a task returns counts: files of one that failed, or was run twice, no manifest lists.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Union

from etl_lib import written
from etl_lib.errors import EtlError, RunFailed, SourceError
from etl_lib.progress import Progress
from etl_lib.reading import Query
from etl_lib.source import Source
from etl_lib.written import Written
from etl_lib.zone import Zone

if TYPE_CHECKING:
    from pyspark import SparkContext

AT_ONCE = 16  # connections to the source for one table, however many executors there are

Result = Union[Written, str]  # what was written; or why no attempt can succeed


def cluster() -> SparkContext | None:
    """Spark, if it has executors beside the driver. Starts it if it does not run yet."""
    from pyspark.sql import SparkSession

    context = SparkSession.builder.getOrCreate().sparkContext
    return None if context._jsc.sc().isLocal() else context


@dataclass(frozen=True)
class Reader:
    """What an executor is told. It knows the secret by its name, and reads it itself."""

    secret: str
    region: str
    bucket: str
    stem: str
    query: Query

    def __call__(self, numbered: tuple[int, str]) -> Result:
        from pyspark import TaskContext

        number, piece = numbered
        task = TaskContext.get()
        assert task is not None
        # The driver's region; where a worker knows one itself, that is the same.
        if self.region:
            os.environ.setdefault("AWS_DEFAULT_REGION", self.region)
        query = replace(self.query, pieces=(piece,))
        stem = f"{self.stem}-{number:05}-{task.taskAttemptId()}"
        try:
            source = Source.from_secret(self.secret)
            return written.write(Zone(self.bucket), source, query, stem, lambda rows: None)
        except EtlError as error:  # Spark would try again, in vain, and show a Java stack
            return str(error)


def read(
    context: SparkContext, reader: Reader, pieces: Sequence[str], progress: Progress
) -> Written:
    """Have every piece read; the first error stops the others.

    Each is a job of its own: it is told when it has ended, and Spark tries it again if its executor
    dies. Raises SourceError as if it was read here, RunFailed if Spark gave it up.
    """
    group = uuid.uuid4().hex

    def one(numbered: tuple[int, str]) -> Written:
        context.setJobGroup(group, f"{reader.query.table.name}: a range", interruptOnCancel=True)
        (result,) = context.parallelize([numbered], 1).map(reader).collect()
        if isinstance(result, str):
            raise SourceError(result)
        return result

    with ThreadPoolExecutor(min(AT_ONCE, len(pieces))) as pool:
        futures = [pool.submit(one, numbered) for numbered in enumerate(pieces)]
        try:
            for future in as_completed(futures):
                progress.add(future.result().rows)
        except BaseException as error:
            for future in futures:
                future.cancel()
            context.cancelJobGroup(group)
            raise _plain(reader, error) from None
    return written.together(future.result() for future in futures)


def _plain(reader: Reader, error: BaseException) -> BaseException:
    """Of a Java stack, the line that a person looks for."""
    from py4j.protocol import Py4JJavaError

    if not isinstance(error, Py4JJavaError):
        return error
    lines = str(error.java_exception.getMessage()).splitlines()
    said = [line for line in lines if line and line[0] not in " \t"]
    reason = next((line for line in reversed(said) if ": " in line), said[0] if said else "")
    return RunFailed(
        f"table {reader.query.table.name}: Spark gave up a range of it: {reason}. Nothing was "
        "moved; run again."
    )
