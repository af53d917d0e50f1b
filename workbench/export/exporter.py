"""From ``notebooks/`` to ``stepfunctions/jobs/``: write it, or say what is stale."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from etl_lib.errors import BadInput
from workbench.export.job import definition
from workbench.export.lint import Finding, lint
from workbench.export.notebook import Notebook, Unreadable, read
from workbench.export.script import script
from workbench.home import REPOSITORY

NOTEBOOKS = REPOSITORY / "notebooks"
JOBS = REPOSITORY / "stepfunctions" / "jobs"
GENERATED = "by `workbook export` from the notebooks: do not edit"


class NotExportable(BadInput):
    """Notebooks that cannot become jobs, with every reason."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        lines = "\n".join(f"  {finding}" for finding in findings)
        things = "1 thing keeps" if len(findings) == 1 else f"{len(findings)} things keep"
        super().__init__(f"{things} the notebooks from being jobs:\n{lines}")
        self.findings = findings


def rendered(notebooks: Path = NOTEBOOKS) -> dict[str, str]:
    """File name -> content of everything that is exported. Raises NotExportable."""
    books: list[Notebook] = []
    findings: list[Finding] = []
    for path in sorted(notebooks.glob("*.ipynb")):
        try:
            books.append(read(path))
            findings += lint(books[-1])
        except Unreadable as error:
            findings.append(Finding(path, 0, str(error)))
    if findings:
        raise NotExportable(findings)
    files = {f"{book.stem}.py": script(book) for book in books}
    settings = {"_generated": GENERATED} | {book.stem: definition(book) for book in books}
    files["jobs.json"] = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    return files


def stale(notebooks: Path = NOTEBOOKS, jobs: Path = JOBS) -> list[str]:
    """Names of the files in ``jobs`` that are missing, old, or of no notebook."""
    wanted = rendered(notebooks)
    present = {
        path.name: path.read_text(encoding="utf-8")
        for path in (*jobs.glob("*.py"), *jobs.glob("*.json"))
    }
    return sorted(name for name in {*wanted, *present} if wanted.get(name) != present.get(name))


def export(notebooks: Path = NOTEBOOKS, jobs: Path = JOBS) -> list[str]:
    """Write what is stale; returns the names of the files written or removed."""
    old = stale(notebooks, jobs)
    wanted = rendered(notebooks) if old else {}
    jobs.mkdir(parents=True, exist_ok=True)
    for name in old:
        if name in wanted:
            (jobs / name).write_text(wanted[name], encoding="utf-8")
        else:
            (jobs / name).unlink()
    return old
