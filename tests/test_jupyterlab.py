"""An analyst opens a stage notebook in a real JupyterLab and runs it, in a real browser."""

from __future__ import annotations

import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from workbench.home import REPOSITORY
from workbench.mysql import seed
from workbench.preparation import STAGES
from workbench.prerequisites import chromium
from workbench.stack import DATABASE, Stack

from .emptied import emptied
from .equality import assert_raw_equals_source
from .labs import TOKEN, opened
from .states import until

INTERRUPTED = "interrupted.ipynb"
RESTARTED = "restarted.ipynb"
WARM = "warm.ipynb"
SLEEP = "import time\ntime.sleep(600)"
BROWSER = chromium()

pytestmark = pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def lab(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab that `workbook lab` has started on a copy of the notebooks."""
    seed.seed(emptied(stack).server, DATABASE, rows=100)
    folder = tmp_path_factory.mktemp("lab") / "notebooks"
    shutil.copytree(REPOSITORY / "notebooks", folder)
    write_notebook(folder / INTERRUPTED, "kept = 41", SLEEP, "kept + 1")
    write_notebook(folder / RESTARTED, "before_the_restart = 41", "'before_the_restart' in dir()")
    write_notebook(folder / WARM, "spark.range(10).count()", "spark.sparkContext.startTime / 1000")
    log = folder.parent / "lab.log"
    with opened(stack.home, log, "--directory", str(folder)) as address:
        yield address


def write_notebook(path: Path, *sources: str) -> None:
    magics = "%glue_version 5.1\n%worker_type G.1X\n%number_of_workers 2\n%idle_timeout 30"
    cells = [nbformat.v4.new_code_cell(source) for source in (magics, *sources)]
    spec = {"name": "glue_pyspark", "display_name": "Glue PySpark", "language": "python"}
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec})
    nbformat.write(book, path)


@pytest.fixture(scope="module")
def page(lab: str) -> Iterator[Page]:
    """One browser with the lab open in it, as an analyst has for a day."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(BROWSER), args=["--no-sandbox", "--disable-gpu"]
        )
        opened = browser.new_page(viewport={"width": 1280, "height": 1600})
        opened.goto(f"{lab}/lab?token={TOKEN}&reset")
        yield opened
        browser.close()


@pytest.fixture
def notebook(page: Page, tmp_path: Path) -> Iterator[Callable[[str], Locator]]:
    """Opens a notebook and gives its code cells; the one before is closed, its kernel shut down."""

    def opened(name: str) -> Locator:
        close(page)
        page.locator(".jp-DirListing-item", has_text=name).dblclick()
        panel = page.locator(".jp-NotebookPanel")
        panel.get_by_text("Glue PySpark", exact=True).first.wait_for(timeout=30_000)
        # JupyterLab may drop what it is told to run before it has heard of its kernel.
        idle = panel.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        idle.wait_for(state="attached", timeout=30_000)
        return panel.locator(".jp-CodeCell")

    yield opened
    page.screenshot(path=os.environ.get("LAB_SCREENSHOT", tmp_path / "lab.png"), full_page=True)
    close(page)


def menu(page: Page, name: str, item: str) -> None:
    page.locator(".lm-MenuBar-itemLabel", has_text=name).first.click()
    page.locator(".lm-Menu").get_by_text(item, exact=True).click()


def close(page: Page) -> None:
    """The notebook and its kernel, if one is open."""
    panel = page.locator(".jp-NotebookPanel")
    if panel.count():
        menu(page, "File", "Close and Shut Down Notebook…")
        page.locator(".jp-Dialog .jp-mod-accept").click()
        panel.wait_for(state="detached")


def prompts(cells: Locator) -> list[str]:
    """What stands beside each cell: its number once it has run, a star while it runs."""
    return [each.strip() for each in cells.locator(".jp-InputPrompt").all_text_contents()]


def ended(prompt: str) -> bool:
    return re.fullmatch(r"\[\d+\]:", prompt) is not None


def run_all(page: Page, cells: Locator) -> None:
    """Raises AssertionError with all that the lab shows when a cell fails or does not end."""
    menu(page, "Run", "Run All Cells")
    try:
        until(lambda: all(map(ended, prompts(cells))), 120)
        assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
        assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    except AssertionError as error:
        raise AssertionError(f"{error}\n{page.locator('body').inner_text()}") from None


def test_all_six_stages_run_one_after_the_other_and_load_what_the_source_has(
    stack: Stack, page: Page, notebook: Callable[[str], Locator]
) -> None:
    for stage in STAGES:
        cells = notebook(f"{stage}.ipynb")
        run_all(page, cells)
        if stage == "01_extract":
            assert "rental_apartments" in cells.nth(3).inner_text()
        if stage == "06_finalize":
            assert cells.locator(".jp-RenderedImage img").count() == 2
    assert_raw_equals_source(stack)


