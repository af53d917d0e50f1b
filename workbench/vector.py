"""A figure as SVG in a page: its text is text, and its colours are the page's, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure


def svg(figure: Figure, alt: str, colours: Mapping[str, str]) -> Markup:
    """``colours`` says which of the figure's becomes which variable of the page; black its text."""
    buffer = io.StringIO()
    # Text stays text; the same figure gives its parts the same names each time.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "workbook"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    _, start, drawn = buffer.getvalue().partition("<svg ")
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'<g id="[^"]*"', "<g", drawn)  # nothing refers to them, and a page has several
    for colour, variable in {"#000000": "text", **colours}.items():
        drawn = drawn.replace(colour, f"var(--{variable})")
    return Markup('<svg role="img" aria-label="{}" ').format(alt) + Markup(drawn)
