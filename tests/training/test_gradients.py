"""Gradients of whole steps against torch's autograd on the de-quantized graph."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from edge.ir import Graph
from edge.training import scheme
from edge.training.autodiff import differentiate
from edge.training.tape import Settings
from tests.models.mcunet import needed
from tests.training import torch_oracle
from tests.training.gradients import Reals, applied_gradients
from tests.training.mcunet10 import mcunet10, published_scheme
from tests.training.networks import NETWORKS, image, smooth

FUNCTIONS = ("relu", "relu6", "leaky_relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "elu")
CASES = {**NETWORKS, **{name: lambda name=name: smooth(name) for name in FUNCTIONS}}


def _pairs(
    graph: Graph, gradients: str, loss: str = "cross_entropy", seed: int = 0
) -> Iterator[tuple[str, Reals, Reals]]:
    """(name, ours, torch's) for every parameter that has a gradient; activations must agree."""
    step = differentiate(graph, scheme.full(graph), Settings(gradients=gradients, loss=loss))
    x, label = image(graph, seed), seed % 5
    target = (
        label if loss == "cross_entropy" else np.zeros(graph.type(graph.outputs[0]).shape, np.int8)
    )
    ours, values = applied_gradients(graph, step, x, target)
    oracle = torch_oracle.run(graph, x, values, label, loss)
    for layer, (weight, bias) in oracle.parameters.items():
        for kind, parameter in (("weight", weight), ("bias", bias)):
            exact = parameter.grad.numpy()
            if exact.any():
                yield f"{layer}/{kind}", ours[f"{layer}/{kind}"], exact
            else:
                assert not ours[f"{layer}/{kind}"].any()


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("name", CASES)
def test_float_gradients_are_those_of_autograd(name: str, seed: int) -> None:
    for parameter, ours, exact in _pairs(CASES[name](), "float32", seed=seed):
        error = np.abs(ours - exact).max() / np.abs(exact).max()
        assert error < 1e-5, (parameter, error)


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("name", CASES)
def test_int8_gradients_point_the_same_way(name: str, seed: int) -> None:
    for parameter, ours, exact in _pairs(CASES[name](), "int8", seed=seed):
        cosine = np.vdot(ours, exact) / np.linalg.norm(ours) / np.linalg.norm(exact)
        assert cosine > 0.995, (parameter, cosine)
        assert 0.9 < np.linalg.norm(ours) / np.linalg.norm(exact) < 1.1, parameter


@pytest.mark.parametrize("gradients", ["float32", "int8"])
def test_squared_errors_are_a_loss_too(gradients: str) -> None:
    for parameter, ours, exact in _pairs(NETWORKS["bottleneck"](), gradients, "squared_error"):
        if gradients == "float32":
            np.testing.assert_allclose(ours, exact, rtol=0, atol=1e-5 * np.abs(exact).max())
        cosine = np.vdot(ours, exact) / np.linalg.norm(ours) / np.linalg.norm(exact)
        assert cosine > 0.995, (parameter, cosine)


@needed
def test_int8_gradients_reach_the_depth_of_mcunet() -> None:
    """20 layers and four residual sums deep; channels that are never trained do not count."""
    graph = mcunet10()
    chosen = published_scheme(graph, 49)
    x = image(graph)
    exact, _ = applied_gradients(
        graph, differentiate(graph, chosen, Settings(gradients="float32")), x, 3
    )
    ours, _ = applied_gradients(graph, differentiate(graph, chosen), x, 3)
    assert len(exact) == 25
    for parameter, expected in exact.items():
        found = ours[parameter]
        cosine = np.vdot(found, expected) / np.linalg.norm(found) / np.linalg.norm(expected)
        assert cosine > 0.985, (parameter, cosine)
