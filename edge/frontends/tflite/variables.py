"""Resource variables of a .tflite file while it is imported: they become states of the graph."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.frontends.tflite.diagnostics import STRUCTURE, Unsupported
from edge.ir import State, Value
from edge.ir.types import Array


@dataclass
class Variables:
    """What is known of each variable so far, by its name: handles are tensors that hold names."""

    handles: dict[int, str] = field(default_factory=dict)
    initial: dict[str, Array] = field(default_factory=dict)
    read: dict[str, Value] = field(default_factory=dict)
    current: dict[str, Value] = field(default_factory=dict)

    def name(self, handle: int) -> str:
        if handle not in self.handles:
            raise Unsupported(STRUCTURE, "a variable that is not made by VAR_HANDLE")
        return self.handles[handle]

    def states(self) -> tuple[State, ...]:
        """The variables that are read before they are assigned in an inference."""
        return tuple(
            State(value.name, self.current[name].name, self.initial[name])
            for name, value in self.read.items()
            if self.current[name] is not value
        )
