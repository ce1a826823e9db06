"""Bottleneck adapters: two narrow layers beside the way out of a layer.

Houlsby et al. 2019 (arXiv:1902.00751): y + up s(down y), where y is what the layer makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import nn
from torch.nn import functional
from torch.nn.functional import linear

from edge.errors import fail
from edge.tuning.changes import Fields, Undo, finite
from edge.tuning.places import swap

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
}
_KIND = "bottleneck"


@dataclass(frozen=True, eq=False)
class Bottleneck:
    """What follows a linear layer: down [width, d], down_bias [width], up [d, width], up_bias [d].

    activation: one of `ACTIVATIONS`.
    """

    down: torch.Tensor
    down_bias: torch.Tensor
    up: torch.Tensor
    up_bias: torch.Tensor
    activation: str

    @property
    def kind(self) -> str:
        """What files call it: with its activation."""
        return f"{_KIND}:{self.activation}"

    @property
    def size(self) -> tuple[int, ...]:
        """Outputs of the layer that it follows."""
        return (self.down.shape[1],)

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        """[..., d] to [..., d]."""
        hidden = ACTIVATIONS[self.activation](linear(y, self.down, self.down_bias))
        return y + linear(hidden, self.up, self.up_bias)

    def copied(self) -> Bottleneck:
        """One of its own numbers, which go on when these learn."""
        own = {name: tensor.detach().clone() for name, tensor in self.fields().items()}
        return Bottleneck(**own, activation=self.activation)

    def fault(self) -> str | None:
        """What is wrong with it, None if nothing is."""
        width, outputs = self.down.shape
        shapes = [tuple(t.shape) for t in (self.down_bias, self.up, self.up_bias)]
        if shapes != [(width,), (outputs, width), (outputs,)]:
            return f"matrices that do not fit each other, {[*self.down.shape]} and {shapes}"
        return finite(self.fields())

    def misfit(self, model: nn.Module, name: str) -> str | None:
        """None if the model has a linear layer of this name and as many outputs."""
        layer = dict(model.named_modules()).get(name)
        if not isinstance(layer, nn.Linear):
            return "does not exist" if layer is None else f"is a {type(layer).__name__}"
        found = (layer.out_features,)
        return None if found == self.size else f"is {list(found)}"

    def put(self, model: nn.Module, name: str) -> Undo:
        """Let it follow the layer."""
        layer = model.get_submodule(name)
        swap(model, name, Followed(layer, self))
        return lambda: swap(model, name, layer)

    def fields(self) -> Fields:
        """Both matrices and both biases."""
        return {
            "down": self.down, "down_bias": self.down_bias, "up": self.up, "up_bias": self.up_bias
        }  # fmt: skip

    @classmethod
    def read(cls, kind: str, fields: Fields) -> Self:
        """From the tensors of a file. Raises ValueError for a kind that is none of these."""
        family, _, activation = kind.partition(":")
        if family != _KIND or activation not in ACTIVATIONS:
            raise ValueError(f"it holds a change of kind {kind}")
        return cls(**fields, activation=activation)

    @classmethod
    def total(cls, parts: Sequence[tuple[Self, float]]) -> Self:
        """The weighted sum of what they add, exactly: their widths add up, side by side."""
        down = torch.cat([part.down for part, _ in parts])
        down_bias = torch.cat([part.down_bias for part, _ in parts])
        up = torch.cat([part.up * weight for part, weight in parts], 1)
        up_bias = torch.stack([part.up_bias * weight for part, weight in parts]).sum(0)
        return cls(down, down_bias, up, up_bias, parts[0][0].activation)


class Followed(nn.Module):
    """A layer with a bottleneck after it, frozen."""

    def __init__(self, dense: nn.Module, bottleneck: Bottleneck) -> None:
        super().__init__()
        self.dense = dense
        self.bottleneck = nn.ParameterDict(
            {name: nn.Parameter(t, requires_grad=False) for name, t in bottleneck.fields().items()}
        )
        self.activation = bottleneck.activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] to [..., out]."""
        return Bottleneck(**self.bottleneck, activation=self.activation)(self.dense(x))


def known_activation(name: str) -> str:
    """The name unchanged. Raises EdgeError E0081 if there is no such activation."""
    if name not in ACTIVATIONS:
        raise fail("E0081", f"no activation {name!r}", help=[f"one of {', '.join(ACTIVATIONS)}"])
    return name
