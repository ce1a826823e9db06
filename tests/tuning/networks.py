"""Small models to tune: a language model, and a net that goes down and up in resolution."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

IDS = torch.randint(0, 32, (4, 12), generator=torch.Generator().manual_seed(0))
IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
Loss = Callable[[], torch.Tensor]


def language_model() -> Any:
    """A Llama of two blocks, the same for each call."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1,
    )  # fmt: skip
    torch.manual_seed(0)
    return LlamaForCausalLM(config).eval()


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(2, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.conv1(torch.relu(self.norm1(x)))
        return x + y


class UNet(nn.Module):
    """Named as UNets in diffusers are: resnets, downsamplers, upsamplers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, 8, 3, padding=1)
        self.resnets = nn.ModuleList([Residual(8), Residual(8)])
        self.downsamplers = nn.ModuleList([nn.Conv2d(8, 8, 3, stride=2, padding=1)])
        self.upsamplers = nn.ModuleList([nn.Conv2d(8, 8, 3, padding=1)])
        self.conv_out = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.resnets[1](self.downsamplers[0](self.resnets[0](self.conv_in(x))))
        y = self.upsamplers[0](nn.functional.interpolate(y, scale_factor=2.0))
        out: torch.Tensor = self.conv_out(y)
        return out


def unet() -> UNet:
    """The same for each call."""
    torch.manual_seed(0)
    return UNet().eval()


@torch.no_grad()
def output(model: nn.Module) -> torch.Tensor:
    """What the model makes of its sample input."""
    made: torch.Tensor = model(IMAGES) if isinstance(model, UNet) else model(IDS).logits
    return made


def loss(model: nn.Module) -> torch.Tensor:
    """That of the sample input."""
    found: torch.Tensor = (
        (model(IMAGES) - IMAGES).square().mean()
        if isinstance(model, UNet)
        else model(IDS, labels=IDS).loss
    )
    return found


def train(
    model: nn.Module, parameters: Iterable[nn.Parameter], steps: int = 3,
    before: Callable[[], object] | None = None,
) -> None:  # fmt: skip
    """Some steps of Adam on the sample input; `before` is called before each."""
    optimizer = torch.optim.Adam(list(parameters), 0.02)
    for _ in range(steps):
        if before is not None:
            before()
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()


def bits(model: nn.Module) -> dict[str, torch.Tensor]:
    """A copy of all of the model's numbers."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Whether two models have the same bits."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
