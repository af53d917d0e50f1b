"""The answer that the Glue kernel needs when the user interrupts a cell.

Kernel 1.0.9 cancels the statement and, when Glue has accepted that, returns nothing: ipykernel
fails on it, JupyterLab gets no reply and shows the cell as running for ever. It does reply when
CancelStatement is refused. So the kernel, and nobody else, is told that its call was refused, after
it was carried out. A departure from AWS, where the cell keeps its star.
"""

from __future__ import annotations

from workbench.aws.protocol import AwsError

KERNEL = "workbook-glue-kernel"  # how a kernel that we started calls itself in its User-Agent


def reply(operation: str, agent: str) -> None:
    """After ``operation`` of Glue. Raises AwsError."""
    if operation == "CancelStatement" and f"app/{KERNEL}" in agent.split():
        raise AwsError(
            "InvalidInputException", "The statement is cancelled; said so that the cell ends"
        )
