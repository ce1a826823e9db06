"""torch as the oracle: the imported graph, run in numpy, must compute what the module computes."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from edge import reference
from edge.frontends.torch_export import export_module, load_torch
from edge.ir import Graph

torch.set_num_threads(1)


def channels_last(array: np.ndarray) -> np.ndarray:
    """The graph's order of a model's input or output."""
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def imported(module: nn.Module, *inputs: torch.Tensor) -> Graph:
    return load_torch(export_module(module, inputs))


def assert_computes(graph: Graph, module: nn.Module, *inputs: torch.Tensor) -> None:
    """The float graph's outputs equal the module's, within 1e-4 of unit-scale values."""
    with torch.no_grad():
        results = module(*inputs)
    expected = results if isinstance(results, tuple) else (results,)
    outputs = reference.run(graph, [channels_last(x.numpy()) for x in inputs])
    assert len(graph.outputs) == len(expected)
    for name, result in zip(graph.outputs, expected, strict=True):
        np.testing.assert_allclose(
            outputs[name], channels_last(result.numpy()), rtol=1e-4, atol=1e-4
        )


def check_import(module: nn.Module, *inputs: torch.Tensor) -> Graph:
    """Import a module, compare it with torch and return the graph."""
    graph = imported(module.eval(), *inputs)
    assert_computes(graph, module, *inputs)
    return graph


def operators(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]
