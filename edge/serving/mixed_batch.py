"""A batch whose rows have different adapters, through any torch model with linear layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch

from edge.serving.adapter import linear_sizes, unfit
from edge.serving.grouped_lora import grouped_lora_
from edge.serving.pool import AdapterPool

Tokens = Callable[[str, torch.Tensor], Sequence[str | None]]
"""The adapter of each token of a layer's output."""
Hook = Callable[[torch.nn.Module, tuple[torch.Tensor, ...], torch.Tensor], torch.Tensor]


@contextmanager
def mixed_batch(
    model: torch.nn.Module,
    pool: AdapterPool,
    adapters: Sequence[str | None],
    backend: str = "auto",
) -> Iterator[None]:
    """Inside the block, row b of every batch that goes through the model has adapters[b].

    None is the base model. The adapters stay in the pool meanwhile. Raises EdgeError E0091 for one
    that is not loaded or was made for another model.
    """

    def tokens(layer: str, output: torch.Tensor) -> list[str | None]:
        if output.shape[0] != len(adapters):
            raise unfit(layer, f"the batch has {output.shape[0]} rows, {len(adapters)} are named")
        each = output.shape[:-1].numel() // len(adapters)
        return [name for name in adapters for _ in range(each)]

    with _attached(model, pool, adapters, tokens, backend):
        yield


@contextmanager
def mixed_tokens(
    model: torch.nn.Module,
    pool: AdapterPool,
    adapters: Sequence[str | None],
    backend: str = "auto",
) -> Iterator[None]:
    """As `mixed_batch`, but token t of all rows in order has adapters[t]."""
    with _attached(model, pool, adapters, lambda _, __: adapters, backend):
        yield


@contextmanager
def _attached(
    model: torch.nn.Module,
    pool: AdapterPool,
    adapters: Sequence[str | None],
    tokens: Tokens,
    backend: str,
) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(pool.pinned(adapters))
        modules = dict(model.named_modules())
        for layer in sorted(pool.layers(adapters)):
            module = modules.get(layer)
            if module is None or linear_sizes(module) is None:
                raise unfit(layer, "the model has no linear layer of this name")
            handle = module.register_forward_hook(_hook(pool, layer, tokens, backend))
            stack.callback(handle.remove)
        yield


def _hook(pool: AdapterPool, layer: str, tokens: Tokens, backend: str) -> Hook:
    def add(
        _: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor
    ) -> torch.Tensor:
        x, y = inputs[0].flatten(0, -2), output.flatten(0, -2).contiguous()
        names = tokens(layer, output)
        return grouped_lora_(y, x, pool, layer, names, backend).view(output.shape)

    return add
