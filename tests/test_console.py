"""`workbook console`, in a real browser: a run is followed to its end, and nobody else looks in."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import io
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect, sync_playwright

from etl_lib.identifiers import literal
from etl_lib.warehouse import Warehouse
from workbench import deployment, execution
from workbench.console.access import Access
from workbench.console.app import make
from workbench.endpoint import ROLE
from workbench.mysql import seed
from workbench.pipeline import BOOKMARKS, BUCKET
from workbench.prerequisites import chromium
from workbench.stack import DATABASE, Stack

from .consoles import TOKEN, get, let_in
from .emptied import emptied
from .states import until

BROWSER = chromium()
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
COUNT = 'SELECT COUNT(*) AS many FROM "raw".fx_rates'
SECTIONS = ("executions", "jobs", "sessions", "bookmarks", "warehouse", "storage")
in_browser = pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def own(stack: Stack) -> Stack:
    """An empty warehouse and the state machine, against a database of 100 apartments."""
    seed.seed(stack.server, DATABASE, rows=100)
    emptied(stack)
    deployment.Deployment(stack.endpoint).apply(lambda text: None)
    return stack


@pytest.fixture(scope="module")
def console(own: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that `workbook console` prints."""
    log = tmp_path_factory.mktemp("console") / "stderr"
    with started(own, log) as (process, address):
        yield address
        process.send_signal(signal.SIGINT)  # Ctrl-C
        assert process.wait(10) in (0, 130)
    said = log.read_text()
    assert "Traceback" not in said and address.partition("=")[2] not in said


def listening_to_ctrl_c() -> None:
    """A suite that a shell has put into the background has its children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def started(own: Stack, log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "workbench.cli", "console", "--no-browser"]
    environment = {**os.environ, "WORKBOOK_HOME": str(own.home.root)}
    with (
        open(log, "w") as errors,
        subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=listening_to_ctrl_c,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 60)[0], log.read_text()
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=str(BROWSER), args=["--no-sandbox", "--disable-gpu"]
        )
        yield made
        made.close()


@pytest.fixture
def page(browser: Browser, console: str) -> Iterator[Page]:
    """A page that has been let in, and whose scripts must not fail or be blocked."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    made = context.new_page()
    problems: list[str] = []
    made.on("pageerror", lambda error: problems.append(str(error)))
    made.on("console", lambda said: problems.append(said.text))
    made.goto(console)
    yield made
    assert [each for each in problems if "Failed to load resource" not in each] == []
    context.close()


@pytest.fixture(scope="module")
def client(own: Stack) -> FlaskClient:
    """The same pages without a browser, let in."""
    return let_in(own.home)


def start(own: Stack, name: str, given: str) -> str:
    steps = own.endpoint.client("stepfunctions")
    arn = execution.execution_arn("").replace(":execution:", ":stateMachine:")
    return str(
        steps.start_execution(stateMachineArn=arn.rstrip(":"), name=name, input=given)[
            "executionArn"
        ]
    )


def wait(own: Stack, arn: str) -> str:
    steps = own.endpoint.client("stepfunctions")
    while (found := steps.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.05)
    return str(found["status"])


def address(page: Page, path: str) -> str:
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}{path}"


@in_browser
def test_a_run_is_followed_to_its_end_without_a_reload(own: Stack, page: Page) -> None:
    start(own, "watched", '{"tables": ["fx_rates"]}')
    page.goto(address(page, "/executions/watched"))
    assert "token" not in page.url
    expect(page.locator("#status")).to_contain_text("RUNNING")
    page.evaluate("window.same = true")
    page.get_by_role("link", name="Job runs").last.focus()
    expect(page.locator("#status")).to_contain_text("SUCCEEDED", timeout=60_000)
    assert page.evaluate("window.same")
    assert page.evaluate("document.activeElement.textContent") == "Job runs"
    row = page.locator("#tables tbody tr")
    expect(row).to_contain_text("fx_rates")
    assert row.locator(".step.done").count() == 6
    with own.active():
        rows = Warehouse("rental-apartments", "dev", "").scalar(COUNT)
    assert row.locator(".n").nth(1).inner_text() == f"{rows:,}"
    assert page.locator("svg .state.good title", has_text="04_load: SUCCEEDED").count() == 1
    page.goto(address(page, "/executions/"))
    expect(page.locator("#executions tbody tr").first).to_contain_text("SUCCEEDED")


@in_browser
def test_a_failed_run_says_why_and_where(own: Stack, page: Page) -> None:
    wait(own, start(own, "unknown-table", '{"tables": ["bokings"]}'))
    page.goto(address(page, "/executions/unknown-table"))
    expect(page.locator(".error")).to_contain_text("BadInput: The contract has no table bokings.")
    assert page.locator("svg .state.bad title").all_text_contents() == ["Bad input: FAILED"]
    assert page.locator("svg .state.bad .sign").all_text_contents() == ["✕"]


