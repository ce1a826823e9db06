"""plan.json of `edge train-plan`: what of a model is trained, how, and what that will take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import fail
from edge.ir import Graph, Node, macs
from edge.training.channel_order import Orders
from edge.training.layouts import weight_slot
from edge.training.planning import LABEL_BYTES, RESERVOIR_BYTES, StepPlan
from edge.training.scheme import UpdateScheme
from edge.training.tape import Settings

SCHEMA = 1


@dataclass(frozen=True)
class TrainPlan:
    """A scheme with its settings; `predicted` holds bytes, work and gain, for people to read.

    `orders` are those of channels (`channel_order.reordered`), in which the scheme counts them.
    """

    model: str
    target: str
    scheme: UpdateScheme
    settings: Settings
    predicted: Mapping[str, Any] = field(default_factory=dict)
    orders: Orders = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "kind": "train-plan",
            "model": self.model,
            "target": self.target,
            "settings": asdict(self.settings),
            "biases": sorted(self.scheme.biases),
            "weights": dict(sorted(self.scheme.weights.items())),
            "orders": {str(s): list(map(int, order)) for s, order in self.orders.items()},
            "predicted": dict(self.predicted),
        }


def read_plan(path: str | Path) -> TrainPlan:
    """Read the file. Raises EdgeError E0019 if it is not one that `edge train-plan` wrote."""
    try:
        content = json.loads(Path(path).read_text())
        if content["kind"] != "train-plan" or content["schema"] != SCHEMA:
            raise KeyError("kind")
        weights = {str(name): int(count) for name, count in content["weights"].items()}
        return TrainPlan(
            str(content["model"]),
            str(content["target"]),
            UpdateScheme(frozenset(map(str, content["biases"])), weights),
            Settings(**content["settings"]),
            content["predicted"],
            {int(s): np.array(order, np.intp) for s, order in content.get("orders", {}).items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise fail(
            "E0019", f"{path} is not a plan that `edge train-plan` wrote",
            notes=[f"{type(error).__name__}: {error}"],
            help=["edge train-plan MODEL -t TARGET --data train.npz -o plan.json"],
        ) from error  # fmt: skip


_WORDS = 4
"""Everything takes whole words."""

_FLAG, _COUNTER = 1, 4
"""Whether the parameters are there, and the number of steps; of those left out and of
halvings of the rate, where there are any."""


def static_ram(plan: StepPlan) -> int:
    """Bytes of .data and .bss that the generated code needs."""
    graph = plan.step.graph
    sizes = [plan.arena, *(state.initial.nbytes for state in graph.states)]
    settings = plan.step.settings
    if settings.replay:
        sizes += [settings.replay * plan.sample_bytes, settings.replay * LABEL_BYTES]
        sizes += [RESERVOIR_BYTES]
    sizes += [_COUNTER] * (bool(settings.easy) + settings.cooling)
    sizes += [graph.type(name).nbytes for name in (graph.inputs[-1], graph.outputs[0])]
    return sum(-(-size // _WORDS) * _WORDS for size in (*sizes, _FLAG, _COUNTER))


def work_of(plan: StepPlan) -> dict[str, int]:
    """Multiply-accumulates of one step: forward and backward, updates included."""
    graph = plan.step.graph
    frozen = plan.frozen[0] if plan.frozen else None
    forward = sum(macs(frozen, node) for node in frozen.nodes) if frozen else 0
    forward += sum(_work(graph, node) for node in graph.nodes if node.op.startswith("live_"))
    layers = [n for n in graph.nodes if n.op.endswith(("_weight", "input_gradient"))]
    backward = sum(_work(graph, n) * _share(graph, n) for n in layers)
    return {"forward": forward, "backward": int(backward)}


def _share(graph: Graph, node: Node) -> Fraction:
    """The share of output channels whose gradient is not masked away."""
    maker = graph.producers.get(node.inputs[0])
    if maker is None or maker.op != "top_gradient":
        return Fraction(1)
    return Fraction(int(str(maker.attrs["keep"])), graph.type(maker.output).shape[-1])


def _work(graph: Graph, node: Node) -> int:
    """Each output position (of the forward layer) meets each weight of its channel once."""
    if node.op == "join_weight":
        return 0
    outputs = node.output if node.op.startswith("live_") else node.inputs[0]
    weight = graph.type(node.inputs[3 if node.op.startswith("update_") else weight_slot(node)])
    shape = graph.type(outputs).shape
    return graph.type(outputs).elements * weight.elements // shape[-1]
