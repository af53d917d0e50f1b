"""A page of AWS's documentation, with the outcome that it gives for statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Page:
    """``accepted`` statements run; with a second item, they return it. ``refused`` ones fail on
    Redshift, and here with a message that has the second item in it. ``unsupported`` ones run on
    Redshift, and nobody here executes them: the local Redshift says so by name. ``{n}`` is a name
    that nothing else has; the tables of ``corpus.SETUP`` are there."""

    name: str
    accepted: Sequence[str | tuple[str, Any]] = ()
    refused: Sequence[tuple[str, str]] = ()
    unsupported: Sequence[tuple[str, str]] = ()
    differs: Sequence[tuple[str, Any]] = ()  # known: Redshift returns something else than this