@in_browser
def test_a_job_that_failed_is_named_with_its_words_and_its_table(own: Stack, page: Page) -> None:
    wait(own, start(own, "no-secret", '{"tables": ["fx_rates"], "source_secret": "none"}'))
    page.goto(address(page, "/executions/no-secret"))
    words = "job rental-apartments-01_extract FAILED: SourceError: Secrets Manager has no secret"
    expect(page.locator(".error")).to_contain_text(words)
    expect(page.locator("#tables tbody tr")).to_contain_text("failed in 01_extract")
    failed = page.locator("svg .state.bad title").all_text_contents()
    assert {"Move each wave: FAILED", "01_extract: FAILED", "Failed: FAILED"} <= set(failed)
    page.get_by_role("link", name="Job runs").last.click()
    page.get_by_role("link", name="rental-apartments-01_extract").click()
    expect(page.locator(".error")).to_contain_text("Secrets Manager has no secret")


@in_browser
def test_hostile_text_is_shown_as_text(own: Stack, page: Page) -> None:
    failed = hostile_job(own)
    own.endpoint.client("s3").put_object(
        Bucket=BUCKET, Key=f"hostile/{HOSTILE}.txt", Body=HOSTILE.encode(), ContentType="text/html"
    )
    page.goto(address(page, f"/jobs/run?job=hostile&id={failed}"))
    expect(page.locator("#log-output pre")).to_contain_text(HOSTILE)
    expect(page.locator(".error pre")).to_contain_text(HOSTILE)
    for path in (
        "/jobs/",
        f"/storage/?bucket={BUCKET}&prefix=hostile/",
        f"/storage/object?bucket={BUCKET}&key={quote(f'hostile/{HOSTILE}.txt')}",
        f"/warehouse/?sql={quote(f'SELECT {literal(HOSTILE)}')}",
        f"/executions/{quote(HOSTILE.replace('/', ''))}",
    ):
        page.goto(address(page, path))
        assert "owned" in page.locator("main").inner_text() or path == "/jobs/"
        assert page.locator("main script, main img").count() == 0
        assert page.title() != "owned"


def hostile_job(own: Stack) -> str:
    """A run of a job that prints and fails with markup."""
    glue, s3 = own.endpoint.client("glue"), own.endpoint.client("s3")
    script = f"print({HOSTILE!r})\nraise ValueError({HOSTILE!r})\n"
    s3.put_object(Bucket=BUCKET, Key="hostile/job.py", Body=script.encode())
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://{BUCKET}/hostile/job.py"}
    glue.create_job(Name="hostile", Role=ROLE, Command=command, MaxCapacity=0.0625)
    run = str(glue.start_job_run(JobName="hostile")["JobRunId"])
    while glue.get_job_run(JobName="hostile", RunId=run)["JobRun"]["JobRunState"] != "FAILED":
        time.sleep(0.02)
    return run


@in_browser
def test_no_page_is_wider_than_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    query = "SELECT * FROM svv_columns a CROSS JOIN svv_columns b LIMIT 300"
    paths = [f"/{section}/" for section in SECTIONS]
    paths += ["/executions/watched", "/executions/unknown-table", "/executions/none"]
    paths += [f"/warehouse/?sql={quote(query)}", f"/storage/?bucket={BUCKET}&prefix=jobs/"]
    paths += [f"/storage/object?bucket={BUCKET}&key=jobs/01_extract.py", "/jobs/?run=watched"]
    for path in paths:
        page.goto(address(page, path))
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


CUT = """[...document.querySelectorAll('main tbody :is(th, td, .status)')].filter(each => {
    const {left, right} = each.getBoundingClientRect()
    return left < 0 || right > innerWidth
}).map(each => each.textContent)"""


