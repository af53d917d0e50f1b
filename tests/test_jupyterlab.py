"""An analyst opens a stage notebook in a real JupyterLab and runs it, in a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, sync_playwright

from workbench.home import REPOSITORY
from workbench.mysql import seed
from workbench.prerequisites import chromium
from workbench.stack import DATABASE, Stack

TOKEN = "of-this-test"
BROWSER = chromium()

pytestmark = pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def lab(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab that `workbook lab` has started on a copy of the notebooks."""
    seed.seed(stack.server, DATABASE, rows=1000)
    folder = tmp_path_factory.mktemp("lab") / "notebooks"
    shutil.copytree(REPOSITORY / "notebooks", folder)
    port = free_port()
    log = folder.parent / "lab.log"
    environment = {
        **os.environ,
        "WORKBOOK_HOME": str(stack.home.root),
        "JUPYTER_TOKEN": TOKEN,
        "JUPYTER_CONFIG_DIR": str(folder.parent / "config"),
        "JUPYTER_DATA_DIR": str(folder.parent / "data"),
    }
    command = [sys.executable, "-m", "workbench.cli", "lab", "--no-browser"]
    command += ["--port", str(port), "--directory", str(folder)]
    with open(log, "wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api", process, log)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise AssertionError(log.read_text())


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(BROWSER), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser.new_page(viewport={"width": 1280, "height": 1600})
        browser.close()


def test_notebook_01_opens_with_the_glue_kernel_and_run_all_ends_without_an_error(
    lab: str, page: Page, tmp_path: Path
) -> None:
    page.goto(f"{lab}/lab/tree/01_extract.ipynb?token={TOKEN}&reset")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    page.get_by_text("Glue PySpark", exact=True).first.wait_for(timeout=30_000)
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.get_by_text("Run All Cells", exact=True).click()
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    last = cells.nth(cells.count() - 1)
    try:
        last.locator(".jp-RenderedImage img").wait_for(timeout=120_000)
    except PlaywrightError as error:
        said = page.locator("body").inner_text()
        raise AssertionError(f"{error}\n{said}\n{tmp_path}") from None
    finally:
        page.screenshot(path=os.environ.get("LAB_SCREENSHOT", tmp_path / "lab.png"), full_page=True)
    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    assert "rental_apartments" in cells.nth(3).inner_text()


def test_a_lab_without_the_token_is_closed(lab: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{lab}/api/contents", timeout=10)
    with caught.value as refusal:
        assert refusal.code == 403
