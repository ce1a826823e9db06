"""The layers of a torch module that can be sparse, and weights as [out, positions, inputs]."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from edge.errors import EdgeError, fail
from edge.sparsity.patterns import KernelPattern, Mask, Pattern, Scores, Shape, require_fit

UNKNOWN_LAYER = "E0043"


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution or linear layer: the module that holds its weight, and under which name.

    Depthwise: every input channel has filters of its own.
    """

    holder: nn.Module
    attribute: str = "weight"
    depthwise: bool = False

    @property
    def weight(self) -> torch.Tensor:
        """[out, inputs of a group, *kernel]."""
        weight: torch.Tensor = getattr(self.holder, self.attribute)
        return weight

    @property
    def shape(self) -> Shape:
        """(output channels, kernel positions, input channels of a group)."""
        outputs, inputs, *kernel = self.weight.shape
        return outputs, int(np.prod(kernel, dtype=int)), inputs


def weighted_layers(module: nn.Module) -> dict[str, Layer]:
    """Convolutions and linear layers by name; those of an exported module by their weight's place.

    An exported module is torch.export.ExportedProgram.module().
    """
    if isinstance(module, torch.fx.GraphModule):
        return dict(_traced_layers(module))
    return {name: layer for name, m in module.named_modules() if (layer := _layer(m)) is not None}


def _layer(module: nn.Module) -> Layer | None:
    if isinstance(module, nn.Conv1d | nn.Conv2d):
        return Layer(module, depthwise=1 < module.groups == module.in_channels)
    return Layer(module) if isinstance(module, nn.Linear) else None


_CONVOLUTIONS = ("aten.conv2d.default", "aten.conv1d.default")
_GROUPS = 6  # the place of the groups among a convolution's arguments


def _traced_layers(module: torch.fx.GraphModule) -> Iterator[tuple[str, Layer]]:
    for node in module.graph.nodes:
        target = str(node.target)
        if target not in (*_CONVOLUTIONS, "aten.linear.default"):
            continue
        weight = node.args[1]
        if weight.op == "get_attr":
            path, _, attribute = weight.target.rpartition(".")
            groups = node.args[_GROUPS] if len(node.args) > _GROUPS else 1
            depthwise = target in _CONVOLUTIONS and 1 < groups == node.args[0].meta["val"].shape[1]
            yield path or attribute, Layer(module.get_submodule(path), attribute, depthwise)


def fitting_layers(module: nn.Module, pattern: Pattern) -> dict[str, Layer]:
    """The layers that the pattern fits; depthwise ones only for kernel patterns.

    Depthwise filters are too small to gain from blocks or single weights removed. Raises EdgeError
    E0042 with the reason of each layer if there is none.
    """
    weighted = weighted_layers(module)
    misfits = {name: pattern.misfit(layer.shape) for name, layer in weighted.items()}
    kernels = isinstance(pattern, KernelPattern)
    fitting = {
        name: layer
        for name, layer in weighted.items()
        if misfits[name] is None and (kernels or not layer.depthwise)
    }
    if not fitting:
        reasons = [f"{name}: {reason}" for name, reason in misfits.items() if reason]
        raise fail("E0042", f"pattern {pattern} fits no layer of the model", help=reasons[:8])
    return fitting


def chosen_layers(module: nn.Module, pattern: Pattern, names: Iterable[str]) -> dict[str, Layer]:
    """The layers of these names. Raises EdgeError E0043 or E0042 naming the first that is wrong."""
    chosen = {name: layer_named(module, name) for name in names}
    for name, layer in chosen.items():
        require_fit(pattern, layer.shape, name)
    return chosen


def layer_named(module: nn.Module, name: str) -> Layer:
    """The layer of this name. Raises EdgeError E0043 with names that are like it."""
    weighted = weighted_layers(module)
    if name not in weighted:
        raise unknown_layer(name, weighted)
    return weighted[name]


def unknown_layer(name: str, known: Iterable[str]) -> EdgeError:
    """The error for a name that no layer has."""
    known = list(known)
    like = difflib.get_close_matches(name, known, 4) or known[:8]
    return fail(UNKNOWN_LAYER, f"no layer {name!r}", help=[f"there are {', '.join(like)}"])


def as_matrix(weight: torch.Tensor) -> torch.Tensor:
    """[out, positions, inputs] of a weight [out, inputs, *kernel]."""
    return weight.flatten(2).transpose(1, 2) if weight.dim() > 2 else weight[:, None]


def as_weight(matrix: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """The weight [out, inputs, *kernel] of [out, positions, inputs]."""
    return matrix.transpose(1, 2).reshape(shape) if len(shape) > 2 else matrix[:, 0]


def scores_of(tensor: torch.Tensor) -> Scores:
    """A tensor in the layout of a weight as float32 scores."""
    return as_matrix(tensor.detach()).float().cpu().numpy()


def mask_tensor(mask: Mask, like: torch.Tensor) -> torch.Tensor:
    """A mask [out, positions, inputs] as a bool tensor in the layout of a weight."""
    return as_weight(torch.from_numpy(mask), like.shape).contiguous().to(like.device)
