"""The step graph under construction: nodes, values and states, with names made on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge.ir import DType, Graph, Node, State, TensorType, Value
from edge.ir.graph import Attr
from edge.ir.types import Array, Quantization
from edge.training.scheme import UpdateScheme

EXPONENT = TensorType((1,), DType.INT32)


@dataclass(frozen=True)
class Settings:
    """How a step computes.

    learning_rate: of plain SGD. loss: "cross_entropy" (label int32[1]) or "squared_error" (target
    int8, quantized as the output). gradients: "int8" with an exponent a tensor, or "float32".
    weights: "q8.8" keeps a low byte of every trained weight; "stochastic" keeps none and rounds
    by chance, from a generator of (seed, step, index).
    masks: "none" trains every weight; "fixed" keeps zero blocks of four input channels zero and
    stores live blocks alone; "dynamic" does too, and where they are is state that may be changed
    between steps. gradient_share: of a layer's output channels, those with the largest gradient of
    a step that go on; the gradient of the others counts as 0. The last layer keeps all.
    replay: samples kept for latent replay; replays: steps on kept samples after each new one.
    easy: a step ends before its backward pass where no probability is further than this from what
    it should be; 0 goes through with every step. headroom: how many times as wide as calibrated
    the range of the scores becomes, around 0; 1 leaves it as it is. cooling: whether the program
    can be told to halve its learning rate, any number of times, and to go back.
    """

    learning_rate: float = 3e-3
    loss: str = "cross_entropy"
    gradients: str = "int8"
    weights: str = "q8.8"
    seed: int = 1
    masks: str = "none"
    gradient_share: float = 1.0
    replay: int = 0
    replays: int = 1
    easy: float = 0.0
    headroom: float = 1.0
    cooling: bool = False

    @property
    def is_int8(self) -> bool:
        return self.gradients == "int8"


@dataclass(frozen=True)
class Gradient:
    """The gradient of a value: values * 2**exponent * unit; float32 has no exponent."""

    values: str
    exponent: str
    unit: float


@dataclass
class Tape:
    """What has been recorded so far of the step for `source`.

    `flows` are the values that depend on something trained; `saved` gives for each forward node
    what its gradient reads, `trainable` for each layer the output channels that may change,
    `limits` the largest magnitude of its bias. `counter` is the state that counts steps where
    rounding is stochastic, `drawn` the random bytes of a step so far.
    """

    source: Graph
    scheme: UpdateScheme
    settings: Settings
    flows: frozenset[str]
    values: dict[str, Value] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    saved: dict[str, dict[str, str]] = field(default_factory=dict)
    trainable: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    counter: str = ""
    drawn: int = 0

    def type(self, name: str) -> TensorType:
        return self.values[name].type

    def fresh(self, stem: str) -> str:
        """A name that is not taken by a value of the step or of the source."""
        name, count = stem, 0
        while name in self.values or name in self.source.values:
            count += 1
            name = f"{stem}_{count}"
        return name

    def borrow(self, name: str) -> str:
        """A value of the source graph."""
        if name:
            self.values.setdefault(name, self.source.values[name])
        return name

    def constant(self, stem: str, data: Array, quantization: Quantization | None = None) -> str:
        name = self.fresh(stem)
        tensor = TensorType(data.shape, DType(data.dtype.name), quantization)
        self.values[name] = Value(name, tensor, data)
        return name

    def state(self, stem: str, initial: Array, quantization: Quantization | None = None) -> str:
        """What lives on from step to step; until it is updated it becomes what it was."""
        name = self.fresh(stem)
        tensor = TensorType(initial.shape, DType(initial.dtype.name), quantization)
        self.values[name] = Value(name, tensor)
        self.states.append(State(name, name, np.ascontiguousarray(initial)))
        return name

    def updated(self, read: str, written: str) -> None:
        self.states = [
            State(s.read, written, s.initial) if s.read == read else s for s in self.states
        ]

    def node(
        self,
        op: str,
        name: str,
        inputs: Sequence[str],
        outputs: Mapping[str, TensorType],
        attrs: Mapping[str, Attr] | None = None,
        where: str = "",
    ) -> tuple[str, ...]:
        """Record a node; `outputs` are types by the stem of their names. Returns the names."""
        names = []
        for stem, tensor in outputs.items():
            made = self.fresh(stem)
            self.values[made] = Value(made, tensor)
            names.append(made)
        taken = {node.name for node in self.nodes}
        unique = name if name not in taken else f"{name}_{len(self.nodes)}"
        self.nodes.append(Node(unique, op, tuple(inputs), tuple(names), attrs or {}, where))
        return tuple(names)

    def gradient_node(
        self,
        op: str,
        name: str,
        inputs: Sequence[str],
        shape: tuple[int, ...],
        unit: float,
        attrs: Mapping[str, Attr] | None = None,
        wide: bool = False,
    ) -> Gradient:
        """Record a node that makes a gradient; `wide` is int16 where others are int8."""
        if not self.settings.is_int8:
            (values,) = self.node(
                op, name, inputs, {f"{name}_out": TensorType(shape, DType.FLOAT32)}, attrs
            )
            return Gradient(values, "", unit)
        tensor = TensorType(shape, DType.INT16 if wide else DType.INT8)
        values, exponent = self.node(
            op, name, inputs, {f"{name}_out": tensor, f"{name}_exponent": EXPONENT}, attrs
        )
        return Gradient(values, exponent, unit)

    def is_wide(self, gradient: Gradient) -> bool:
        """Whether a gradient still has the int16 of its sums."""
        return self.type(gradient.values).dtype is DType.INT16

    def narrowed(self, name: str, gradient: Gradient) -> Gradient:
        """int16 sums as int8 with an exponent; others as they are."""
        if not self.is_wide(gradient):
            return gradient
        inputs = (gradient.values, gradient.exponent)
        shape = self.type(gradient.values).shape
        return self.gradient_node("narrow_gradient", name, inputs, shape, gradient.unit)

    def clipped(
        self, name: str, gradient: Gradient, mask: str, factor: str, unit: float, power: int
    ) -> Gradient:
        """The gradient where `mask` is set, times `factor` by channel: from int16 or int8 to int8,
        so that it is rounded once."""
        op = "clip_wide_gradient" if self.is_wide(gradient) else "clip_gradient"
        inputs = (gradient.values, gradient.exponent, mask, factor)
        shape = self.type(gradient.values).shape
        return self.gradient_node(op, name, inputs, shape, unit, {"power": power})
