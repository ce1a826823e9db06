"""Graph, Node and Value: immutable, values referred to by name, nodes in execution order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from edge.ir.types import Array, Rounding, TensorType

Attr = int | float | str | bool | tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the graph. It is a constant when `data` is set."""

    name: str
    type: TensorType
    data: Array | None = None

    @property
    def is_constant(self) -> bool:
        return self.data is not None


@dataclass(frozen=True)
class Node:
    """One operator call. An empty name in `inputs` stands for an omitted optional input.

    `where` is the place in the user's model that diagnostics quote: module path and source line,
    or the operator's index in a .tflite file.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Attr] = field(default_factory=dict)
    where: str = ""

    @property
    def output(self) -> str:
        return self.outputs[0]


@dataclass(frozen=True, eq=False)
class State:
    """A tensor that lives on from one inference to the next.

    The value `read`, which no node makes, holds what the inference before left in `written`, and
    `initial` in the first one after a reset. All three have one type.
    """

    read: str
    written: str
    initial: Array


@dataclass(frozen=True, eq=False)
class Graph:
    """A model: named inputs and outputs, nodes in execution order, all values by name.

    A model with states computes sequences: the order of its inferences matters.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    values: Mapping[str, Value]
    rounding: Rounding = Rounding.SINGLE
    states: tuple[State, ...] = ()

    @property
    def given(self) -> tuple[str, ...]:
        """The activations that are there before the first node: inputs, and states as left."""
        return (*self.inputs, *(state.read for state in self.states))

    @property
    def kept(self) -> tuple[str, ...]:
        """The values that are needed after the last node: outputs, and what states become."""
        return (*self.outputs, *(state.written for state in self.states))

    @cached_property
    def producers(self) -> dict[str, Node]:
        """The node that makes each value (constants and graph inputs have none)."""
        return {output: node for node in self.nodes for output in node.outputs}

    @cached_property
    def consumers(self) -> dict[str, tuple[Node, ...]]:
        """The nodes that read each value, in order; a node that reads it twice is listed once."""
        readers: dict[str, list[Node]] = {name: [] for name in self.values}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                if name:
                    readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    def type(self, name: str) -> TensorType:
        return self.values[name].type

    def constant(self, name: str) -> Array:
        """The data of a constant. Raises KeyError if `name` is not a constant."""
        data = self.values[name].data
        if data is None:
            raise KeyError(f"{name} is not a constant")
        return data

    def is_constant(self, name: str) -> bool:
        return self.values[name].is_constant

    def with_nodes(self, nodes: Iterable[Node], new_values: Iterable[Value] = ()) -> Graph:
        """The graph with other nodes and added or replaced values; unused values are dropped."""
        nodes = tuple(nodes)
        values = {**self.values, **{value.name: value for value in new_values}}
        used = {*self.given, *self.kept}
        for node in nodes:
            used.update(node.inputs)
            used.update(node.outputs)
        kept = {name: value for name, value in values.items() if name in used}
        return replace(self, nodes=nodes, values=kept)

    def rewire(self, renamed: Mapping[str, str]) -> Graph:
        """The graph with every use of a value replaced by another; definitions stay.

        A graph output keeps its place in `outputs` but takes the new name, and so does what a
        state becomes.
        """

        def resolve(name: str) -> str:
            while name in renamed:
                name = renamed[name]
            return name

        nodes = tuple(replace(n, inputs=tuple(map(resolve, n.inputs))) for n in self.nodes)
        outputs = tuple(map(resolve, self.outputs))
        states = tuple(replace(s, written=resolve(s.written)) for s in self.states)
        return replace(self, nodes=nodes, outputs=outputs, states=states)

    def fresh(self, stem: str) -> str:
        """A value name that is not yet taken, derived from `stem`."""
        if stem not in self.values:
            return stem
        return next(
            n for n in map(f"{stem}_{{}}".format, range(1, 1 << 30)) if n not in self.values
        )


Pass = Callable[[Graph], Graph]
