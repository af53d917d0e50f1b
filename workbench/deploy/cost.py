"""What a deployment costs a month: while nothing runs, and with runs that find nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from workbench import pipeline
from workbench.aws.cloudformation import template
from workbench.deploy.artefacts import TEMPLATE
from workbench.plan import cost, durations, machine
from workbench.plan.cost import Basis, Line
from workbench.plan.prices import PRICES
from workbench.plan.screen import dollars
from workbench.plan.windows import Forecast

# Resource type -> (what it is called, price), of those that cost something while they stand.
STANDING = {
    "AWS::KMS::Key": ("KMS key", "kms key"),
    "AWS::SecretsManager::Secret": ("Secrets Manager", "secret"),
    "AWS::CloudWatch::Alarm": ("CloudWatch alarms", "alarm"),
}
ADMINISTRATOR = 1  # secret more, which Redshift keeps


def standing() -> list[Line]:
    """Of a month in which nothing runs, and nothing is kept yet."""
    kinds = [each["Type"] for each in template.load(TEMPLATE.read_text("utf-8")).resources.values()]
    found = []
    for kind, (what, price) in STANDING.items():
        more = ADMINISTRATOR if kind == "AWS::SecretsManager::Secret" else 0
        found.append(Line(what, PRICES[price], 0.0, float(kinds.count(kind) + more)))
    return found


def looking(contract: Path, runs: Path, rpus: int, hours: float = 1.0) -> Basis:
    """Runs that find no news; how long they take is by what they took here."""
    parsed = pipeline.read_contract(contract)
    names = set(parsed.tables)
    flow = machine.flow(pipeline.waves(parsed), names, names)
    idle = [Forecast(name, "incremental") for name in parsed.tables]
    return Basis(idle, flow, durations.rates(runs), cost.settings(), rpus, hours)


def show(contract: Path, runs: Path, parameters: Mapping[str, str], console: Console) -> None:
    idle: Sequence[Line] = standing()
    basis = looking(contract, runs, int(parameters.get("BaseCapacity", 8)))
    _, month = cost.total(cost.lines(basis))
    told = ", ".join(f"{line.what} {dollars(line.month_dollars)}" for line in idle)
    console.print(
        f"a month without a run costs {dollars(cost.total(idle)[1])} dollars ({told}) and what is "
        f"kept; with a run an hour that finds nothing {dollars(month)} more. What runs with news "
        "cost: workbook plan --cost",
        soft_wrap=True,
    )
