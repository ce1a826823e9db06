"""Runs training steps in numpy: states live on from one step to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edge.errors import fail
from edge.ir import Graph, Node
from edge.ir.types import Array
from edge.reference.call import Call
from edge.reference.kernels import MOVES, execute
from edge.training.autodiff import LABEL, Step
from edge.training.ops import TRAINING_OPS
from edge.training.reference import (
    attention_gradients,
    float_gradients,
    forward_kernels,
    int8_gradients,
    resize_gradients,
    updates,
)
from edge.training.reference.step_call import StepCall, StepKernel
from edge.training.scales import PROBABILITY_BITS
from edge.training.tape import Settings

_SHARED = {**forward_kernels.KERNELS, **updates.KERNELS}
_KERNELS: dict[str, dict[str, StepKernel]] = {
    "int8": {
        **_SHARED, **int8_gradients.KERNELS, **attention_gradients.INT8, **resize_gradients.INT8
    },
    "float32": {
        **_SHARED, **float_gradients.KERNELS, **attention_gradients.FLOAT32,
        **resize_gradients.FLOAT32,
    },
}  # fmt: skip

LOSSES = ("cross_entropy_gradient", "squared_error_gradient")
"""The operators that make the gradient of the loss, behind which a step may end."""

Observer = Callable[[Call, tuple[Array, ...]], None]
"""Called with each call of a step and the arrays it has made."""


class Trainer:
    """The trainables of a step and the arithmetic that changes them.

    `boundary` gives what training reads of a sample and does not change; `step` and `predict` take
    it as `frozen` and skip what leads to it. `halvings` of the learning rate apply to steps to
    come: the gradient of the loss becomes so much smaller, and all others with it.
    """

    def __init__(self, step: Step, rules: Mapping[str, StepKernel] | None = None) -> None:
        """`rules` puts other kernels in the place of some operators', for experiments."""
        self.graph: Graph = step.graph
        self.states: dict[str, Array] = {s.read: s.initial.copy() for s in step.graph.states}
        self._kernels = {**_KERNELS[step.settings.gradients], **(rules or {})}
        self._flowing = flowing(step.graph)
        self._easy = easy_limit(step.settings)
        self.skipped = 0
        self.halvings = 0

    @property
    def may_skip(self) -> bool:
        """Whether easy samples are left out; `skipped` counts them."""
        return self._easy > 0

    def step(
        self,
        inputs: Sequence[Array],
        target: Array | int,
        frozen: Mapping[str, Array] | None = None,
        observe: Observer | None = None,
    ) -> Array:
        """One training step; returns the scores before the update.

        `target` is a class, or int8 values for squared_error. Raises EdgeError E0018 for a class
        that does not exist; the states are then unchanged.
        """
        wanted = self.graph.inputs[-1]
        given = {**self._given(inputs, frozen), wanted: self._target(target)}
        values = self._run(self._nodes(frozen), given, observe)
        self.states = {s.read: values.get(s.written, values[s.read]) for s in self.graph.states}
        return values[self.graph.outputs[0]]

    def predict(self, inputs: Sequence[Array], frozen: Mapping[str, Array] | None = None) -> Array:
        """The scores of one sample with the parameters as they are."""
        nodes = self._nodes(frozen)
        last = next(i for i, n in enumerate(nodes) if n.output == self.graph.outputs[0])
        values = self._run(nodes[: last + 1], self._given(inputs, frozen), None)
        return values[self.graph.outputs[0]]

    def boundary(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """The values of a sample that training reads and does not change."""
        nodes = [n for n in self.graph.nodes if n.output not in self._flowing]
        values = self._run(nodes, self._given(inputs, None), None)
        read = {name for n in self.graph.nodes if n.output in self._flowing for name in n.inputs}
        made = {name for n in nodes for name in n.outputs} | {*self.graph.inputs[:-1]}
        return {name: values[name] for name in made & read}

    def digest(self) -> str:
        """SHA-256 of all trainables in the order of the graph's states, little-endian."""
        found = hashlib.sha256()
        for state in self.graph.states:
            array = self.states[state.read]
            found.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return found.hexdigest()

    def _given(
        self, inputs: Sequence[Array], frozen: Mapping[str, Array] | None
    ) -> dict[str, Array]:
        return {**dict(zip(self.graph.inputs[:-1], inputs, strict=False)), **(frozen or {})}

    def _nodes(self, frozen: Mapping[str, Array] | None) -> Sequence[Node]:
        """All nodes, or those behind what is given."""
        if frozen is None:
            return self.graph.nodes
        return [node for node in self.graph.nodes if node.output in self._flowing]

    def _target(self, target: Array | int) -> Array:
        if self.graph.inputs[-1] != LABEL:
            return np.asarray(target)
        classes = self.graph.type(self.graph.outputs[0]).elements
        if not 0 <= int(target) < classes:
            raise fail("E0018", f"there is no class {int(target)} among {classes}")
        return np.array([int(target)], np.int32)

    def _run(
        self, nodes: Sequence[Node], given: Mapping[str, Array], observe: Observer | None
    ) -> dict[str, Array]:
        values: dict[str, Array] = {**self.states, **given}
        for node in nodes:
            call = self._call(node, values)
            made = self._made(call)
            if node.op in LOSSES:
                if is_easy(made, self._easy):
                    self.skipped += 1
                    break
                made = self._cooled(made)
            values.update(zip(node.outputs, made, strict=True))
            if observe:
                observe(call, made)
        return values

    def _call(self, node: Node, values: Mapping[str, Array]) -> Call:
        arrays = tuple(self._value(values, name) for name in node.inputs)
        kind = StepCall if node.op in TRAINING_OPS else Call
        return kind(self.graph, node, arrays)

    def _made(self, call: Call) -> tuple[Array, ...]:
        if isinstance(call, StepCall):
            return self._kernels[call.node.op](call)
        return (MOVES[call.node.op](call) if call.node.op in MOVES else execute(call),)

    def _cooled(self, gradient: tuple[Array, ...]) -> tuple[Array, ...]:
        if not self.halvings:
            return gradient
        values, exponent = gradient
        return values, np.subtract(exponent, self.halvings, dtype=np.int32)

    def _value(self, values: Mapping[str, Array], name: str) -> Array | None:
        if not name:
            return None
        return values[name] if name in values else self.graph.constant(name)


def easy_limit(settings: Settings) -> int:
    """The largest gradient of the scores, in 2**-15, for which a step is not worth taking."""
    return int(settings.easy * 2**PROBABILITY_BITS)


def is_easy(gradient: Sequence[Array], limit: int) -> bool:
    """Whether a gradient (values, exponent) is nowhere above the limit, if there is one."""
    if not limit:
        return False
    values, exponent = gradient
    return int(np.abs(values.astype(np.int64)).max()) << int(exponent[0]) <= limit


def flowing(graph: Graph) -> frozenset[str]:
    """The values of a step that depend on states or the target."""
    found = {state.read for state in graph.states} | {graph.inputs[-1]}
    for node in graph.nodes:
        if node.op in TRAINING_OPS or found.intersection(node.inputs):
            found.update(node.outputs)
    return frozenset(found)
