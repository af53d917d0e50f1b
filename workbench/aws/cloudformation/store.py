"""All stacks on disk: they outlive the process, however it ends."""

from __future__ import annotations

import json
from pathlib import Path

from workbench.aws.cloudformation.problem import invalid
from workbench.aws.cloudformation.stack import Stack
from workbench.aws.files import write


class Store:
    """Stacks by id; of one name, one at most is not deleted."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        read = (json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json"))
        self.stacks = {stack.id: stack for stack in map(Stack.read, read)}

    def find(self, name: str, deleted: bool = True) -> Stack:
        """By name, unless it is deleted, or by id. Raises AwsError."""
        found = self.get(name) or (self.stacks.get(name) if deleted else None)
        if found is None:
            raise invalid(f"Stack with id {name} does not exist")
        return found

    def get(self, name: str) -> Stack | None:
        """The stack of this name or id that is not deleted."""
        for stack in self.stacks.values():
            if name in (stack.name, stack.id) and stack.status != "DELETE_COMPLETE":
                return stack
        return None

    def save(self, stack: Stack) -> None:
        self.stacks[stack.id] = stack
        write(self._path(stack), stack.as_dict())

    def forget(self, stack: Stack) -> None:
        """A stack that never came to be."""
        del self.stacks[stack.id]
        self._path(stack).unlink(missing_ok=True)

    def _path(self, stack: Stack) -> Path:
        return self._folder / f"{stack.id.rpartition('/')[2]}.json"
