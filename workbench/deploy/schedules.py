"""``workbook schedule --profile``: the stack's own schedule, changed by the stack."""

from __future__ import annotations

from collections.abc import Callable

from etl_lib.errors import BadInput
from workbench.deploy.formation import Formation
from workbench.scheduling import with_first
from workbench.stack import Stack


def changed(stack: Stack, expression: str, off: bool, say: Callable[[str], None]) -> str:
    """Set it, or switch it off, by a change of the stack's parameters; what there is now.

    The alarm that watches for runs goes with it.
    """
    formation = Formation(stack.endpoint, stack.target.stack)
    before = formation.parameters()
    if not (expression or off):
        return f"{before['ScheduleExpression']}, {before['ScheduleState']}"
    wanted = {"ScheduleState": "DISABLED" if off else "ENABLED"}
    if expression:
        wanted["ScheduleExpression"] = expression
    parameters = [
        {"ParameterKey": name, "ParameterValue": wanted[name]}
        if name in wanted
        else {"ParameterKey": name, "UsePreviousValue": True}
        for name in before
    ]
    found = formation.propose({"UsePreviousTemplate": True}, parameters)
    if found is not None:
        try:
            formation.carry_out(found, lambda event: None)
        except Exception as error:
            if "chedule" in str(error) and expression:
                raise BadInput(f"{error}") from None
            raise
    after = formation.parameters()
    told = f"{after['ScheduleExpression']}, {after['ScheduleState']}"
    if off:
        return told
    return with_first(told, after["ScheduleExpression"], "the first run may begin at once")
