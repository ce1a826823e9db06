"""Channels that never change, or that nobody reads, go; every output bit stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.frontends import load
from edge.ir import Graph, Rounding, Value, check, macs
from edge.ir.graph import Attr
from edge.ir.types import INTEGER_ROUNDINGS
from edge.passes.fold_constant_channels import run
from edge.passes.pipeline import INTEGER_PASSES, run_passes
from edge.reference import run_batch
from tests.models.int8_nets import Net
from tests.models.mlperf_tiny import FILES, needed


def total_macs(graph: Graph) -> int:
    return sum(macs(graph, node) for node in graph.nodes)


def silence(net: Net, name: str, channels: list[int], axis: int) -> None:
    """Set the weights of some output channels to zero."""
    value = net.values[name]
    assert value.data is not None
    data = np.moveaxis(value.data.copy(), axis, 0)
    data[channels] = 0
    net.values[name] = Value(name, value.type, np.moveaxis(data, 0, axis))


def same_outputs(before: Graph, after: Graph) -> bool:
    shape = before.type("x").shape[1:]
    x = np.random.default_rng(3).integers(-128, 128, (4, *shape)).astype(np.int8)
    x[0], x[1] = -128, 127
    pairs = zip(run_batch(before, [x]), run_batch(after, [x]), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def weights_of(net: Net, op: str) -> str:
    return next(node.inputs[1] for node in reversed(net.nodes) if node.op == op)


def test_a_silent_channel_moves_into_the_next_pointwise_bias() -> None:
    net = Net(1, 6, 5, 3)
    net.conv(8)
    silence(net, weights_of(net, "conv2d"), [1, 4, 5], 0)
    net.conv(4, kernel=1)
    graph = net.graph()
    folded = check(run(graph))
    assert folded.type(folded.nodes[0].output).shape == (1, 6, 5, 5)
    assert same_outputs(graph, folded)


@pytest.mark.parametrize(
    ("silent", "left"), [([1], 12), ([1, 4, 5, 6, 7], 8), ([0, 1, 2, 3, 8, 9, 10, 11], 4)]
)
def test_channels_go_in_whole_blocks_where_blocks_of_zeros_would_break(
    silent: list[int], left: int
) -> None:
    net = Net(1, 6, 5, 3)
    net.conv(12)
    silence(net, weights_of(net, "conv2d"), silent, 0)
    net.conv(16, kernel=1)
    value = net.values[weights_of(net, "conv2d")]
    assert value.data is not None
    blocks = np.tile([[0, 1, 1], [1, 0, 0], [0, 0, 1], [1, 1, 0]], (4, 1))
    data = value.data * np.repeat(blocks, 4, axis=1).reshape(value.data.shape).astype(np.int8)
    net.values[value.name] = Value(value.name, value.type, data)
    graph = net.graph()
    folded = check(run(graph))
    assert folded.type(folded.nodes[0].output).shape[-1] == left
    assert same_outputs(graph, folded)


def test_a_constant_beside_padding_stays_unless_it_is_zero() -> None:
    net = Net(1, 6, 5, 3)
    net.conv(8)
    silence(net, weights_of(net, "conv2d"), [1, 4], 0)
    bias = net.values[net.nodes[0].inputs[2]]
    assert bias.data is not None
    stored = bias.data.copy()
    stored[[1, 4]] = 0, 900  # channel 1 holds exactly zero, channel 4 does not
    net.values[bias.name] = replace(bias, data=stored)
    net.conv(4, kernel=3)
    graph = net.graph()
    folded = check(run(graph))
    assert folded.type(folded.nodes[0].output).shape[-1] == 7
    assert same_outputs(graph, folded)


def test_a_channel_that_nobody_reads_goes() -> None:
    net = Net(1, 6, 5, 3)
    net.conv(8)
    first = net.nodes[0].inputs[1]
    net.conv(4, kernel=3)
    silence(net, weights_of(net, "conv2d"), [0, 7], 3)
    graph = net.graph()
    folded = check(run(graph))
    assert folded.type(folded.nodes[0].output).shape[-1] == 6
    assert graph.type(first).shape[0] == 8
    assert same_outputs(graph, folded)


def test_outputs_and_residuals_keep_their_channels() -> None:
    net = Net(1, 4, 4, 8)
    a = net.conv(8)
    silence(net, weights_of(net, "conv2d"), [2], 0)
    b = net.conv(8)
    silence(net, weights_of(net, "conv2d"), [3], 0)
    net.add("add", a, b)
    graph = net.graph()
    assert run(graph) is graph


def test_at_least_one_channel_stays() -> None:
    net = Net(1, 4, 4, 3)
    net.conv(5, kernel=1)
    silence(net, weights_of(net, "conv2d"), list(range(5)), 0)
    net.conv(4, kernel=1)
    graph = net.graph()
    folded = check(run(graph))
    assert folded.type(folded.nodes[0].output).shape[-1] == 1
    assert same_outputs(graph, folded)


@given(
    seed=st.integers(0, 1000),
    rounding=st.sampled_from(INTEGER_ROUNDINGS),
    layers=st.lists(
        st.sampled_from(["conv1", "conv3", "depthwise", "pool"]), min_size=2, max_size=6
    ),
    share=st.floats(0, 1),
)
def test_random_networks_keep_every_bit(
    seed: int, rounding: Rounding, layers: list[str], share: float
) -> None:
    net = Net(1, 9, 8, 3, rounding=rounding, seed=seed)
    for layer in layers:
        if layer == "pool":
            kept = net.values[net.last].type.quantization
            assert kept is not None
            attrs: dict[str, Attr] = {"kernel": (3, 3), "stride": (1, 1), "padding": (1,) * 4}
            net.add("max_pool2d", attrs=attrs, scale=kept.scale[0], zero=kept.zero_point[0])
            continue
        if layer == "depthwise":
            net.depthwise()
        else:
            net.conv(int(net.rng.integers(2, 9)), kernel=int(layer[-1]))
        channels = net.values[net.last].type.shape[-1]
        silent = np.flatnonzero(net.rng.random(channels) < share)
        axis = 3 if layer == "depthwise" else 0
        silence(net, net.nodes[-1].inputs[1], silent.tolist(), axis)
    graph = net.graph()
    folded = check(run(graph))
    assert total_macs(folded) <= total_macs(graph)
    assert same_outputs(graph, folded)


@needed
@pytest.mark.parametrize(("model", "most"), [("vww", 3_900_000), ("kws", 2_656_768)])
def test_mlperf_tiny_models(model: str, most: int) -> None:
    before = load(FILES[model]).graph
    after = run_passes(before, INTEGER_PASSES)
    assert total_macs(after) <= most
    shape = before.type(before.inputs[0]).shape[1:]
    x = np.random.default_rng(0).integers(-128, 128, (2, *shape)).astype(np.int8)
    assert np.array_equal(run_batch(before, [x])[0], run_batch(after, [x])[0])
