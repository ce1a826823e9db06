"""Whole pipelines on random networks: the function stays, the invariants hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import reference
from edge.ir import DType, Graph, Node, TensorType, Value, check, to_text
from edge.ir.ops import infer_shapes
from edge.passes.pipeline import FLOAT_PASSES, INTEGER_PASSES, run_passes
from edge.quantization.ptq import quantize

STEPS = (
    "conv", "depthwise", "batch_norm", "relu", "relu6", "tanh", "pad", "pool", "average",
    "identity", "there_and_back", "branch", "constant", "dead", "pruned", "concat",
)  # fmt: skip


class Net:
    """A chain with branches, built a step at a time; every step may pick what it reads."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        x = Value("x", TensorType((1, 8, 8, 3), DType.FLOAT32))
        self.graph = Graph("net", ("x",), ("x",), (), {"x": x})
        self.last = "x"

    def weight(self, *shape: int) -> str:
        name = f"w{len(self.graph.values)}"
        data = self.rng.normal(0, 1 / np.sqrt(np.prod(shape[1:]) or 1), shape).astype(np.float32)
        value = Value(name, TensorType(shape, DType.FLOAT32), data)
        self.graph = replace(self.graph, values={**self.graph.values, name: value})
        return name

    def node(self, op: str, *inputs: str, **attrs: object) -> str:
        name = f"v{len(self.graph.values)}"
        node = Node(f"n{name}", op, inputs, (name,), attrs)
        value = Value(name, TensorType(infer_shapes(self.graph, node)[0], DType.FLOAT32))
        values = {**self.graph.values, name: value}
        nodes = (*self.graph.nodes, node)
        self.graph = replace(self.graph, nodes=nodes, outputs=(name,), values=values)
        self.last = name
        return name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.graph.type(self.last).shape

    def add(self, step: str) -> None:
        getattr(self, f"add_{step}")()

    def add_conv(self) -> None:
        channels = int(self.rng.integers(1, 6))
        weight = self.weight(channels, 3, 3, self.shape[3])
        self.node("conv2d", self.last, weight, self.weight(channels), padding=(1, 1, 1, 1))

    def add_pruned(self) -> None:
        """A convolution with channels that are all zero, whose result is constant."""
        self.add_conv()
        node = self.graph.nodes[-1]
        weight = self.graph.values[node.inputs[1]]
        kept = self.rng.integers(0, 2, (len(weight.data), 1, 1, 1)).astype(np.float32)
        pruned = replace(weight, data=weight.data * kept)
        self.graph = replace(self.graph, values={**self.graph.values, weight.name: pruned})

    def add_concat(self) -> None:
        a = self.last
        self.node("concat", a, self.node("unary", a, function="hard_swish"), axis=3)

    def add_flat_linear(self) -> None:
        """The end of a classifier in NCHW order."""
        self.node("transpose", self.last, permutation=(0, 3, 1, 2))
        self.node("reshape", self.last, shape=(1, int(np.prod(self.shape))))
        self.node("linear", self.last, self.weight(4, self.shape[1]), self.weight(4))

    def add_mean_linear(self) -> None:
        self.node("mean", self.last, axes=(1, 2), keepdims=False)
        self.node("linear", self.last, self.weight(4, self.shape[1]))

    def add_depthwise(self) -> None:
        weight = self.weight(1, 3, 3, self.shape[3])
        self.node("depthwise_conv2d", self.last, weight, padding=(1, 1, 1, 1))

    def add_batch_norm(self) -> None:
        channels = self.shape[3]
        names = [self.weight(channels) for _ in range(4)]
        variance = self.graph.values[names[3]]
        spread = replace(variance, data=np.abs(variance.data) + np.float32(0.5))
        self.graph = replace(self.graph, values={**self.graph.values, names[3]: spread})
        self.node("batch_norm", self.last, *names)

    def add_relu(self) -> None:
        self.node("unary", self.last, function="relu")

    def add_relu6(self) -> None:
        self.node("unary", self.last, function="relu6")

    def add_tanh(self) -> None:
        self.node("unary", self.last, function="tanh")

    def add_pad(self) -> None:
        self.node("pad", self.last, padding=(0, 0, 1, 0, 0, 1, 0, 0), value=0.0)
        if self.rng.integers(2):
            self.node("depthwise_conv2d", self.last, self.weight(1, 3, 3, self.shape[3]))

    def add_pool(self) -> None:
        self.node("max_pool2d", self.last, kernel=(2, 2), padding=(1, 0, 1, 0))

    def add_average(self) -> None:
        self.node("avg_pool2d", self.last, kernel=self.shape[1:3])
        self.node("resize", self.last, size=(8, 8), mode="nearest")

    def add_identity(self) -> None:
        self.node("reshape", self.last, shape=self.shape)

    def add_there_and_back(self) -> None:
        self.node("transpose", self.last, permutation=(0, 3, 1, 2))
        self.node("transpose", self.last, permutation=(0, 2, 3, 1))

    def add_branch(self) -> None:
        a = self.last
        b = self.node("unary", a, function="relu")
        self.node("add", a, b)

    def add_constant(self) -> None:
        folded = self.node("reshape", self.weight(1, self.shape[3]), shape=(1, 1, 1, self.shape[3]))
        previous = self.graph.nodes[-2].output if len(self.graph.nodes) > 1 else "x"
        self.node("mul", previous, folded)

    def add_dead(self) -> None:
        last = self.last
        self.node("unary", last, function="exp")
        self.last = last
        self.graph = replace(self.graph, outputs=(last,))


