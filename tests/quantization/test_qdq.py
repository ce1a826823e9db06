"""Graphs with quantize/dequantize nodes become int8 graphs that agree with torch's simulation.

torch is the oracle: the float reference runs the imported q/dq graph and must equal torch's own
result; then every integer operator, fed with the stored inputs of that run, may differ by one step.
End to end a deep untrained network amplifies such steps, so there only short networks are compared.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from edge import reference
from edge.errors import EdgeError
from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value, check
from edge.passes.pipeline import FLOAT_PASSES, INTEGER_PASSES, run_passes
from edge.quantization.affine import quantize_activation
from edge.quantization.qdq import absorb_qdq
from edge.quantization.quantizer import EdgeQuantizer
from edge.silence import silenced
from tests.frontends.torch_oracle import channels_last
from tests.models import autoencoder, dscnn, mobilenet_v2, mobilenet_v3_block, resnet8
from tests.quantization.pt2e import imported, quantized, samples

NETWORKS = (dscnn, resnet8, mobilenet_v2, autoencoder, mobilenet_v3_block)


def xnnpack_quantizer():
    with silenced():
        xnnpack = pytest.importorskip(
            "executorch.backends.xnnpack.quantizer.xnnpack_quantizer",
            reason="needs executorch: pip install 'edge-nn[dev]'",
        )
    config = xnnpack.get_symmetric_quantization_config(is_per_channel=True)
    return xnnpack.XNNPACKQuantizer().set_global(config)


class Flow:
    """One network through PT2E, import and absorption."""

    def __init__(self, network, quantizer) -> None:
        module, (example,) = network.make()
        self.module = quantized(module, example, quantizer)
        self.simulated = imported(self.module, example)
        self.lowered = check(absorb_qdq(run_passes(self.simulated, FLOAT_PASSES)))
        self.sample = samples(example, 1)[0]

    @property
    def input(self) -> np.ndarray:
        return channels_last(self.sample.numpy())

    @property
    def stored_input(self) -> np.ndarray:
        return quantize_activation(self.input, quantization(self.lowered, self.lowered.inputs[0]))

    def torch_output(self) -> np.ndarray:
        with torch.no_grad():
            return channels_last(self.module(self.sample).numpy())


def cases(*networks):
    """Each network with each quantizer, named after both."""
    return [
        pytest.param((network, quantizer), id=f"{network.__name__.rpartition('.')[2]}-{name}")
        for network in networks
        for name, quantizer in (("edge", EdgeQuantizer), ("xnnpack", xnnpack_quantizer))
    ]


@pytest.fixture(scope="module", params=cases(*NETWORKS))
def flow(request):
    network, quantizer = request.param
    return Flow(network, quantizer())


def quantization(graph: Graph, name: str) -> Quantization:
    found = graph.type(name).quantization
    assert found is not None
    return found


def alone(graph: Graph, node: Node) -> Graph:
    inputs = tuple(dict.fromkeys(n for n in node.inputs if n and not graph.is_constant(n)))
    return Graph("alone", inputs, node.outputs, (node,), graph.values, graph.rounding)


def test_imported_simulation_equals_torch_but_for_ties(flow):
    """Sums in another order can fall on the other side of a tie, which is one step at the end."""
    simulated = reference.run(flow.simulated, [flow.input])[flow.simulated.outputs[0]]
    step = quantization(flow.lowered, flow.lowered.outputs[0]).scale[0]
    np.testing.assert_allclose(simulated, flow.torch_output(), rtol=0, atol=1.001 * step)


def test_each_integer_operator_is_within_one_step_of_the_simulation(flow):
    values = reference.run(flow.simulated, [flow.input], values=True)
    stored = {
        name: quantize_activation(array, quantization(flow.lowered, name))
        for name, array in values.items()
        if name in flow.lowered.values and not flow.lowered.is_constant(name)
    }
    compared = 0
    for node in flow.lowered.nodes:
        one = alone(flow.lowered, node)
        result = reference.run(one, [stored[name] for name in one.inputs])[node.output]
        assert np.abs(result.astype(int) - stored[node.output]).max() <= 1, node
        compared += result.size
    assert compared > 500


@pytest.mark.parametrize("flow", cases(dscnn, resnet8, autoencoder), indirect=True)
def test_shallow_network_is_within_one_step_of_torch(flow):
    output = flow.lowered.outputs[0]
    result = reference.run(flow.lowered, [flow.stored_input])[output]
    expected = quantize_activation(flow.torch_output(), quantization(flow.lowered, output))
    assert np.abs(result.astype(int) - expected).max() <= 1
    assert np.ptp(expected.astype(int)) > 50


def test_integer_passes_keep_every_bit(flow):
    legal = run_passes(flow.lowered, INTEGER_PASSES, check=True)
    before = reference.run(flow.lowered, [flow.stored_input])[flow.lowered.outputs[0]]
    after = reference.run(legal, [flow.stored_input])[legal.outputs[0]]
    np.testing.assert_array_equal(before, after)


def test_only_int8_is_left_and_torchs_weights_are_kept(flow):
    graph = flow.lowered
    ends = (*graph.inputs, *graph.outputs, *(node.output for node in graph.nodes))
    assert {graph.type(name).dtype for name in ends} == {DType.INT8}
    assert not {node.op for node in graph.nodes} & {"quantize", "dequantize"}
    given = {n.inputs[0] for n in flow.simulated.nodes if n.op == "dequantize"}
    given = {name for name in given if flow.simulated.is_constant(name)}
    assert given
    for name in given:
        np.testing.assert_array_equal(graph.constant(name), flow.simulated.constant(name))
        assert graph.type(name) == flow.simulated.type(name)


def small(*nodes: Node, outputs: tuple[str, ...], **types: TensorType) -> Graph:
    values = {name: Value(name, kind) for name, kind in types.items()}
    return Graph("small", ("x",), outputs, nodes, values, Rounding.SINGLE)


def real(*shape: int) -> TensorType:
    return TensorType(shape, DType.FLOAT32)


def int8(scale: float, zero_point: int, *shape: int) -> TensorType:
    return TensorType(shape, DType.INT8, Quantization.per_tensor(scale, zero_point))


def quantize(x: str, y: str) -> Node:
    return Node(y, "quantize", (x,), (y,))


def dequantize(x: str, y: str) -> Node:
    return Node(y, "dequantize", (x,), (y,))


def test_float_input_behind_a_move_becomes_int8():
    graph = small(
        Node("flat", "reshape", ("x",), ("flat",), {"shape": (1, 4)}),
        quantize("flat", "q"), dequantize("q", "y"), outputs=("y",),
        x=real(1, 2, 2), flat=real(1, 4), q=int8(0.5, 3, 1, 4), y=real(1, 4),
    )  # fmt: skip
    lowered = check(absorb_qdq(graph))
    assert [node.op for node in lowered.nodes] == ["reshape"]
    assert lowered.type("x") == int8(0.5, 3, 1, 2, 2)


def test_integer_layer_between_quantize_and_dequantize_keeps_its_bits():
    """As in .tflite files with float inputs and outputs."""
    rng = np.random.default_rng(0)
    weight = Quantization((0.01, 0.02), (0, 0), 0)
    bias = Quantization((0.001, 0.002), (0, 0), 0)
    constants = [
        Value(
            "w", TensorType((2, 4), DType.INT8, weight), rng.integers(-127, 128, (2, 4), np.int8)
        ),
        Value("b", TensorType((2,), DType.INT32, bias), np.array([70, -900], np.int32)),
    ]
    graph = small(
        quantize("x", "q"), Node("fc", "linear", ("q", "w", "b"), ("i",), {"activation": "relu"}),
        dequantize("i", "y"), outputs=("y",),
        x=real(1, 4), q=int8(0.1, 5, 1, 4), i=int8(0.02, -128, 1, 2), y=real(1, 2),
    )  # fmt: skip
    graph = replace(graph.with_nodes(graph.nodes, constants), rounding=Rounding.TFLITE)
    lowered = check(absorb_qdq(graph))
    x = rng.standard_normal((1, 4)).astype(np.float32)
    expected = reference.run(graph, [x], values=True)
    np.testing.assert_array_equal(reference.run(lowered, [expected["q"]])["i"], expected["i"])
    assert [node.op for node in lowered.nodes] == ["linear"]


def test_value_quantized_twice_is_requantized():
    graph = small(
        quantize("x", "a"), dequantize("a", "ra"), quantize("ra", "b"), dequantize("b", "y"),
        outputs=("y",),
        x=real(1, 4), a=int8(0.5, 0, 1, 4), ra=real(1, 4), b=int8(1.0, -5, 1, 4), y=real(1, 4),
    )  # fmt: skip
    lowered = check(absorb_qdq(graph))
    assert [node.op for node in lowered.nodes] == ["requantize"]
    stored = np.array([[-128, -1, 7, 127]], np.int8)
    assert reference.run(lowered, [stored])["b"].tolist() == [[-69, -5, -1, 59]]


def test_function_without_quantization_gets_the_range_of_its_image():
    graph = small(
        quantize("x", "q"), dequantize("q", "r"),
        Node("y", "unary", ("r",), ("y",), {"function": "square"}), outputs=("y",),
        x=real(1, 4), q=int8(0.1, -28, 1, 4), r=real(1, 4), y=real(1, 4),
    )  # fmt: skip
    lowered = absorb_qdq(graph)
    found = quantization(lowered, "y")
    assert found.zero_point == (-128,)
    assert found.scale[0] == pytest.approx(15.5**2 / 255)


def test_softmax_and_averages_need_no_quantize_node():
    graph = small(
        quantize("x", "q"), dequantize("q", "r"),
        Node("m", "mean", ("r",), ("m",), {"axes": (1, 2), "keepdims": False}),
        Node("y", "softmax", ("m",), ("y",)), outputs=("y",),
        x=real(1, 2, 2, 4), q=int8(0.1, 5, 1, 2, 2, 4), r=real(1, 2, 2, 4), m=real(1, 4),
        y=real(1, 4),
    )  # fmt: skip
    lowered = absorb_qdq(graph)
    assert lowered.type("m") == int8(0.1, 5, 1, 4)
    assert lowered.type("y") == int8(1 / 256, -128, 1, 4)


def with_sum(q: TensorType) -> Graph:
    return small(
        quantize("x", "q"), dequantize("q", "r"),
        Node("y", "add", ("r", "r"), ("y",), where="net.py:3 in Net.forward: x + x"),
        outputs=("y",), x=real(1, 4), q=q, r=real(1, 4), y=real(1, 4),
    )  # fmt: skip


def test_sum_that_stays_in_float_is_an_error_with_its_place():
    with pytest.raises(EdgeError) as raised:
        absorb_qdq(with_sum(int8(0.1, 0, 1, 4)))
    assert raised.value.exit_status == 3
    (diagnostic,) = raised.value.diagnostics
    assert (diagnostic.code, diagnostic.where) == ("E0205", "net.py:3 in Net.forward: x + x")


def test_uint8_activations_are_refused():
    unsigned = replace(int8(0.1, 128, 1, 4), dtype=DType.UINT8)
    with pytest.raises(EdgeError) as raised:
        absorb_qdq(with_sum(unsigned))
    assert raised.value.diagnostics[0].code == "E0208"
