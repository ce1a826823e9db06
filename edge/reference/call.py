"""What a reference kernel is given: one node with the arrays of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy.typing as npt

from edge.ir import Graph, Node, TensorType
from edge.ir.graph import Attr
from edge.ir.ops import attributes
from edge.ir.types import Array


@dataclass(frozen=True, eq=False)
class Call:
    """One execution of `node`. Arrays lead with the number of samples where the graph says 1."""

    graph: Graph
    node: Node
    inputs: tuple[Array | None, ...]

    def input(self, index: int) -> npt.NDArray[Any]:
        """The array of an input that must be present."""
        array = self.inputs[index]
        if array is None:
            raise ValueError(f"{self.node.op} {self.node.name} lacks input {index}")
        return array

    def optional(self, index: int) -> npt.NDArray[Any] | None:
        return self.inputs[index] if index < len(self.inputs) else None

    @cached_property
    def attrs(self) -> Mapping[str, Attr]:
        return attributes(self.node)

    def ints(self, name: str) -> tuple[int, ...]:
        return cast("tuple[int, ...]", self.attrs[name])

    def text(self, name: str) -> str:
        return str(self.attrs[name])

    def number(self, name: str) -> float:
        return cast(float, self.attrs[name])

    @property
    def output(self) -> TensorType:
        return self.graph.type(self.node.output)


Kernel = Callable[[Call], Array]