def build(seed: int, steps: list[str], end: str = "conv") -> Graph:
    net = Net(seed)
    for step in (*steps, end):
        net.add(step)
    return check(net.graph)


nets = st.builds(
    build,
    st.integers(0, 2**16),
    st.lists(st.sampled_from(STEPS), max_size=8),
    st.sampled_from(["conv", "flat_linear", "mean_linear"]),
)


def inputs(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 8, 8, 3)).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(nets)
def test_float_passes_keep_the_function(net):
    before = reference.run_batch(net, [inputs(0, 2)])[0]
    after = reference.run_batch(run_passes(net, FLOAT_PASSES, check=True), [inputs(0, 2)])[0]
    assert np.abs(after - before).max() <= 1e-5 * max(1.0, np.abs(before).max())


@settings(max_examples=50, deadline=None)
@given(nets)
def test_integer_passes_keep_every_bit(net):
    quantized = check(quantize(net, inputs(1, 8), progress=False))
    legal = run_passes(quantized, INTEGER_PASSES, check=True)
    stored = np.random.default_rng(2).integers(-128, 128, (2, 8, 8, 3)).astype(np.int8)
    expected = reference.run_batch(quantized, [stored])[0]
    np.testing.assert_array_equal(reference.run_batch(legal, [stored])[0], expected)
    assert not any(node.op == "unary" for node in legal.nodes)


@settings(max_examples=50, deadline=None)
@given(nets)
def test_passes_find_nothing_more_the_second_time(net):
    once = run_passes(net, FLOAT_PASSES)
    assert to_text(run_passes(once, FLOAT_PASSES)) == to_text(once)


@pytest.fixture
def net() -> Graph:
    return build(0, ["conv", "batch_norm", "relu"])


def test_each_pass_can_be_dumped_into_a_folder(net, tmp_path):
    last = run_passes(net, FLOAT_PASSES, dump=tmp_path / "ir")
    files = sorted((tmp_path / "ir").iterdir())
    names = [pass_.__module__.rpartition(".")[2] for pass_ in FLOAT_PASSES]
    assert [file.name for file in files] == [f"{i:02}_{n}.ir" for i, n in enumerate(names)]
    assert files[-1].read_text() == to_text(last)


def test_each_pass_can_be_observed(net):
    seen = []
    run_passes(net, FLOAT_PASSES, dump=lambda name, graph: seen.append((name, len(graph.nodes))))
    assert ("fold_batch_norm", 3) in seen
    assert seen[-1] == ("dead_code", 2)
