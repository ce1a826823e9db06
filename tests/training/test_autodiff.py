"""The step graph: what it keeps, where it stops, in which order it updates."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.ir import Graph
from edge.reference import run
from edge.training import scheme
from edge.training.autodiff import Step, differentiate
from edge.training.lifetimes import alive_across, lifetimes
from edge.training.ops import TRAINING_OPS
from edge.training.reference import Trainer
from edge.training.scheme import UpdateScheme
from edge.training.tape import Settings
from tests.models.int8_nets import Net, residual_net
from tests.models.mcunet import needed
from tests.training.mcunet10 import mcunet10, published_scheme
from tests.training.networks import NETWORKS, bottleneck, image


def _ops(step: Step) -> list[str]:
    return [node.op for node in step.graph.nodes]


def _head_only(graph: Graph) -> UpdateScheme:
    return scheme.last_layers(graph, 1)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_forward_part_computes_what_inference_computes(name: str) -> None:
    graph = NETWORKS[name]()
    x = image(graph)
    scores = Trainer(differentiate(graph, scheme.full(graph))).step([x], 0)
    np.testing.assert_array_equal(scores, run(graph, [x])[graph.outputs[0]])


def test_a_final_softmax_belongs_to_the_loss() -> None:
    graph = residual_net()
    step = differentiate(graph, _head_only(graph))
    assert "softmax" not in _ops(step)
    assert step.graph.outputs == (graph.nodes[-1].inputs[0],)


def test_the_backward_pass_stops_at_the_first_trained_layer() -> None:
    graph = bottleneck()
    step = differentiate(graph, _head_only(graph))
    assert [op for op in _ops(step) if op.endswith("_gradient") or "update" in op] == [
        "cross_entropy_gradient", "clip_gradient", "update_bias", "update_linear_weight"
    ]  # fmt: skip
    live = [op for op in _ops(step) if op.startswith(("live_", "masked_"))]
    assert live == ["live_linear"]


def test_a_bias_needs_no_saved_input() -> None:
    graph = bottleneck()
    layers = [node.name for node in scheme.weighted_layers(graph)]
    step = differentiate(graph, UpdateScheme(biases=frozenset(layers[1:2])))
    saved = alive_across(step.graph, "loss")
    masks = [n for n in step.graph.values if n.endswith("_mask")]
    scores = step.graph.type(step.graph.outputs[0]).nbytes
    assert saved == scores + sum(step.graph.type(name).nbytes for name in masks)


def test_a_weight_is_read_for_the_last_time_before_it_changes() -> None:
    graph = NETWORKS["grouped"]()
    step = differentiate(graph, scheme.full(graph))
    place = {node.name: i for i, node in enumerate(step.graph.nodes)}
    for state in step.graph.states:
        changed = place[step.graph.producers[state.written].name]
        readers = (place[node.name] for node in step.graph.consumers[state.read])
        assert all(index <= changed for index in readers)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_node_fits_the_table(name: str) -> None:
    graph = NETWORKS[name]()
    for node in differentiate(graph, scheme.full(graph)).graph.nodes:
        if (op := TRAINING_OPS.get(node.op)) is None:
            continue
        assert len(node.inputs) <= len(op.inputs)
        assert len(node.outputs) <= len(op.outputs)
        for slot, kind in enumerate(op.inputs[: len(node.inputs)]):
            assert node.inputs[slot] or kind.endswith("?"), (node.name, kind)


def test_no_gradient_of_a_parameter_is_a_tensor() -> None:
    graph = bottleneck()
    step = differentiate(graph, scheme.full(graph))
    sizes = {state.initial.shape for state in step.graph.states if state.read.endswith("_high")}
    made = [step.graph.type(n).shape for n in lifetimes(step.graph) if n.endswith("_out")]
    assert not sizes.intersection(made)


def test_a_slice_of_a_weight_is_trained_and_the_rest_is_constant() -> None:
    graph = bottleneck()
    layer = scheme.weighted_layers(graph)[3]
    weight = graph.constant(layer.inputs[1])
    step = differentiate(graph, UpdateScheme(weights={layer.name: 3}), Settings(learning_rate=1.0))
    trainer = Trainer(step)
    trainer.step([image(graph)], 1)
    high = trainer.states[f"{layer.name}_high"]
    assert high.shape == (*weight.shape[:3], 3)
    assert (high != weight[..., :3]).any()
    np.testing.assert_array_equal(step.graph.constant(f"{layer.name}_frozen"), weight[..., 3:])


@needed
def test_mcunet_saves_what_the_design_counts() -> None:
    """Masks 16,480 and of sums 1,152, slices 3,840, features 160; then the head's clip bits and
    the scores, which are an output."""
    graph = mcunet10()
    step = differentiate(graph, published_scheme(graph, 49))
    assert alive_across(step.graph, "loss") == 21_632 + 2 + 10
    trained = sum(state.initial.nbytes for state in step.graph.states)
    assert trained == 45_800


@needed
@pytest.mark.parametrize("kib", [74, 99, 124, 148])
def test_every_published_scheme_of_mcunet_can_be_differentiated(kib: int) -> None:
    graph = mcunet10()
    step = differentiate(graph, published_scheme(graph, kib))
    trained = [state for state in step.graph.states if state.read.endswith("_low")]
    assert len(trained) == len(step.scheme.weights)


def _unknown_layer(graph: Graph) -> None:
    differentiate(graph, UpdateScheme(biases=frozenset({"nowhere"})))


def _too_many_channels(graph: Graph) -> None:
    differentiate(graph, UpdateScheme(weights={scheme.weighted_layers(graph)[0].name: 99}))


def _nothing(graph: Graph) -> None:
    differentiate(graph, UpdateScheme())


def _no_rate(graph: Graph) -> None:
    differentiate(graph, scheme.full(graph), Settings(learning_rate=float("nan")))


def _unknown_loss(graph: Graph) -> None:
    differentiate(graph, scheme.full(graph), Settings(loss="hinge"))


@pytest.mark.parametrize(
    "wrong", [_unknown_layer, _too_many_channels, _nothing, _no_rate, _unknown_loss]
)
def test_what_cannot_be_trained_is_one_clear_error(wrong) -> None:
    with pytest.raises(EdgeError, match="E0017"):
        wrong(bottleneck())


def test_an_operator_without_a_gradient_is_named() -> None:
    net = Net(1, 4, 4, 3)
    net.conv(4)
    weight = net.weight("wide", (4, 2, 2, 4), 0)
    net.add("conv_transpose2d", net.last, weight, attrs={"stride": (2, 2)})
    net.conv(2)
    graph = net.graph()
    with pytest.raises(EdgeError, match=r"E0103.*conv_transpose2d"):
        differentiate(graph, scheme.full(graph))
    assert differentiate(graph, _head_only(graph))


def test_a_class_that_does_not_exist_changes_nothing() -> None:
    graph = bottleneck()
    trainer = Trainer(differentiate(graph, scheme.full(graph)))
    before = trainer.digest()
    for label in (-1, 5):
        with pytest.raises(EdgeError, match="E0018"):
            trainer.step([image(graph)], label)
    assert trainer.digest() == before