@in_browser
def test_on_a_phone_nothing_of_a_list_is_cut_off(own: Stack, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    runs = ("/executions/watched", "/executions/no-secret", "/jobs/?run=watched")
    for path in (*(f"/{section}/" for section in SECTIONS), *runs):
        page.goto(address(page, path))
        assert page.evaluate(CUT) == [], path
    assert page.locator(".status").count() > 5  # of the jobs
    page.goto(address(page, "/executions/watched"))
    assert page.locator("#graph .scroll").evaluate("e => e.scrollWidth <= e.clientWidth")


@in_browser
def test_the_keyboard_reaches_the_navigation_and_the_query_box_and_runs_a_query(
    page: Page,
) -> None:
    page.goto(address(page, "/warehouse/"))
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.text"))
        if reached[-1] == "sql":
            break
    assert reached[0] == "Skip to the content"
    assert reached[2:] == [*("Executions", "Job runs", "Sessions"), *reached[5:8], "sql"]
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.type("SELECT COUNT(*) AS many FROM svv_tables")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#answer thead")).to_contain_text("many")


@in_browser
def test_a_page_of_another_port_gets_nothing_though_the_browser_sends_the_cookie(
    page: Page,
) -> None:
    inside = address(page, "/executions/")
    asking = page.context.new_page()
    network = page.context.new_cdp_session(asking)
    network.send("Network.enable")
    cookies: list[str] = []
    statuses: list[int] = []
    with elsewhere() as other:
        asking.goto(other)
        network.on(
            "Network.requestWillBeSentExtraInfo",
            lambda event: cookies.append(event["headers"].get("Cookie", "")),
        )
        network.on(
            "Network.responseReceivedExtraInfo", lambda event: statuses.append(event["statusCode"])
        )
        for mode in ("no-cors", "cors"):
            read = asking.evaluate(
                "([url, mode]) => fetch(url, {mode, credentials: 'include'})"
                ".then((reply) => reply.text(), () => '')",
                [inside, mode],
            )
            assert read == ""
        # The browser tells of the network in its own time, maybe after the reply.
        until(lambda: asking.wait_for_timeout(20) or min(len(statuses), len(cookies)) == 2)
    assert statuses == [403, 403]
    assert ["workbook-console-" in each for each in cookies] == [True, True]


@contextlib.contextmanager
def elsewhere() -> Iterator[str]:
    """The address of a page of another server of this machine."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<!doctype html><link rel=icon href=data:,>")

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize(
    "changes",
    [
        {"Host": "evil.test"},  # DNS rebinding
        {"Host": "evil.test:{port}"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Cookie": ""},
        {"Cookie": "workbook-console-{port}=wrong"},
        {"Cookie": "workbook-console-{port}=ä"},
    ],
)
def test_a_request_that_is_not_from_the_own_pages_is_refused(
    console: str, changes: dict[str, str]
) -> None:
    parts = urlsplit(console)
    own_cookie = f"workbook-console-{parts.port}={parts.query.partition('=')[2]}"
    good = {"Host": parts.netloc, "Cookie": own_cookie}
    assert status(parts, good) == 200
    changed = {name: text.format(port=parts.port) for name, text in changes.items()}
    assert status(parts, {**good, **changed}) == 403
    assert status(parts, {**good, **changed}, "/static/console.js") == 403


def status(parts: Any, headers: dict[str, str], path: str = "/executions/") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=10)
    with contextlib.closing(connection):
        connection.putrequest("GET", path, skip_host=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode())
        connection.endheaders()
        return connection.getresponse().status


def test_the_token_is_exchanged_for_a_cookie_that_scripts_and_other_sites_do_not_get(
    own: Stack,
) -> None:
    fresh = make(own.home, Access(80, TOKEN)).test_client()
    assert get(fresh, "/").status_code == 403
    assert get(fresh, "/?token=wrong").status_code == 403
    exchanged = get(fresh, f"/?token={TOKEN}")
    assert (exchanged.status_code, exchanged.headers["Location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=Strict"} <= set(exchanged.headers["Set-Cookie"].split("; "))
    assert get(fresh, "/executions/").status_code == 200


@pytest.mark.parametrize(
    ("path", "query", "led"),
    [
        ("/jobs/", "run=a%20b&token={}", "/jobs/?run=a+b"),
        ("/executions/one", "token={}&machine=m", "/executions/one?machine=m"),
        ("//elsewhere.example/", "token={}", "/elsewhere.example/"),
        ("/\\elsewhere.example/", "token={}", "/elsewhere.example/"),
        ("/\r\nSet-Cookie:x", "token={}", "/%0D%0ASet-Cookie%3Ax"),
        ("/a?b/%41", "token={}&c=d", "/a%3Fb/%2541?c=d"),
    ],
)
def test_a_link_with_the_token_leads_to_its_page_and_to_no_other_host(
    own: Stack, path: str, query: str, led: str
) -> None:
    fresh = make(own.home, Access(80, TOKEN)).test_client()
    raw = {"PATH_INFO": path, "QUERY_STRING": query.format(TOKEN)}
    exchanged = fresh.get(base_url="http://127.0.0.1:80", environ_overrides=raw)
    assert (exchanged.status_code, exchanged.headers["Location"]) == (303, led)


@pytest.mark.parametrize("path", ["/executions/", "/static/console.css", "/nothing", "/?token=x"])
def test_every_reply_says_what_a_browser_must_not_do(client: FlaskClient, path: str) -> None:
    headers = get(client, path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"


def test_nothing_can_be_changed_by_a_request(client: FlaskClient) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        for section in SECTIONS:
            refused = client.open(f"/{section}/", method=method, base_url="http://127.0.0.1:80")
            assert refused.status_code == 405


PASS = {"StartAt": "Greet", "States": {"Greet": {"Type": "Pass", "Next": "Over"},
        "Over": {"Type": "Succeed"}}}  # fmt: skip


def test_executions_of_every_state_machine_are_listed_and_shown(
    own: Stack, client: FlaskClient
) -> None:
    steps = own.endpoint.client("stepfunctions")
    made = steps.create_state_machine(
        name="somebody-elses", definition=json.dumps(PASS), roleArn=ROLE
    )["stateMachineArn"]
    # of the same name as one of ours
    wait(own, steps.start_execution(stateMachineArn=made, name="no-secret")["executionArn"])
    listed = get(client, "/executions/").text
    row = re.search(r"<tr>.*?/executions/no-secret\?machine=somebody-elses.*?</tr>", listed)
    assert row and "SUCCEEDED" in row[0] and "<td>somebody-elses</td>" in row[0]
    shown = get(client, "/executions/no-secret?machine=somebody-elses").text
    assert "<title>Greet: SUCCEEDED</title>" in shown and '<th scope="row">Greet' in shown
    assert "<h2>Tables</h2>" not in shown and "SourceError" not in shown
    assert get(client, "/executions/no-secret?machine=nobodys").status_code == 404
    steps.delete_state_machine(stateMachineArn=made)


def test_times_are_in_utc_and_say_so(own: Stack, client: FlaskClient) -> None:
    item = {"table": {"S": "undo/shop/bookings/7"}, "at": {"S": "2026-11-29 17:04:55+00:00"},
            "who": {"S": "me@here"}, "why": {"S": "a test"}}  # fmt: skip
    own.endpoint.client("dynamodb").put_item(TableName=BOOKMARKS, Item=item)
    assert "<td>2026-11-29 17:04:55 UTC</td>" in get(client, "/bookmarks/").text
    for section in SECTIONS:
        text = get(client, f"/{section}/").text
        assert "+00:00" not in text
        assert re.search(r"This page is of .*\d\d:\d\d:\d\d UTC</span>", text)
    key = {"table": item["table"]}
    own.endpoint.client("dynamodb").delete_item(TableName=BOOKMARKS, Key=key)


def test_no_page_has_the_sources_password(own: Stack, client: FlaskClient) -> None:
    password = own.server.secret(DATABASE)["password"]
    seen: set[str] = set()
    waiting = ["/executions/"]
    while waiting and len(seen) < 80:
        path = waiting.pop(0)
        seen.add(path)
        text = get(client, path).text
        assert password not in text and own.endpoint.secret_key not in text, path
        found = {unescape(each) for each in re.findall(r'href="(/[^"]+)"', text)}
        waiting += sorted(found - seen - set(waiting))
    assert len(seen) > 20


def test_parquet_is_shown_with_its_schema_and_first_rows(own: Stack, client: FlaskClient) -> None:
    body, key = io.BytesIO(), "console/rows.parquet"
    pq.write_table(pa.table({"n": range(25), "word": ["<b>"] * 25}), body)
    own.endpoint.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body.getvalue())
    shown = get(client, f"/storage/object?bucket={BUCKET}&key={quote(key)}").text
    assert "The first 20 of 25 rows" in shown and shown.count("<tr>") == 21
    assert ">string</span>" in shown


def test_a_report_opens_and_nothing_outside_runs_does(own: Stack, client: FlaskClient) -> None:
    folder = own.home.runs / "told"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text("<h1>told</h1>")
    shown = get(client, "/executions/told/report")
    assert shown.text == "<h1>told</h1>"
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert get(client, "/executions/told").headers["Location"] == "/executions/told/report"
    for name in ("..", "%2e%2e", "..%2fruns%2ftold", "none"):
        assert get(client, f"/executions/{name}/report").status_code == 404


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/storage/?bucket=a%20b", 400),
        ("/storage/?bucket=none-of-ours", 404),
        ("/storage/object?bucket=&key=", 400),
        (f"/storage/object?bucket={BUCKET}&key=none", 404),
        (f"/storage/?bucket={BUCKET}&after=none", 404),
        ("/jobs/run", 400),
        ("/jobs/run?job=a&id=b", 404),
        ("/sessions/session?id=none", 404),
        ("/executions/" + "x" * 300, 404),
        ("/executions/a%00b", 404),
    ],
)
def test_an_address_that_leads_nowhere_is_a_page_and_not_a_traceback(
    client: FlaskClient, path: str, code: int
) -> None:
    shown = get(client, path)
    assert shown.status_code == code and "<h1>" in shown.text


def test_a_local_aws_that_is_gone_is_said_and_not_a_traceback(own: Stack, tmp_path: Path) -> None:
    from workbench.home import Home

    shown = get(let_in(Home(tmp_path)), "/executions/")
    assert shown.status_code == 503 and "workbook up" in shown.text