def test_an_interrupted_cell_ends_and_the_next_one_runs_in_the_same_session(
    stack: Stack, page: Page, notebook: Callable[[str], Locator]
) -> None:
    cells = notebook(INTERRUPTED)
    cells.first.locator(".cm-content").click()
    for _ in range(3):
        page.keyboard.press("Shift+Enter")
    glue = stack.endpoint.client("glue")
    session = until(lambda: sleeping(glue), 60)
    menu(page, "Kernel", "Interrupt Kernel")
    until(lambda: ended(prompts(cells)[2]))
    assert "Execution Interrupted" in cells.nth(2).inner_text()
    page.keyboard.press("Shift+Enter")
    until(lambda: ended(prompts(cells)[3]))
    assert "42" in cells.nth(3).locator(".jp-OutputArea").inner_text()
    statements = glue.list_statements(SessionId=session)["Statements"]
    assert [each["State"] for each in statements] == ["AVAILABLE", "CANCELLED", "AVAILABLE"]


def test_the_first_cell_finds_spark_running(
    stack: Stack, page: Page, notebook: Callable[[str], Locator]
) -> None:
    glue = stack.endpoint.client("glue")
    until(lambda: not live(glue))  # the tests' before
    until(lambda: list(stack.home.aws.glob("sessions/.spare-*/tmp/blockmgr-*")), 60)
    before = set(glue.list_sessions()["Ids"])
    cells = notebook(WARM)
    run_all(page, cells)
    assert "10" in cells.nth(1).locator(".jp-OutputArea").inner_text()
    (name,) = set(glue.list_sessions()["Ids"]) - before
    created = glue.get_session(Id=name)["Session"]["CreatedOn"].timestamp()
    assert float(cells.nth(2).locator(".jp-OutputArea").inner_text()) < created


def test_names_of_the_session_and_magics_are_completed(
    page: Page, notebook: Callable[[str], Locator]
) -> None:
    cells = notebook(RESTARTED)
    run_all(page, cells)
    for typed, offered in (
        ("before_", "before_the_restart"),
        ("spark.sparkContext.defaultP", "spark.sparkContext.defaultParallelism"),
        ("%idle_", "%idle_timeout"),
    ):
        assert completed(page, cells.nth(2), typed, offered)


def completed(page: Page, cell: Locator, typed: str, offered: str) -> bool:
    """What is typed into the cell becomes what Tab offers, be it at once or after a choice.

    JupyterLab waits a second for names and then offers those that it has: on a machine that is busy
    Tab is pressed once more.
    """
    editor = cell.locator(".cm-content")
    choice = page.locator(".jp-Completer-item", has_text=offered)

    def there() -> bool:
        return bool(choice.count()) or editor.inner_text().strip() == offered

    def asked() -> bool:
        editor.click()
        page.keyboard.press("Control+A")
        page.keyboard.type(typed)
        page.keyboard.press("Tab")
        end = time.monotonic() + 3
        while not there() and time.monotonic() < end:
            time.sleep(0.05)
        return there()

    until(asked, 60)
    if choice.count():
        choice.first.click()
    return bool(until(lambda: editor.inner_text().strip() == offered))


def test_a_restarted_kernel_leaves_its_session_and_begins_a_new_one(
    stack: Stack, page: Page, notebook: Callable[[str], Locator]
) -> None:
    glue = stack.endpoint.client("glue")
    cells = notebook(RESTARTED)
    run_all(page, cells)
    assert "True" in cells.nth(2).locator(".jp-OutputArea").inner_text()
    (first,) = live(glue)
    menu(page, "Kernel", "Restart Kernel and Clear Outputs of All Cells…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    until(lambda: first not in live(glue))
    assert glue.get_session(Id=first)["Session"]["Status"] == "STOPPED"
    until(lambda: prompts(cells) == ["[ ]:"] * 3)
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(state="attached")
    cells.nth(2).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    until(lambda: ended(prompts(cells)[2]), 60)
    assert "False" in cells.nth(2).locator(".jp-OutputArea").inner_text()
    assert len(live(glue)) == 1


def live(glue: Any) -> set[str]:
    """The sessions that have not ended."""
    found = glue.list_sessions()["Sessions"]
    return {each["Id"] for each in found if each["Status"] in ("PROVISIONING", "READY")}


def sleeping(glue: Any) -> str | None:
    """The session in which the cell that sleeps runs."""
    for session in glue.list_sessions()["Sessions"]:
        if session["Status"] == "READY":
            for statement in glue.list_statements(SessionId=session["Id"])["Statements"]:
                if (statement["Code"], statement["State"]) == (SLEEP, "RUNNING"):
                    return str(session["Id"])
    return None


def test_a_lab_without_the_token_is_closed(lab: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{lab}/api/contents", timeout=10)
    with caught.value as refusal:
        assert refusal.code == 403
