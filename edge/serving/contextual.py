"""Contextual sparsity: feed-forward layers compute the neurons that the token or the prompt needs.

Drafters for `edge.serving.correction`, with the weights of the full model itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear

from edge.errors import EdgeError, fail

CONTEXTUAL = "E0099"

Neurons = Mapping[str, torch.Tensor]
"""int64[kept], the neurons of each feed-forward layer by its name."""

_PARTS = ("gate_proj", "up_proj", "down_proj")


def contextual_drafter(model: nn.Module, share: float = 0.5, neurons: Neurons | None = None) -> Any:
    """A drafter that shares the model's weights and computes `share` of the feed-forward neurons.

    Each token takes the neurons whose gates are largest (CATS, Lee et al. 2024, arXiv:2404.08763),
    or all of them those of `prompt_neurons`. Gated layers of Llama's form: gate_proj, up_proj,
    down_proj. Raises EdgeError E0099 for a model without them or a share outside (0, 1].
    """
    layers = _layers(model, share)
    if neurons is not None and set(neurons) != set(layers):
        raise _no_drafter(model, "with these neurons")
    parts = (*model.parameters(), *model.buffers())
    drafter = copy.deepcopy(model, {id(part): part for part in parts})
    for name in layers:
        layer = drafter.get_submodule(name)
        if neurons is None:
            drafter.set_submodule(name, TokenNeurons(layer, share))
        else:
            drafter.set_submodule(name, narrowed(layer, neurons[name]))
    return drafter


@torch.no_grad()
def prompt_neurons(model: nn.Module, ids: torch.Tensor, share: float = 0.5) -> dict[str, Any]:
    """The neurons that count most in a prompt, token ids [1, n], by layer.

    A neuron counts by the norm over all tokens of its part in a token's activations (GRIFFIN, Dong
    et al. 2024, arXiv:2404.01365). Raises EdgeError E0099.
    """
    sums: dict[str, torch.Tensor] = {}
    layers = _layers(model, share)
    handles = [
        layer.down_proj.register_forward_pre_hook(partial(_add_parts, sums, name))
        for name, layer in layers.items()
    ]
    try:
        model(ids)
    finally:
        for handle in handles:
            handle.remove()
    return {n: s.topk(_kept(len(s), share)).indices.sort().values for n, s in sums.items()}


def _add_parts(sums: dict[str, torch.Tensor], name: str, _: Any, inputs: tuple[Any, ...]) -> None:
    active = inputs[0].flatten(0, -2).float()
    parts = active / active.norm(dim=1, keepdim=True).clamp(min=1e-12)
    sums[name] = parts.square().sum(0)


class TokenNeurons(nn.Module):
    """A gated feed-forward layer of which each token computes the neurons with the largest gates.

    A single token reads the weights of those alone.
    """

    def __init__(self, layer: Any, share: float) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = (getattr(layer, part) for part in _PARTS)
        self.act_fn: Callable[[torch.Tensor], torch.Tensor] = layer.act_fn
        self.kept = _kept(self.gate_proj.out_features, share)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., width] to [..., width]."""
        gates = self.act_fn(self.gate_proj(x))
        chosen = gates.abs().topk(self.kept, -1).indices
        if x.shape[:-1].numel() == 1 and self._reads_weights():
            return self._narrow(x, gates, chosen.flatten())
        kept = torch.zeros_like(gates).scatter_(-1, chosen, gates.gather(-1, chosen))
        made: torch.Tensor = self.down_proj(kept * self.up_proj(x))
        return made

    def _reads_weights(self) -> bool:
        """Nothing is added to the two layers, as adapters do, and their weights are dense."""
        parts = self.up_proj, self.down_proj
        return all(isinstance(part, nn.Linear) and not part._forward_hooks for part in parts)

    def _narrow(self, x: torch.Tensor, gates: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        up, down = self.up_proj, self.down_proj
        bias = None if up.bias is None else up.bias[chosen]
        active = gates[..., chosen] * linear(x, up.weight[chosen], bias)
        return linear(active, down.weight[:, chosen], down.bias)


def narrowed(layer: Any, chosen: torch.Tensor) -> nn.Module:
    """A copy of a gated feed-forward layer with the chosen neurons only."""
    made: Any = copy.copy(layer)
    made._modules = dict(layer._modules)
    for part in ("gate_proj", "up_proj"):
        made.set_submodule(part, _rows(getattr(layer, part), chosen))
    down = layer.down_proj
    made.set_submodule("down_proj", _linear(down.weight[:, chosen], down.bias))
    return made  # type: ignore[no-any-return]


def _rows(layer: nn.Linear, chosen: torch.Tensor) -> nn.Linear:
    return _linear(layer.weight[chosen], None if layer.bias is None else layer.bias[chosen])


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    made.weight = nn.Parameter(weight.detach().contiguous(), requires_grad=False)
    if bias is not None:
        made.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return made


def _kept(neurons: int, share: float) -> int:
    return max(1, round(neurons * share))


def _layers(model: nn.Module, share: float) -> dict[str, Any]:
    found = {
        name: module
        for name, module in model.named_modules()
        if all(hasattr(module, part) for part in (*_PARTS, "act_fn"))
    }
    if not found or not 0 < share <= 1:
        raise _no_drafter(model, f"with {share:g} of the neurons")
    return found


def _no_drafter(model: nn.Module, what: str) -> EdgeError:
    return fail(
        CONTEXTUAL, f"no drafter of {type(model).__name__} {what}",
        help=["give a model with gated feed-forward layers (gate_proj, up_proj, down_proj), and "
              "a share above 0, at most 1, or the neurons of its prompt_neurons"],
    )  # fmt: skip
