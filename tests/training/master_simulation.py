"""Sparse-update training as it would be with float32 parameters, in torch.

Weights are rounded in the forward pass only; steps are scaled by channel as in the product. The
part of the network before the first trained layer is given as its values.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F

from edge.ir import Graph, Node
from edge.ir.types import Array
from edge.training.autodiff import Step
from edge.training.reference.trainer import Trainer
from edge.training.scheme import channel_axis, weighted_layers
from tests.training.torch_oracle import Oracle, Tensor


class MasterSimulation:
    """A network with float32 masters of what a step trains."""

    def __init__(self, graph: Graph, step: Step) -> None:
        self.graph, self.step_ = graph, step
        layers = [n for n in weighted_layers(graph) if step.scheme.trains(n)]
        self.masters = {node.name: self._masters(node) for node in layers}
        self.layers = {node.name: node for node in weighted_layers(graph)}

    def _constant(self, name: str) -> Tensor:
        return torch.tensor(self.graph.constant(name).astype("float32"))

    def _masters(self, node: Node) -> tuple[Tensor, Tensor]:
        weight, bias = (self._constant(name).requires_grad_() for name in node.inputs[1:3])
        return weight, bias

    def scores(self, boundary: Mapping[str, Array]) -> Tensor:
        """Real scores [1, classes] for the values in front of the first trained layer."""
        values = {n: torch.tensor(a.astype("float32")) for n, a in boundary.items()}
        oracle = Oracle(self.graph, None, self._rounded(), values)
        for node in self.graph.nodes:
            if node.output not in values and all(
                n in values or self.graph.is_constant(n) for n in node.inputs if n
            ):
                oracle.compute(node)
        return oracle.real(self.graph.outputs[0]).reshape(1, -1)

    def _rounded(self) -> dict[str, tuple[Tensor, Tensor]]:
        found = {}
        for name, node in self.layers.items():
            if name not in self.masters:
                found[name] = self._constant(node.inputs[1]), self._constant(node.inputs[2])
                continue
            weight, bias = self.masters[name]
            found[name] = weight + (weight.round() - weight).detach(), bias
        return found

    def step(self, boundary: Mapping[str, Array], label: int) -> None:
        """One step of plain SGD."""
        F.cross_entropy(self.scores(boundary), torch.tensor([label])).backward()
        with torch.no_grad():
            for name, (weight, bias) in self.masters.items():
                self._update(self.layers[name], weight, bias)
                weight.grad = bias.grad = None

    def _update(self, node: Node, weight: Tensor, bias: Tensor) -> None:
        kind, x = self.graph.type(node.inputs[1]), self.graph.type(node.inputs[0])
        assert kind.quantization is not None
        assert x.quantization is not None
        scheme, rate = self.step_.scheme, self.step_.settings.learning_rate
        scale = torch.tensor(kind.quantization.scale, dtype=torch.float32)
        alive = scale > 2**-10 * scale.median()
        if node.name in scheme.biases:
            factor = torch.where(alive, (scale * x.quantization.scale[0]) ** -2, 0.0)
            bias -= rate * factor * bias.grad
        if channels := scheme.weights.get(node.name, 0):
            shape = [1] * weight.ndim
            shape[kind.quantization.axis or 0] = -1
            factor = torch.where(alive, scale**-2, 0.0).reshape(shape)
            change = (rate * factor * weight.grad).narrow(channel_axis(node), 0, channels)
            weight.narrow(channel_axis(node), 0, channels).sub_(change).clamp_(-128, 127)


def boundary_of(step: Step, x: Array) -> dict[str, Array]:
    """The values that training starts from."""
    return Trainer(step).boundary([x])
