"""The Glue API: sessions, jobs and job runs; checks each request."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from workbench.aws.glue.definitions import Definitions
from workbench.aws.glue.processes import Processes
from workbench.aws.glue.runs import JobRun, Runs
from workbench.aws.glue.session import Session
from workbench.aws.glue.spares import Spares
from workbench.aws.glue.spark import parse_conf
from workbench.aws.protocol import AwsError, Context, not_supported

GLUE_VERSIONS = ("5.0", "5.1")
WORKER_TYPES = "Standard G.025X G.1X G.2X G.4X G.8X G.12X G.16X R.1X R.2X R.4X R.8X Z.2X".split()
COMMANDS = ("glueetl", "gluestreaming")
MAX_CODE = 68_000
# Two days, AWS's default for both limits.
DEFAULT_MINUTES = 2880
# While a request is held the kernel does not poll, and it polls once a second only.
STATEMENT_WAIT = 20.0
SESSION_WAIT = 1.0
PAGE = 1000
CREATE_FIELDS = frozenset(
    "Id Description Role Command Timeout IdleTimeout DefaultArguments Connections MaxCapacity "
    "NumberOfWorkers WorkerType SecurityConfiguration GlueVersion Tags SessionType".split()
)


class GlueService:
    """All sessions of one local AWS. ``minute`` is how many seconds a timeout's minute lasts."""

    def __init__(self, context: Context, minute: float = 60.0) -> None:
        self._context = context
        self._minute = minute
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        # A process ends with the thread that started it: this one lives as long as the server.
        self._starter = ThreadPoolExecutor(1, "glue-start")
        self._definitions = Definitions(context.state.resolve() / "glue" / "jobs")
        self._runs = Runs(context, minute)
        self._spares = Spares(context)
        self._closed = threading.Event()
        self._clock = threading.Thread(target=self._tick, name="glue-timeouts", daemon=True)
        self._clock.start()
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "CreateSession": self._create,
            "GetSession": self._get,
            "ListSessions": self._list,
            "StopSession": self._stop,
            "DeleteSession": self._delete,
            "RunStatement": self._run,
            "GetStatement": self._statement,
            "ListStatements": self._statements,
            "CancelStatement": self._cancel,
            "GetTags": self._tags,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "CreateJob": self._definitions.create,
            "UpdateJob": self._definitions.update,
            "DeleteJob": self._definitions.delete,
            "GetJob": self._job,
            "GetJobs": self._jobs,
            "StartJobRun": self._start_run,
            "GetJobRun": self._job_run,
            "GetJobRuns": self._job_runs,
            "BatchStopJobRun": self._stop_runs,
        }

    def handle(self, operation: str, request: dict[str, Any], context: Context) -> dict[str, Any]:
        """Answer one operation. Raises AwsError."""
        if operation not in self._operations:
            raise not_supported("glue", operation)
        return self._operations[operation](request)

    def close(self) -> None:
        """Stop every session and job run."""
        self._closed.set()
        self._clock.join()  # it may be starting a spare
        for session in self._all():
            session.end()
        self._spares.close()
        self._runs.close()
        self._starter.shutdown()

    def _tick(self) -> None:
        while not self._closed.wait(min(1.0, self._minute / 10)):
            sessions = self._all()
            for session in sessions:
                session.expire()
            self._runs.tick()
            idle = min((session.idle for session in sessions), default=math.inf)
            self._spares.tick(idle, self._runs.live)

    def _all(self) -> list[Session]:
        with self._lock:
            return list(self._sessions.values())

    def _find(self, identifier: object) -> Session:
        with self._lock:
            session = self._sessions.get(str(identifier))
        if session is None:
            raise AwsError("EntityNotFoundException", f"Session {identifier} is not found")
        return session

    # -- jobs

    def wait_for_run(self, job: str, run_id: str, seconds: float) -> dict[str, Any] | None:
        """The job run as soon as it is over, for who runs in this process; None if it is not."""
        return self._runs.wait(job, run_id, seconds)

    def caller(self, name: str) -> JobRun | None:
        """The job run that calls itself ``name`` in its User-Agent."""
        return self._runs.called(name)

    def kill(self, pid: int) -> None:
        """A drill's: the process of a job run, as if the machine had failed."""
        Processes.kill(pid)

    def _job(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Job": self._definitions.get(_text(request, "JobName"))}

    def _jobs(self, request: dict[str, Any]) -> dict[str, Any]:
        size = _whole(request, "MaxResults", 1, PAGE) or PAGE
        page, token = _page(self._definitions.all(), request.get("NextToken"), size)
        return {"Jobs": page, **token}

    def _start_run(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._runs.start(self._definitions.get(_text(request, "JobName")), request)

    def _job_run(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"JobRun": self._runs.describe(_text(request, "JobName"), _text(request, "RunId"))}

    def _job_runs(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self._definitions.get(_text(request, "JobName"))
        size = _whole(request, "MaxResults", 1, PAGE) or PAGE
        page, token = _page(self._runs.of(job["Name"]), request.get("NextToken"), size)
        return {"JobRuns": page, **token}

    def _stop_runs(self, request: dict[str, Any]) -> dict[str, Any]:
        name, wanted = _text(request, "JobName"), request.get("JobRunIds")
        if not isinstance(wanted, list):
            raise _invalid("JobRunIds must be a list")
        stopped, errors = [], []
        for run_id in map(str, wanted):
            told = {"JobName": name, "JobRunId": run_id}
            try:
                self._runs.stop(name, run_id)
                stopped.append(told)
            except AwsError as error:
                detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors.append({**told, "ErrorDetail": detail})
        return {"SuccessfulSubmissions": stopped, "Errors": errors}

    # -- sessions

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        checked = _checked(request)
        settings = checked["DefaultArguments"].get("--conf", "")
        conf = parse_conf(settings) if settings.strip() else {}
        with self._lock:
            if checked["Id"] in self._sessions:
                raise AwsError("AlreadyExistsException", f"Session {checked['Id']} already exists")
            session = Session(checked, conf, self._context, self._spares, self._minute)
            self._sessions[session.id] = session
        described = session.describe()
        self._starter.submit(session.start)
        return {"Session": described}

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        session = self._find(_text(request, "Id"))
        session.wait_until_provisioned(SESSION_WAIT)
        return {"Session": session.describe()}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = _string_map(request, "Tags").items()
        sessions = [s for s in self._all() if wanted <= s.tags.items()]
        size = _whole(request, "MaxResults", 1, PAGE) or PAGE
        page, token = _page(sessions, request.get("NextToken"), size)
        return {
            "Ids": [session.id for session in page],
            "Sessions": [session.describe() for session in page],
            **token,
        }

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        session = self._find(_text(request, "Id"))
        session.stop()
        return {"Id": session.id}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        session = self._find(_text(request, "Id"))
        session.end()
        with self._lock:
            self._sessions.pop(session.id, None)
        session.remove_files()
        return {"Id": session.id}

    # -- statements

    def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        session = self._find(_text(request, "SessionId"))
        code = request.get("Code")
        if not isinstance(code, str):
            raise _invalid("Code must be a string")
        if len(code) > MAX_CODE:
            raise _invalid(f"Code has {len(code)} characters, the limit is {MAX_CODE}")
        return {"Id": session.run(code)}

    def _statement(self, request: dict[str, Any]) -> dict[str, Any]:
        session = self._find(_text(request, "SessionId"))
        return {"Statement": session.statement(_number(request), STATEMENT_WAIT)}

    def _statements(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self._find(_text(request, "SessionId")).statements()
        page, token = _page(found, request.get("NextToken"), PAGE)
        return {"Statements": page, **token}

    def _cancel(self, request: dict[str, Any]) -> dict[str, Any]:
        self._find(_text(request, "SessionId")).cancel(_number(request))
        return {}

    # -- tags

    def _tagged(self, request: dict[str, Any]) -> Session:
        arn = _text(request, "ResourceArn")
        prefix = f"arn:aws:glue:{self._context.region}:{self._context.account}:session/"
        if not arn.startswith(prefix):
            raise _invalid(f"ResourceArn {arn} is not {prefix}<id>: only sessions are here")
        return self._find(arn.removeprefix(prefix))

    def _tags(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": dict(self._tagged(request).tags)}

    def _tag(self, request: dict[str, Any]) -> dict[str, Any]:
        session = self._tagged(request)
        tags = session.tags | _string_map(request, "TagsToAdd")
        if len(tags) > 50:
            raise _invalid(f"{len(tags)} tags, the limit is 50")
        session.tags = tags
        return {}

    def _untag(self, request: dict[str, Any]) -> dict[str, Any]:
        session = self._tagged(request)
        removed = request.get("TagsToRemove")
        if not isinstance(removed, list):
            raise _invalid("TagsToRemove must be a list")
        session.tags = {k: v for k, v in session.tags.items() if k not in removed}
        return {}


def _checked(request: dict[str, Any]) -> dict[str, Any]:
    """A CreateSession request, complete with defaults. Raises AwsError."""
    checked = {k: v for k, v in request.items() if k in CREATE_FIELDS and v is not None}
    if len(_text(checked, "Id")) > 255:
        raise _invalid("Id has more than 255 characters")
    role = _text(checked, "Role")
    if not re.fullmatch(r"arn:aws[^:]*:iam::[0-9]*:role/.+", role):
        raise _invalid(f"Role {role} is not arn:aws:iam::<account>:role/<name>")
    command = checked.get("Command")
    name = command.get("Name") if isinstance(command, dict) else None
    _one_of("Command.Name", name, COMMANDS)
    _one_of("SessionType", checked.setdefault("SessionType", "LIVY"), ("LIVY",))
    version = checked.setdefault("GlueVersion", GLUE_VERSIONS[-1])
    if version not in GLUE_VERSIONS:
        raise _invalid(
            f"GlueVersion {version} is not supported by the local AWS, which runs Spark 3.5.6 on "
            f"Python 3.11: use {' or '.join(GLUE_VERSIONS)}"
        )
    for field in ("DefaultArguments", "Tags"):
        checked[field] = _string_map(checked, field)
    _check_capacity(checked)
    checked["Timeout"] = _whole(checked, "Timeout", 1) or DEFAULT_MINUTES
    checked["IdleTimeout"] = _whole(checked, "IdleTimeout", 1) or checked["Timeout"]
    return checked


def _check_capacity(checked: dict[str, Any]) -> None:
    """Capacity is kept and reported; what runs is one local Spark, whatever is asked for."""
    if "MaxCapacity" in checked:
        if "WorkerType" in checked or "NumberOfWorkers" in checked:
            raise _invalid("MaxCapacity cannot be set with WorkerType or NumberOfWorkers")
        if not isinstance(checked["MaxCapacity"], int | float) or checked["MaxCapacity"] <= 0:
            raise _invalid(f"MaxCapacity {checked['MaxCapacity']!r} is not a positive number")
        return
    _one_of("WorkerType", checked.setdefault("WorkerType", "G.1X"), WORKER_TYPES)
    checked["NumberOfWorkers"] = _whole(checked, "NumberOfWorkers", 1) or 5


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidInputException", message)


def _one_of(name: str, value: object, known: tuple[str, ...] | list[str]) -> None:
    if value not in known:
        raise _invalid(f"{name} {value!r} is not supported: use one of {', '.join(known)}")


def _text(request: dict[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(f"{name} must be a string of at least one character")
    return value


def _number(request: dict[str, Any]) -> int:
    value = request.get("Id")
    if not isinstance(value, int) or isinstance(value, bool):
        raise _invalid("Id must be a whole number")
    return value


def _whole(request: dict[str, Any], name: str, least: int, most: int | None = None) -> int | None:
    value = request.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise _invalid(f"{name} {value!r} is not a whole number of at least {least}")
    if most is not None and value > most:
        raise _invalid(f"{name} {value} is more than {most}")
    return value


def _string_map(request: dict[str, Any], name: str) -> dict[str, str]:
    value = request.get(name) or {}
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise _invalid(f"{name} must map strings to strings")
    return dict(value)


def _page(items: list[Any], token: object, size: int) -> tuple[list[Any], dict[str, str]]:
    """One page from where ``token`` says, and the token of the next."""
    if token is not None and not (isinstance(token, str) and token.isdecimal()):
        raise _invalid(f"NextToken {token!r} is not one that was given out")
    start = int(str(token or 0))
    following = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return items[start : start + size], following
