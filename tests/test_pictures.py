"""The pictures of README: each is of a real run, and of what the notebooks are now."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from etl_lib.errors import BadInput
from workbench.export import picture
from workbench.home import REPOSITORY
from workbench.pictures import render, shots
from workbench.preparation import STAGES
from workbench.prerequisites import chromium

README = (REPOSITORY / "README.md").read_text()


def test_no_stages_picture_is_stale() -> None:
    assert shots.stale() == [], "run `workbook pictures`"
    assert list(shots.SHOTS) == list(STAGES)


@pytest.mark.parametrize("path", sorted(shots.IMAGES.glob("*.png")), ids=lambda path: path.stem)
def test_every_picture_is_small_and_shown_with_words(path: Path) -> None:
    assert path.stat().st_size < 150_000
    with Image.open(path) as opened:
        width, told = opened.width, opened.info
    if path.stem in STAGES:
        assert width <= 1200 and told["Software"] == shots.MADE_BY
        alt = re.search(rf'<img src="images/{path.name}" width="\d+" alt="([^"]+)">', README)
        assert alt and len(alt[1].split()) > 3


def test_a_picture_is_stale_when_its_notebook_shows_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shots, "NOTEBOOKS", tmp_path)
    for path in (REPOSITORY / "notebooks").glob("0*.ipynb"):
        shutil.copy(path, tmp_path)
    path = tmp_path / "02_raw_ingest.ipynb"
    book = json.loads(path.read_text())
    book["cells"].append({**book["cells"][0], "source": "More prose, which is in no picture."})
    path.write_text(json.dumps(book))
    assert shots.stale() == []
    cell = next(each for each in book["cells"] if "show.copied" in "".join(each["source"]))
    cell["source"] = ["copied\n", "show.copied(extracted, copied)"]
    path.write_text(json.dumps(book))
    assert shots.stale() == ["02_raw_ingest.png"]
    cell["source"] = ["copied"]
    path.write_text(json.dumps(book))
    with pytest.raises(BadInput, match="02_raw_ingest.ipynb: no cell ends with 'show.copied"):
        shots.stale()


def test_a_picture_that_is_missing_or_of_somebody_else_is_stale(tmp_path: Path) -> None:
    Image.new("RGB", (10, 10)).save(tmp_path / "04_load.png")
    assert shots.stale(tmp_path) == [f"{stage}.png" for stage in STAGES]
    assert picture.stale(tmp_path) == [
        "architecture.png",
        "architecture-dark.png",
        "stepfunctions_graph.png",
    ]


@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
def test_a_wide_table_is_neither_broken_nor_cut_off() -> None:
    text = "x" * 149 + "\N{FULL BLOCK}\n"
    output = nbformat.v4.new_output("stream", name="stdout", text=text)
    cell = nbformat.v4.new_code_cell("show()", outputs=[output])
    with render.browser() as opened:
        made = render.png(opened, [cell], "digest")
    with Image.open(io.BytesIO(made)) as shown:
        assert shown.info["Sources"] == "digest"
        grey = shown.convert("L")
        assert grey.width == render.WIDTH and grey.height < 150
        edge = grey.crop((grey.width - 12, 0, grey.width, grey.height))
        assert min(edge.tobytes()) > 200, "nothing is at the edge"
        near = grey.crop((grey.width - 70, 0, grey.width, grey.height))
        assert min(near.tobytes()) < 60, "and the last character is there"
