"""Cells of an executed notebook as a PNG, as JupyterLab shows them: by nbconvert and Chromium."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import HTMLExporter
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Browser, Page, sync_playwright

from workbench.pictures.shots import MADE_BY, Cell
from workbench.prerequisites import chromium

WIDTH = 1200  # pixels at most
SHARPEST = 1.5  # pixels of the picture a pixel of the page
COLOURS = 256  # of text and plots: a fraction of the bytes
NARROWEST, MARGIN = 760, 18
STYLE = f"""<style>
  body.jp-Notebook {{ padding: {MARGIN}px; margin: 0; width: auto; max-width: none; min-width: 0 }}
  body.jp-Notebook .jp-Cell {{ padding: 2px 0; overflow: visible }}
  body.jp-Notebook .jp-RenderedText pre {{ white-space: pre; overflow: visible }}
  body.jp-Notebook .jp-RenderedImage img {{ max-width: none }}
  .jp-InputPrompt, .jp-OutputPrompt, .jp-Collapser {{ display: none !important }}
</style></head>"""
# As wide as its widest table or plot: no line of it is broken, and none is cut off.
WIDEST = """Math.max(...[...document.querySelectorAll('pre, img')].map(
    each => each.getBoundingClientRect().left + each.scrollWidth))"""


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        made = playwright.chromium.launch(executable_path=str(chromium()), args=arguments)
        try:
            yield made
        finally:
            made.close()


def png(opened: Browser, cells: Sequence[Cell], digest: str) -> bytes:
    """One picture; ``digest`` says in it what it was made of."""
    html = page(cells)
    with _shown(opened, html, NARROWEST) as shown:
        width = max(NARROWEST, ceil(shown.evaluate(WIDEST)) + 2 * MARGIN)
    with _shown(opened, html, width, min(SHARPEST, WIDTH / width)) as shown:
        taken = shown.screenshot(full_page=True)
    return _written(taken, {"Software": MADE_BY, "Sources": digest})


def page(cells: Sequence[Cell]) -> str:
    """What nbconvert makes of the cells, in JupyterLab's own style."""
    node: Any = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[_joined(cell) for cell in cells]
    )
    html, _ = HTMLExporter(template_name="lab").from_notebook_node(  # type: ignore[no-untyped-call]
        node
    )
    still = re.sub(
        r"<script.*?</script>", "", str(html), flags=re.DOTALL
    )  # others', by the network
    return still.replace("</head>", STYLE, 1)


def _joined(cell: Cell) -> Any:
    """As nbformat has a cell in memory: texts in one piece."""
    whole = nbformat.v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    read = nbformat.reads(json.dumps(whole), as_version=4)  # type: ignore[no-untyped-call]
    return read.cells[0]


@contextmanager
def _shown(opened: Browser, html: str, width: int, scale: float = 1) -> Iterator[Page]:
    size: Any = {"width": width, "height": 100}
    context = opened.new_context(viewport=size, device_scale_factor=scale, offline=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(html, encoding="utf-8")
        made = context.new_page()
        made.goto(path.as_uri())
        yield made
        context.close()


def _written(taken: bytes, told: Mapping[str, str]) -> bytes:
    text = PngInfo()
    for name, value in told.items():
        text.add_text(name, value)
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(taken)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(buffer, format="png", optimize=True, pnginfo=text)
    return buffer.getvalue()
