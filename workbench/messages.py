"""Progress in words, on stderr: what a command prints on stdout is its result alone."""

from __future__ import annotations

from rich.console import Console

_err = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    _err.print(f"[dim]·[/] {text}", soft_wrap=True)
