"""Task-aware dynamic masks: blocks that matter least make room for blocks that would learn most.

The importance of a live block is that of SparCL (Wang et al., NeurIPS 2022, section 3.2): the
magnitude of its weights, plus that of its gradient on the task, plus that of its gradient on kept
samples, so that weights of the past are not given away. Dead blocks compete by their gradients
alone (Evci et al., RigL, ICML 2020). The number of live blocks of a layer never changes, so that
the new state fits the arrays of the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.ir import Graph
from edge.ir.types import Array
from edge.reference.call import Call
from edge.training.autodiff import Step
from edge.training.blocks import BLOCK, Places
from edge.training.reference import Trainer
from edge.training.reference.step_call import StepCall
from edge.training.scales import weight_scales
from edge.training.scheme import weighted_layers
from edge.training.scores import real_gradient

Doubles = npt.NDArray[np.float64]
Sample = tuple[Mapping[str, Array], int]
"""What training reads of a sample (`Trainer.boundary`), and its class."""

_SPARSE = ("update_sparse_conv2d_weight", "update_sparse_linear_weight")
_CENTER = 128  # low byte of a weight that is exactly 0


@dataclass(frozen=True)
class Importance:
    """Weights of the two gradients beside the magnitude; each part counts in units of its mean."""

    task: float = 1.0
    past: float = 1.0


def block_gradients(
    graph: Graph, step: Step, states: Mapping[str, Array], samples: Iterable[Sample]
) -> dict[str, Doubles]:
    """By layer [out, taps, in / 4]: sums of |gradient| of real weights over samples, dead included.

    `step` has dynamic masks and unmasked gradients; states are not changed.
    """
    nodes = {node.name: node for node in weighted_layers(graph)}
    found: dict[str, Doubles] = {}

    def observe(call: Call, made: tuple[Array, ...]) -> None:
        if isinstance(call, StepCall) and call.node.op in _SPARSE:
            name = call.node.name.removesuffix("_update_weight")
            gradient = real_gradient(graph, nodes[name], call, "weight")
            found[name] = found.get(name, 0.0) + np.abs(_blocks(gradient)).sum(-1)

    for values, label in samples:
        trainer = Trainer(step)
        trainer.states = dict(states)
        trainer.step((), label, values, observe)
    return found


def _blocks(weight: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    return weight.reshape(weight.shape[0], -1, weight.shape[-1] // BLOCK, BLOCK)


def exchanged(
    graph: Graph,
    states: Mapping[str, Array],
    task: Mapping[str, Doubles],
    past: Mapping[str, Doubles],
    share: float,
    importance: Importance | None = None,
) -> dict[str, Array]:
    """The states after a share of the live blocks of every layer has gone and others have come.

    `task` and `past` are what `block_gradients` gives of new and of kept samples. What comes is 0.
    """
    weigh, found = importance or Importance(), dict(states)
    nodes = {node.name: node for node in weighted_layers(graph)}
    for name, gradient in task.items():
        node = nodes[name]
        shape = graph.type(node.inputs[1]).shape
        places = Places.stored(states[f"{name}_columns"], states[f"{name}_counts"])
        live = places.mask(shape)
        parts = [
            _magnitude(states, name, places, shape, weight_scales(graph, node)),
            weigh.task * _in_means(gradient),
            weigh.past * _in_means(past.get(name, np.zeros_like(gradient))),
        ]
        chosen = swapped(live, sum(parts, start=np.zeros(live.shape)), parts[1] + parts[2], share)
        found |= _moved(states, name, places, Places.of(chosen), shape)
    return found


def swapped(
    live: npt.NDArray[np.bool_], importance: Doubles, promise: Doubles, share: float
) -> npt.NDArray[np.bool_]:
    """The mask without its least important blocks and with as many of the most promising dead."""
    count = min(round(share * live.sum()), int((~live).sum()))
    flat, order = live.reshape(-1), np.arange(live.size)
    least = sorted(order[flat], key=lambda i: (importance.flat[i], i))[:count]
    most = sorted(order[~flat], key=lambda i: (-promise.flat[i], i))[:count]
    found = flat.copy()
    found[least], found[most] = False, True
    return found.reshape(live.shape)


def _in_means(values: Doubles) -> Doubles:
    mean = float(values.mean())
    return values / mean if mean > 0 else values


def _magnitude(
    states: Mapping[str, Array],
    name: str,
    places: Places,
    shape: tuple[int, ...],
    scales: Sequence[float] | Doubles,
) -> Doubles:
    weight = places.spread(states[f"{name}_high"], shape).astype(np.float64)
    per_channel = np.broadcast_to(np.asarray(scales, np.float64), (shape[0],))
    sums = np.abs(_blocks(weight)).sum(-1) * per_channel[:, None, None]
    return _in_means(sums)


def _moved(
    states: Mapping[str, Array], name: str, old: Places, new: Places, shape: tuple[int, ...]
) -> dict[str, Array]:
    """The arrays of a layer in their new places: what stays keeps its value."""
    found: dict[str, Array] = {f"{name}_columns": new.columns, f"{name}_counts": new.counts}
    for part, empty in (("high", 0), ("low", _CENTER)):
        if (key := f"{name}_{part}") in states:
            shifted = states[key].astype(np.int16) - empty
            found[key] = (new.gather(old.spread(shifted, shape)) + empty).astype(states[key].dtype)
    return found
